// SPDX-License-Identifier: Apache-2.0
#include "wire/utf8.h"

#include <simdjson.h>

namespace writ {
namespace {

// The byte at `at` as a continuation's six bits, or nothing.
std::optional<char32_t> continuation(std::string_view text, std::size_t at) {
  if (at >= text.size()) return std::nullopt;
  const auto byte = static_cast<unsigned char>(text[at]);
  if ((byte & 0xC0) != 0x80) return std::nullopt;
  return byte & 0x3F;
}

}  // namespace

std::optional<char32_t> next_code_point(std::string_view text, std::size_t& at) {
  const auto lead = static_cast<unsigned char>(text[at]);
  if (lead < 0x80) {
    ++at;
    return lead;
  }
  const int length = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
  if (lead < 0xC2 || lead > 0xF4) return std::nullopt;
  char32_t value = lead & (0xFFU >> (length + 1));
  for (int i = 1; i < length; ++i) {
    const auto bits = continuation(text, at + static_cast<std::size_t>(i));
    if (!bits) return std::nullopt;
    value = value << 6 | *bits;
  }
  if (length == 3 && (value < 0x800 || (value >= 0xD800 && value <= 0xDFFF))) return std::nullopt;
  if (length == 4 && (value < 0x10000 || value > 0x10FFFF)) return std::nullopt;
  at += static_cast<std::size_t>(length);
  return value;
}

std::size_t valid_utf8_prefix(std::string_view text) {
  if (is_utf8(text)) return text.size();
  std::size_t at = 0;
  while (at < text.size() && next_code_point(text, at)) {
  }
  return at;
}

bool is_utf8(std::string_view text) { return simdjson::validate_utf8(text.data(), text.size()); }

void append_utf8(char32_t code_point, std::string& out) {
  const auto tail = [&](int shift) {
    out += static_cast<char>(0x80 | (code_point >> shift & 0x3F));
  };
  if (code_point < 0x80) {
    out += static_cast<char>(code_point);
  } else if (code_point < 0x800) {
    out += static_cast<char>(0xC0 | code_point >> 6);
    tail(0);
  } else if (code_point < 0x10000) {
    out += static_cast<char>(0xE0 | code_point >> 12);
    tail(6);
    tail(0);
  } else {
    out += static_cast<char>(0xF0 | code_point >> 18);
    tail(12);
    tail(6);
    tail(0);
  }
}

}  // namespace writ
