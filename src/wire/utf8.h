// SPDX-License-Identifier: Apache-2.0
// UTF-8 (RFC 3629): no overlong forms, no surrogates, nothing past U+10FFFF.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace writ {

// The code point that begins at `at`, which then moves past it; nothing, and `at` stays, where the
// bytes are not UTF-8. `at` is below text.size().
std::optional<char32_t> next_code_point(std::string_view text, std::size_t& at);

// The length of the longest prefix that is UTF-8; text.size() if all of it is.
std::size_t valid_utf8_prefix(std::string_view text);
bool is_utf8(std::string_view text);

// `code_point` is a Unicode scalar value.
void append_utf8(char32_t code_point, std::string& out);

}  // namespace writ
