// SPDX-License-Identifier: Apache-2.0
// Classes of ASCII characters, free of any locale. For this room's parsers.
#pragma once

#include <string_view>

namespace writ::ascii {

constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }
constexpr bool is_alpha(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
constexpr bool is_alnum(char c) { return is_digit(c) || is_alpha(c); }
constexpr bool is_visible(char c) { return c > 0x20 && c < 0x7F; }
constexpr bool is_control(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; }
constexpr char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }
constexpr bool is_one_of(char c, std::string_view set) {
  return set.find(c) != std::string_view::npos;
}

// RFC 3986 section 2.3.
constexpr bool is_unreserved(char c) { return is_alnum(c) || is_one_of(c, "-._~"); }
// RFC 3986 section 3.3, but for percent encodings.
constexpr bool is_pchar(char c) { return is_unreserved(c) || is_one_of(c, "!$&'()*+,;=:@"); }
// RFC 9110 section 5.6.2.
constexpr bool is_token(char c) { return is_alnum(c) || is_one_of(c, "!#$%&'*+-.^_`|~"); }

// The value of a hex digit, or -1.
constexpr int hex_value(char c) {
  if (is_digit(c)) return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

}  // namespace writ::ascii
