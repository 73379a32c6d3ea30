// SPDX-License-Identifier: Apache-2.0
#include <atomic>
#include <future>
#include <thread>

#include <gtest/gtest.h>

#include "async/cancel.h"
#include "async/event.h"
#include "async/loop.h"
#include "async/workers.h"
#include "base/clock.h"

namespace writ {
namespace {

using namespace std::chrono_literals;

// A loop with a quick tick, and a way to run a task on it and wait for its result.
class AsyncTest : public testing::Test {
 protected:
  AsyncTest() { loop_.start("test"); }

  template <typename T>
  T run(Task<T> task) {
    return run_on(loop_, std::move(task));
  }

  SteadyPoint soon() const { return clock_.steady_now() + 5ms; }

  SystemClock clock_;
  Loop loop_{clock_, 1ms};
};

TEST_F(AsyncTest, AValueSetBeforeTheWaitIsTaken) {
  const OneShot<std::string> event;
  EXPECT_TRUE(event.set("first"));
  EXPECT_FALSE(event.set("second"));
  EXPECT_EQ(run(event.wait()), "first");
}

TEST_F(AsyncTest, AValueSetByAnotherThreadResumesTheTask) {
  const OneShot<std::unique_ptr<int>> event;
  std::thread setter([&] { event.set(std::make_unique<int>(7)); });
  const auto value = run(event.wait({.deadline = clock_.steady_now() + 30s, .cancel = {}}));
  setter.join();
  ASSERT_TRUE(value);
  EXPECT_EQ(**value, 7);
}

TEST_F(AsyncTest, AWaitEndsAtItsDeadline) {
  const OneShot<int> event;
  const auto by = soon();
  EXPECT_EQ(run(event.wait({.deadline = by, .cancel = {}})), std::unexpected(WaitEnd::timed_out));
  EXPECT_GE(clock_.steady_now(), by);
  // Late is harmless.
  EXPECT_TRUE(event.set(1));
}

TEST_F(AsyncTest, ACancelledTokenEndsTheWait) {
  const OneShot<int> event;
  CancelSource source;
  std::thread canceller([&] { source.cancel(); });
  EXPECT_EQ(run(event.wait({.deadline = Deadline::kNever, .cancel = source.token()})),
            std::unexpected(WaitEnd::cancelled));
  canceller.join();
  EXPECT_EQ(run(event.wait({.deadline = Deadline::kNever, .cancel = source.token()})),
            std::unexpected(WaitEnd::cancelled));
}

TEST_F(AsyncTest, SettingRacesWithTheDeadlineWithoutHarm) {
  std::atomic<int> values = 0;
  std::atomic<int> timeouts = 0;
  constexpr int kRounds = 500;
  std::vector<OneShot<int>> events(kRounds);
  std::vector<std::promise<void>> done(kRounds);
  for (std::size_t i = 0; i < kRounds; ++i) {
    spawn(loop_,
          [](OneShot<int> event, SteadyPoint by, std::atomic<int>& ok, std::atomic<int>& late,
             std::promise<void>& end) -> Task<void> {
            const auto result = co_await event.wait({.deadline = by, .cancel = {}});
            ++(result ? ok : late);
            end.set_value();
          }(events[i], clock_.steady_now() + 1ms, values, timeouts, done[i]));
  }
  for (auto& event : events) event.set(1);
  for (auto& promise : done) promise.get_future().get();
  EXPECT_EQ(values + timeouts, kRounds);
}

TEST_F(AsyncTest, ABroadcastWakesAllWhoWait) {
  const Broadcast broadcast;
  constexpr int kWaiters = 20;
  std::vector<std::promise<std::uint64_t>> done(kWaiters);
  for (auto& promise : done) {
    spawn(loop_, [](Broadcast event, std::promise<std::uint64_t>& out) -> Task<void> {
      const auto version = co_await event.wait_past(0);
      out.set_value(version.value_or(0));
    }(broadcast, promise));
  }
  broadcast.notify();
  for (auto& promise : done) EXPECT_EQ(promise.get_future().get(), 1U);
  EXPECT_EQ(run(broadcast.wait_past(0)), 1U);
}

TEST_F(AsyncTest, P15_ACancellationIsAcknowledgedOnlyAfterEveryCallback) {
  Loop other(clock_, 1ms);
  other.start("other");
  CancelSource source;
  std::atomic<int> ran = 0;
  std::optional<CancelRegistration> one;
  std::optional<CancelRegistration> two;
  std::promise<void> registered_one;
  std::promise<void> registered_two;
  loop_.post([&] {
    one.emplace(source.token(), loop_, [&] { ++ran; });
    registered_one.set_value();
  });
  other.post([&] {
    two.emplace(source.token(), other, [&] { ++ran; });
    registered_two.set_value();
  });
  registered_one.get_future().get();
  registered_two.get_future().get();

  std::promise<int> first;
  std::promise<int> second;
  source.cancel([&] { first.set_value(ran); });
  source.cancel([&] { second.set_value(ran); });
  EXPECT_EQ(first.get_future().get(), 2);
  EXPECT_EQ(second.get_future().get(), 2);
  EXPECT_TRUE(source.cancelled());

  std::promise<void> ended;
  loop_.post([&] { one.reset(); });
  other.post([&] {
    two.reset();
    ended.set_value();
  });
  ended.get_future().get();
  loop_.stop();
}

// What a loop has in flight, and that loop busy until free().
class BusyLoop {
 public:
  BusyLoop(Loop& loop, const CancelToken& token) : loop_(loop) {
    std::promise<void> registered;
    loop_.post([this, token, &registered] {
      in_flight_.emplace(token, loop_, [this] { stopped_ = true; });
      registered.set_value();
      freed_.get_future().wait();
    });
    registered.get_future().wait();
  }
  ~BusyLoop() {
    std::promise<void> ended;
    loop_.post([&] {
      in_flight_.reset();
      ended.set_value();
    });
    ended.get_future().wait();
  }
  void free() { freed_.set_value(); }
  bool stopped() const { return stopped_; }

 private:
  Loop& loop_;
  std::optional<CancelRegistration> in_flight_;
  std::promise<void> freed_;
  std::atomic<bool> stopped_ = false;
};

TEST_F(AsyncTest, I4_P15_OfTwoCancellationsAtOnceNoneIsAcknowledgedBeforeTheCallback) {
  constexpr int kRounds = 1'000;
  std::atomic<int> early = 0;
  for (int round = 0; round < kRounds; ++round) {
    CancelSource source;
    BusyLoop busy(loop_, source.token());
    std::atomic<int> left = 2;
    std::atomic<int> ready = 0;
    std::promise<void> acknowledged;
    const auto cancel = [&] {
      ++ready;
      // Without yielding, which would tell them apart.
      while (ready < 2) {
      }
      source.cancel([&] {
        if (!busy.stopped()) ++early;
        if (--left == 0) acknowledged.set_value();
      });
    };
    std::thread other(cancel);
    cancel();
    other.join();
    busy.free();
    acknowledged.get_future().wait();
  }
  EXPECT_EQ(early, 0);
}

TEST_F(AsyncTest, I4_ACancellationWaitsForWhatRegisteredAfterAnEarlierOne) {
  CancelSource source;
  source.cancel();
  BusyLoop late(loop_, source.token());
  std::promise<bool> acknowledged;
  source.cancel([&] { acknowledged.set_value(late.stopped()); });
  late.free();
  EXPECT_TRUE(acknowledged.get_future().get());
}

TEST_F(AsyncTest, I4_ACancellationWaitsForAFollowerThatWasCancelledBefore) {
  CancelSource run;
  CancelSource call;
  call.follow(run.token());
  BusyLoop busy(loop_, call.token());
  call.cancel();
  std::promise<bool> acknowledged;
  run.cancel([&] { acknowledged.set_value(busy.stopped()); });
  busy.free();
  EXPECT_TRUE(acknowledged.get_future().get());
}

TEST_F(AsyncTest, ARegistrationThatEndedIsNotCalled) {
  CancelSource source;
  bool called = false;
  std::promise<void> done;
  loop_.post([&] {
    CancelRegistration registration(source.token(), loop_, [&] { called = true; });
    source.cancel();
    registration.reset();
    loop_.post([&] { done.set_value(); });
  });
  done.get_future().get();
  EXPECT_FALSE(called);
}

TEST_F(AsyncTest, ASourceFollowsAnotherAndItsAcknowledgement) {
  CancelSource run_revoked;
  CancelSource call;
  call.follow(run_revoked.token());
  std::atomic<bool> stopped = false;
  std::optional<CancelRegistration> registration;
  std::promise<void> registered;
  loop_.post([&] {
    registration.emplace(call.token(), loop_, [&] { stopped = true; });
    registered.set_value();
  });
  registered.get_future().get();
  std::promise<bool> acknowledged;
  run_revoked.cancel([&] { acknowledged.set_value(stopped); });
  EXPECT_TRUE(acknowledged.get_future().get());
  EXPECT_TRUE(call.cancelled());

  CancelSource late;
  late.follow(run_revoked.token());
  EXPECT_TRUE(late.cancelled());
  std::promise<void> ended;
  loop_.post([&] {
    registration.reset();
    ended.set_value();
  });
  ended.get_future().get();
}

TEST_F(AsyncTest, WorkersRunBlockingCallsElsewhere) {
  Workers workers(1, 10);
  const auto loop_thread =
      run([]() -> Task<std::thread::id> { co_return std::this_thread::get_id(); }());
  const auto worker_thread = run(workers.run([] { return std::this_thread::get_id(); }));
  ASSERT_TRUE(worker_thread);
  EXPECT_NE(*worker_thread, loop_thread);
}

TEST_F(AsyncTest, AHangingCallEndsAtItsDeadlineForItsTask) {
  std::promise<void> release;
  {
    Workers workers(1, 10);
    auto gate = release.get_future().share();
    const auto result = run(workers.run(
        [gate] {
          gate.wait();
          return 1;
        },
        {.deadline = soon(), .cancel = {}}));
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().code, Errc::unavailable);
    release.set_value();
  }
}

TEST(Loop, WhatIsSuspendedGoesWithItsLoop) {
  const SystemClock clock;
  const OneShot<int> event;
  CancelSource source;
  auto alive = std::make_shared<int>(1);
  std::promise<void> suspended;
  {
    Loop loop(clock, 1ms);
    loop.start("short");
    spawn(loop, [](OneShot<int> never, CancelToken token, std::shared_ptr<int>) -> Task<void> {
      co_await never.wait(
          {.deadline = SteadyPoint(1h) + SystemClock().steady_now().time_since_epoch(),
           .cancel = token});
    }(event, source.token(), alive));
    loop.post([&] { suspended.set_value(); });
    suspended.get_future().get();
    EXPECT_EQ(alive.use_count(), 2);
  }
  EXPECT_EQ(alive.use_count(), 1);
  // Nobody is left to be woken.
  event.set(1);
  source.cancel();
}

}  // namespace
}  // namespace writ
