// SPDX-License-Identifier: Apache-2.0
// Which header fields a definition may speak of. Names in any case.
#pragma once

#include <string_view>

namespace writ::tools {

// Fields that Writ makes, consumes or strips: framing and hop-by-hop fields, content fields, proofs
// of identity, cookies, tracing, what names an address of the caller or another method or path than
// the request line, and Writ's own. None is ever an argument, and no credential stands there,
// Authorization aside, which may_carry_credential() allows.
bool is_reserved_request_field(std::string_view name);
bool may_carry_credential(std::string_view name);

// Fields of a response that no declaration lets through (P18).
bool is_reserved_response_field(std::string_view name);
// Those that speak of bytes which redaction changes.
bool is_about_exact_bytes(std::string_view name);

}  // namespace writ::tools
