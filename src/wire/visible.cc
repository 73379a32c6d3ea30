// SPDX-License-Identifier: Apache-2.0
#include "wire/visible.h"

#include <algorithm>
#include <array>
#include <span>

#include "wire/canonical.h"
#include "wire/utf8.h"
#include "wire/visible_table.h"

namespace writ {
namespace {

using visible_detail::Range;

// Characters that no label needs: they draw nothing, look like a space, or change the order or look
// of others. Controls, Unicode's Default_Ignorable_Code_Point and Bidi_Control, line separators,
// odd spaces, format controls.
constexpr auto kHidden = std::to_array<Range>({
    {0x0000, 0x001F},   {0x007F, 0x00A0},   {0x00AD, 0x00AD},    {0x034F, 0x034F},
    {0x061C, 0x061C},   {0x115F, 0x1160},   {0x1680, 0x1680},    {0x17B4, 0x17B5},
    {0x180B, 0x180F},   {0x2000, 0x200F},   {0x2028, 0x202F},    {0x205F, 0x206F},
    {0x2800, 0x2800},   {0x3000, 0x3000},   {0x3164, 0x3164},    {0xE000, 0xF8FF},
    {0xFE00, 0xFE0F},   {0xFEFF, 0xFEFF},   {0xFFA0, 0xFFA0},    {0xFFF0, 0xFFFB},
    {0x110BD, 0x110BD}, {0x110CD, 0x110CD}, {0x13430, 0x1345F},  {0x1BCA0, 0x1BCA3},
    {0x1D173, 0x1D17A}, {0xE0000, 0xE0FFF}, {0xF0000, 0x10FFFF},
});

bool is_in(std::span<const Range> ranges, char32_t c) {
  const auto after = std::ranges::upper_bound(ranges, c, {}, &Range::first);
  return after != ranges.begin() && c <= std::prev(after)->last;
}

constexpr std::size_t kMostIndented = 16;

void append_hex(char32_t value, int digits, std::string& out) {
  constexpr std::string_view kHex = "0123456789abcdef";
  for (int shift = (digits - 1) * 4; shift >= 0; shift -= 4) out += kHex[value >> shift & 15];
}

// As JSON escapes it, so that the result still parses.
void append_escaped(char32_t c, std::string& out) {
  if (c >= 0x10000) {
    append_escaped(0xD800 + ((c - 0x10000) >> 10), out);
    append_escaped(0xDC00 + ((c - 0x10000) & 0x3FF), out);
    return;
  }
  out += "\\u";
  append_hex(c, 4, out);
}

void append_visible(std::string_view text, std::string& out) {
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t start = at;
    const auto c = next_code_point(text, at);
    if (!c) {
      out += "\\x";
      append_hex(static_cast<unsigned char>(text[at++]), 2, out);
    } else if (is_plainly_visible(*c)) {
      out.append(text, start, at - start);
    } else {
      append_escaped(*c, out);
    }
  }
}

void write_string(std::string_view text, std::string& out) {
  // First JSON's own escapes, which are plain ASCII, then what is left and not plainly visible.
  std::string quoted;
  write_json_string(text, quoted);
  append_visible(quoted, out);
}

void write_indented(const Json& value, std::size_t level, std::string& out) {
  const auto new_line = [&](std::size_t at) {
    out += '\n';
    // Deep levels are not indented further: what is printed stays within a few times what it says.
    out.append(std::min(at, kMostIndented) * 2, ' ');
  };
  if (const auto* array = value.if_array(); array != nullptr && !array->empty()) {
    out += '[';
    for (std::size_t i = 0; i < array->size(); ++i) {
      if (i != 0) out += ',';
      new_line(level + 1);
      write_indented((*array)[i], level + 1, out);
    }
    new_line(level);
    out += ']';
  } else if (const auto* object = value.if_object(); object != nullptr && !object->empty()) {
    out += '{';
    bool first = true;
    for (const auto& member : *object) {
      if (!first) out += ',';
      first = false;
      new_line(level + 1);
      write_string(text_of(member), out);
      out += ": ";
      write_indented(member.value(), level + 1, out);
    }
    new_line(level);
    out += '}';
  } else if (const auto* text = value.if_string()) {
    write_string(text_of(*text), out);
  } else {
    write_json(value, out);
  }
}

}  // namespace

bool is_plainly_visible(char32_t c) {
  return (c >= 0x20 && c < 0x7F) || is_in(visible_detail::kVisible, c);
}

bool hides_something(std::string_view text) {
  for (std::size_t at = 0; at < text.size();) {
    const auto c = next_code_point(text, at);
    if (!c || is_in(kHidden, *c)) return true;
  }
  return false;
}

std::string visible_text(std::string_view text) {
  std::string out;
  append_visible(text, out);
  return out;
}

std::string quoted_extract(std::string_view text) {
  constexpr std::size_t kMost = 60;
  if (text.size() <= kMost) return quoted_text(text);
  std::size_t end = 0;
  while (end < kMost) {
    const std::size_t before = end;
    if (!next_code_point(text, end)) ++end;
    if (end > kMost) {
      end = before;
      break;
    }
  }
  return quoted_text(text.substr(0, end)) + "...";
}

std::string quoted_text(std::string_view text) {
  std::string out;
  write_string(text, out);
  return out;
}

std::string write_json_for_people(const Json& value) {
  std::string out;
  write_indented(value, 0, out);
  return out;
}

}  // namespace writ
