// SPDX-License-Identifier: Apache-2.0
// Authenticator: step 1 of a call. The token verifies under a key of ours and names this very
// resource; the sender proves the key that the token is bound to (P8); the run, its ancestors, its
// agent and its user are alive now.
//
// The cache holds only "these bytes verify under this key" (P23): expiry, liveness and the key's
// standing are looked up each time.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "action/call.h"
#include "broker/live.h"
#include "broker/proof_keys.h"
#include "broker/rate_limiter.h"
#include "broker/token_keys.h"
#include "jose/token_cache.h"

namespace writ::broker {

// What a request carries to prove who sends it; views for the time of the call.
struct Presented {
  std::string_view scheme;  // of Authorization, in any case: "DPoP" or "Bearer"
  std::string_view token;
  std::optional<std::string_view> proof;  // the DPoP field's value, if there was exactly one
  std::string_view method;
  std::string_view url;       // public_url and path, without query: what `htu` must be
  std::string_view audience;  // the URL of the tool server that the request is for (P10)
  TimePoint arrived;
};

// Thread-safe. What the constructor takes outlives it.
class Authenticator {
 public:
  Authenticator(std::string issuer, const TokenKeys& keys, jose::VerifiedTokenCache& cache,
                const Clock& clock, RateLimits limits = {});

  // unauthenticated where token or proof do not hold: the message says what to do, never what was
  // wrong with a secret part. denied where both hold and the run, an ancestor, the agent or the
  // user is not alive. rate_limited, with retry_after() of rate_limiter.h, where the agent calls
  // too often (P25).
  Expected<action::AuthenticatedCall> authenticate(const LiveWorkspace& workspace,
                                                   const Presented& presented) const;

  // The same call, after its proof was made durable: it is not to be consumed once more.
  static action::AuthenticatedCall proof_used(action::AuthenticatedCall call);

  // Whether the token verifies under a key of ours, is in its time and names this resource: all
  // that can be said of a request to a workspace or server that is not there, and the same that is
  // said first of one that is (P10).
  Expected<void> genuine(const Presented& presented) const;

  // Again for a held call that goes on (P17): the same run, ancestors, agent and user, alive now;
  // not the token's expiry.
  Expected<void> still_alive(const LiveWorkspace& workspace,
                             const action::AuthenticatedCall& call) const;

 private:
  struct Parties {
    delegation::Lineage lineage;
    std::shared_ptr<const identity::Agent> agent;
    std::shared_ptr<const identity::User> user;
  };
  Expected<std::shared_ptr<const jose::VerifiedJwt>> verify(const Presented& presented) const;
  Expected<Parties> parties(const LiveWorkspace& workspace, RunId run) const;

  const std::string issuer_;
  const TokenKeys& keys_;
  jose::VerifiedTokenCache& cache_;
  const Clock& clock_;
  mutable RateLimiter limiter_;
  mutable ProofKeys proof_keys_;
};

}  // namespace writ::broker
