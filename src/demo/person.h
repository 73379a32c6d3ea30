// SPDX-License-Identifier: Apache-2.0
// Person: a user of the demo's workspace, with a key of their own that never leaves memory: what
// people do with `writ login`, `writ apply`, `writ approve`, here without a terminal and without a
// passphrase, since nobody types one.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "approval/decision.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/random.h"
#include "base/secret_bytes.h"
#include "cli/http.h"
#include "jose/signer.h"
#include "protocol/approvals.h"
#include "protocol/credentials.h"
#include "protocol/sessions.h"

namespace writ::demo {

// Where people and agents act. What it refers to outlives them.
struct Place {
  cli::Http& http;
  Url server;
  std::string workspace;
  const Clock& clock;
  Random& random;
};

// Not thread-safe. Each call returns the server's answer whatever it is; an Error means that there
// was none.
class Person {
 public:
  Person(const Place& place, std::string name);

  const std::string& name() const { return name_; }

  // POST /v1/sessions, with the one-time code that enrols the key.
  Expected<cli::HttpAnswer> enrol(const SecretBytes& code);
  // As any later time.
  Expected<cli::HttpAnswer> sign_in();

  Expected<cli::HttpAnswer> get(std::string target);
  Expected<cli::HttpAnswer> post(std::string target, const JsonObject& message);
  Expected<cli::HttpAnswer> post_secret(std::string target, const SecretBytes& octets);

  // Signs a decision about exactly what the view's statement says and sends it (P20).
  Expected<cli::HttpAnswer> decide(const protocol::ApprovalView& approval,
                                   approval::Verdict verdict, std::vector<std::string> groups);

 private:
  Expected<cli::HttpAnswer> open(const std::optional<SecretBytes>& code);
  Expected<cli::HttpAnswer> send(std::string method, std::string target, SecretBytes body,
                                 std::string content_type);

  Place place_;
  std::string name_;
  jose::Es256Signer key_;
  std::optional<jose::Es256Signer> session_key_;
  SecretBytes session_;
  WorkspaceId workspace_id_;
};

// An answer's message of type T, if its status is one of success.
template <typename T>
Expected<T> message_of(const Expected<cli::HttpAnswer>& answer) {
  if (!answer) return std::unexpected(answer.error());
  if (!answer->ok()) return fail(Errc::denied, "answered " + std::to_string(answer->status));
  WRIT_TRY(const auto json, parse_json(answer->body));
  return T::from_json(json);
}

}  // namespace writ::demo
