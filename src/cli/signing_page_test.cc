// SPDX-License-Identifier: Apache-2.0
#include "cli/signing_page.h"

#include <algorithm>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/testing_people.h"

namespace writ::cli {
namespace {

using ::testing::AllOf;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;
using testing::ScriptedPerson;
using ::testing::SizeIs;

constexpr auto kPassphrase = "correct horse battery";

SigningPage a_page(std::size_t long_value) {
  return {.title = "Approval 1",
          .parts = {{.heading = "The action:",
                     .lines = {{"  ", "note: \"" + std::string(long_value, 'x') + "END\""},
                               {"  ", "method: \"POST\""}}}},
          .recap = {{.heading = "Once more:", .lines = {{"  ", "amount: 12000"}}}},
          .question = "Approve?"};
}

Screen a_screen(std::size_t width, std::size_t rows = 24) {
  return {.style = {.width = width}, .rows = rows};
}

TEST(SigningPage, P20_AShortPageIsShownWholeAndAskedAboutOnce) {
  ScriptedPerson person({kPassphrase});
  EXPECT_EQ(ask_to_sign(person, a_page(10), "Passphrase: ").value().reveal_text(), kPassphrase);
  EXPECT_THAT(person.prompts, SizeIs(1));
  EXPECT_THAT(person.shown,
              AllOf(HasSubstr("END\""), EndsWith("Once more:\n  amount: 12000\nApprove?\n")));
}

TEST(SigningPage, P20_ALongValueIsCutWithItsSizeAndShownWholeForM) {
  ScriptedPerson person({kPassphrase});
  person.lines = {"", ""};
  ASSERT_TRUE(ask_to_sign(person, a_page(61'204), "Passphrase: "));
  EXPECT_THAT(person.shown, AllOf(Not(HasSubstr("END\"")), HasSubstr("60,7"),
                                  HasSubstr(" more bytes; m shows them\n  method: \"POST\"\n")));
  EXPECT_THAT(person.prompts.front(), HasSubstr("m shows all of it"));

  person = ScriptedPerson({kPassphrase});
  person.screens = {a_screen(80, 2000)};
  person.lines = {"m", ""};
  ASSERT_TRUE(ask_to_sign(person, a_page(61'204), "Passphrase: "));
  EXPECT_THAT(person.shown,
              AllOf(HasSubstr("END\""), EndsWith("Once more:\n  amount: 12000\nApprove?\n")));
}

TEST(SigningPage, WhatIsLongerThanAScreenIsShownScreenByScreen) {
  ScriptedPerson person({kPassphrase});
  person.screens = {a_screen(80, 11)};
  person.lines = {"m", "", "q"};
  ASSERT_TRUE(ask_to_sign(person, a_page(61'204), "Passphrase: "));
  EXPECT_EQ(std::ranges::count(person.prompts, "Enter goes on, q ends: "), 2);
  EXPECT_THAT(person.shown, Not(HasSubstr("END\"")));
}

TEST(SigningPage, P20_ATerminalThatBecameNarrowerIsShownThePageAgain) {
  ScriptedPerson person({"typed too early", kPassphrase});
  person.screens = {a_screen(80), a_screen(50), a_screen(50)};
  EXPECT_EQ(ask_to_sign(person, a_page(10), "Passphrase: ").value().reveal_text(), kPassphrase);
  EXPECT_THAT(person.shown, HasSubstr("narrower now: look again"));

  person = ScriptedPerson({kPassphrase});
  person.screens = {a_screen(39)};
  const auto refused = ask_to_sign(person, a_page(10), "Passphrase: ");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::unsupported);
  EXPECT_THAT(person.prompts, SizeIs(0)) << "no passphrase is asked for";
}

TEST(SigningPage, P20_EachRowButTheFirstOfAValueBearsTheMark) {
  for (std::size_t width = kNarrowestPage; width <= 100; ++width) {
    const auto text = render_parts(a_page(900), {.width = width}, Detail::whole).text;
    for (std::size_t at = 0; at < text.size();) {
      const auto end = text.find('\n', at);
      const auto row = std::string_view(text).substr(at, end - at);
      EXPECT_LT(columns(row), width);
      EXPECT_TRUE(row == "Approval 1" || row == "The action:" || row.starts_with("  note: ") ||
                  row.starts_with("    > x") || row.starts_with("    > E") ||
                  row.starts_with("    > N") || row.starts_with("    > D") ||
                  row.starts_with("    > \"") || row == "  method: \"POST\"")
          << row;
      at = end + 1;
    }
  }
}

}  // namespace
}  // namespace writ::cli
