// SPDX-License-Identifier: Apache-2.0
// AgentClient: what an agent says to Writ: token requests by private_key_jwt and DPoP (protocol.md
// P8, P26), tool calls with a fresh proof each, introspection and revocation. For developers
// (`writ agent …`), for the demo and for tests; an agent in another language does the same.
//
//   WRIT_TRY(auto billing, AgentClient::discover(http, server, "acme/billing", key, clock,
//   random)); WRIT_TRY(auto tokens, billing.redeem(delegation_token, {.resources =
//   {billing_url}})); WRIT_TRY(auto answer, billing.call(tokens.access_token, {.method = "POST",
//   …}));
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "base/random.h"
#include "base/secret_bytes.h"
#include "cli/http.h"
#include "jose/signer.h"
#include "wire/json.h"
#include "wire/url.h"

namespace writ::cli {

// RFC 8693 section 3, and what P26 uses of it.
inline constexpr std::string_view kJwtTokenType = "urn:ietf:params:oauth:token-type:jwt";
inline constexpr std::string_view kIdTokenType = "urn:ietf:params:oauth:token-type:id_token";
inline constexpr std::string_view kAccessTokenType =
    "urn:ietf:params:oauth:token-type:access_token";

// What a token endpoint answered. `members` has everything but the tokens.
struct Tokens {
  SecretBytes access_token;  // of a hand-down: the delegation token
  std::optional<SecretBytes> refresh_token;
  std::string token_type;         // "DPoP", "Bearer", "N_A"
  std::string issued_token_type;  // empty where the answer has none
  seconds expires_in{0};
  JsonObject members;
};

// A run to start (P26). What is left out is what the step allows; empty lists are left out too.
struct RunDetails {
  std::string workspace{};
  std::string workflow{};
  std::string step{};
  std::string name{};
  std::optional<JsonArray> use{};
  std::optional<JsonArray> delegate{};
};

// A part of a run to hand down (P26).
struct DelegationDetails {
  std::string agent{};
  std::string role{};  // may be empty
  std::string step{};
  std::string name{};  // of the run to come; may be empty
  std::optional<JsonArray> use{};
  std::optional<JsonArray> delegate{};
};

// The tool server URLs (and {server}/v1) that a token is for. Not empty: nothing is not everything.
using Resources = std::vector<std::string>;

struct ToolCall {
  std::string method = "GET";
  std::string target{};  // "/tools/acme/billing/v1/invoices/inv_1"
  std::string body{};
  std::string content_type = "application/json";  // sent where there is a body
  std::optional<std::string> idempotency_key{};
  std::optional<seconds> wait{};  // Prefer: wait=N, for an approval
  Fields fields{};                // further ones
};

// Thread-safe. `http`, `clock` and `random` outlive it. Errors of the token endpoint have the
// OAuth error and its description in their message ("invalid_grant: the token was used already").
class AgentClient {
 public:
  enum class Sender : std::uint8_t { dpop, bearer };

  // Reads RFC 8414 metadata at `server`, whose issuer must be `server` itself (section 3.3).
  // `client_id` is "WORKSPACE/AGENT".
  static Expected<AgentClient> discover(Http& http, const Url& server, std::string client_id,
                                        std::shared_ptr<const jose::Signer> key, const Clock& clock,
                                        Random& random, Sender sender = Sender::dpop);

  // Token exchange of a user's token into a run.
  Expected<Tokens> start(const SecretBytes& subject_token, std::string_view subject_token_type,
                         const RunDetails& run, const Resources& resources);
  // Client credentials: a run of the workspace, without a user.
  Expected<Tokens> start_for_workspace(const RunDetails& run, const Resources& resources);
  // The answer's access_token is the delegation token.
  Expected<Tokens> delegate(const SecretBytes& access_token, const DelegationDetails& details);
  Expected<Tokens> redeem(const SecretBytes& delegation_token, const Resources& resources);
  // The answer has a new refresh token; the old one is spent.
  Expected<Tokens> refresh(const SecretBytes& refresh_token, const Resources& resources);
  // Any request to the token endpoint: the client's own authentication and proof are added.
  Expected<Tokens> token_request(Form form);

  // RFC 7662: {"active":false} is an answer, not an error.
  Expected<JsonObject> introspect(const SecretBytes& token);
  // RFC 7009.
  Expected<void> revoke(const SecretBytes& token);

  // A call with the token and a proof made for it. Every answer of the server is an answer; see
  // HttpAnswer::status.
  Expected<HttpAnswer> call(const SecretBytes& access_token, ToolCall call);

  // A proof for a request of one's own: "writ agent proof".
  std::string proof(std::string_view method, std::string_view url,
                    std::optional<std::string_view> access_token) const;

  const Url& server() const { return server_; }
  const std::string& client_id() const { return client_id_; }
  const JsonObject& metadata() const { return metadata_; }

 private:
  AgentClient(Http& http, Url server, std::string client_id,
              std::shared_ptr<const jose::Signer> key, const Clock& clock, Random& random,
              Sender sender)
      : http_(&http),
        server_(std::move(server)),
        client_id_(std::move(client_id)),
        key_(std::move(key)),
        clock_(&clock),
        random_(&random),
        sender_(sender) {}

  // The path of an endpoint in the metadata, which must be of this server.
  Expected<std::string> endpoint(std::string_view name) const;
  void authenticate(Form& form) const;
  Expected<HttpAnswer> post_form(const std::string& target, Form form, bool with_proof);

  Http* http_;
  Url server_;
  std::string client_id_;
  std::shared_ptr<const jose::Signer> key_;
  const Clock* clock_;
  Random* random_;
  Sender sender_;
  JsonObject metadata_;
};

// The error that an OAuth endpoint's answer stands for (RFC 6749 section 5.2), or a problem
// document's.
Error error_of_answer(const HttpAnswer& answer);

}  // namespace writ::cli
