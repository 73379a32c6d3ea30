// SPDX-License-Identifier: Apache-2.0
// Resource indicators (RFC 8707): what an access token is for, and its `aud`.
#pragma once

#include <string>
#include <vector>

#include "oauth/parameters.h"

namespace writ::oauth {

// Those that the request names, each once. Required where an access token is asked for (P26):
// without one there is no token for everything, but none. Which of them there are is the broker's
// to say. Errors at broker::kResourcePlace.
Expected<std::vector<std::string>> resources_of(const Parameters& parameters);
// The same, where absence stands for those of the grant (section 2.2).
Expected<std::vector<std::string>> optional_resources_of(const Parameters& parameters);

}  // namespace writ::oauth
