// SPDX-License-Identifier: Apache-2.0
// What holds when many do the same at once, on several loops. Run under the thread sanitizer too.
#include <future>
#include <latch>
#include <thread>

#include <gtest/gtest.h>

#include "broker/approval_record.h"
#include "broker/testing.h"

namespace writ::broker {
namespace {

using Prepared = std::expected<Sendable, Stopped>;

class Concurrency : public testing::Test {
 protected:
  void SetUp() override { pool_.start(); }
  void TearDown() override { pool_.stop(); }

  std::future<Prepared> start(std::size_t loop, Matched matched, Hold hold = {}) {
    std::promise<Prepared> promise;
    auto future = promise.get_future();
    spawn(pool_.at(loop % pool_.size()),
          [](Task<Prepared> task, std::promise<Prepared> out) -> Task<void> {
            out.set_value(co_await std::move(task));
          }(acme_.calls().prepare(acme_.workspace(), std::move(matched), dialer_, hold),
                                                              std::move(promise)));
    return future;
  }
  // All of them at once, over the loops.
  std::vector<std::future<Prepared>> start_all(std::vector<Matched> calls, const Hold& hold = {}) {
    std::vector<std::future<Prepared>> results;
    results.reserve(calls.size());
    for (std::size_t i = 0; i < calls.size(); ++i)
      results.push_back(start(i, std::move(calls[i]), hold));
    return results;
  }
  // The same refund under the same key, each with a proof of its own.
  std::vector<Matched> refunds(const delegation::Run& run, int count) {
    std::vector<Matched> calls;
    calls.reserve(static_cast<std::size_t>(count));
    for (int i = 0; i < count; ++i) calls.push_back(acme_.refund(run, "k"));
    return calls;
  }
  Approvals::Shared ask(const delegation::Run& run, const std::string& key) {
    auto stopped = start(0, acme_.refund(run, key)).get();
    return std::get<ApprovalNeeded>(stopped.error()).approval;
  }
  Approvals::Shared approved(const delegation::Run& run, const std::string& key) {
    return acme_.decide(*ask(run, key), "bob", {"finance"}).value();
  }
  approval::State state(ApprovalId id) {
    return acme_.approvals().find(acme_.workspace(), id)->state;
  }

  Acme acme_;
  FakeDialer dialer_;
  LoopPool pool_{acme_.clock(), 4};
};

// failures.md 25, I1.
TEST_F(Concurrency, I1_AHundredClaimsOfOneApprovalAreOneExecution) {
  const auto run = acme_.refund_chain();
  acme_.preview(*run);
  const auto question = approved(*run, "k");
  auto calls = refunds(*run, 100);
  auto results = start_all(std::move(calls));
  std::vector<ActionId> executed;
  std::vector<ActionId> known;
  known.reserve(results.size());
  for (auto& result : results) {
    const auto prepared = result.get();
    if (prepared) {
      executed.push_back(prepared->action.id());
    } else if (const auto* state = std::get_if<KnownAction>(&prepared.error())) {
      known.push_back(state->state.id);
    } else {
      const auto* error = std::get_if<Error>(&prepared.error());
      ADD_FAILURE() << (error == nullptr ? "refused or asked again" : error->to_string());
    }
  }
  ASSERT_EQ(executed.size(), 1U);
  EXPECT_EQ(known, std::vector<ActionId>(99, executed[0]));
  EXPECT_EQ(acme_.entries(audit::Kind::action_intent).size(), 2U);  // the preview's too
  EXPECT_EQ(acme_.approvals().find(acme_.workspace(), question->id)->claimed_by, executed[0]);
}

TEST_F(Concurrency, I1_AHundredHeldCallsThatAnApprovalWakesAreOneExecution) {
  const auto run = acme_.refund_chain();
  acme_.preview(*run);
  auto calls = refunds(*run, 100);
  const Hold hold{.deadline = acme_.clock().steady_now() + std::chrono::minutes(10),
                  .client_gone = {}};
  auto results = start_all(std::move(calls), hold);
  while (acme_.approvals().open(acme_.workspace()).empty()) std::this_thread::yield();
  const auto questions = acme_.approvals().open(acme_.workspace());
  ASSERT_TRUE(acme_.decide(*questions[0], "bob", {"finance"}).has_value());
  int executed = 0;
  for (auto& result : results) executed += result.get().has_value() ? 1 : 0;
  EXPECT_EQ(executed, 1);
  // failures.md 25: identical pending requests coalesce.
  EXPECT_EQ(acme_.entries(audit::Kind::approval_requested).size(), 1U);
}

// P17: an answer that comes while the question is being told of is not slept through.
TEST_F(Concurrency, P17_AnAnswerAtTheMomentOfTheQuestionWakesTheCall) {
  const auto run = acme_.refund_chain();
  for (int round = 0; round < 50; ++round) {
    acme_.preview(*run, 1000 + round);
    const Hold hold{.deadline = acme_.clock().steady_now() + std::chrono::minutes(10),
                    .client_gone = {}};
    auto held = start(0, acme_.refund(*run, "k" + std::to_string(round), 1000 + round), hold);
    while (acme_.approvals().open(acme_.workspace()).empty()) {
    }
    const auto question = acme_.approvals().open(acme_.workspace()).front();
    ASSERT_TRUE(acme_.decide(*question, "bob", {"finance"}).has_value());
    ASSERT_EQ(held.wait_for(std::chrono::seconds(20)), std::future_status::ready) << round;
    EXPECT_TRUE(held.get().has_value());
  }
}

TEST_F(Concurrency, AHundredRequestsForOneActionAreOneQuestion) {
  const auto run = acme_.refund_chain();
  acme_.preview(*run);
  auto calls = refunds(*run, 100);
  auto results = start_all(std::move(calls));
  std::set<ApprovalId> questions;
  for (auto& result : results) {
    auto prepared = result.get();
    questions.insert(std::get<ApprovalNeeded>(prepared.error()).approval->id);
  }
  EXPECT_EQ(questions.size(), 1U);
  EXPECT_EQ(acme_.entries(audit::Kind::approval_requested).size(), 1U);
}

// failures.md 25, P15: whichever comes first in the log is what happened, and after a revocation is
// acknowledged no call of the run may begin to be sent.
TEST_F(Concurrency, P15_ClaimAgainstRevokeIsLinearizable) {
  int sent = 0;
  for (int round = 0; round < 40; ++round) {
    const auto run = acme_.refund_chain();
    acme_.preview(*run);
    const auto question = approved(*run, "k");
    const auto alive = acme_.workspace().runs().token(run->id);
    std::latch ready(2);
    auto call = acme_.refund(*run, "k");
    std::thread revoker([&] {
      ready.arrive_and_wait();
      acme_.revoke(run->id);
    });
    ready.arrive_and_wait();
    const auto result = start(round, std::move(call)).get();
    revoker.join();
    EXPECT_TRUE(alive.cancelled());
    const auto record =
        acme_.run(acme_.workspace().store().get(RecordKind::approval, question->id.to_string()));
    const auto stored = parse_approval_record(acme_.workspace(), **record);
    if (result) {
      ++sent;
      EXPECT_EQ(stored->state, approval::State::claimed);
      EXPECT_EQ(state(question->id), approval::State::claimed);
    } else {
      EXPECT_TRUE(std::holds_alternative<Refused>(result.error()));
      EXPECT_EQ(stored->state, approval::State::approved);
      EXPECT_EQ(state(question->id), approval::State::approved);
    }
  }
  RecordProperty("sent", sent);
}

TEST_F(Concurrency, I1_ADenialAgainstAClaimIsOneOrTheOther) {
  for (int round = 0; round < 40; ++round) {
    const auto run = acme_.refund_chain();
    acme_.preview(*run, 1000 + round);
    auto asked = start(0, acme_.refund(*run, "k", 1000 + round)).get();
    const auto question = std::get<ApprovalNeeded>(asked.error()).approval;
    const auto approval = acme_.decide(*question, "bob", {"finance"}).value();
    std::latch ready(2);
    auto call = acme_.refund(*run, "k", 1000 + round);
    Expected<Approvals::Shared> denied = approval;
    std::thread denier([&] {
      ready.arrive_and_wait();
      denied = acme_.decide(*approval, "bob", {"finance"}, approval::Verdict::deny);
    });
    ready.arrive_and_wait();
    const auto result = start(round, std::move(call)).get();
    denier.join();
    EXPECT_NE(result.has_value(), denied.has_value());
    EXPECT_EQ(state(question->id), result ? approval::State::claimed : approval::State::denied);
  }
}

// I3: the log is one order of what was acknowledged, nothing twice and nothing lost.
TEST_F(Concurrency, I3_EveryAcknowledgedIntentIsInTheLogOnceAtItsPlace) {
  const auto run = acme_.refund_chain();
  std::vector<Matched> calls;
  calls.reserve(200);
  for (int i = 0; i < 200; ++i) calls.push_back(acme_.read(*run));
  auto results = start_all(std::move(calls));
  std::map<std::uint64_t, ActionId> acknowledged;
  for (auto& result : results) {
    const auto prepared = result.get();
    ASSERT_TRUE(prepared.has_value());
    EXPECT_TRUE(acknowledged.emplace(prepared->action.log_index(), prepared->action.id()).second);
  }
  const auto entries = acme_.entries();
  ASSERT_EQ(acknowledged.size(), 200U);
  for (const auto& [index, action] : acknowledged) {
    ASSERT_LT(index, entries.size());
    EXPECT_EQ(entries[index].subjects().action, action);
  }
}

}  // namespace
}  // namespace writ::broker
