// SPDX-License-Identifier: Apache-2.0
#include "cedar/pattern.h"

#include <algorithm>
#include <chrono>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "wire/utf8.h"

namespace writ::cedar {
namespace {

constexpr char32_t kStar = Pattern::kWildcard;

// As the language defines it: an element stands for itself, a wildcard for nothing or for one more.
bool matches_by_definition(const std::vector<char32_t>& pattern, std::size_t element,
                           const std::u32string& text, std::size_t at) {
  if (element == pattern.size()) return at == text.size();
  if (pattern[element] == kStar) {
    return matches_by_definition(pattern, element + 1, text, at) ||
           (at < text.size() && matches_by_definition(pattern, element, text, at + 1));
  }
  return at < text.size() && text[at] == pattern[element] &&
         matches_by_definition(pattern, element + 1, text, at + 1);
}

std::string utf8(const std::u32string& text) {
  std::string out;
  for (const char32_t c : text) append_utf8(c, out);
  return out;
}

// Of few letters, so that runs overlap themselves and one another; 0 is a wildcard in a pattern.
constexpr char32_t kLetters[] = {kStar, U'a', U'a', U'b', U'\u00e9', U'\U0001F600'};

rc::Gen<std::vector<int>> some(int first, int at_most) {
  return rc::gen::resize(at_most, rc::gen::container<std::vector<int>>(rc::gen::inRange(first, 6)));
}

RC_GTEST_PROP(PatternTest, MatchesWhatTheDefinitionMatches, ()) {
  std::vector<char32_t> pattern;
  for (const int i : *some(0, 12)) pattern.push_back(kLetters[i]);
  std::u32string text;
  if (*rc::gen::arbitrary<bool>()) {
    for (const int i : *some(1, 14)) text += kLetters[i];
  } else {  // one that matches, or nearly
    for (const char32_t c : pattern) {
      if (c != kStar) text += c;
      if (c == kStar) {
        for (const int i : *some(1, 3)) text += kLetters[i];
      }
    }
    if (*rc::gen::arbitrary<bool>()) text += U'a';
  }
  RC_ASSERT(Pattern(pattern).matches(utf8(text)) == matches_by_definition(pattern, 0, text, 0));
}

TEST(PatternTest, TheLastRunEndsWithTheText) {
  const Pattern pattern({kStar, U'a', U'b', U'a'});
  EXPECT_TRUE(pattern.matches("aba"));
  EXPECT_TRUE(pattern.matches("ababa"));
  EXPECT_TRUE(pattern.matches("abaXaba"));
  EXPECT_FALSE(pattern.matches("abab"));
  // Two runs never share a letter.
  EXPECT_FALSE(Pattern({U'a', U'b', kStar, U'b', U'a'}).matches("aba"));
  EXPECT_FALSE(Pattern({kStar, U'a', U'b', kStar, U'b', U'a'}).matches("aba"));
}

TEST(PatternTest, WhatIsNotUtf8MatchesNothing) {
  EXPECT_FALSE(Pattern({kStar}).matches("a\xff"));
  EXPECT_FALSE(Pattern({kStar, U'a', kStar}).matches("a\xff"));
  EXPECT_FALSE(Pattern({U'a', kStar}).matches("\xff"));
}

// A text and a run of a policy may each have a mebibyte, and many policies hold one argument
// against theirs.
TEST(PatternTest, ALongRunTakesNoLongerThanAShortOne) {
  const std::string text(std::size_t{1} << 18, 'a');
  const auto best_of = [&](const Pattern& pattern) {
    auto best = std::chrono::nanoseconds::max();
    for (int i = 0; i < 3; ++i) {
      const auto start = std::chrono::steady_clock::now();
      EXPECT_FALSE(pattern.matches(text));
      best = std::min<std::chrono::nanoseconds>(best, std::chrono::steady_clock::now() - start);
    }
    return best;
  };
  const auto run_of = [](std::size_t letters) {
    std::vector<char32_t> elements(letters, U'a');
    elements.insert(elements.begin(), kStar);
    elements.push_back(U'b');
    elements.push_back(kStar);
    return Pattern(std::move(elements));
  };
  EXPECT_LT(best_of(run_of(1000)), 40 * best_of(run_of(1)));
}

}  // namespace
}  // namespace writ::cedar
