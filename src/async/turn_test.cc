// SPDX-License-Identifier: Apache-2.0
#include "async/turn.h"

#include <vector>

#include <gtest/gtest.h>

#include "async/loop.h"
#include "base/clock.h"
#include "base/metered_budget.h"

namespace writ {
namespace {

void spend(std::uint64_t steps) {
  MeteredBudget budget(steps);
  EXPECT_TRUE(budget.spend(steps));
}

class TurnTest : public testing::Test {
 public:
  TurnTest() { loop_.start("turns"); }
  ~TurnTest() override { loop_.stop(); }

 protected:
  std::vector<std::uint64_t> turns_;  // the loop's alone, until it has stopped
  SystemClock clock_;
  Loop loop_{clock_, milliseconds(100), [this](std::uint64_t steps) {
               if (steps > 0) turns_.push_back(steps);
             }};
};

TEST_F(TurnTest, P48_AHeavyTurnLetsOthersGoFirst) {
  std::vector<int> order;
  run_on(loop_, [](Loop& loop, std::vector<int>& to) -> Task<void> {
    spend(kLightTurn);
    EXPECT_FALSE(turn_is_heavy());
    loop.post([&to] { to.push_back(1); });
    spend(1);
    EXPECT_TRUE(turn_is_heavy());
    if (turn_is_heavy()) co_await end_turn();
    to.push_back(2);
    EXPECT_FALSE(turn_is_heavy());
    spend(5);
  }(loop_, order));
  loop_.stop();
  EXPECT_EQ(order, (std::vector{1, 2}));
  EXPECT_EQ(turns_, (std::vector<std::uint64_t>{kLightTurn + 1, 5}));
}

TEST_F(TurnTest, WhatAnotherThreadSpendsIsItsOwn) {
  spend(7 * kLightTurn);
  run_on(loop_, []() -> Task<void> {
    EXPECT_FALSE(turn_is_heavy());
    co_return;
  }());
  loop_.stop();
  EXPECT_TRUE(turns_.empty());
}

}  // namespace
}  // namespace writ
