// SPDX-License-Identifier: Apache-2.0
#include "demo/narrator.h"

#include <memory>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace writ::demo {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

// What `tell` says.
template <typename Tell>
std::string told(bool json, Tell tell) {
  char* text = nullptr;
  std::size_t size = 0;
  std::FILE* out = ::open_memstream(&text, &size);
  Narrator narrator(out, json);
  tell(narrator);
  std::fclose(out);
  std::string copy(text, size);
  std::free(text);  // NOLINT(cppcoreguidelines-no-malloc): open_memstream's
  return copy;
}

const Step kHeld{
    .sentence = "Billing reads an invoice.", .request = "GET /x", .status = 200, .held = true};
const Step kFailed{.sentence = "Billing is refused.",
                   .request = "GET /y",
                   .status = 200,
                   .held = false,
                   .expected = "403",
                   .came = "200\x1b[31m"};

TEST(Narrator, TellsPeopleWhatWasExpectedWhereAStepDidNotHold) {
  const auto text = told(false, [](Narrator& narrator) {
    narrator.chapter(3, "Reading");
    narrator.step(kHeld);
    narrator.step(kFailed);
    narrator.conclude();
    EXPECT_EQ(narrator.held(), 1U);
    EXPECT_EQ(narrator.failed(), 1U);
  });
  EXPECT_THAT(text, HasSubstr("3. Reading\n   ok  Billing reads an invoice.\n"));
  EXPECT_THAT(text, HasSubstr("GET /x -> 200\n"));
  EXPECT_THAT(text, HasSubstr("expected: 403\n"));
  EXPECT_THAT(text, HasSubstr("1 steps held, 1 did not."));
  // failures.md 27: what came from outside cannot move the cursor.
  EXPECT_THAT(text, Not(HasSubstr("\x1b")));
}

TEST(Narrator, EachLineOfJsonIsAValue) {
  const auto text = told(true, [](Narrator& narrator) {
    narrator.chapter(3, "Reading");
    narrator.step(kHeld);
    narrator.step(kFailed);
    narrator.exhibit("trace", "The tree", Json(JsonObject{{"run", "r"}}), "r\n");
    narrator.invite("serving", Json(JsonObject{{"url", "u"}}), "for people");
    narrator.conclude();
  });
  std::size_t lines = 0;
  for (std::size_t at = 0; at < text.size();) {
    const auto end = text.find('\n', at);
    ASSERT_NE(end, std::string::npos);
    EXPECT_TRUE(parse_json_object(text.substr(at, end - at)));
    at = end + 1;
    ++lines;
  }
  EXPECT_EQ(lines, 5U);
}

}  // namespace
}  // namespace writ::demo
