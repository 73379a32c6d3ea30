// SPDX-License-Identifier: Apache-2.0
#include "broker/subject_tokens.h"

#include <algorithm>

#include "broker/user_tokens.h"
#include "crypto/hash.h"

namespace writ::broker {
namespace {

std::unexpected<Error> refuse(std::string message, std::string hint = {}) {
  return fail(Errc::unauthenticated, std::move(message), std::string(kSubjectPlace),
              std::move(hint));
}
std::unexpected<Error> deny(std::string message, std::string hint = {}) {
  return fail(Errc::denied, std::move(message), std::string(kSubjectPlace), std::move(hint));
}

// What holds whoever issued it. The audience is compared apart from the rest: a good token for
// another agent is a refusal of another kind than a bad one.
jose::ExpectedJwt expected(std::string issuer) {
  jose::ExpectedJwt out;
  out.issuer = std::move(issuer);
  out.audience_rule = jose::ExpectedJwt::Audience::any;
  out.max_age = kMaxSubjectAge;
  return out;
}

Expected<void> check_audience(const jose::VerifiedJwt& token, std::string_view wanted) {
  if (!wanted.empty() && token.audiences().size() == 1 && token.audiences().front() == wanted)
    return {};
  return deny("the token is not for this agent alone",
              "present one whose only audience is the client id of this agent");
}

// The key that the token's kid names; where it or the keys have none, each of them, for a kid is
// optional (RFC 7517 section 4.5). A stranger's token costs no more than kMaxKeysTried signatures.
Expected<jose::VerifiedJwt> verify_with(const jose::UnverifiedJwt& token, const jose::JwkSet& keys,
                                        const jose::ExpectedJwt& wanted, TimePoint now) {
  std::vector<const jose::Jwk*> candidates;
  for (const auto& key : keys.keys()) {
    const bool named =
        token.unverified_kid().empty() || key.kid().empty() || token.unverified_kid() == key.kid();
    if (named) candidates.push_back(&key);
  }
  if (candidates.size() > kMaxKeysTried) candidates.resize(kMaxKeysTried);
  if (candidates.size() == 1) return jose::verify(token, *candidates.front(), wanted, now);
  for (const auto* key : candidates) {
    if (auto verified = jose::verify(token, *key, wanted, now)) return verified;
  }
  return fail(Errc::unauthenticated, "no key of the token's issuer verifies it");
}

TimePoint accepted_until(const jose::VerifiedJwt& token, seconds leeway) {
  return std::min(token.expires_at(), *token.issued_at() + kMaxSubjectAge) + leeway;
}

}  // namespace

Task<Expected<VerifiedSubject>> SubjectTokens::verify(const LiveWorkspace& workspace,
                                                      const identity::Agent& agent,
                                                      SubjectKind kind, std::string token) const {
  auto parsed = jose::UnverifiedJwt::parse(token);
  if (!parsed) co_return refuse(parsed.error().message);
  auto issuer = parsed->unverified_issuer();
  if (!issuer) co_return refuse(issuer.error().message);
  Expected<VerifiedSubject> out = fail(Errc::unauthenticated, "", std::string(kSubjectPlace));
  if (*issuer == issuer_) {
    if (kind != SubjectKind::jwt) {
      co_return refuse("the token is not of the type that subject_token_type declares",
                       "a local user's token is a urn:ietf:params:oauth:token-type:jwt");
    }
    out = verify_local(workspace, agent, *parsed);
  } else {
    out = co_await verify_foreign(workspace, agent, kind, std::move(*parsed), std::move(*issuer));
  }
  // Without the signature: whoever has one of ECDSA can make its twin, and so another text of the
  // same token, which would count as another (P6).
  if (out) out->token = crypto::sha256(std::string_view(token).substr(0, token.rfind('.')));
  co_return out;
}

Expected<VerifiedSubject> SubjectTokens::verify_local(const LiveWorkspace& workspace,
                                                      const identity::Agent& agent,
                                                      const jose::UnverifiedJwt& token) const {
  const auto now = clock_.now();
  auto wanted = expected(issuer_);
  wanted.types = {std::string(kUserTokenType)};
  wanted.require_jti = true;
  wanted.leeway = seconds(0);
  const auto verified = jose::verify(token, *keys_.public_keys(now), wanted, now);
  if (!verified) return refuse(verified.error().message);
  WRIT_TRY_VOID(check_audience(*verified, agent.client_id));
  const auto id = UserId::parse(verified->subject());
  VerifiedSubject out;
  if (id) out.user = workspace.active_user(*id);
  if (out.user == nullptr) return deny("the token's user is disabled, or not of this workspace");
  out.accepted_until = accepted_until(*verified, wanted.leeway);
  return out;
}

Task<Expected<VerifiedSubject>> SubjectTokens::verify_foreign(const LiveWorkspace& workspace,
                                                              const identity::Agent& agent,
                                                              SubjectKind kind,
                                                              jose::UnverifiedJwt token,
                                                              std::string issuer) const {
  const auto version = workspace.version();
  const auto* provider = version->provider(issuer);
  if (provider == nullptr) co_return refuse("the token's issuer is no provider of this workspace");
  const auto* client_id = provider->client_id_of(agent.name);
  if (client_id == nullptr) {
    co_return deny("the provider has no client id for this agent",
                   "an admin declares one under client_ids in workspace.toml");
  }
  auto keys = co_await providers_.keys(*provider, token.unverified_kid());
  if (!keys) {
    auto error = std::move(keys).error();
    error.where = kSubjectPlace;
    co_return std::unexpected(std::move(error));
  }

  auto wanted = expected(issuer);
  if (kind == SubjectKind::id_token) {
    // OpenID Connect Core section 2 names no `typ`; providers write JWT or nothing.
    wanted.types = {"JWT"};
    wanted.type_may_be_absent = true;
  } else {
    wanted.types = {"at+jwt"};  // RFC 9068 section 4
  }
  const auto verified = verify_with(token, **keys, wanted, clock_.now());
  if (!verified) co_return refuse(verified.error().message);
  // The set holds keys of the declared algorithms alone; this says it once more.
  if (std::ranges::find(provider->algorithms, jose::name(verified->algorithm())) ==
      provider->algorithms.end())
    co_return refuse("the token's algorithm is not one that the provider declares");
  // A logout token has all that an ID token has, and `events` (OpenID Connect Back-Channel
  // Logout 1.0 section 2.4); so has every security event token. None of them says that a user is
  // there.
  if (verified->claims().contains("events"))
    co_return refuse("the token tells of an event and stands for nobody");
  WRIT_CO_TRY_VOID(check_audience(*verified, *client_id));
  if (verified->claims().contains("azp") && verified->string_claim("azp") != *client_id)
    co_return deny("the token's azp is not this agent's client id");

  VerifiedSubject out;
  const auto user = version->user(issuer, verified->subject());
  if (user != nullptr) out.user = workspace.active_user(user->id);
  if (out.user == nullptr) {
    co_return deny("the token's subject is no active user of this workspace",
                   "an admin declares provider and subject of the user in workspace.toml");
  }
  out.accepted_until = accepted_until(*verified, wanted.leeway);
  co_return out;
}

}  // namespace writ::broker
