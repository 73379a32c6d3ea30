// SPDX-License-Identifier: Apache-2.0
#include "broker/authenticator.h"

#include "crypto/hash.h"
#include "jose/dpop.h"
#include "wire/http_fields.h"

namespace writ::broker {
namespace {

constexpr seconds kProofWindow{60};
constexpr std::string_view kNewToken =
    "get a new token from /oauth/token, with the run's refresh token or for a new run";

// Names a proof for the replay check: `jti`s of different keys do not meet.
action::ProofId proof_id(const jose::VerifiedProof& proof) {
  return {.digest = crypto::Sha256()
                        .update("writ-dpop-v1")
                        .update(proof.thumbprint())
                        .update(":")
                        .update(proof.jti())
                        .finish(),
          .expires = proof.issued_at() + 2 * kProofWindow,
          .made = proof.issued_at()};
}

std::unexpected<Error> unauthenticated(std::string message, std::string hint = {}) {
  return fail(Errc::unauthenticated, std::move(message), "Authorization", std::move(hint));
}

}  // namespace

Authenticator::Authenticator(std::string issuer, const TokenKeys& keys,
                             jose::VerifiedTokenCache& cache, const Clock& clock, RateLimits limits)
    : issuer_(std::move(issuer)),
      keys_(keys),
      cache_(cache),
      clock_(clock),
      limiter_(clock, limits) {}

Expected<std::shared_ptr<const jose::VerifiedJwt>> Authenticator::verify(
    const Presented& presented) const {
  const jose::ExpectedJwt expected{.types = {"at+jwt"},
                                   .issuer = issuer_,
                                   .audience = std::string(presented.audience),
                                   .audience_rule = jose::ExpectedJwt::Audience::member,
                                   .subject = std::nullopt,
                                   .require_jti = true,
                                   .max_age = std::nullopt,
                                   .max_lifetime = std::nullopt,
                                   .leeway = seconds(0)};
  // First: what is sent under another scheme is not a token that failed.
  if (!equal_ignoring_case(presented.scheme, "DPoP") &&
      !equal_ignoring_case(presented.scheme, "Bearer")) {
    return unauthenticated(
        "the scheme is neither DPoP nor Bearer",
        "send an access token with the scheme DPoP and a proof in the field DPoP, or with the "
        "scheme Bearer where its agent may");
  }
  auto token =
      cache_.verify(presented.token, *keys_.public_keys(clock_.now()), expected, presented.arrived);
  // The claim that failed is in the message; where the token stands is what its sender can see.
  if (!token && token.error().code == Errc::unauthenticated)
    return unauthenticated(std::move(token).error().message, std::string(kNewToken));
  return token;
}

Expected<void> Authenticator::genuine(const Presented& presented) const {
  WRIT_TRY_VOID(verify(presented));
  return {};
}

Expected<action::AuthenticatedCall> Authenticator::authenticate(const LiveWorkspace& workspace,
                                                                const Presented& presented) const {
  WRIT_TRY(const auto token, verify(presented));
  const auto run_text = token->string_claim("run");
  if (!run_text)
    return unauthenticated("the token names no run", "present an access token of a run");
  const auto run_id = RunId::parse(*run_text);
  if (!run_id) return unauthenticated("the token names no run", "present an access token of a run");

  // Whether a proof is needed is the token's to say, never the scheme's: no request can choose to
  // go without (P8).
  const bool bound = !token->confirmation_thumbprint().empty();
  const bool dpop = equal_ignoring_case(presented.scheme, "DPoP");
  if (bound != dpop) {
    return bound ? unauthenticated("this token is bound to a key",
                                   "send it with the scheme DPoP and a proof")
                 : unauthenticated("this token is not bound to a key",
                                   "send it with the scheme Bearer");
  }
  std::optional<action::ProofId> proof;
  if (bound) {
    if (!presented.proof)
      return unauthenticated("the DPoP proof is missing", "send one in the field DPoP");
    const auto likely = proof_keys_.find(token->confirmation_thumbprint());
    WRIT_TRY(const auto verified,
             jose::verify_dpop_proof(*presented.proof,
                                     {.method = presented.method,
                                      .url = presented.url,
                                      .access_token = presented.token,
                                      .window = kProofWindow,
                                      .likely_key = likely ? &*likely : nullptr},
                                     presented.arrived));
    WRIT_TRY_VOID(verified.check_bound(*token));
    if (!likely) proof_keys_.add(verified.key());
    proof = proof_id(verified);
  }

  WRIT_TRY(auto alive, parties(workspace, *run_id));
  // A bearer token counts only while its agent is opted in; a bound one only with the run's own
  // key.
  if (!bound && alive.agent->sender != identity::SenderConstraint::bearer) {
    return unauthenticated("the agent may not use bearer tokens", "get a token bound to its key");
  }
  if (token->confirmation_thumbprint() != alive.lineage.run().key_thumbprint) {
    return unauthenticated("the token is bound to another key than its run");
  }
  // Only now: a stranger's requests must not use up the agent's.
  WRIT_TRY_VOID(limiter_.take(alive.agent->id));
  action::AuthenticatedCall call;
  call.lineage_ = std::move(alive.lineage);
  call.agent_ = std::move(alive.agent);
  call.user_ = std::move(alive.user);
  call.proof_ = proof;
  call.arrived_ = presented.arrived;
  return call;
}

action::AuthenticatedCall Authenticator::proof_used(action::AuthenticatedCall call) {
  call.proof_.reset();
  return call;
}

Expected<Authenticator::Parties> Authenticator::parties(const LiveWorkspace& workspace,
                                                        RunId run) const {
  Parties out;
  WRIT_TRY(out.lineage, workspace.runs().alive(run, clock_.now()));
  const auto version = workspace.version();
  for (const auto& each : out.lineage.runs) {
    const auto* terms = version->agent(each->agent);
    if (terms == nullptr) return fail(Errc::denied, "agent " + each->agent_name + " is disabled");
    if (each == out.lineage.runs.front()) out.agent = terms->agent;
    if (each->user && workspace.active_user(*each->user) == nullptr) {
      return fail(Errc::denied, "user " + each->user_name + ", for whom the run is, is disabled");
    }
  }
  if (const auto& user = out.lineage.run().user) out.user = workspace.active_user(*user);
  return out;
}

Expected<void> Authenticator::still_alive(const LiveWorkspace& workspace,
                                          const action::AuthenticatedCall& call) const {
  WRIT_TRY(const auto now, parties(workspace, call.run().id));
  if (call.user() != nullptr && now.user == nullptr)
    return fail(Errc::denied, "the user of the run is disabled");
  return {};
}

}  // namespace writ::broker
