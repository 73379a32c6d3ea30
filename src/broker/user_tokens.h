// SPDX-License-Identifier: Apache-2.0
// UserTokens: what a local user of a workspace gives an agent, so that it may begin a run for that
// user: a token for that one agent, good for five minutes, of use at our token endpoint alone.
//
//   typ writ-user+jwt; iss and the only reader: this server; sub the user's id; aud the agent's
//   client id alone; workspace
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/random.h"
#include "broker/live.h"
#include "broker/token_keys.h"

namespace writ::broker {

inline constexpr std::string_view kUserTokenType = "writ-user+jwt";
inline constexpr seconds kUserTokenLife{300};

struct UserToken {
  std::string text;
  TimePoint expires;
};

// Thread-safe. What the constructor takes outlives it.
class UserTokens {
 public:
  UserTokens(std::string issuer, const TokenKeys& keys, const Clock& clock, Random& random)
      : issuer_(std::move(issuer)), keys_(keys), clock_(clock), random_(random) {}

  // The caller has authenticated the user, and records that the token was made. denied where the
  // user is not active, not_found where the workspace has no such agent.
  Expected<UserToken> issue(const LiveWorkspace& workspace, UserId user,
                            std::string_view agent_name) const;

 private:
  const std::string issuer_;
  const TokenKeys& keys_;
  const Clock& clock_;
  Random& random_;
};

}  // namespace writ::broker
