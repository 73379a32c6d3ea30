// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <optional>

#include "wire/ascii.h"
#include "wire/url.h"
#include "wire/utf8.h"

namespace writ {
namespace {

std::unexpected<Error> refused(std::string message) {
  return fail(Errc::invalid_input, std::move(message));
}

// The byte that the encoding at `at` stands for, or nothing if it is malformed.
std::optional<char> encoded_byte(std::string_view text, std::size_t at) {
  if (text.size() - at < 3) return std::nullopt;
  const int high = ascii::hex_value(text[at + 1]);
  const int low = ascii::hex_value(text[at + 2]);
  if (high < 0 || low < 0) return std::nullopt;
  return static_cast<char>(high << 4 | low);
}

// What no segment may hold once decoded, whoever encoded it.
std::optional<std::string> segment_fault(std::string_view decoded) {
  const auto name = decoded.substr(0, decoded.find(';'));
  if (name == "." || name == "..") return "the path has a dot segment";
  for (std::size_t i = 0; i < decoded.size(); ++i) {
    const char c = decoded[i];
    if (c == '/' || c == '\\') return "the path has an encoded slash or backslash";
    if (ascii::is_control(c)) return "the path has an encoded control character";
    if (c == '%' && encoded_byte(decoded, i)) {
      return "the path has an encoding within an encoding, which some servers decode twice";
    }
  }
  if (!is_utf8(decoded)) return "the path has a segment that is not UTF-8";
  return std::nullopt;
}

Expected<std::string> decode_segment(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      if (!ascii::is_pchar(text[i])) return refused("the path has a character that it must encode");
      out += text[i];
      continue;
    }
    const auto byte = encoded_byte(text, i);
    if (!byte) return refused("the path has a malformed percent encoding");
    if (*byte == '.') return refused("the path has an encoded dot");
    const auto is_lower = [](char c) { return c >= 'a' && c <= 'f'; };
    if (ascii::is_unreserved(*byte) || is_lower(text[i + 1]) || is_lower(text[i + 2])) {
      return refused("the path has a percent encoding that is not in canonical form");
    }
    out += *byte;
    i += 2;
  }
  if (auto fault = segment_fault(out)) return refused(*std::move(fault));
  return out;
}

Expected<void> check_query(std::string_view text) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%') {
      const auto byte = encoded_byte(text, i);
      if (!byte) return refused("the query has a malformed percent encoding");
      if (*byte == '\0') return refused("the query has an encoded NUL");
    } else if (!ascii::is_pchar(text[i]) && text[i] != '/' && text[i] != '?') {
      return refused("the query has a character that it must encode");
    }
  }
  return {};
}

}  // namespace

std::string Target::to_string() const { return query ? path + '?' + *query : path; }

Expected<Target> parse_target(std::string_view text, const TargetLimits& limits) {
  if (text.size() > limits.bytes) {
    return fail(Errc::too_large,
                "the target is longer than " + std::to_string(limits.bytes) + " bytes");
  }
  if (!text.starts_with('/')) return refused("the path does not begin with a slash");
  if (text.contains('#')) return refused("a fragment, which requests do not have");
  const auto mark = text.find('?');
  Target out;
  out.path = text.substr(0, mark);
  if (mark != std::string_view::npos) {
    WRIT_TRY_VOID(check_query(text.substr(mark + 1)));
    out.query = text.substr(mark + 1);
  }
  std::string_view rest = std::string_view(out.path).substr(1);
  while (true) {
    const auto slash = rest.find('/');
    const auto segment = rest.substr(0, slash);
    const bool last = slash == std::string_view::npos;
    if (segment.empty() && !last) return refused("the path has an empty segment (//)");
    WRIT_TRY(auto decoded, decode_segment(segment));
    out.segments.push_back(std::move(decoded));
    if (last) return out;
    rest.remove_prefix(slash + 1);
  }
}

std::string percent_encode(std::string_view value) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  std::string out;
  out.reserve(value.size());
  for (const char c : value) {
    if (ascii::is_unreserved(c)) {
      out += c;
    } else {
      const auto byte = static_cast<unsigned char>(c);
      out += '%';
      out += kHex[byte >> 4];
      out += kHex[byte & 15];
    }
  }
  return out;
}

Expected<std::string> percent_encode_segment(std::string_view value) {
  if (value.empty()) return refused("the path would have an empty segment");
  if (auto fault = segment_fault(value)) return refused(*std::move(fault));
  return percent_encode(value);
}

Expected<std::string> percent_decode(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out += text[i];
      continue;
    }
    const auto byte = encoded_byte(text, i);
    if (!byte) return refused("a malformed percent encoding");
    if (*byte == '\0') return refused("an encoded NUL");
    out += *byte;
    i += 2;
  }
  if (!is_utf8(out)) return refused("not UTF-8 once decoded");
  return out;
}

}  // namespace writ
