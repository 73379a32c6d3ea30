// SPDX-License-Identifier: Apache-2.0
#include "broker/housekeeping.h"

#include <atomic>
#include <future>
#include <thread>

#include <gtest/gtest.h>

#include "broker/janitor.h"
#include "broker/recovery.h"
#include "broker/testing.h"

namespace writ::broker {
namespace {

class HousekeepingTest : public ::testing::Test {
 protected:
  Expected<std::size_t> end_runs() {
    return acme_.run(end_runs_past_their_end(acme_.workspace(), acme_.clock(), acme_.random()));
  }
  Record record(RunId id) {
    return acme_.run(acme_.workspace().store().get(RecordKind::run, id.to_string()))
        .value()
        .value();
  }
  RunRecord run_record(RunId id) {
    return RunRecord::from_json(parse_json(record(id).value).value()).value();
  }
  ResumePoint resume_point() {
    return acme_.run(read_resume_point(acme_.workspace().store())).value();
  }
  void move_on() { ASSERT_TRUE(acme_.run(points_.move_on(acme_.workspace()))); }
  Sendable send_read(const delegation::Run& run) {
    FakeDialer dialer;
    auto sent = acme_.run(acme_.calls().prepare(acme_.workspace(), acme_.read(run), dialer, {}));
    EXPECT_TRUE(sent);
    return std::move(*sent);
  }
  std::uint64_t log_size() { return acme_.run(acme_.workspace().store().log_size()).value(); }

  Acme acme_;
  ResumePoints points_{acme_.approvals(), acme_.clock()};
};

TEST_F(HousekeepingTest, P9_ARunsEndIsRecordedOnceAndTheRunForgotten) {
  const auto billing = acme_.refund_chain();
  EXPECT_EQ(end_runs(), 0U);
  EXPECT_EQ(run_record(billing->id).state_at(acme_.clock().now()), "running");
  acme_.clock().set_wall(billing->ends);
  const auto ended = end_runs();
  ASSERT_TRUE(ended);
  EXPECT_GE(*ended, 1U);
  EXPECT_EQ(acme_.entries(audit::Kind::run_ended).size(), *ended);
  EXPECT_EQ(acme_.workspace().runs().find(billing->id), nullptr);
  EXPECT_EQ(record(billing->id).revision, 2U);
  EXPECT_EQ(run_record(billing->id).state_at(acme_.clock().now()), "ended");
  EXPECT_EQ(end_runs(), 0U);
}

TEST_F(HousekeepingTest, I4_ARunsEndStopsWhatItHasInFlightBeforeTheRunIsForgotten) {
  const auto billing = acme_.refund_chain();
  const auto token = acme_.workspace().runs().token(billing->id);
  const SystemClock clock;
  Loop other(clock, milliseconds(1));
  other.start("calls");
  std::promise<void> busy;
  std::promise<void> freed;
  bool stopped = false;
  std::unique_ptr<CancelRegistration> in_flight;
  other.post([&] {
    in_flight = std::make_unique<CancelRegistration>(token, other, [&] { stopped = true; });
    busy.set_value();
    freed.get_future().wait();
  });
  busy.get_future().wait();

  acme_.clock().set_wall(billing->ends);
  auto ended = std::async(std::launch::async, [&] { return end_runs(); });
  while (!token.cancelled()) std::this_thread::yield();
  // After the turn in which it was cancelled.
  acme_.run([]() -> Task<void> { co_return; }());
  EXPECT_EQ(acme_.workspace().runs().family(billing->id), std::vector<RunId>{billing->id});
  freed.set_value();
  EXPECT_TRUE(ended.get());
  EXPECT_EQ(acme_.workspace().runs().find(billing->id), nullptr);
  run_on(other, [](std::unique_ptr<CancelRegistration> last) -> Task<void> {
    last.reset();
    co_return;
  }(std::move(in_flight)));
  EXPECT_TRUE(stopped);
  other.stop();
}

TEST_F(HousekeepingTest, ARevokedRunIsNotSaidToHaveEndedByItself) {
  const auto planner = acme_.start("plan");
  const auto other = acme_.start("plan");
  acme_.end_record(planner->id);  // durable, and not yet seen in memory
  acme_.clock().advance(std::chrono::hours(48));
  EXPECT_EQ(end_runs(), 1U);
  EXPECT_EQ(acme_.entries(audit::Kind::run_ended).size(), 1U);
  EXPECT_EQ(run_record(planner->id).state_at(acme_.clock().now()), "revoked");
  EXPECT_EQ(run_record(other->id).state_at(acme_.clock().now()), "ended");
}

TEST_F(HousekeepingTest, AnEndThatCannotBeWrittenIsForTheNextTime) {
  const auto planner = acme_.start("plan");
  acme_.clock().advance(std::chrono::hours(48));
  acme_.store().fail_next_commit(fail(Errc::unavailable, "the disk is full").error());
  EXPECT_FALSE(end_runs());
  EXPECT_NE(acme_.workspace().runs().find(planner->id), nullptr);
  EXPECT_EQ(end_runs(), 1U);
}

TEST_F(HousekeepingTest, I6_TheResumePointNeverPassesAnOpenIntent) {
  const auto billing = acme_.refund_chain();
  const auto open = send_read(*billing);
  const auto done = send_read(*billing);
  ASSERT_TRUE(acme_.run(acme_.finish(done.action, tools::Outcome::done)));
  move_on();
  move_on();
  EXPECT_EQ(resume_point().log, open.action.log_index());
  ASSERT_TRUE(acme_.run(acme_.finish(open.action, tools::Outcome::done)));
  move_on();
  move_on();
  EXPECT_EQ(resume_point().log, log_size());
}

// An intent that is durable, and whose task has not come to say so to OpenIntents yet.
TEST_F(HousekeepingTest, I6_TheResumePointNeverPassesAnIntentThatIsJustBeingRecorded) {
  const auto billing = acme_.refund_chain();
  move_on();
  const auto before = log_size();
  const auto sent = send_read(*billing);
  acme_.workspace().open_intents().remove(sent.action.log_index());
  move_on();
  EXPECT_LE(resume_point().log, before);
  acme_.workspace().open_intents().recorded(0, sent.action.log_index());
  move_on();
  EXPECT_EQ(acme_.run(recover(acme_.workspace(), acme_.clock(), acme_.random(), acme_.log())), 1U);
}

// However long its task waits for its turn after the commit.
TEST_F(HousekeepingTest, I6_AnIntentIsOpenFromBeforeItsCommitOn) {
  const auto billing = acme_.refund_chain();
  ASSERT_TRUE(acme_.run(acme_.finish(send_read(*billing).action, tools::Outcome::done)));
  const auto before = log_size();
  acme_.store().hold_commits();
  FakeDialer dialer;
  std::promise<std::uint64_t> sent;
  spawn(acme_.loop(),
        [](Task<std::expected<Sendable, Stopped>> task,
           std::promise<std::uint64_t>& out) -> Task<void> {
          out.set_value((co_await std::move(task))->action.log_index());
        }(acme_.calls().prepare(acme_.workspace(), acme_.read(*billing), dialer, {}), sent));
  while (acme_.store().held() == 0) std::this_thread::yield();
  const auto oldest = acme_.workspace().open_intents().oldest();
  ASSERT_TRUE(oldest);
  EXPECT_LE(*oldest, before);
  acme_.store().release_commits();
  EXPECT_EQ(sent.get_future().get(), before);
  EXPECT_EQ(acme_.workspace().open_intents().oldest(), before);
}

// A commit that was given up on may be done yet, at an index that nobody has heard of.
TEST_F(HousekeepingTest, I6_TheResumePointPassesNoIntentOfWhichNobodyKnowsWhetherItIsRecorded) {
  const auto billing = acme_.refund_chain();
  move_on();
  move_on();
  const auto before = resume_point().log;
  acme_.store().fail_next_commit(fail(Errc::unknown_outcome, "the disk does not answer").error());
  FakeDialer dialer;
  const auto lost =
      acme_.run(acme_.calls().prepare(acme_.workspace(), acme_.read(*billing), dialer, {}));
  ASSERT_FALSE(lost);
  EXPECT_EQ(std::get<Error>(lost.error()).code, Errc::unknown_outcome);
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(acme_.run(acme_.finish(send_read(*billing).action, tools::Outcome::done)));
    move_on();
  }
  EXPECT_EQ(resume_point().log, before);
}

TEST_F(HousekeepingTest, TheResumePointStaysBeforeTheOldestLivingRun) {
  const auto planner = acme_.start("plan");
  acme_.clock().advance(std::chrono::minutes(30));
  move_on();
  move_on();
  EXPECT_EQ(resume_point().runs, made_at(planner->id) - ResumePoints::kMargin);
  acme_.revoke(planner->id);
  move_on();
  EXPECT_EQ(resume_point().runs, acme_.clock().now() - ResumePoints::kMargin);
}

TEST(JanitorTest, DutiesAreDoneAgainAndAgainUntilItStops) {
  const SystemClock clock;
  observe::CapturingLog log;
  Loop loop(clock, milliseconds(1));
  loop.start("janitor");
  std::atomic<int> count = 0;
  std::promise<void> thrice;
  {
    Janitor janitor(log);
    janitor.add("count", milliseconds(1), [&]() -> Task<Expected<void>> {
      if (++count == 3) thrice.set_value();
      co_return fail(Errc::unavailable, "always the same");
    });
    janitor.start(loop);
    thrice.get_future().wait();
    janitor.stop();
    const int then = count;
    EXPECT_EQ(count, then);
  }
  // Said once.
  std::size_t said = 0;
  for (const auto& event : log.events()) said += event.name == "janitor.failed" ? 1 : 0;
  EXPECT_EQ(said, 1U);
  loop.stop();
}

}  // namespace
}  // namespace writ::broker
