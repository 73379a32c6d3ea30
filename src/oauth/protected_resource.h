// SPDX-License-Identifier: Apache-2.0
// Protected resource metadata (RFC 9728): where a client that met a 401 learns which server issues
// tokens for a tool server, and how they are presented.
//
// The document follows from the path alone: whether there is such a workspace or server it does not
// say (P10).
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "wire/json.h"

namespace writ::oauth {

inline constexpr std::string_view kResourceMetadataPath = "/.well-known/oauth-protected-resource";

// For a path that begins with kResourceMetadataPath: of "/tools/WORKSPACE/SERVER" and "/v1" behind
// it (section 3.1), and of the API where nothing is behind it. Nothing for any other path.
std::optional<JsonObject> resource_metadata(const std::string& public_url, std::string_view path);

}  // namespace writ::oauth
