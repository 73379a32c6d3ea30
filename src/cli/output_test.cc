// SPDX-License-Identifier: Apache-2.0
#include "cli/output.h"

#include <cstdlib>

#include <gtest/gtest.h>
#include <pty.h>
#include <unistd.h>

#include "cli/context.h"

namespace writ::cli {
namespace {

TEST(Wrap, BreaksAtSpacesAndIndents) {
  EXPECT_EQ(wrap("aa bb cc", 5), "aa bb\ncc");
  EXPECT_EQ(wrap("aa bb cc", 8, 2, 2), "aa bb\n  cc");
  EXPECT_EQ(wrap("a-word-that-is-too-long b", 5), "a-word-that-is-too-long\nb");
  EXPECT_EQ(wrap("  spaces   are one ", 80), "spaces are one");
  EXPECT_EQ(wrap("", 80), "");
  EXPECT_EQ(wrap("äö üß", 5), "äö üß");
}

TEST(RenderError, P20_NothingInAnErrorDrivesTheTerminal) {
  const Error error{.code = Errc::invalid_input,
                    .message = "no\x1b[2J\nerror: yes",
                    .where = "a\u202eb\r",
                    .hint = "one\x07\ntwo\u0301"};
  EXPECT_EQ(render_error(error, {}),
            "error: a\\u202eb\\u000d: no\\u001b[2J\\u000aerror: yes\n"
            "  next: one\\u0007\n"
            "    two\\u0301\n");
}

TEST(Table, PadsByCharactersNotBytes) {
  EXPECT_EQ(table({{"A", "B"}, {"ä", "1"}, {"xyz", ""}}, {}), "A    B\nä    1\nxyz\n");
}

TEST(Table, P48_PaddingDoesNotMultiplyWhatIsPrinted) {
  std::vector<std::vector<std::string>> rows{{std::string(100'000, 'x'), "1"}};
  for (int i = 0; i < 10'000; ++i) rows.push_back({"a", "b"});
  EXPECT_LT(table(rows, {}).size(), 600'000U);
  EXPECT_NE(table(rows, {}).find("99800 more bytes; --json has all"), std::string::npos);
}

TEST(Shortened, CutsBetweenCharactersAndSaysHowMuchIsLeft) {
  EXPECT_EQ(shortened("abc", 3), "abc");
  EXPECT_EQ(shortened("abcd", 3), "abc… (1 more bytes; --json has all)");
  EXPECT_EQ(shortened("abéd", 3), "ab… (3 more bytes; --json has all)");
}

TEST(Counted, SaysOneAndMany) {
  EXPECT_EQ(counted(0, "run"), "0 runs");
  EXPECT_EQ(counted(1, "run"), "1 run");
  EXPECT_EQ(counted(2, "entry", "entries"), "2 entries");
}

TEST(StyleOf, ColoursAreForTerminalsAndNotWhereTheyAreUnwanted) {
  int master = -1;
  int slave = -1;
  winsize size{};
  size.ws_col = 60;
  ASSERT_EQ(::openpty(&master, &slave, nullptr, nullptr, &size), 0);
  ::setenv("TERM", "xterm", 1);
  ::unsetenv("NO_COLOR");
  EXPECT_TRUE(style_of(slave).colour);
  EXPECT_EQ(style_of(slave).width, 60U);
  ::setenv("NO_COLOR", "1", 1);
  EXPECT_FALSE(style_of(slave).colour);
  ::setenv("NO_COLOR", "", 1);
  EXPECT_TRUE(style_of(slave).colour) << "an empty one says nothing (no-color.org)";
  ::unsetenv("NO_COLOR");
  ::setenv("TERM", "dumb", 1);
  EXPECT_FALSE(style_of(slave).colour);
  ::close(master);
  ::close(slave);
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  ::setenv("TERM", "xterm", 1);
  EXPECT_FALSE(style_of(ends[1]).colour);
  EXPECT_EQ(style_of(ends[1]).width, 80U);
  ::close(ends[0]);
  ::close(ends[1]);
}

}  // namespace
}  // namespace writ::cli
