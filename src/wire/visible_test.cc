// SPDX-License-Identifier: Apache-2.0
#include "wire/visible.h"

#include <array>

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "wire/json_generator.h"
#include "wire/utf8.h"

namespace writ {
namespace {

struct Class {
  const char* what;
  char32_t first;
  char32_t last;
};

// Kept by hand, apart from the table and the tool that makes it.
constexpr auto kEscaped = std::to_array<Class>({
    {"controls", 0x00, 0x1F},
    {"controls", 0x7F, 0x9F},
    {"no-break space, which is no space", 0xA0, 0xA0},
    {"soft hyphen", 0xAD, 0xAD},
    {"modifier letters and combining marks", 0x2B0, 0x36F},
    {"marks of Cyrillic", 0x483, 0x489},
    {"Hebrew, Arabic, Syriac, Thaana, NKo, Samaritan, Mandaic", 0x590, 0x8FF},
    {"scripts whose letters carry marks, from Devanagari to Myanmar", 0x900, 0x109F},
    {"conjoining jamo", 0x1100, 0x11FF},
    {"marks of Ethiopic", 0x135D, 0x135F},
    {"Ogham, whose space draws a line", 0x1680, 0x169F},
    {"Khmer and Mongolian", 0x1780, 0x18AF},
    {"more combining marks", 0x1AB0, 0x1AFF},
    {"more combining marks", 0x1DC0, 0x1DFF},
    {"spaces, joiners, direction marks", 0x2000, 0x200F},
    {"line separators, bidi embeddings and overrides", 0x2028, 0x202F},
    {"bidi isolates and other format controls", 0x2060, 0x206F},
    {"unassigned", 0x2065, 0x2065},
    {"marks around symbols", 0x20D0, 0x20FF},
    {"box drawing, of which our frames are made", 0x2500, 0x259F},
    {"Braille, whose blank draws nothing", 0x2800, 0x28FF},
    {"wide space", 0x3000, 0x3000},
    {"tone marks", 0x302A, 0x302F},
    {"kana's voicing marks", 0x3099, 0x309A},
    {"Hangul filler", 0x3164, 0x3164},
    {"jamo, extended", 0xA960, 0xA97F},
    {"jamo, extended", 0xD7B0, 0xD7FF},
    {"private use", 0xE000, 0xF8FF},
    {"presentation forms from right to left", 0xFB1D, 0xFDFF},
    {"variation selectors", 0xFE00, 0xFE0F},
    {"half marks", 0xFE20, 0xFE2F},
    {"presentation forms from right to left, byte order mark", 0xFE70, 0xFEFF},
    {"half-width Hangul filler", 0xFFA0, 0xFFA0},
    {"interlinear annotations, noncharacters", 0xFFF0, 0xFFFF},
    {"other scripts from right to left", 0x10800, 0x10FFF},
    {"joiners of hieroglyphs", 0x13430, 0x1345F},
    {"controls of shorthand", 0x1BCA0, 0x1BCA3},
    {"musical format controls and marks", 0x1D165, 0x1D1AD},
    {"digits in other dress", 0x1D7CE, 0x1D7FF},
    {"other scripts from right to left", 0x1E800, 0x1EFFF},
    {"letters that join to flags", 0x1F1E6, 0x1F1FF},
    {"skin tones, which colour what stands before", 0x1F3FB, 0x1F3FF},
    {"tags, variation selectors", 0xE0000, 0xE0FFF},
    {"private use", 0xF0000, 0x10FFFF},
});

std::string of(char32_t c) {
  std::string out;
  append_utf8(c, out);
  return out;
}

bool is_ascii(std::string_view text) {
  for (const char c : text) {
    if (c < 0x20 || c > 0x7E) return false;
  }
  return true;
}

// The text that visible_text() or quoted_text() was given, read from what it wrote.
std::string read_back(std::string_view quoted) {
  std::string out;
  std::string json;  // the part since the last broken byte, still quoted
  const auto take = [&] {
    out += parse_json('"' + json + '"').value().get_string();
    json.clear();
  };
  for (std::size_t at = 1; at + 1 < quoted.size();) {
    if (quoted[at] != '\\') {
      json += quoted[at++];
    } else if (quoted[at + 1] != 'x') {
      json += quoted.substr(at, 2);
      at += 2;
    } else {
      take();
      out += static_cast<char>(std::stoi(std::string(quoted.substr(at + 2, 2)), nullptr, 16));
      at += 4;
    }
  }
  take();
  return out;
}

TEST(Visible, P20_WhatIsNotPlainlyVisibleAndInOrderIsEscaped) {
  for (const auto& each : kEscaped) {
    for (auto c = each.first; c <= each.last; ++c) {
      ASSERT_FALSE(is_plainly_visible(c)) << each.what << ": " << std::hex << std::uint32_t(c);
      if (c >= 0xD800 && c <= 0xDFFF) continue;
      ASSERT_TRUE(is_ascii(visible_text(of(c)))) << each.what;
      ASSERT_TRUE(is_ascii(quoted_text(of(c)))) << each.what;
    }
  }
  EXPECT_EQ(visible_text("e\u0301 \u1100\u1161 \U00013430 \u05d0\u05d1 \ue000 \u0378"),
            "e\\u0301 \\u1100\\u1161 \\ud80d\\udc30 \\u05d0\\u05d1 \\ue000 \\u0378");
}

TEST(Visible, P20_ADigitCarriesNoMarkAndIsNoOtherDigit) {
  EXPECT_EQ(visible_text("1\u0338\u20e3 1\ufe0f"), "1\\u0338\\u20e3 1\\ufe0f");
  for (const auto* digits : {"\u0661", "\u06f1", "\u0967", "\uff11", "\U0001d7cf", "\u2460"})
    EXPECT_TRUE(is_ascii(visible_text(digits))) << digits;
}

TEST(Visible, WhatPeopleWriteIsShown) {
  for (const auto* text :
       {"Refund 120.00 \u20ac to Z\u00fcrich \u2013 \u201cPa\u0142ac\u201d, 3\u00b2",
        "\u0394\u03b9\u03b1\u03c6\u03ac\u03bd\u03b5\u03b9\u03b1",
        "\u0412\u043e\u0437\u0432\u0440\u0430\u0442 \u2116 7",
        "\u8fd4\u91d1 \u3001\u30ab\u30fc\u30c9", "\ud658\ubd88", "\u2705 \U0001f600 \u2192",
        "a\\b \"c\""})
    EXPECT_EQ(visible_text(text), text);
}

TEST(Visible, P20_NothingThatComesOutIsOfAnEscapedClass) {
  EXPECT_TRUE(rc::check([](const std::string& bytes) {
    for (const auto& text : {testing::any_text(), bytes}) {
      for (const auto& out : {visible_text(text), quoted_text(text), quoted_extract(text)}) {
        RC_ASSERT(is_utf8(out));
        RC_ASSERT(visible_text(out) == out);
        for (std::size_t at = 0; at < out.size();) {
          const auto c = next_code_point(out, at).value();
          for (const auto& each : kEscaped) RC_ASSERT(c < each.first || c > each.last);
        }
      }
    }
  }));
}

TEST(Visible, P20_AQuotedTextIsReadInOneWay) {
  EXPECT_EQ(quoted_text("a\u202eb"), R"("a\u202eb")");
  EXPECT_EQ(quoted_text(R"(a\u202eb)"), R"("a\\u202eb")");
  EXPECT_EQ(quoted_text("\xff"), R"("\xff")");
  EXPECT_EQ(quoted_text(R"(\xff")"), R"("\\xff\"")");
  EXPECT_TRUE(rc::check([](const std::string& bytes) {
    for (const auto& text : {testing::any_text(), bytes, bytes + testing::any_text()})
      RC_ASSERT(read_back(quoted_text(text)) == text);
  }));
}

TEST(Visible, ALabelHidesNothingAndMayBeOfAnyScript) {
  for (const auto* text : {"", "Refund 17", "\u05d4\u05d7\u05d6\u05e8", "\u0e04\u0e37\u0e19"})
    EXPECT_FALSE(hides_something(text)) << text;
  for (const auto* text : {"a\nb", "a\u202eb", "a\u200bb", "\U00013430", "\ue000", "\xff"})
    EXPECT_TRUE(hides_something(text)) << text;
  for (char32_t c = 0; c <= 0x10FFFF; ++c) {
    if (c >= 0xD800 && c <= 0xDFFF) continue;
    if (hides_something(of(c))) ASSERT_FALSE(is_plainly_visible(c)) << std::hex << std::uint32_t(c);
  }
}

}  // namespace
}  // namespace writ
