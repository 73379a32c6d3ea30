// SPDX-License-Identifier: Apache-2.0
// Login assertions: how a person signs in with the key that is enrolled (docs/protocol.md, People).
//
//   header  typ writ-login+jwt
//   claims  iss = sub = "WORKSPACE/USER", aud the server's public URL alone, jti, iat, exp at most
//           60 seconds later, cnf.jkt the RFC 7638 thumbprint of a key made for this session
//
// The session's key signs what follows (DPoP), so that a session that is stolen is of no use.
#pragma once

#include <string>
#include <string_view>

#include "base/random.h"
#include "broker/store.h"
#include "jose/jwt.h"

namespace writ::broker {

inline constexpr std::string_view kLoginType = "writ-login+jwt";
inline constexpr seconds kMaxLoginLife{60};

struct ExpectedLogin {
  std::string_view workspace;  // names, as the person gave them
  std::string_view user;
  std::string_view public_url;
};

struct VerifiedLogin {
  std::string session_key;  // thumbprint
  TimePoint made;           // its `iat`
  Once once;                // consumed in the commit of what the assertion is used for
};

// Pure. unauthenticated where it is not exactly such an assertion, of this person, by this key.
Expected<VerifiedLogin> verify_login(std::string_view assertion, const jose::Jwk& key,
                                     const ExpectedLogin& expected, TimePoint now);

// For clients and tests.
std::string make_login(const jose::Signer& signer, const ExpectedLogin& login,
                       std::string_view session_key, const Clock& clock, Random& random,
                       seconds life = kMaxLoginLife);

}  // namespace writ::broker
