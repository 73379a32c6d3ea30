// SPDX-License-Identifier: Apache-2.0
// The page at /approvals/{id}: what an agent's user is sent to. It says how to decide with the
// command line, and nothing about the question: the same for every well-formed id, whoever looks.
#pragma once

#include <string_view>

#include "net/http_server.h"

namespace writ::api {

Task<void> send_approval_page(net::ServerRequest& request, net::ServerResponse& response,
                              std::string_view public_url);

}  // namespace writ::api
