// SPDX-License-Identifier: Apache-2.0
// The canonical form of JSON (RFC 8785, JCS): equal values have equal bytes, so that a digest of
// the bytes stands for the value. Names are ordered by their UTF-16 code units, numbers written as
// ECMAScript writes them. Thread-safe; nothing here fails: every double in `value` is finite, as
// parse_json() guarantees.
#pragma once

#include <string>
#include <string_view>

#include "wire/json.h"

namespace writ {

std::string canonical_json(const Json& value);
std::string canonical_json(const JsonObject& value);
// Appends, for callers that hash or send many: `out` may be used again without allocating.
void canonical_json(const Json& value, std::string& out);
void canonical_json(const JsonObject& value, std::string& out);

// The parts, for writers of other forms. Both append.
//
// A number as ECMA-262 Number::toString writes it (RFC 8785 section 3.2.2.3): the shortest digits
// that read back to the same double. `value` is finite.
void write_json_number(double value, std::string& out);
// A quoted string with only the escapes that JSON requires (section 3.2.2.2). `text` is UTF-8.
void write_json_string(std::string_view text, std::string& out);

}  // namespace writ
