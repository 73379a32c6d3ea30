// SPDX-License-Identifier: Apache-2.0
#include "cedar/text.h"

#include <cstddef>
#include <cstdint>
#include <optional>

#include <fmt/format.h>

#include "cedar/pattern.h"
#include "wire/utf8.h"
#include "wire/visible.h"

namespace writ::cedar {
namespace {

constexpr char32_t kMaxCodePoint = 0x10FFFF;

bool is_surrogate(char32_t c) { return c >= 0xD800 && c <= 0xDFFF; }

std::optional<unsigned> hex_digit(char c) {
  if (c >= '0' && c <= '9') return static_cast<unsigned>(c - '0');
  if (c >= 'a' && c <= 'f') return static_cast<unsigned>(c - 'a' + 10);
  if (c >= 'A' && c <= 'F') return static_cast<unsigned>(c - 'A' + 10);
  return std::nullopt;
}

// \xHH; `at` is past the x.
std::optional<char32_t> hex_escape(std::string_view body, std::size_t& at) {
  if (at + 2 > body.size()) return std::nullopt;
  const auto high = hex_digit(body[at]);
  const auto low = hex_digit(body[at + 1]);
  if (!high || !low || *high > 7) return std::nullopt;
  at += 2;
  return static_cast<char32_t>(*high * 16 + *low);
}

// \u{H}; `at` is past the u. Underscores may stand between digits, not before them.
std::optional<char32_t> unicode_escape(std::string_view body, std::size_t& at) {
  if (at >= body.size() || body[at] != '{') return std::nullopt;
  ++at;
  char32_t value = 0;
  int digits = 0;
  for (; at < body.size() && body[at] != '}'; ++at) {
    if (body[at] == '_' && digits > 0) continue;
    const auto digit = hex_digit(body[at]);
    if (!digit || ++digits > 6) return std::nullopt;
    value = value * 16 + *digit;
  }
  if (at >= body.size() || digits == 0 || value > kMaxCodePoint || is_surrogate(value)) {
    return std::nullopt;
  }
  ++at;
  return value;
}

std::optional<char32_t> escape(std::string_view body, std::size_t& at) {
  if (at >= body.size()) return std::nullopt;
  switch (body[at++]) {
    case 'n':
      return U'\n';
    case 'r':
      return U'\r';
    case 't':
      return U'\t';
    case '\\':
      return U'\\';
    case '0':
      return U'\0';
    case '\'':
      return U'\'';
    case '"':
      return U'"';
    case 'x':
      return hex_escape(body, at);
    case 'u':
      return unicode_escape(body, at);
    default:
      return std::nullopt;
  }
}

template <typename Take>
Expected<void> for_each_unescaped(std::string_view body, bool pattern, Take take) {
  std::size_t at = 0;
  while (at < body.size()) {
    const std::size_t start = at;
    const auto c = next_code_point(body, at);
    if (!c) return fail(Errc::invalid_input, "the text is not UTF-8");
    if (*c == U'\r') {
      return fail(Errc::invalid_input, "a bare carriage return in a string", {}, "write it as \\r");
    }
    if (*c == U'*' && pattern) {
      take(Pattern::kWildcard);
    } else if (*c != U'\\') {
      take(*c);
    } else if (pattern && at < body.size() && body[at] == '*') {
      ++at;
      take(U'*');
    } else {
      const auto escaped = escape(body, at);
      if (!escaped) {
        return fail(Errc::invalid_input,
                    fmt::format("{} is not a valid escape", quote(body.substr(start, 8))));
      }
      // As the reference has it, only \* is a star in a pattern: one that is spelled \x2a or
      // \u{2a} is a wildcard. A forbid written so must not let more through here than there.
      take(pattern && *escaped == U'*' ? Pattern::kWildcard : *escaped);
    }
  }
  return {};
}

}  // namespace

Expected<std::string> unescape(std::string_view body) {
  std::string out;
  out.reserve(body.size());
  WRIT_TRY_VOID(for_each_unescaped(body, false, [&](char32_t c) { append_utf8(c, out); }));
  return out;
}

Expected<std::vector<char32_t>> unescape_pattern(std::string_view body) {
  std::vector<char32_t> out;
  out.reserve(body.size());
  WRIT_TRY_VOID(for_each_unescaped(body, true, [&](char32_t c) { out.push_back(c); }));
  return out;
}

void append_escaped(std::string& out, char32_t c) {
  switch (c) {
    case U'\n':
      out += "\\n";
      return;
    case U'\r':
      out += "\\r";
      return;
    case U'\t':
      out += "\\t";
      return;
    case U'\0':
      out += "\\0";
      return;
    case U'\\':
      out += "\\\\";
      return;
    case U'"':
      out += "\\\"";
      return;
    default:
      break;
  }
  if (!is_plainly_visible(c)) {
    out += fmt::format("\\u{{{:x}}}", static_cast<std::uint32_t>(c));
  } else {
    append_utf8(c, out);
  }
}

std::string quote(std::string_view text) {
  std::string out = "\"";
  std::size_t at = 0;
  while (at < text.size()) {
    if (const auto c = next_code_point(text, at)) {
      append_escaped(out, *c);
    } else {
      // Malformed texts reach messages only.
      append_utf8(U'\uFFFD', out);
      ++at;
    }
  }
  out += '"';
  return out;
}

}  // namespace writ::cedar
