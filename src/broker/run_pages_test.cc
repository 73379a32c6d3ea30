// SPDX-License-Identifier: Apache-2.0
#include "broker/run_pages.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "broker/testing.h"

namespace writ::broker {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

bool everyone(const delegation::Run& /*run*/) { return true; }

class RunPagesTest : public testing::Test {
 protected:
  Acme::SharedRun start(const char* user = "alice") {
    acme_.clock().advance(milliseconds(1));
    return acme_.start("plan", user);
  }
  Acme::SharedRun ended(const char* user = "alice") {
    auto run = start(user);
    acme_.revoke(run->id);
    return run;
  }
  RunPage page(RunState state, std::optional<RunCursor> from = std::nullopt,
               RunPageLimits limits = {},
               const std::function<bool(const delegation::Run&)>& test = everyone) {
    return acme_.run(list_runs(acme_.workspace(), state, from, test, limits)).value();
  }
  // All pages, and how many there were.
  std::pair<std::vector<RunId>, int> all(
      RunState state, RunPageLimits limits,
      const std::function<bool(const delegation::Run&)>& test = everyone) {
    std::vector<RunId> out;
    std::optional<RunCursor> from;
    for (int pages = 1; pages < 1000; ++pages) {
      const auto part = page(state, from, limits, test);
      EXPECT_LE(part.runs.size(), limits.runs);
      for (const auto& listed : part.runs) out.push_back(listed.run.run->id);
      if (!part.next) return {out, pages};
      from = RunCursor::parse(part.next->to_string()).value();
    }
    ADD_FAILURE() << "it never ends";
    return {out, 0};
  }

  Acme acme_;
};

// A run of thirty days, then many short ones: the one that lives was missing.
TEST_F(RunPagesTest, P34_TheLivingComeFirstHoweverManyHaveEndedSince) {
  const auto old = start();
  std::vector<RunId> latest;
  for (int i = 0; i < 30; ++i) latest.insert(latest.begin(), ended()->id);
  const auto first = page(RunState::any, {}, {.runs = 3, .records = 100});
  ASSERT_THAT(first.runs, SizeIs(3));
  EXPECT_EQ(first.runs[0].run.run->id, old->id);
  EXPECT_TRUE(first.runs[0].living);
  EXPECT_EQ(first.runs[1].run.run->id, latest[0]);
  ASSERT_TRUE(first.next.has_value());
  latest.insert(latest.begin(), old->id);
  EXPECT_EQ(all(RunState::any, {.runs = 3, .records = 100}).first, latest);
}

TEST_F(RunPagesTest, P34_AStateIsAskedForAndEveryRunIsOnOnePage) {
  std::vector<RunId> living;
  std::vector<RunId> over;
  for (int i = 0; i < 7; ++i) {
    over.insert(over.begin(), ended()->id);
    living.insert(living.begin(), start()->id);
  }
  for (std::size_t runs = 1; runs < 9; ++runs) {
    EXPECT_EQ(all(RunState::living, {.runs = runs, .records = 5}).first, living) << runs;
    EXPECT_EQ(all(RunState::ended, {.runs = runs, .records = 5}).first, over) << runs;
  }
  // The last page says that it is.
  EXPECT_EQ(page(RunState::living, {}, {.runs = 7, .records = 5}).next, std::nullopt);
}

TEST_F(RunPagesTest, P37_TheWorkOfAPageIsBoundedWhoeverAsks) {
  for (int i = 0; i < 20; ++i) (void)ended("bob");
  const auto mine = ended("alice");
  for (int i = 0; i < 20; ++i) (void)ended("bob");
  int seen = 0;
  const auto is_mine = [&](const delegation::Run& run) {
    ++seen;
    return run.user == acme_.user_id("alice");
  };
  const auto first = page(RunState::any, {}, {.runs = 100, .records = 8}, is_mine);
  EXPECT_THAT(first.runs, IsEmpty());
  EXPECT_TRUE(first.next.has_value());
  EXPECT_EQ(seen, 8);
  EXPECT_THAT(all(RunState::any, {.runs = 100, .records = 8}, is_mine).first,
              ElementsAre(mine->id));
}

TEST_F(RunPagesTest, ACursorOfAnotherListIsRefused) {
  for (const auto* text : {"", "living-", "living-run_", "ended-act_1", "x", "run_"})
    EXPECT_EQ(RunCursor::parse(text).error().code, Errc::invalid_input) << text;
}

}  // namespace
}  // namespace writ::broker
