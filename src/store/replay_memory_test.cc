// SPDX-License-Identifier: Apache-2.0
#include "store/replay_memory.h"

#include <map>

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace writ::store {
namespace {

Digest digest(std::uint8_t number) {
  Digest out{};
  out[9] = number;
  return out;
}

TEST(ReplayMemory, ADigestIsFreshOncePerWorkspace) {
  ReplayMemory memory;
  EXPECT_TRUE(memory.fresh(1, digest(1), 100, 10));
  memory.add(1, digest(1), 100);
  EXPECT_FALSE(memory.fresh(1, digest(1), 100, 10));
  EXPECT_FALSE(memory.fresh(1, digest(1), 200, 99));
  EXPECT_TRUE(memory.fresh(2, digest(1), 100, 10));
  EXPECT_TRUE(memory.fresh(1, digest(2), 100, 10));
  EXPECT_TRUE(memory.fresh(1, digest(1), 200, 100));
}

TEST(ReplayMemory, WhatIsRolledBackIsFreshAgain) {
  ReplayMemory memory;
  memory.add(1, digest(1), 100);
  memory.commit();
  memory.add(1, digest(2), 100);
  memory.add(1, digest(1), 300);
  memory.add(1, digest(1), 400);
  memory.roll_back();
  EXPECT_TRUE(memory.fresh(1, digest(2), 100, 10));
  EXPECT_FALSE(memory.fresh(1, digest(1), 300, 99));
  EXPECT_TRUE(memory.fresh(1, digest(1), 300, 100));
}

TEST(ReplayMemory, P24_ARestartTakesBackWhatIsForgottenAndKeepsWhatIsHeld) {
  ReplayMemory memory;
  memory.add(1, digest(1), 5'000'000);
  memory.add(1, digest(2), 9'000'000);
  memory.commit();
  memory.forget(6'000'000, 1'000);
  EXPECT_FALSE(memory.fresh(1, digest(3), 2'000, 1'000));
  memory.restart(1'000);
  EXPECT_TRUE(memory.fresh(1, digest(3), 2'000, 1'000));
  EXPECT_FALSE(memory.fresh(1, digest(2), 9'000'000, 1'000));
}

TEST(ReplayMemory, WhatIsForgottenStaysRefusedWhenTheClockGoesBack) {
  ReplayMemory memory;
  memory.add(1, digest(1), 5'000);
  memory.add(1, digest(2), 90'000);
  memory.commit();
  memory.forget(60'000, 1'000);
  EXPECT_EQ(memory.size(), 1U);
  EXPECT_EQ(memory.forgotten_through(), 5'000);
  EXPECT_FALSE(memory.fresh(1, digest(1), 5'000, 10));
  // Nothing else is refused for it.
  EXPECT_TRUE(memory.fresh(1, digest(3), 5'001, 10));
}

TEST(ReplayMemory, ForgetsInPieces) {
  ReplayMemory memory;
  for (int i = 0; i < 100; ++i) memory.add(i, digest(1), 100 + i);
  memory.commit();
  memory.forget(100'000, 30);
  EXPECT_EQ(memory.size(), 70U);
  memory.forget(100'000, 1'000);
  EXPECT_EQ(memory.size(), 0U);
}

// Whatever the clock does and whenever it forgets: a digest is never consumed twice, and what is
// new is refused only where it could have been forgotten.
RC_GTEST_PROP(ReplayMemory, P8_NoDigestIsConsumedTwiceHoweverTheClockGoes, ()) {
  ReplayMemory memory;
  std::map<std::pair<std::uint8_t, std::int64_t>, int> consumed;
  std::int64_t latest = 0;
  for (int i = *rc::gen::inRange(1, 60); i > 0; --i) {
    const auto now = *rc::gen::inRange<std::int64_t>(0, 40'000);
    latest = std::max(latest, now);
    const auto number = *rc::gen::inRange<std::uint8_t>(0, 5);
    // What a digest stands for has one expiry.
    const auto expires = std::int64_t{number} * 7'000 + 3'000;
    if (*rc::gen::inRange(0, 3) == 0) memory.forget(now, *rc::gen::inRange<std::size_t>(0, 4));
    if (memory.fresh(1, digest(number), expires, now)) {
      const auto rolled_back = *rc::gen::inRange(0, 4) == 0;
      memory.add(1, digest(number), expires);
      if (rolled_back) {
        memory.roll_back();
      } else {
        memory.commit();
        RC_ASSERT((++consumed[{number, expires}]) == 1);
      }
    } else {
      const bool known = consumed.contains({number, expires});
      RC_ASSERT(known || expires <= latest);
    }
  }
}

TEST(ReplayFloor, RisesOverWhatIsForgotten) {
  ReplayFloor floor;
  EXPECT_EQ(floor.rise(0, 0), std::nullopt);
  for (std::uint64_t i = 0; i < 10'000; ++i) floor.add(i, static_cast<std::int64_t>(1'000 + i));
  EXPECT_EQ(floor.rise(900, 10'000), std::nullopt);
  const auto first = floor.rise(6'000, 10'000);
  ASSERT_TRUE(first);
  // No proof from there on has been forgotten, and none before is left.
  EXPECT_GT(*first, 0U);
  EXPECT_LE(*first, 5'001U);
  EXPECT_EQ(floor.rise(6'000, 10'000), std::nullopt);
  EXPECT_EQ(floor.rise(20'000, 10'000), 10'000U);
  // Entries without a proof.
  EXPECT_EQ(floor.rise(20'000, 10'007), 10'007U);
}

TEST(ReplayFloor, StaysBelowWhatIsAppendedAgainAfterARollBack) {
  ReplayFloor floor;
  floor.add(0, 1'000);
  floor.add(5'000, 9'000);
  // The group was rolled back; these come in the same places.
  floor.add(1, 8'000);
  EXPECT_EQ(floor.rise(1'000, 2), std::nullopt);
  EXPECT_EQ(floor.rise(9'000, 2), 2U);
}

}  // namespace
}  // namespace writ::store
