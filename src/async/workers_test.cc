// SPDX-License-Identifier: Apache-2.0
#include "async/workers.h"

#include <atomic>
#include <latch>

#include <gtest/gtest.h>

#include "base/clock.h"

namespace writ {
namespace {

class WorkersTest : public testing::Test {
 protected:
  WorkersTest() { loop_.start("workers"); }

  SystemClock clock_;
  Loop loop_{clock_, milliseconds(1)};
};

TEST_F(WorkersTest, AFullQueueIsSaidAtOnceAndNothingIsRun) {
  std::latch begun(1);
  std::latch go_on(1);
  std::atomic<int> ran = 0;
  Workers workers(1, 1);
  const auto block = [&begun, &go_on] {
    begun.count_down();
    go_on.wait();
    return 1;
  };
  const auto count = [&ran] { return ++ran; };
  OneShot<bool> done;
  spawn(loop_, [](Workers& to, auto job, OneShot<bool> out) -> Task<void> {
    out.set((co_await to.run(job)).has_value());
  }(workers, block, done));
  begun.wait();
  OneShot<bool> queued;
  spawn(loop_, [](Workers& to, auto job, OneShot<bool> out) -> Task<void> {
    out.set((co_await to.run(job)).has_value());
  }(workers, count, queued));
  // The loop runs its tasks in order, so that one waits in the queue by now.
  const auto refused = run_on(loop_, workers.run(count));
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, Errc::unavailable);
  EXPECT_EQ(ran, 0);
  go_on.count_down();
  EXPECT_EQ(run_on(loop_, done.wait()), true);
  EXPECT_EQ(run_on(loop_, queued.wait()), true);
  EXPECT_EQ(ran, 1);
}

TEST_F(WorkersTest, ACancelledWaitEndsAndTheCallRunsOn) {
  std::latch go_on(1);
  std::atomic<bool> ran = false;
  {
    Workers workers(1, 4);
    CancelSource cancel;
    cancel.cancel();
    const auto ended = run_on(loop_, workers.run(
                                         [&] {
                                           go_on.wait();
                                           ran = true;
                                           return 1;
                                         },
                                         {.deadline = Deadline::kNever, .cancel = cancel.token()}));
    EXPECT_EQ(ended.error().code, Errc::unavailable);
    go_on.count_down();
    // One that comes after it in the queue has run, so that one has too.
    EXPECT_TRUE(run_on(loop_, workers.run([] { return 2; })).has_value());
  }
  EXPECT_TRUE(ran);
}

TEST_F(WorkersTest, CallsRunOnAsManyThreadsAsThereAre) {
  Workers workers(2, 4);
  // Neither can end before the other has begun.
  std::latch both(2);
  const auto meet = [&both] {
    both.arrive_and_wait();
    return true;
  };
  OneShot<bool> one;
  spawn(loop_, [](Workers& to, auto job, OneShot<bool> out) -> Task<void> {
    out.set((co_await to.run(job)).value());
  }(workers, meet, one));
  EXPECT_TRUE(run_on(loop_, workers.run(meet)).value());
  EXPECT_EQ(run_on(loop_, one.wait()), true);
}

TEST_F(WorkersTest, APoolHasItsLoopsEachOnAThreadOfItsOwn) {
  LoopPool pool(clock_, 3);
  pool.start();
  std::set<std::thread::id> threads;
  for (std::size_t i = 0; i < pool.size(); ++i) {
    threads.insert(run_on(
        pool.at(i), []() -> Task<std::thread::id> { co_return std::this_thread::get_id(); }()));
  }
  EXPECT_EQ(threads.size(), 3U);
  pool.stop();
}

TEST_F(WorkersTest, APauseEndsAtItsTimeOrByCancellation) {
  EXPECT_EQ(
      run_on(loop_, sleep_until({.deadline = clock_.steady_now() + milliseconds(2), .cancel = {}})),
      WaitEnd::timed_out);
  CancelSource cancel;
  cancel.cancel();
  EXPECT_EQ(run_on(loop_, sleep_until({.deadline = Deadline::kNever, .cancel = cancel.token()})),
            WaitEnd::cancelled);
}

}  // namespace
}  // namespace writ
