// SPDX-License-Identifier: Apache-2.0
#include "gateway/escape.h"

#include <optional>
#include <set>
#include <string>

#include <gtest/gtest.h>

#include "base/bytes.h"

namespace writ::gateway {
namespace {

// The character that `text` stands for, complete with its last byte.
std::optional<int> read(std::string_view text) {
  auto escape = Escape::begin(as_bytes(text)[0]);
  for (std::size_t i = 1; i < text.size(); ++i) {
    if (!escape.open()) return std::nullopt;
    const auto step = escape.step(as_bytes(text)[i]);
    if (i + 1 == text.size()) return step.value < 0 ? std::nullopt : std::optional(step.value);
    escape = step.next;
  }
  return std::nullopt;
}

TEST(Escape, P18_EachFormStandsForItsCharacter) {
  for (const auto* text :
       {"%41", "=41", "%u0041", "\\u0041", "\\u{41}", "\\u{000041}", "\\U00000041", "\\x41",
        "\\x{41}", "\\101", "&#65", "&#65;", "&#00065;", "&#x41", "&#x41;", "&#X0041;"}) {
    EXPECT_EQ(read(text), 'A') << text;
  }
  EXPECT_EQ(read("%7e"), '~');
  EXPECT_EQ(read("=7E"), '~');
  EXPECT_EQ(read("\\/"), '/');
  EXPECT_EQ(read("\\\\"), '\\');
  EXPECT_EQ(read("\\n"), '\n');
  EXPECT_EQ(read("\\-"), '-');
  EXPECT_EQ(read("&quot;"), '"');
  EXPECT_EQ(read("&quot"), '"');
  EXPECT_EQ(read("&amp"), '&');
  EXPECT_EQ(read("&apos;"), '\'');
  EXPECT_EQ(read("&lbrack;"), '[');
  EXPECT_EQ(read("&rcub;"), '}');
}

TEST(Escape, P18_WhatIsNoEscapeEndsAtOnce) {
  for (const auto* text :
       {"%4g", "=g", "\\u30", "\\u01", "\\q", "\\A", "\\u{100", "\\U00010", "\\x{g", "\\401",
        "&#256", "&#;", "&#x;", "&#x100", "&nope", "& ", "&apos", "\\8"}) {
    EXPECT_EQ(read(text), std::nullopt) << text;
  }
}

// The filter of the plan is made of these, so none may be missing.
TEST(Escape, P18_EveryEscapeBeginsWithOneOfItsBeginnings) {
  for (const std::uint8_t lead : {'%', '=', '\\', '&'}) {
    for (int value = '!'; value < 0x7f; ++value) {
      std::set<std::pair<int, int>> known;
      Escape::beginnings(lead, static_cast<std::uint8_t>(value), Escape::For::character,
                         [&](int second, int third) { known.insert({second, third}); });
      // Whatever reads as this character within two more bytes than are looked at.
      const std::string digits =
          "0123456789abcdefABCDEFuUxX{#;" + std::string(1, static_cast<char>(value));
      for (const char second : digits) {
        for (const char third : digits) {
          const auto text = std::string{static_cast<char>(lead), second, third};
          if (read(text) == value || read(text.substr(0, 2)) == value) {
            EXPECT_TRUE(known.contains({second, third})) << text;
          }
        }
      }
    }
  }
}

}  // namespace
}  // namespace writ::gateway
