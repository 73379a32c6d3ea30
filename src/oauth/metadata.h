// SPDX-License-Identifier: Apache-2.0
// Authorization server metadata (RFC 8414), also at the place where OpenID Connect discovery looks.
#pragma once

#include <string>

#include "wire/json.h"

namespace writ::oauth {

inline constexpr std::string_view kMetadataPath = "/.well-known/oauth-authorization-server";
inline constexpr std::string_view kDiscoveryPath = "/.well-known/openid-configuration";
inline constexpr std::string_view kJwksPath = "/oauth/jwks";
inline constexpr std::string_view kWellKnownJwksPath = "/.well-known/jwks.json";
inline constexpr std::string_view kTokenPath = "/oauth/token";
inline constexpr std::string_view kIntrospectionPath = "/oauth/introspect";
inline constexpr std::string_view kRevocationPath = "/oauth/revoke";

// Section 2. What is not named there is not offered.
JsonObject server_metadata(const std::string& issuer);

}  // namespace writ::oauth
