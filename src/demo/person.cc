// SPDX-License-Identifier: Apache-2.0
#include "demo/person.h"

#include <algorithm>

#include "cli/files.h"
#include "cli/login.h"
#include "crypto/hash.h"
#include "jose/dpop.h"
#include "jose/private_jwk.h"
#include "wire/canonical.h"

namespace writ::demo {
namespace {

// Nobody guesses at a passphrase that lives as long as the demo.
constexpr crypto::PassphraseCost kCost{.operations = 1, .memory_kib = 8192};

}  // namespace

Expected<Person> Person::create(const Place& place, std::string_view name,
                                const SecretBytes& passphrase) {
  WRIT_TRY(auto owner, cli::make_identity(place.server, place.workspace, name));
  auto key = crypto::Es256PrivateKey::generate();
  WRIT_TRY(auto file, cli::UserKey::seal(std::move(owner), key, passphrase, place.random, kCost));
  return Person(place, std::move(file), std::move(key));
}

Expected<void> Person::enrol(const SecretBytes& code) {
  WRIT_TRY(session_, cli::open_session(place_.http, file_.owner(), key_, code.clone(), place_.clock,
                                       place_.random));
  WRIT_TRY(session_key_, jose::read_private_jwk(session_->key));
  return {};
}

Expected<void> Person::write_down(const std::filesystem::path& home) const {
  if (!session_) return fail(Errc::unauthenticated, name() + " has not signed in");
  WRIT_TRY_VOID(
      cli::write_private_file(cli::user_key_path(home, file_.owner()), as_bytes(file_.to_text())));
  return cli::Sessions(home).save(*session_);
}

Expected<WorkspaceId> Person::workspace_id() {
  if (workspace_id_.is_nil()) {
    WRIT_TRY(const auto self, message_of<protocol::WhoAmI>(get("/v1/session")));
    workspace_id_ = self.workspace_id;
  }
  return workspace_id_;
}

approval::Freshness Person::freshness() const {
  approval::Freshness out{.nonce = Bytes(approval::kStatementNonce),
                          .expires = place_.clock.now() + approval::kStatementLife};
  place_.random.fill(out.nonce);
  return out;
}

Expected<cli::HttpAnswer> Person::send(std::string method, std::string target, SecretBytes body,
                                       std::string content_type, bool is_signed) {
  if (!session_key_) return fail(Errc::unauthenticated, name() + " has not signed in");
  const auto path = target.substr(0, target.find('?'));
  cli::HttpRequest request{.method = std::move(method), .target = std::move(target)};
  WRIT_TRY_VOID(request.fields.add(
      "DPoP", jose::make_dpop_proof(*session_key_, request.method, place_.server.origin() + path,
                                    session_->session.reveal_text(), place_.clock, place_.random)));
  if (is_signed) {
    approval::RouteStatement statement{.workspace = {},
                                       .method = request.method,
                                       .target = request.target,
                                       .body = crypto::sha256(body.reveal()),
                                       .salt = {},
                                       .fresh = freshness()};
    place_.random.fill(statement.salt);
    WRIT_TRY(statement.workspace, workspace_id());
    const auto signature = key_.sign(as_bytes(approval::canonical_route(statement)));
    WRIT_TRY_VOID(request.fields.add(
        std::string(approval::kSignatureField),
        approval::to_field(
            {.fresh = statement.fresh, .salt = statement.salt, .signature = signature})));
  }
  auto authorization = SecretBytes(session_->session.size() + 5);
  std::ranges::copy(as_bytes("DPoP "), authorization.writable().begin());
  std::ranges::copy(session_->session.reveal(), authorization.writable().begin() + 5);
  request.secret_fields.push_back({"Authorization", std::move(authorization)});
  request.body = std::move(body);
  request.content_type = std::move(content_type);
  return place_.http.send(place_.server, std::move(request));
}

Expected<void> Person::write_key(const std::filesystem::path& path) const {
  const auto text = jose::write_private_jwk(private_key_, file_.public_jwk().kid());
  return cli::write_private_file(path, text.reveal());
}

Expected<cli::HttpAnswer> Person::get(std::string target) {
  return send("GET", std::move(target), {}, {});
}

Expected<cli::HttpAnswer> Person::post(std::string target, const JsonObject& message) {
  return send("POST", std::move(target), SecretBytes::copy_of(write_json(Json(message))),
              "application/json");
}

Expected<cli::HttpAnswer> Person::post_signed(std::string target, const JsonObject& message) {
  return send("POST", std::move(target), SecretBytes::copy_of(canonical_json(message)),
              "application/json", true);
}

Expected<cli::HttpAnswer> Person::post_secret(std::string target, const SecretBytes& octets) {
  return send("POST", std::move(target), octets.clone(), std::string(protocol::kSecretContentType),
              true);
}

Expected<cli::HttpAnswer> Person::apply(protocol::ApplyRequest request) {
  request.dry_run = true;
  WRIT_TRY(const auto seen,
           message_of<protocol::ApplyAnswer>(post("/v1/apply", request.to_json())));
  request.dry_run = false;
  request.base = seen.base;
  WRIT_TRY(request.signed_by_admin, sign(seen.base, seen.digest, seen.changes));
  return post("/v1/apply", request.to_json());
}

Expected<protocol::ApplySignature> Person::sign(const protocol::VersionName& base,
                                                const Digest& digest,
                                                const std::vector<protocol::Change>& changes) {
  approval::ApplyStatement statement{
      .workspace = {},
      .base_version = base.version,
      .base = base.digest,
      .digest = digest,
      .difference = approval::difference_digest(protocol::write_messages(changes)),
      .fresh = freshness()};
  WRIT_TRY(statement.workspace, workspace_id());
  return protocol::ApplySignature{
      .difference = statement.difference,
      .nonce = statement.fresh.nonce,
      .expiry = statement.fresh.expires,
      .signature = key_.sign(as_bytes(approval::canonical_apply(statement)))};
}

Expected<cli::HttpAnswer> Person::approve(const protocol::ProposalView& proposal) {
  protocol::ProposalDecision decision{.signed_by_admin = {}, .denial = {}};
  WRIT_TRY(decision.signed_by_admin, sign(proposal.from, proposal.digest, proposal.changes));
  return post("/v1/proposals/" + proposal.item.id.to_string() + "/decisions", decision.to_json());
}

Expected<cli::HttpAnswer> Person::decide(const protocol::ApprovalView& approval,
                                         approval::Verdict verdict,
                                         std::vector<std::string> groups) {
  WRIT_TRY(const auto workspace, workspace_id());
  // Of what was shown, never what the server names.
  WRIT_TRY(const auto shown, approval::show_statement(approval.statement));
  const auto commitment = approval::commitment(approval.salt, shown.digest);
  std::ranges::sort(groups);
  const auto signed_text = approval::canonical_decision({.workspace = workspace,
                                                         .approval = approval.id.to_string(),
                                                         .subject = approval::Subject::action,
                                                         .commitment = commitment,
                                                         .verdict = verdict,
                                                         .groups = groups,
                                                         .nonce = approval.nonce,
                                                         .expires = approval.expires});
  const protocol::DecisionRequest message{.decision = std::string(approval::name(verdict)),
                                          .commitment = commitment,
                                          .groups = std::move(groups),
                                          .nonce = approval.nonce,
                                          .expiry = approval.expires,
                                          .signature = key_.sign(as_bytes(signed_text)),
                                          .note = std::nullopt};
  return post("/v1/approvals/" + approval.id.to_string() + "/decisions", message.to_json());
}

}  // namespace writ::demo
