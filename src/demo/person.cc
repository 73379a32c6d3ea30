// SPDX-License-Identifier: Apache-2.0
#include "demo/person.h"

#include <algorithm>

#include "base/encoding.h"
#include "crypto/es256.h"
#include "jose/dpop.h"
#include "jose/jwt.h"

namespace writ::demo {
namespace {

constexpr seconds kAssertionLife{60};

std::string fresh_id(Random& random) {
  Bytes bytes(16);
  random.fill(bytes);
  return base64url_encode(bytes);
}

}  // namespace

Person::Person(const Place& place, std::string name)
    : place_(place), name_(std::move(name)), key_(crypto::Es256PrivateKey::generate()) {}

Expected<cli::HttpAnswer> Person::enrol(const SecretBytes& code) { return open(code.clone()); }
Expected<cli::HttpAnswer> Person::sign_in() { return open(std::nullopt); }

Expected<cli::HttpAnswer> Person::open(const std::optional<SecretBytes>& code) {
  session_key_.emplace(crypto::Es256PrivateKey::generate());
  const auto who = place_.workspace + "/" + name_;
  const auto now = to_unix_seconds(place_.clock.now());
  const JsonObject claims{{"iss", who},
                          {"sub", who},
                          {"aud", place_.server.origin()},
                          {"jti", fresh_id(place_.random)},
                          {"iat", now},
                          {"exp", now + kAssertionLife.count()},
                          {"cnf", JsonObject{{"jkt", session_key_->public_jwk().thumbprint()}}}};
  protocol::OpenSession message{.workspace = place_.workspace,
                                .user = name_,
                                .assertion = jose::sign_jwt(key_, protocol::kLoginType, claims),
                                .code = std::nullopt,
                                .key = std::nullopt};
  if (code) {
    message.code = code->clone();
    message.key = key_.public_jwk().required_members();
  }
  auto answer = place_.http.send(place_.server,
                                 {.method = "POST",
                                  .target = "/v1/sessions",
                                  .body = SecretBytes::copy_of(write_json(Json(message.to_json()))),
                                  .content_type = "application/json"});
  if (auto opened = message_of<protocol::SessionOpened>(answer)) {
    session_ = std::move(opened->session);
  }
  return answer;
}

Expected<cli::HttpAnswer> Person::send(std::string method, std::string target, SecretBytes body,
                                       std::string content_type) {
  if (!session_key_) return fail(Errc::unauthenticated, name_ + " has not signed in");
  const auto path = target.substr(0, target.find('?'));
  cli::HttpRequest request{.method = std::move(method), .target = std::move(target)};
  WRIT_TRY_VOID(request.fields.add(
      "DPoP", jose::make_dpop_proof(*session_key_, request.method, place_.server.origin() + path,
                                    session_.reveal_text(), place_.clock, place_.random)));
  auto authorization = SecretBytes(session_.size() + 5);
  std::ranges::copy(as_bytes("DPoP "), authorization.writable().begin());
  std::ranges::copy(session_.reveal(), authorization.writable().begin() + 5);
  request.secret_fields.push_back({"Authorization", std::move(authorization)});
  request.body = std::move(body);
  request.content_type = std::move(content_type);
  return place_.http.send(place_.server, std::move(request));
}

Expected<cli::HttpAnswer> Person::get(std::string target) {
  return send("GET", std::move(target), {}, {});
}

Expected<cli::HttpAnswer> Person::post(std::string target, const JsonObject& message) {
  return send("POST", std::move(target), SecretBytes::copy_of(write_json(Json(message))),
              "application/json");
}

Expected<cli::HttpAnswer> Person::post_secret(std::string target, const SecretBytes& octets) {
  return send("POST", std::move(target), octets.clone(), std::string(protocol::kSecretContentType));
}

Expected<cli::HttpAnswer> Person::decide(const protocol::ApprovalView& approval,
                                         approval::Verdict verdict,
                                         std::vector<std::string> groups) {
  if (workspace_id_.is_nil()) {
    WRIT_TRY(const auto self, message_of<protocol::WhoAmI>(get("/v1/session")));
    workspace_id_ = self.workspace_id;
  }
  // The digest of what was shown, never the one that the server names.
  WRIT_TRY(const auto shown, approval::show_statement(approval.statement));
  std::ranges::sort(groups);
  const auto signed_text = approval::canonical_decision({.workspace = workspace_id_,
                                                         .approval = approval.id,
                                                         .digest = shown.digest,
                                                         .verdict = verdict,
                                                         .groups = groups,
                                                         .nonce = approval.nonce,
                                                         .expires = approval.expires});
  const protocol::DecisionRequest message{.decision = std::string(approval::name(verdict)),
                                          .digest = shown.digest,
                                          .groups = std::move(groups),
                                          .nonce = approval.nonce,
                                          .expiry = approval.expires,
                                          .signature = key_.sign(as_bytes(signed_text)),
                                          .note = std::nullopt};
  return post("/v1/approvals/" + approval.id.to_string() + "/decisions", message.to_json());
}

}  // namespace writ::demo
