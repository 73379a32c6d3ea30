// SPDX-License-Identifier: Apache-2.0
#include "async/timer.h"

#include <list>
#include <random>

#include <gtest/gtest.h>

namespace writ {
namespace {

using namespace std::chrono_literals;

class TimerTest : public testing::Test {
 protected:
  SteadyPoint start_{1000s};
  int wakes_ = 0;
  TimerWheel wheel_{start_, 100ms, [this] { ++wakes_; }};
};

TEST_F(TimerTest, FiresAtTheFirstTickThatIsNotEarly) {
  int fired = 0;
  Deadline deadline(wheel_, [&] { ++fired; });
  deadline.arm(start_ + 250ms);
  wheel_.advance(start_ + 249ms);
  EXPECT_EQ(fired, 0);
  wheel_.advance(start_ + 300ms);
  EXPECT_EQ(fired, 1);
  wheel_.advance(start_ + 10s);
  EXPECT_EQ(fired, 1);
  EXPECT_TRUE(wheel_.empty());
}

TEST_F(TimerTest, MovingLaterAndDisarmingHold) {
  int fired = 0;
  Deadline later(wheel_, [&] { ++fired; });
  Deadline never(wheel_, [&] { ++fired; });
  later.arm(start_ + 100ms);
  later.arm(start_ + 1s);
  never.arm(start_ + 100ms);
  never.disarm();
  wheel_.advance(start_ + 900ms);
  EXPECT_EQ(fired, 0);
  wheel_.advance(start_ + 1s);
  EXPECT_EQ(fired, 1);
  EXPECT_TRUE(wheel_.empty());
}

TEST_F(TimerTest, MovingEarlierHolds) {
  int fired = 0;
  Deadline deadline(wheel_, [&] { ++fired; });
  deadline.arm(start_ + 1h);
  deadline.arm(start_ + 100ms);
  wheel_.advance(start_ + 100ms);
  EXPECT_EQ(fired, 1);
}

TEST_F(TimerTest, APastDeadlineFiresAtTheNextTick) {
  int fired = 0;
  Deadline deadline(wheel_, [&] { ++fired; });
  deadline.arm(start_ - 1h);
  wheel_.advance(start_ + 100ms);
  EXPECT_EQ(fired, 1);
}

TEST_F(TimerTest, ACallbackMayDestroyItsOwnAndOtherDeadlines) {
  std::list<Deadline> deadlines;
  for (int i = 0; i < 10; ++i) {
    deadlines.emplace_back(wheel_, [&] { deadlines.clear(); });
    deadlines.back().arm(start_ + 100ms);
  }
  wheel_.advance(start_ + 100ms);
  EXPECT_TRUE(deadlines.empty());
  EXPECT_TRUE(wheel_.empty());
}

TEST_F(TimerTest, TheWheelAsksForTicksOnlyWhenItCeasesToBeEmpty) {
  Deadline one(wheel_, [] {});
  Deadline two(wheel_, [] {});
  one.arm(start_ + 100ms);
  two.arm(start_ + 200ms);
  EXPECT_EQ(wakes_, 1);
  wheel_.advance(start_ + 200ms);
  one.arm(start_ + 300ms);
  EXPECT_EQ(wakes_, 2);
}

TEST_F(TimerTest, RandomDeadlinesNeverFireEarlyNorMoreThanATickLate) {
  std::mt19937 random(7);
  struct Timed {
    explicit Timed(TimerWheel& wheel) : deadline(wheel, [this] { fired = true; }) {}
    Deadline deadline;
    SteadyPoint at;
    bool fired = false;
  };
  std::list<Timed> all;
  for (int i = 0; i < 300; ++i) {
    auto& timed = all.emplace_back(wheel_);
    // Up to three turns of the wheel.
    timed.at = start_ + milliseconds(random() % 80'000);
    timed.deadline.arm(timed.at);
  }
  for (auto now = start_; now < start_ + 82s; now += milliseconds(random() % 400)) {
    wheel_.advance(now);
    for (const auto& timed : all) {
      if (timed.at > now) EXPECT_FALSE(timed.fired);
      if (timed.at + 100ms <= now) EXPECT_TRUE(timed.fired);
    }
  }
}

}  // namespace
}  // namespace writ
