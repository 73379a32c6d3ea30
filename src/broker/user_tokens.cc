// SPDX-License-Identifier: Apache-2.0
#include "broker/user_tokens.h"

#include <array>

#include "base/encoding.h"
#include "jose/jwt.h"

namespace writ::broker {

Expected<UserToken> UserTokens::issue(const LiveWorkspace& workspace, UserId user,
                                      std::string_view agent_name) const {
  if (workspace.active_user(user) == nullptr)
    return fail(Errc::denied, "the user is disabled, or not of this workspace");
  const auto version = workspace.version();
  const auto* terms = version->agent(agent_name);
  if (terms == nullptr) {
    return fail(Errc::not_found, "no agent is named " + quoted_extract(agent_name), "/agent");
  }
  std::array<std::uint8_t, 16> jti{};
  random_.fill(jti);
  const auto issued = std::chrono::floor<seconds>(clock_.now());
  JsonObject claims;
  claims["iss"] = issuer_;
  claims["sub"] = user.to_string();
  claims["aud"] = terms->agent->client_id;
  claims["workspace"] = version->name();
  claims["jti"] = base64url_encode(jti);
  claims["iat"] = to_unix_seconds(issued);
  claims["exp"] = to_unix_seconds(issued + kUserTokenLife);
  return UserToken{.text = jose::sign_jwt(*keys_.signer(), kUserTokenType, claims),
                   .expires = issued + kUserTokenLife};
}

}  // namespace writ::broker
