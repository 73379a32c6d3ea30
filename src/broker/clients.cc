// SPDX-License-Identifier: Apache-2.0
#include "broker/clients.h"

#include "crypto/hash.h"
#include "jose/client_assertion.h"
#include "jose/dpop.h"

namespace writ::broker {
namespace {

// How much longer than it is good a used assertion is remembered: clocks of two machines differ.
constexpr seconds kMargin{60};
// What expected_client_assertion() allows.
constexpr seconds kLongestAssertion{300};

// One answer for everything that may be wrong with who the client says it is (P10).
std::unexpected<Error> unknown_client() {
  return fail(Errc::unauthenticated, "the client assertion does not prove a registered agent",
              std::string(kClientPlace),
              "sign one with a key of the agent: iss and sub the client id, aud this issuer, a new "
              "jti, exp at most five minutes after iat");
}

Digest replay_digest(std::string_view tag, std::string_view owner, std::string_view jti) {
  return crypto::Sha256().update(tag).update(owner).update(":").update(jti).finish();
}

}  // namespace

Expected<AuthenticatedClient> Clients::authenticate(const PresentedClient& presented) const {
  const auto now = clock_.now();
  const auto token = jose::UnverifiedJwt::parse(presented.assertion);
  if (!token) return unknown_client();
  const auto client_id = token->unverified_issuer();
  if (!client_id || (presented.client_id && *presented.client_id != *client_id))
    return unknown_client();

  AuthenticatedClient client;
  client.workspace_ = live_.find(std::string_view(*client_id).substr(0, client_id->find('/')));
  if (client.workspace_ == nullptr) return unknown_client();
  const auto version = client.workspace_->version();
  const auto* terms = version->agent_by_client_id(*client_id);
  if (terms == nullptr) return unknown_client();
  client.agent_ = terms->agent;
  const auto verified = jose::verify(*token, client.agent_->keys,
                                     jose::expected_client_assertion(*client_id, issuer_), now);
  if (!verified) return unknown_client();
  client.key_ = verified->key_thumbprint();
  client.assertion_ = {
      .digest = replay_digest("writ-client-assertion-v1", *client_id, verified->jwt_id()),
      .expires = verified->expires_at() + kMargin};
  client.made_ = verified->issued_at().value_or(verified->expires_at() - kLongestAssertion);
  // After the signature: nobody can use up what is another's.
  WRIT_TRY_VOID(limiter_.take(client.agent_->id));

  if (!presented.proof) return client;
  constexpr seconds kWindow{60};
  auto proof = jose::verify_dpop_proof(*presented.proof,
                                       {.method = presented.method,
                                        .url = presented.url,
                                        .access_token = std::nullopt,
                                        .window = kWindow},
                                       now);
  if (!proof) {
    return fail(Errc::unauthenticated, proof.error().message, std::string(kProofPlace),
                "make a new proof for this request, with the time of now");
  }
  client.proof_key_ = proof->thumbprint();
  client.made_ = std::min(client.made_, proof->issued_at());
  client.proof_ = Once{.digest = replay_digest("writ-dpop-v1", proof->thumbprint(), proof->jti()),
                       .expires = proof->issued_at() + 2 * kWindow};
  return client;
}

Expected<const workspace::AgentTerms*> Clients::terms(const AuthenticatedClient& client,
                                                      const workspace::Version& version) {
  const auto* terms = version.agent(client.agent().id);
  if (terms == nullptr || terms->agent->keys.find_thumbprint(client.key()) == nullptr)
    return unknown_client();
  return terms;
}

Error Clients::replayed(Error error) {
  if (error.code != Errc::conflict) return error;
  if (error.where == kOnceConflict) {
    return fail(Errc::unauthenticated, "this client assertion was used before",
                std::string(kClientPlace), "make a new one, with a new jti, for each request")
        .error();
  }
  if (error.where == kProofConflict) {
    return fail(Errc::unauthenticated, "this DPoP proof was used before", std::string(kProofPlace),
                "make a new one, with a new jti, for each request")
        .error();
  }
  return error;
}

}  // namespace writ::broker
