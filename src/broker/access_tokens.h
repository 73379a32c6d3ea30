// SPDX-License-Identifier: Apache-2.0
// AccessTokens: the tokens that a run shows (RFC 9068, P26), and the delegation tokens with which
// one run's agent hands authority to another (P7). Both are signed by the token keys and looked at
// again here, by their issuer, whomever they are for.
//
// A token says what its run was and may do; whether that still holds is never read from it.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/random.h"
#include "broker/asked.h"
#include "broker/token_keys.h"
#include "delegation/run.h"
#include "jose/jwt.h"
#include "workspace/version.h"

namespace writ::broker {

inline constexpr std::string_view kAccessTokenType = "at+jwt";
inline constexpr std::string_view kDelegationTokenType = "writ-delegation+jwt";
inline constexpr seconds kAccessTokenLife{600};
inline constexpr seconds kDelegationTokenLife{60};

struct AccessToken {
  std::string text;
  GrantId grant;  // its jti
  std::vector<std::string> resources;
  TimePoint issued;   // whole seconds
  TimePoint expires;  // at most the run's end
  JsonObject details;
};

struct DelegationToken {
  std::string text;
  std::string jti;
  TimePoint issued;
  TimePoint expires;
};

// A delegation token that verified and has not expired. Whether it was redeemed is the commit's to
// find out.
struct HandedDown {
  RunId parent;
  AgentId agent;  // of may_act
  std::string workspace;
  AskedDelegation asked;
  std::string jti;
  TimePoint expires;
};

// `run` in a token's `act`: the agents of the chain, the current one outermost. Informational only,
// and without exp, nbf or aud (RFC 8693 section 4.1): the limits lie in our records.
JsonObject actor_claim(const delegation::Lineage& lineage, std::string_view workspace);

// Thread-safe. What the constructor takes outlives it.
class AccessTokens {
 public:
  AccessTokens(std::string issuer, const TokenKeys& keys, const Clock& clock, Random& random)
      : issuer_(std::move(issuer)), keys_(keys), clock_(clock), random_(random) {}

  const std::string& issuer() const { return issuer_; }

  // For the run at the head of `lineage`, with what it may do under `version`. denied where the run
  // is about to end; too_large where its scope does not fit a token.
  Expected<AccessToken> issue(GrantId grant, const delegation::Lineage& lineage,
                              const workspace::Version& version,
                              std::vector<std::string> resources) const;
  // To `agent`, for what `asked` says: its scope is what was granted, never absent.
  Expected<DelegationToken> delegate(const delegation::Lineage& parent,
                                     const workspace::Version& version,
                                     const identity::Agent& agent,
                                     const AskedDelegation& asked) const;

  // Errors: unauthenticated. An access token that is not of `at+jwt`, or a delegation token in its
  // place, is refused here as at every resource.
  Expected<jose::VerifiedJwt> verify_access(std::string_view token) const;
  Expected<HandedDown> verify_delegation(std::string_view token) const;

 private:
  Expected<jose::VerifiedJwt> verify(std::string_view token, jose::ExpectedJwt expected) const;
  Expected<std::string> sign(std::string_view type, const JsonObject& claims) const;

  const std::string issuer_;
  const TokenKeys& keys_;
  const Clock& clock_;
  Random& random_;
};

}  // namespace writ::broker
