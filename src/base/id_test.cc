// SPDX-License-Identifier: Apache-2.0
#include "base/id.h"

#include <gtest/gtest.h>

#include "base/fake_clock.h"
#include "base/fake_random.h"

namespace writ {
namespace {

TEST(Id, TextRoundTripsForManyIds) {
  FakeClock clock;
  FakeRandom random;
  for (int i = 0; i < 1000; ++i) {
    const auto id = RunId::make(clock, random);
    const auto parsed = RunId::parse(id.to_string());
    ASSERT_TRUE(parsed.has_value()) << id.to_string();
    EXPECT_EQ(*parsed, id);
    clock.advance(milliseconds(977));
  }
}

TEST(Id, TextOrderIsTimeOrder) {
  FakeClock clock;
  FakeRandom random;
  auto before = ActionId::make(clock, random).to_string();
  for (int i = 0; i < 100; ++i) {
    clock.advance(milliseconds(1));
    auto after = ActionId::make(clock, random).to_string();
    EXPECT_LT(before, after);
    before = after;
  }
}

TEST(Id, OnlyTheCanonicalTextParses) {
  FakeClock clock;
  FakeRandom random;
  const auto text = RunId::make(clock, random).to_string();
  auto upper = text;
  for (auto& c : upper) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  for (const auto& bad : {std::string(), std::string("run_"), text + "0", text.substr(0, 29), upper,
                          "usr_" + text.substr(4), text.substr(0, 10) + "i" + text.substr(11),
                          "run_8" + text.substr(5), std::string("run_00000000000000000000000000"),
                          text.substr(0, 12) + std::string(1, '\0') + text.substr(13)}) {
    EXPECT_FALSE(RunId::parse(bad).has_value()) << bad;
  }
}

}  // namespace
}  // namespace writ
