// SPDX-License-Identifier: Apache-2.0
#include "broker/builds.h"

#include <latch>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "base/fake_clock.h"
#include "base/fake_random.h"

namespace writ::broker {
namespace {

constexpr ShareLimits kMany{.server = 16, .workspace = 16, .agent = 16};

// A job that stays where it is until it is told to go on.
struct Held {
  std::latch begun{1};
  std::latch go_on{1};
  int operator()() {
    begun.count_down();
    go_on.wait();
    return 1;
  }
};

class BuildsTest : public testing::Test {
 protected:
  BuildsTest() { loop_.start("builds"); }

  Holder holder(int user = 0) {
    while (users_.size() <= static_cast<std::size_t>(user))
      users_.push_back(UserId::make(clock_, random_).raw());
    return {.workspace = one_, .member = users_[static_cast<std::size_t>(user)]};
  }
  Holder of_another() {
    return {.workspace = WorkspaceId::make(clock_, random_),
            .member = UserId::make(clock_, random_).raw()};
  }

  // Begins on the loop, in the order of these calls.
  template <typename Function>
  OneShot<Expected<int>> begin(Builds& builds, Builds::SharedPlace place, Function function,
                               CancelToken cancel = {}) {
    OneShot<Expected<int>> out;
    spawn(loop_,
          [](Builds& to, Builds::SharedPlace at, Function job, CancelToken until,
             OneShot<Expected<int>> done) -> Task<void> {
            done.set(co_await to.run(std::move(at), std::move(job), std::move(until)));
          }(builds, std::move(place), std::move(function), std::move(cancel), out));
    return out;
  }
  template <typename Function>
  Expected<int> run(Builds& builds, Builds::SharedPlace place, Function function) {
    return end(begin(builds, std::move(place), std::move(function)));
  }
  Expected<int> end(const OneShot<Expected<int>>& done) {
    return run_on(loop_, done.wait()).value();
  }
  // Everything that was begun on the loop has reached its place in the line.
  void settle() {
    run_on(loop_, []() -> Task<void> { co_return; }());
  }

  FakeClock clock_;
  FakeRandom random_;
  SystemClock real_;
  Loop loop_{real_, milliseconds(1)};
  WorkspaceId one_ = WorkspaceId::make(clock_, random_);
  std::vector<id_detail::Raw> users_;
};

TEST_F(BuildsTest, P48_WhatIsBuiltIsOnNoLoop) {
  Builds builds;
  const auto loop =
      run_on(loop_, []() -> Task<std::thread::id> { co_return std::this_thread::get_id(); }());
  const auto on_loop = [loop] { return std::this_thread::get_id() == loop ? 1 : 0; };
  EXPECT_EQ(run(builds, builds.enter(holder()).value(), on_loop), 0);
}

TEST_F(BuildsTest, P48_AWorkspaceHasOneBuilderAndTheOtherIsLeftForOthers) {
  Held held;
  Builds builds(kMany, 2);
  const auto place = builds.enter(holder()).value();
  const auto first = begin(builds, place, [&held] { return held(); });
  held.begun.wait();
  std::atomic<bool> ran = false;
  const auto second = begin(builds, place, [&ran] { return ran = true, 2; });
  // Another workspace builds again and again meanwhile, and has a place each time.
  for (int i = 0; i < 20; ++i)
    EXPECT_EQ(run(builds, builds.enter(of_another()).value(), [i] { return i; }), i);
  EXPECT_FALSE(ran) << "both builders were one workspace's";
  held.go_on.count_down();
  EXPECT_EQ(end(first), 1);
  EXPECT_EQ(end(second), 2);
}

TEST_F(BuildsTest, P48_WorkspacesTakeTurnsHoweverLongTheirLines) {
  Held held;
  Builds builds(kMany, 1);
  std::vector<std::string> order;  // of the one builder
  const auto note = [&order](std::string name) {
    return [&order, name = std::move(name)] {
      order.push_back(name);
      return 0;
    };
  };
  const auto place = builds.enter(holder()).value();
  const auto first = begin(builds, place, [&held] { return held(); });
  held.begun.wait();
  std::vector<OneShot<Expected<int>>> all;
  for (const auto* name : {"a1", "a2", "a3"}) all.push_back(begin(builds, place, note(name)));
  all.push_back(begin(builds, builds.enter(of_another()).value(), note("b")));
  all.push_back(begin(builds, builds.enter(of_another()).value(), note("c")));
  settle();
  held.go_on.count_down();
  for (const auto& each : all) EXPECT_EQ(end(each), 0);
  EXPECT_EQ(order, (std::vector<std::string>{"b", "c", "a1", "a2", "a3"}));
}

TEST_F(BuildsTest, P48_WhoWaitsBeyondTheBoundIsToldWhichItIs) {
  Builds builds({.server = 4, .workspace = 3, .agent = 2});
  const auto one = builds.enter(holder());
  const auto two = builds.enter(holder());
  ASSERT_TRUE(one && two);
  const auto refused = builds.enter(holder());
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::rate_limited);
  EXPECT_EQ(exceeded(refused.error()), (Exceeded{.limit = "builds_per_user", .after = seconds(1)}));
  const auto three = builds.enter(holder(1));
  ASSERT_TRUE(three);
  EXPECT_EQ(exceeded(builds.enter(holder(1)).error())->limit, "builds_per_workspace");
  const auto elsewhere = builds.enter(of_another());
  ASSERT_TRUE(elsewhere) << "one workspace used up another's";
  EXPECT_EQ(exceeded(builds.enter(of_another()).error())->limit, "builds");
}

TEST_F(BuildsTest, P48_WhoGoesAwayFreesNothingBeforeTheJobHasEnded) {
  Held held;
  Builds builds({.server = 4, .workspace = 4, .agent = 4});
  const auto with = std::make_shared<int>(1);
  CancelSource gone;
  const auto caller =
      begin(builds, builds.enter(holder(), with).value(), [&held] { return held(); }, gone.token());
  held.begun.wait();
  // One that has not begun is never run, and waits for its turn to be dropped.
  std::atomic<bool> ran = false;
  const auto next =
      begin(builds, builds.enter(holder()).value(), [&ran] { return ran = true, 2; }, gone.token());
  settle();
  gone.cancel();
  EXPECT_EQ(end(caller).error().code, Errc::conflict);
  EXPECT_EQ(end(next).error().code, Errc::conflict);
  EXPECT_EQ(builds.held(holder()).member, 2U);
  EXPECT_EQ(with.use_count(), 2) << "its bytes were given back while the job has them";

  const auto last = builds.enter(holder()).value();
  const auto after = begin(builds, last, [] { return 3; });
  held.go_on.count_down();
  EXPECT_EQ(end(after), 3);
  EXPECT_FALSE(ran);
  EXPECT_EQ(builds.held(holder()).member, 1U) << "all but the last, which is here";
  EXPECT_EQ(with.use_count(), 1);
}

TEST_F(BuildsTest, P48_AStopAnswersEveryoneWhileAJobIsUnderWay) {
  Held held;
  Builds builds(kMany, 1);
  const auto place = builds.enter(holder()).value();
  const auto under_way = begin(builds, place, [&held] { return held(); });
  held.begun.wait();
  std::atomic<bool> ran = false;
  const auto waiting = begin(builds, place, [&ran] { return ran = true, 2; });
  const auto elsewhere =
      begin(builds, builds.enter(of_another()).value(), [&ran] { return ran = true, 3; });
  settle();
  builds.stop();
  for (const auto& each : {under_way, waiting, elsewhere}) {
    const auto answer = end(each);
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().code, Errc::unavailable);
    EXPECT_NE(answer.error().message.find("stopping"), std::string::npos);
  }
  EXPECT_EQ(run(builds, place, [] { return 4; }).error().code, Errc::unavailable);
  held.go_on.count_down();
  EXPECT_FALSE(ran);
}

}  // namespace
}  // namespace writ::broker
