// SPDX-License-Identifier: Apache-2.0
// Text of the language: code points, string literals and their escapes.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace writ::cedar {

// Resolves the escapes of what stands between the quotes of a string literal. They are Rust's: \n
// \r \t \\ \0 \' \" \x00 to \x7F and \u{1 to 6 digits}.
Expected<std::string> unescape(std::string_view body);
// The same for a pattern, where \* is a star. Every other star, \x2a and \u{2a} too, is
// Pattern::kWildcard.
Expected<std::vector<char32_t>> unescape_pattern(std::string_view body);

// Escapes so that unescape() gives the text back, within quotes of its own. Control characters and
// whatever could deceive a reader's eye are spelled out.
std::string quote(std::string_view text);
// Appends one code point the way quote() does.
void append_escaped(std::string& out, char32_t code_point);

}  // namespace writ::cedar
