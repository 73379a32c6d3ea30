// SPDX-License-Identifier: Apache-2.0
// ToolRequest: what an agent asks for, as the one thing that is both decided on and sent (P11).
//
// match_request takes the arguments out of an HTTP request and then writes the upstream's request
// anew from them, through the same render_request that MCP and compensation use. Nothing that is
// not an argument survives, so the bytes sent say exactly what policy and approver saw.
#pragma once

#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/error.h"
#include "tools/operation.h"
#include "tools/tool_server.h"
#include "wire/http_fields.h"
#include "wire/json.h"

namespace writ::tools {

struct ToolRequest {
  const Operation* operation = nullptr;  // lives as long as its ToolServer
  JsonObject arguments;                  // by declared name; integral numbers are int64
  std::string method;
  std::string target;  // path and query, canonical; the credential's query is not in it
  Fields fields;       // the header arguments, and Content-Type where there is a body; nothing else
  std::string body;    // canonical; empty for none, and for opaque, whose bytes are streamed
};

// The operation that method and target name, before any body is read: its body kind says whether to
// collect one. not_found where there is none: what is not declared is refused.
Expected<const Operation*> find_operation(const ToolServer& server, std::string_view method,
                                          std::string_view target);

// `target` is in origin form (RFC 9112 section 3.2.1), relative to the tool server; `body` is
// whole, or empty for an opaque body. Errors: not_found (names no operation), invalid_input
// (`where` is
// "/ARGUMENT…", "path", "query", "header NAME" or "body"), unsupported (a coded body, a range),
// denied (a value in the place of the credential).
//
// Headers that are no argument are dropped, as every client sends some. Query names and body
// members that are no argument are refused: dropping a "dry_run=true" would turn a question into a
// deed.
Expected<ToolRequest> match_request(const ToolServer& server, std::string_view method,
                                    std::string_view target, const Fields& fields, BytesView body);

// The request that says exactly these arguments. Errors: invalid_input, `where` "/ARGUMENT…".
Expected<ToolRequest> render_request(const Operation& operation, JsonObject arguments);

}  // namespace writ::tools
