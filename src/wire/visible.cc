// SPDX-License-Identifier: Apache-2.0
// Forms of text and JSON for people's eyes.
#include <algorithm>
#include <array>

#include "wire/canonical.h"
#include "wire/json.h"
#include "wire/utf8.h"

namespace writ {
namespace {

struct Range {
  char32_t first;
  char32_t last;
};

// Characters that draw nothing, look like a space, or change the order or look of others: controls,
// Unicode's Default_Ignorable_Code_Point and Bidi_Control, line separators, odd spaces.
constexpr auto kUnseen = std::to_array<Range>({
    {0x0000, 0x001F},   {0x007F, 0x00A0},   {0x00AD, 0x00AD},   {0x034F, 0x034F},
    {0x061C, 0x061C},   {0x115F, 0x1160},   {0x1680, 0x1680},   {0x17B4, 0x17B5},
    {0x180B, 0x180F},   {0x2000, 0x200F},   {0x2028, 0x202F},   {0x205F, 0x206F},
    {0x2800, 0x2800},   {0x3000, 0x3000},   {0x3164, 0x3164},   {0xE000, 0xF8FF},
    {0xFE00, 0xFE0F},   {0xFEFF, 0xFEFF},   {0xFFA0, 0xFFA0},   {0xFFF0, 0xFFFB},
    {0x1BCA0, 0x1BCA3}, {0x1D173, 0x1D17A}, {0xE0000, 0xE0FFF}, {0xF0000, 0x10FFFF},
});

bool is_unseen(char32_t c) {
  const auto after = std::ranges::upper_bound(kUnseen, c, {}, &Range::first);
  return after != kUnseen.begin() && c <= std::prev(after)->last;
}

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
    } else if (is_unseen(*c)) {
      append_escaped(*c, out);
    } else {
      out.append(text, start, at - start);
    }
  }
}

void write_string(std::string_view text, std::string& out) {
  // First JSON's own escapes, which are plain ASCII, then the unseen characters that are left.
  std::string quoted;
  write_json_string(text, quoted);
  append_visible(quoted, out);
}

void write_indented(const Json& value, std::size_t level, std::string& out) {
  const auto new_line = [&](std::size_t at) {
    out += '\n';
    out.append(at * 2, ' ');
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

std::string visible_text(std::string_view text) {
  std::string out;
  append_visible(text, out);
  return out;
}

std::string quoted_extract(std::string_view text) {
  constexpr std::size_t kMost = 60;
  if (text.size() <= kMost) return '"' + visible_text(text) + '"';
  std::size_t end = 0;
  while (end < kMost) {
    const std::size_t before = end;
    if (!next_code_point(text, end)) ++end;
    if (end > kMost) {
      end = before;
      break;
    }
  }
  return '"' + visible_text(text.substr(0, end)) + "\"...";
}

std::string write_json_for_people(const Json& value) {
  std::string out;
  write_indented(value, 0, out);
  return out;
}

}  // namespace writ
