// SPDX-License-Identifier: Apache-2.0
#include "jose/client_assertion.h"

#include <array>

#include "base/encoding.h"

namespace writ::jose {
namespace {

// draft-ietf-oauth-rfc7523bis section 4.1: a type of its own keeps other tokens of the same key
// out.
constexpr std::string_view kType = "client-authentication+jwt";

}  // namespace

std::string make_client_assertion(const Signer& signer, std::string_view client_id,
                                  std::string_view issuer, const Clock& clock, Random& random,
                                  seconds lifetime) {
  std::array<std::uint8_t, 16> jti;
  random.fill(jti);
  const auto now = to_unix_seconds(clock.now());
  JsonObject claims;
  claims["iss"] = client_id;
  claims["sub"] = client_id;
  claims["aud"] = issuer;
  claims["jti"] = base64url_encode(jti);
  claims["iat"] = now;
  claims["exp"] = now + lifetime.count();
  return sign_jwt(signer, kType, claims);
}

ExpectedJwt expected_client_assertion(std::string_view client_id, std::string_view our_issuer) {
  return {
      // The libraries in use today say "JWT" or nothing.
      .types = {std::string(kType), "JWT"},
      .type_may_be_absent = true,
      .issuer = std::string(client_id),
      .audience = std::string(our_issuer),
      .audience_rule = ExpectedJwt::Audience::sole,
      .subject = std::string(client_id),
      .require_jti = true,
      .max_age = std::nullopt,
      .max_lifetime = kMaxClientAssertionLifetime,
  };
}

}  // namespace writ::jose
