// SPDX-License-Identifier: Apache-2.0
// Clients: an agent proves at the authorization server that it is the agent, with an assertion
// signed by a key that its workspace has registered (P8), and with a DPoP proof the key to which
// its tokens are to be bound.
//
// An AuthenticatedClient is made here alone. That neither assertion nor proof was used before is
// for the commit to find out: every unit that acts for the client carries both, so a replay is
// refused on every machine and after a restart.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "broker/live.h"
#include "broker/rate_limiter.h"

namespace writ::broker {

// Views for the time of the call.
struct PresentedClient {
  std::string_view assertion;
  std::optional<std::string_view> client_id;  // where the request names it too
  std::optional<std::string_view> proof;      // the one DPoP field of the request
  std::string_view method;
  std::string_view url;  // of the endpoint, from public_url: what `htu` must be
};

// A copy is the same client. Thread-safe for reading.
class AuthenticatedClient {
 public:
  LiveWorkspace& workspace() const { return *workspace_; }
  const identity::Agent& agent() const { return *agent_; }
  // RFC 7638, of the key that signed the assertion.
  const std::string& key() const { return key_; }
  // RFC 7638, of the key that the DPoP proof shows; empty where there was no proof.
  const std::string& proof_key() const { return proof_key_; }

  // When the older of assertion and proof was made.
  TimePoint made() const { return made_; }
  const Once& assertion() const { return assertion_; }
  const std::optional<Once>& proof() const { return proof_; }

 private:
  friend class Clients;
  AuthenticatedClient() = default;

  std::shared_ptr<LiveWorkspace> workspace_;
  std::shared_ptr<const identity::Agent> agent_;
  std::string key_;
  std::string proof_key_;
  TimePoint made_;
  Once assertion_;
  std::optional<Once> proof_;
};

// The places of Error::where, by which a surface tells what was refused.
inline constexpr std::string_view kClientPlace = "client_assertion";
inline constexpr std::string_view kProofPlace = "DPoP";

// Thread-safe. What the constructor takes outlives it.
class Clients {
 public:
  // Each grant is a run or token that has to be remembered, so an agent's rate is lower than that
  // of its calls.
  static constexpr RateLimits kUsualRates{.per_second = 20, .burst = 200};

  Clients(std::string issuer, const Live& live, const Clock& clock, RateLimits limits = kUsualRates)
      : issuer_(std::move(issuer)), live_(live), clock_(clock), limiter_(clock, limits) {}

  // unauthenticated at kClientPlace, in the same words whether workspace, agent or key is unknown;
  // unauthenticated at kProofPlace for a proof that does not hold; rate_limited, with
  // retry_after() of rate_limiter.h (P25).
  Expected<AuthenticatedClient> authenticate(const PresentedClient& presented) const;

  // Whether the agent is registered in `version`, with the key that signed; unauthenticated if not.
  static Expected<const workspace::AgentTerms*> terms(const AuthenticatedClient& client,
                                                      const workspace::Version& version);

  // What a commit's conflict about assertion or proof means; any other error is passed on.
  static Error replayed(Error error);

 private:
  const std::string issuer_;
  const Live& live_;
  const Clock& clock_;
  mutable RateLimiter limiter_;
};

}  // namespace writ::broker
