// SPDX-License-Identifier: Apache-2.0
// private_key_jwt: a client proves itself with a signed assertion (RFC 7523 section 2.2 and 3,
// OpenID Connect Core section 9).
#pragma once

#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/random.h"
#include "jose/jwt.h"
#include "jose/signer.h"

namespace writ::jose {

inline constexpr std::string_view kClientAssertionType =
    "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
// P8: an assertion lives five minutes at most.
inline constexpr seconds kMaxClientAssertionLifetime{300};

// For clients: `iss` and `sub` the client, `aud` the server's issuer alone, a fresh `jti`.
std::string make_client_assertion(const Signer& signer, std::string_view client_id,
                                  std::string_view issuer, const Clock& clock, Random& random,
                                  seconds lifetime = seconds(60));

// For servers: what verify() has to expect of such an assertion. That its `jti` is new is the
// caller's to find out, until expires_at().
ExpectedJwt expected_client_assertion(std::string_view client_id, std::string_view our_issuer);

}  // namespace writ::jose
