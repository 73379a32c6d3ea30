// SPDX-License-Identifier: Apache-2.0
// GrantsAcme: for tests of grants and of the authorization server: the example workspace of
// testing.h with everything that makes grants, an identity provider, and the requests of its
// agents.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "broker/clients.h"
#include "broker/grants.h"
#include "broker/testing.h"
#include "broker/user_tokens.h"
#include "jose/client_assertion.h"

namespace writ::broker {

// Providers' keys at hand, and how often they were asked for.
class FakeProviderKeys final : public ProviderKeys {
 public:
  Task<Expected<std::shared_ptr<const jose::JwkSet>>> keys(identity::Provider provider,
                                                           std::string) override {
    ++asked;
    const auto found = sets.find(provider.issuer);
    if (found == sets.end()) co_return fail(Errc::unavailable, "the provider does not answer");
    co_return found->second;
  }
  std::map<std::string, std::shared_ptr<const jose::JwkSet>> sets;
  int asked = 0;
};

class GrantsAcme : public Acme {
 public:
  static constexpr std::string_view kTokenUrl = "https://writ.example/oauth/token";
  static constexpr std::string_view kProvider = "https://login.example";

  explicit GrantsAcme(RateLimits rates = {.per_second = 100'000, .burst = 100'000},
                      const SharedLimits& limits = roomy())
      : Acme({.per_second = 100'000, .burst = 100'000}, limits),
        clients_(std::string(kIssuer), live(), clock(), rates) {}

  Clients& clients() { return clients_; }
  AccessTokens& access_tokens() { return access_; }
  UserTokens& user_tokens() { return user_tokens_; }
  FakeProviderKeys& providers() { return providers_; }
  SubjectTokens& subjects() { return subjects_; }
  Revocations& revocations() { return revocations_; }
  Grants& grants() { return grants_; }

  std::string assertion(std::string_view agent, const jose::Signer& signer) {
    return jose::make_client_assertion(signer, "acme/" + std::string(agent), kIssuer, clock(),
                                       random());
  }
  std::string assertion(std::string_view agent) {
    const auto& own = key(agent);
    // The key's kid is that of the documents.
    class Named final : public jose::Signer {
     public:
      explicit Named(const jose::Signer& signer)
          : signer_(signer), public_(signer.public_jwk().with_kid("k1")) {}
      const jose::Jwk& public_jwk() const override { return public_; }
      Bytes sign(BytesView message) const override { return signer_.sign(message); }

     private:
      const jose::Signer& signer_;
      jose::Jwk public_;
    } named(own);
    return assertion(agent, named);
  }
  std::string proof(const jose::Signer& signer, std::string_view url = kTokenUrl) {
    return jose::make_dpop_proof(signer, "POST", url, std::nullopt, clock(), random());
  }

  Expected<AuthenticatedClient> authenticate_client(const std::string& assertion,
                                                    const std::optional<std::string>& proof) {
    return clients_.authenticate(
        {.assertion = assertion,
         .client_id = std::nullopt,
         .proof = proof ? std::optional<std::string_view>(*proof) : std::nullopt,
         .method = "POST",
         .url = kTokenUrl});
  }
  // With a fresh assertion and a fresh proof by the agent's own key.
  AuthenticatedClient client(std::string_view agent) {
    return authenticate_client(assertion(agent), proof(key(agent))).value();
  }
  AuthenticatedClient client_without_proof(std::string_view agent) {
    return authenticate_client(assertion(agent), std::nullopt).value();
  }

  static AskedRun plan() {
    return {.workspace = "acme", .workflow = "refund", .step = "plan", .name = {}, .scope = {}};
  }
  static AskedDelegation to_support() {
    return {.agent = "support", .step = "triage", .role = {}, .name = {}, .scope = {}};
  }
  static AskedDelegation to_billing() {
    return {.agent = "billing", .step = "settle", .role = {}, .name = {}, .scope = {}};
  }
  static std::vector<std::string> billing_server() { return {std::string(kAudience)}; }

  std::string user_token(std::string_view user = "alice", std::string_view agent = "planner") {
    return user_tokens_.issue(workspace(), user_id(user), agent).value().text;
  }

  Expected<Granted> start_run(AskedRun asked = plan(), std::string_view agent = "planner") {
    return run(grants_.start_for_user(client(agent), std::move(asked), SubjectKind::jwt,
                                      user_token("alice", agent), billing_server(), kTrace));
  }
  Expected<Delegated> hand_down(std::string_view agent, const Granted& from,
                                AskedDelegation asked) {
    return run(grants_.hand_down(client(agent), from.access.text, std::move(asked)));
  }
  Expected<Granted> take_over(std::string_view agent, const std::string& token) {
    return run(grants_.take_over(client(agent), token, billing_server()));
  }
  Expected<Granted> go_on(std::string_view agent, const SecretBytes& refresh) {
    return run(grants_.go_on(client(agent), refresh.clone(), {}));
  }
  // planner → support → billing.
  Granted refund_grant() {
    const auto planner = start_run().value();
    const auto support =
        take_over("support", hand_down("planner", planner, to_support())->token.text);
    return take_over("billing", hand_down("support", *support, to_billing())->token.text).value();
  }

  // An identity provider whose user `00u1` is alice, and whose client `planner-at-idp` the planner.
  void add_provider() {
    auto& text = documents().at("workspace.toml");
    const auto at = text.find("[users.alice]\n") + std::string_view("[users.alice]\n").size();
    text.insert(at, "provider = \"corp\"\nsubject = \"00u1\"\n");
    text +=
        "\n[providers.corp]\nissuer = \"https://login.example\"\nalgorithms = [\"ES256\"]\n"
        "client_ids = { planner = \"planner-at-idp\", support = \"support-at-idp\" }\n";
    apply();
    providers_.sets[std::string(kProvider)] = std::make_shared<const jose::JwkSet>(
        jose::JwkSet::of({provider_key_.public_jwk()}).value());
  }
  JsonObject id_token_claims() {
    const auto now = to_unix_seconds(clock().now());
    return {{"iss", kProvider},
            {"sub", "00u1"},
            {"aud", "planner-at-idp"},
            {"iat", now},
            {"exp", now + 3600}};
  }
  std::string provider_token(const JsonObject& claims, std::string_view type = "JWT") {
    return jose::sign_jwt(provider_key_, type, claims);
  }
  Expected<Granted> start_with(SubjectKind kind, std::string token,
                               std::string_view agent = "planner") {
    return run(grants_.start_for_user(client(agent), plan(), kind, std::move(token),
                                      billing_server(), kTrace));
  }

  static constexpr const char* kTrace = "4bf92f3577b34da6a3ce929d0e0e4736";

 private:
  Clients clients_;
  jose::Es256Signer provider_key_{crypto::Es256PrivateKey::generate(), "idp-1"};
  AccessTokens access_{std::string(kIssuer), token_keys(), clock(), random()};
  UserTokens user_tokens_{std::string(kIssuer), token_keys(), clock(), random()};
  FakeProviderKeys providers_;
  SubjectTokens subjects_{std::string(kIssuer), token_keys(), providers_, clock()};
  Revocations revocations_{approvals(), stops(), clock(), random(), log()};
  Grants grants_{{.tokens = access_,
                  .subjects = subjects_,
                  .revocations = revocations_,
                  .shares = shares(),
                  .time = time(),
                  .clock = clock(),
                  .random = random(),
                  .log = log()}};
};

}  // namespace writ::broker
