// SPDX-License-Identifier: Apache-2.0
#include "broker/time_guard.h"

#include <gtest/gtest.h>

#include "async/loop.h"
#include "base/fake_clock.h"
#include "broker/fake_store.h"

namespace writ::broker {
namespace {

class Time : public testing::Test {
 protected:
  Time() { loop_.start("time"); }

  std::shared_ptr<WorkspaceStore> server() { return store_.workspace(WorkspaceId()); }
  Expected<void> advance(TimeGuard& guard) { return run_on(loop_, guard.advance()); }

  FakeClock clock_;
  FakeStore store_{clock_};
  TimeGuard guard_{clock_, server()};
  Loop loop_{clock_, milliseconds(1)};
};

TEST_F(Time, P24_NothingGoesOnBeforeTheMarkIsRead) {
  EXPECT_EQ(guard_.check().error().code, Errc::unavailable);
  ASSERT_TRUE(advance(guard_).has_value());
  EXPECT_TRUE(guard_.check().has_value());
}

TEST_F(Time, P24_AClockMoreThanThirtySecondsBehindStopsEverythingAndComesBackByItself) {
  ASSERT_TRUE(advance(guard_).has_value());
  const auto start = clock_.now();
  clock_.set_wall(start - seconds(30));
  EXPECT_TRUE(guard_.check().has_value());
  clock_.set_wall(start - seconds(30) - milliseconds(1));
  EXPECT_EQ(guard_.check().error().code, Errc::unavailable);
  EXPECT_EQ(advance(guard_).error().code, Errc::unavailable);
  clock_.set_wall(start - seconds(30));
  EXPECT_TRUE(guard_.check().has_value());
}

// failures.md 8: the clock back an hour, and a restart.
TEST_F(Time, P24_TheMarkOutlivesARestart) {
  ASSERT_TRUE(advance(guard_).has_value());
  clock_.advance(std::chrono::hours(1));
  ASSERT_TRUE(advance(guard_).has_value());
  clock_.set_wall(clock_.now() - std::chrono::hours(1));
  TimeGuard restarted(clock_, server());
  EXPECT_EQ(advance(restarted).error().code, Errc::unavailable);
  EXPECT_EQ(restarted.check().error().code, Errc::unavailable);
  clock_.advance(std::chrono::hours(1));
  EXPECT_TRUE(advance(restarted).has_value());
}

TEST_F(Time, P24_WhatWasSeenBetweenTwoWritesCountsToo) {
  ASSERT_TRUE(advance(guard_).has_value());
  clock_.advance(std::chrono::minutes(5));
  ASSERT_TRUE(guard_.check().has_value());
  clock_.set_wall(clock_.now() - std::chrono::minutes(4));
  EXPECT_FALSE(guard_.check().has_value());
}

TEST_F(Time, P24_AMarkNeverGoesBack) {
  ASSERT_TRUE(advance(guard_).has_value());
  const auto high = clock_.now();
  clock_.set_wall(high - seconds(20));
  ASSERT_TRUE(advance(guard_).has_value());
  TimeGuard restarted(clock_, server());
  ASSERT_TRUE(advance(restarted).has_value());
  clock_.set_wall(high - seconds(31));
  EXPECT_FALSE(restarted.check().has_value());
}

TEST_F(Time, P24_TwoNodesRaiseOneMark) {
  TimeGuard other(clock_, server());
  ASSERT_TRUE(advance(guard_).has_value());
  ASSERT_TRUE(advance(other).has_value());
  clock_.advance(seconds(60));
  ASSERT_TRUE(advance(other).has_value());
  // This one's revision is behind by now.
  clock_.advance(seconds(60));
  ASSERT_TRUE(advance(guard_).has_value());
  clock_.set_wall(clock_.now() - seconds(40));
  EXPECT_FALSE(advance(other).has_value() && other.check().has_value() &&
               TimeGuard(clock_, server()).check().has_value());
  TimeGuard restarted(clock_, server());
  EXPECT_FALSE(advance(restarted).has_value());
}

TEST_F(Time, P24_AMarkThatCannotBeReadIsARefusal) {
  Unit unit;
  unit.puts.push_back({RecordKind::setting, "time", 0, "{}"});
  ASSERT_TRUE(run_on(loop_, server()->commit(std::move(unit))).has_value());
  EXPECT_FALSE(advance(guard_).has_value());
  EXPECT_FALSE(guard_.check().has_value());
}

TEST_F(Time, P24_AMarkThatCannotBeWrittenIsSaidAndTriedAgain) {
  store_.fail_next_commit(fail(Errc::unavailable, "the disk is full").error());
  EXPECT_EQ(advance(guard_).error().message, "the disk is full");
  EXPECT_TRUE(advance(guard_).has_value());
  TimeGuard restarted(clock_, server());
  const auto high = clock_.now();
  ASSERT_TRUE(advance(restarted).has_value());
  clock_.set_wall(high - seconds(31));
  EXPECT_FALSE(restarted.check().has_value());
}

}  // namespace
}  // namespace writ::broker
