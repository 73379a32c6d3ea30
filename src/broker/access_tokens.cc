// SPDX-License-Identifier: Apache-2.0
#include "broker/access_tokens.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/encoding.h"

namespace writ::broker {
namespace {

// What every reader of ours accepts (jose::JwsLimits), with room for header and signature.
constexpr JsonLimits kClaims{.bytes = std::size_t{8} * 1024, .depth = 16, .values = 2048};

std::string subject_of(const delegation::Run& run) {
  return run.user ? run.user->to_string() : run.workspace.to_string();
}

JsonObject agent_claim(AgentId id, std::string_view name, std::string_view workspace) {
  JsonObject out;
  out["sub"] = id.to_string();
  out["client_id"] = std::string(workspace) + "/" + std::string(name);
  out["sub_profile"] = "ai_agent";
  return out;
}

}  // namespace

JsonObject actor_claim(const delegation::Lineage& lineage, std::string_view workspace) {
  JsonObject nested;
  for (auto at = lineage.runs.rbegin(); at != lineage.runs.rend(); ++at) {
    auto act = agent_claim((*at)->agent, (*at)->agent_name, workspace);
    if (!nested.empty()) act["act"] = std::move(nested);
    nested = std::move(act);
  }
  return nested;
}

Expected<std::string> AccessTokens::sign(std::string_view type, const JsonObject& claims) const {
  // A token that its own readers would refuse is none.
  if (!parse_json_object(write_json(claims), kClaims)) {
    return fail(Errc::too_large, "the scope is too large for a token", std::string(kDetailsPlace),
                "ask for fewer tools, or for bounds with fewer choices");
  }
  return jose::sign_jwt(*keys_.signer(), type, claims);
}

Expected<AccessToken> AccessTokens::issue(GrantId grant, const delegation::Lineage& lineage,
                                          const workspace::Version& version,
                                          std::vector<std::string> resources) const {
  const auto& run = lineage.run();
  AccessToken out;
  out.grant = grant;
  out.issued = std::chrono::floor<seconds>(clock_.now());
  out.expires =
      std::chrono::floor<seconds>(std::min<TimePoint>(out.issued + kAccessTokenLife, run.ends));
  if (out.expires <= out.issued) return fail(Errc::denied, "the run is about to end");
  out.details =
      run_details(run, version.name(), delegation::effective_scope(lineage, version.terms()));
  out.resources = std::move(resources);

  JsonObject claims;
  claims["iss"] = issuer_;
  claims["sub"] = subject_of(run);
  if (out.resources.size() == 1) {
    claims["aud"] = out.resources.front();
  } else {
    claims["aud"] = JsonArray(out.resources.begin(), out.resources.end());
  }
  claims["client_id"] = version.name() + "/" + run.agent_name;
  claims["jti"] = grant.to_string();
  claims["iat"] = to_unix_seconds(out.issued);
  claims["exp"] = to_unix_seconds(out.expires);
  claims["run"] = run.id.to_string();
  claims["workspace"] = version.name();
  claims["act"] = actor_claim(lineage, version.name());
  claims["authorization_details"] = JsonArray{out.details};
  if (!run.key_thumbprint.empty()) claims["cnf"] = JsonObject{{"jkt", run.key_thumbprint}};
  WRIT_TRY(out.text, sign(kAccessTokenType, claims));
  return out;
}

Expected<DelegationToken> AccessTokens::delegate(const delegation::Lineage& parent,
                                                 const workspace::Version& version,
                                                 const identity::Agent& agent,
                                                 const AskedDelegation& asked) const {
  DelegationToken out;
  out.issued = std::chrono::floor<seconds>(clock_.now());
  out.expires = std::chrono::floor<seconds>(
      std::min<TimePoint>(out.issued + kDelegationTokenLife, parent.run().ends));
  if (out.expires <= out.issued) return fail(Errc::denied, "the run is about to end");
  std::array<std::uint8_t, 16> raw{};
  random_.fill(raw);
  out.jti = base64url_encode(raw);

  JsonObject claims;
  claims["iss"] = issuer_;
  claims["sub"] = subject_of(parent.run());
  claims["aud"] = issuer_;
  claims["jti"] = out.jti;
  claims["iat"] = to_unix_seconds(out.issued);
  claims["exp"] = to_unix_seconds(out.expires);
  claims["run"] = parent.run().id.to_string();
  claims["workspace"] = version.name();
  claims["act"] = actor_claim(parent, version.name());
  claims["may_act"] = agent_claim(agent.id, agent.name, version.name());
  claims["authorization_details"] = JsonArray{asked.to_json()};
  WRIT_TRY(out.text, sign(kDelegationTokenType, claims));
  return out;
}

Expected<jose::VerifiedJwt> AccessTokens::verify(std::string_view token,
                                                 jose::ExpectedJwt expected) const {
  expected.issuer = issuer_;
  expected.require_jti = true;
  expected.leeway = seconds(0);
  const auto now = clock_.now();
  WRIT_TRY(const auto parsed, jose::UnverifiedJwt::parse(token));
  return jose::verify(parsed, *keys_.public_keys(now), expected, now);
}

Expected<jose::VerifiedJwt> AccessTokens::verify_access(std::string_view token) const {
  jose::ExpectedJwt expected;
  expected.types = {std::string(kAccessTokenType)};
  expected.audience_rule = jose::ExpectedJwt::Audience::any;
  return verify(token, std::move(expected));
}

Expected<HandedDown> AccessTokens::verify_delegation(std::string_view token) const {
  jose::ExpectedJwt expected;
  expected.types = {std::string(kDelegationTokenType)};
  expected.audience = issuer_;
  WRIT_TRY(const auto jwt, verify(token, std::move(expected)));
  // Of our own making, so what is missing is a bug of ours or of a build before this one.
  const auto broken = [] {
    return fail(Errc::unauthenticated, "the delegation token is not whole");
  };
  const auto run = RunId::parse(jwt.string_claim("run").value_or(""));
  const auto* may_act = jwt.claims().if_contains("may_act");
  const auto* details = jwt.claims().if_contains("authorization_details");
  if (!run || may_act == nullptr || !may_act->is_object() || details == nullptr ||
      !details->is_array() || details->get_array().size() != 1)
    return broken();
  const auto* actor = may_act->get_object().if_contains("sub");
  if (actor == nullptr || !actor->is_string()) return broken();
  const auto agent = AgentId::parse(text_of(actor->get_string()));
  auto asked = AskedDelegation::from_json(details->get_array().front(), "");
  // A scope that is absent would mean all that the operands allow.
  if (!agent || !asked || !asked->scope.use || !asked->scope.delegate) return broken();
  return HandedDown{.parent = *run,
                    .agent = *agent,
                    .workspace = jwt.string_claim("workspace").value_or(""),
                    .asked = std::move(*asked),
                    .jti = jwt.jwt_id(),
                    .expires = jwt.expires_at()};
}

}  // namespace writ::broker
