// SPDX-License-Identifier: Apache-2.0
// The token endpoint (RFC 6749 section 3.2): client credentials (4.4) for a run of the workspace,
// refresh (6) for a run that goes on, and token exchange.
#pragma once

#include <string>
#include <variant>
#include <vector>

#include "base/secret_bytes.h"
#include "broker/grants.h"
#include "oauth/parameters.h"
#include "oauth/token_exchange.h"

namespace writ::oauth {

inline constexpr std::string_view kClientCredentials = "client_credentials";
inline constexpr std::string_view kRefreshToken = "refresh_token";

struct StartForWorkspace {
  broker::AskedRun asked;
  std::vector<std::string> resources;
};
struct GoOn {
  SecretBytes refresh_token;
  std::vector<std::string> resources;
};
using TokenRequest = std::variant<StartForWorkspace, GoOn, Exchange>;

// Reads the request; nothing is verified yet. Errors as errors.h maps them.
Expected<TokenRequest> parse_token_request(const Parameters& parameters);

// Does what the request asks for, for a client that has authenticated. `trace_id` is that of the
// HTTP request; a run that begins keeps it. The answer is the body of a 200.
Task<Expected<JsonObject>> grant(broker::Grants& grants, broker::AuthenticatedClient client,
                                 TokenRequest request, std::string trace_id);

}  // namespace writ::oauth
