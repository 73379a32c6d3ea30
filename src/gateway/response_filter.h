// SPDX-License-Identifier: Apache-2.0
// What of an upstream's response head goes on to the agent (P18): the fields of a short list and
// those that the operation declares, each without the secret. Set-Cookie, challenges, hop-by-hop
// and connection fields never; lengths, digests and ETag not while redacting, since they speak of
// other bytes; nothing that lets a cache keep it; Location only where it names a declared
// operation, rewritten to the proxy's URL.
#pragma once

#include <string_view>

#include "gateway/redactor.h"
#include "net/http_message.h"
#include "tools/tool_server.h"
#include "wire/http_fields.h"

namespace writ::gateway {

// `base`: the tool server's URL at the proxy, "https://writ.example/tools/acme/billing". Not in the
// middle of a stream of `redactor`. A field that does not fit into the response's bounds is
// dropped.
Fields filter_response(const net::ResponseHead& head, const tools::ToolServer& server,
                       const tools::Operation& operation, std::string_view base,
                       Redactor& redactor);

}  // namespace writ::gateway
