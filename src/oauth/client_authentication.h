// SPDX-License-Identifier: Apache-2.0
// Client authentication with private_key_jwt (RFC 7523 sections 2.2 and 3, RFC 7521 section 4.2),
// and the DPoP proof of the request (RFC 9449 section 5). There is no other way for a client to
// authenticate here, and no endpoint without it.
#pragma once

#include <string_view>

#include "broker/clients.h"
#include "net/http_server.h"
#include "oauth/parameters.h"

namespace writ::oauth {

// `url` is that of the endpoint, from public_url. Errors as errors.h maps them: invalid_client,
// invalid_dpop_proof, invalid_request.
Expected<broker::AuthenticatedClient> authenticate_client(const broker::Clients& clients,
                                                          const net::RequestHead& head,
                                                          const Parameters& parameters,
                                                          std::string_view url);

}  // namespace writ::oauth
