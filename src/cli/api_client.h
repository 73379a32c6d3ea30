// SPDX-License-Identifier: Apache-2.0
// ApiClient: requests to /v1 of one server under one session, each with a proof by the session's
// key. It speaks to the session's server and to no other.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/error.h"
#include "base/random.h"
#include "cli/http.h"
#include "cli/session.h"
#include "protocol/apply.h"

namespace writ::protocol {
struct ApprovalList;
struct LogLeaves;
struct RunList;
struct Trace;
}  // namespace writ::protocol

namespace writ::cli {

// What an answer of a kind may have at most, in bytes; a longer one is refused before it is kept.
template <typename Answer>
inline constexpr std::size_t kMostBytes = std::size_t{8} << 20;
template <>
inline constexpr std::size_t kMostBytes<protocol::ApprovalList> = std::size_t{32} << 20;
template <>
inline constexpr std::size_t kMostBytes<protocol::RunList> = std::size_t{32} << 20;
template <>
inline constexpr std::size_t kMostBytes<protocol::Trace> = std::size_t{32} << 20;
// Every key that an apply changes, as long as documents may be.
template <>
inline constexpr std::size_t kMostBytes<protocol::ApplyAnswer> = std::size_t{64} << 20;
template <>
inline constexpr std::size_t kMostBytes<protocol::LogLeaves> = std::size_t{64} << 20;

// A failure, and all that the server said about it.
struct ApiFailure {
  Error error;
  int status = 0;                                 // 0: there was no answer
  std::vector<protocol::DocumentError> errors{};  // of an apply
  std::vector<protocol::Change> changes{};        // of an apply that was refused
};

// Errors: as protocol::code_of_status() reads the answer; unauthenticated with the command that
// signs in again. Thread-safe. What it is given outlives it.
class ApiClient {
 public:
  // invalid_input where the session's file was tampered with.
  static Expected<ApiClient> create(Http& http, const Session& session, const Clock& clock,
                                    Random& random);

  template <typename Answer>
  Expected<Answer> get(const std::string& target) {
    WRIT_TRY(const auto answer, send("GET", target, seconds(0), kMostBytes<Answer>));
    return read<Answer>(answer);
  }
  template <typename Answer>
  Expected<Answer> post(const std::string& target, const JsonObject& body) {
    WRIT_TRY(const auto answer, send_json("POST", target, body));
    return read<Answer>(answer);
  }
  // The body of a successful answer. The server may take `wait` to have one (RFC 7240).
  Expected<std::string> send(const std::string& method, const std::string& target,
                             seconds wait = seconds(0), std::size_t most_bytes = kMostBytes<void>);
  Expected<std::string> send_json(const std::string& method, const std::string& target,
                                  const JsonObject& body);
  // Octets that are a secret. `signature` is the value of Writ-Signature (signing.h).
  Expected<std::string> send_secret(const std::string& method, const std::string& target,
                                    const SecretBytes& body, const std::string& signature);
  Expected<std::string> send_signed(const std::string& method, const std::string& target,
                                    const JsonObject& body, const std::string& signature);
  // Where more than the error is wanted.
  std::expected<std::string, ApiFailure> send_whole(const std::string& method,
                                                    const std::string& target,
                                                    const JsonObject& body);

  const Identity& identity() const { return identity_; }
  const Url& server() const { return server_; }

  template <typename Answer>
  static Expected<Answer> read(const std::string& body) {
    WRIT_TRY(const auto json, parse_answer(body));
    return understood(Answer::from_json(json));
  }

 private:
  ApiClient(Http& http, Identity identity, Url server, SecretBytes session,
            std::shared_ptr<const jose::Signer> key, const Clock& clock, Random& random)
      : http_(&http),
        identity_(std::move(identity)),
        server_(std::move(server)),
        session_(std::make_shared<SecretBytes>(std::move(session))),
        key_(std::move(key)),
        clock_(&clock),
        random_(&random) {}

  static Expected<Json> parse_answer(const std::string& body);
  // An answer that does not fit says so in words for a person.
  template <typename Answer>
  static Expected<Answer> understood(Expected<Answer> answer) {
    if (!answer) return std::unexpected(not_understood(answer.error()));
    return answer;
  }
  static Error not_understood(const Error& error);
  std::expected<std::string, ApiFailure> exchange(const std::string& method,
                                                  const std::string& target, SecretBytes body,
                                                  std::string content_type,
                                                  seconds wait = seconds(0),
                                                  std::size_t most_bytes = kMostBytes<void>,
                                                  const std::string& signature = {});

  Http* http_;
  Identity identity_;
  Url server_;
  std::shared_ptr<const SecretBytes> session_;
  std::shared_ptr<const jose::Signer> key_;
  const Clock* clock_;
  Random* random_;
};

// The failure that an answer of /v1 stands for; text from the server made visible.
ApiFailure failure_of(const HttpAnswer& answer);

}  // namespace writ::cli
