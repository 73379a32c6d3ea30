// SPDX-License-Identifier: Apache-2.0
#include "broker/calls.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "broker/facts.h"
#include "broker/testing.h"

namespace writ::broker {
namespace {

using approval::Verdict;
using delegation::Operand;
using testing::HasSubstr;
using Prepared = std::expected<Sendable, Stopped>;

class CallsTest : public testing::Test {
 protected:
  Prepared prepare(Matched matched, Hold hold = {}) {
    return acme_.run(acme_.calls().prepare(acme_.workspace(), std::move(matched), dialer_, hold));
  }
  // The same, as a task that waits: its result comes once it ends.
  std::future<Prepared> hold(Matched matched, CancelToken client_gone = {},
                             seconds length = std::chrono::minutes(20)) {
    std::promise<Prepared> promise;
    auto future = promise.get_future();
    const Hold until{.deadline = acme_.clock().steady_now() + length, .client_gone = client_gone};
    spawn(acme_.loop(),
          [](Task<Prepared> task, std::promise<Prepared> out) -> Task<void> {
            out.set_value(co_await std::move(task));
          }(acme_.calls().prepare(acme_.workspace(), std::move(matched), dialer_, until),
                                                              std::move(promise)));
    return future;
  }
  // Once the call waits for people: the question.
  Approvals::Shared asked(std::size_t count = 1) {
    while (acme_.approvals().open(acme_.workspace()).size() < count) std::this_thread::yield();
    // A turn of the loop later, the task that asked has come to its wait.
    acme_.run([]() -> Task<void> { co_return; }());
    return acme_.approvals().open(acme_.workspace()).back();
  }
  // A question about a refund that Bob has answered.
  Approvals::Shared approved(const std::string& key, std::int64_t amount = 12'000) {
    acme_.preview(*billing_, amount);
    const auto stopped = prepare(acme_.refund(*billing_, key, amount));
    auto question = needed(stopped);
    return acme_.decide(*question, "bob", {"finance"}).value();
  }

  static Approvals::Shared needed(const Prepared& result) {
    const auto* needed = result ? nullptr : std::get_if<ApprovalNeeded>(&result.error());
    EXPECT_NE(needed, nullptr) << describe(result);
    return needed == nullptr ? nullptr : needed->approval;
  }
  static std::optional<Operand> refused(const Prepared& result) {
    const auto* refusal = result ? nullptr : std::get_if<Refused>(&result.error());
    EXPECT_NE(refusal, nullptr) << describe(result);
    return refusal == nullptr ? std::nullopt : std::optional(refusal->refusal.operand);
  }
  static Error error(const Prepared& result) {
    const auto* failed = result ? nullptr : std::get_if<Error>(&result.error());
    EXPECT_NE(failed, nullptr) << describe(result);
    return failed == nullptr ? Error{} : *failed;
  }
  static std::string describe(const Prepared& result) {
    if (result) return "it may be sent";
    if (const auto* failed = std::get_if<Error>(&result.error())) return failed->to_string();
    if (const auto* refusal = std::get_if<Refused>(&result.error()))
      return std::string(delegation::name(refusal->refusal.operand)) + ": " +
             refusal->refusal.message;
    return std::holds_alternative<KnownAction>(result.error()) ? "known" : "approval needed";
  }
  std::size_t count(audit::Kind kind) { return acme_.entries(kind).size(); }
  std::string field(const audit::Entry& entry, const char* name) {
    const auto json = entry.json();
    const auto* value = json.if_contains(name);
    return value == nullptr || !value->is_string() ? "" : std::string(text_of(value->get_string()));
  }

  Acme acme_;
  FakeDialer dialer_;
  Acme::SharedRun billing_ = acme_.refund_chain();
};

TEST_F(CallsTest, I2_AnIntentIsDurableBeforeTheCallMayBeSent) {
  const auto before = acme_.store().commits();
  const auto sent = prepare(acme_.read(*billing_));
  ASSERT_TRUE(sent.has_value()) << describe(sent);
  EXPECT_EQ(acme_.store().commits(), before + 1);
  const auto intents = acme_.entries(audit::Kind::action_intent);
  ASSERT_EQ(intents.size(), 1U);
  EXPECT_EQ(intents[0].subjects().action, sent->action.id());
  EXPECT_EQ(field(intents[0], "tool"), "billing.invoice.read");
  EXPECT_EQ(field(intents[0], "user_name"), "alice");
  EXPECT_EQ(field(intents[0], "credential_name"), "billing-api-key");
  EXPECT_EQ(acme_.workspace().open_intents().oldest(), sent->action.log_index());
}

TEST_F(CallsTest, I2_WithoutARecordNothingIsSent) {
  acme_.store().fail_next_commit(fail(Errc::unavailable, "the disk is full").error());
  EXPECT_EQ(error(prepare(acme_.read(*billing_))).message, "the disk is full");
  EXPECT_EQ(count(audit::Kind::action_intent), 0U);
}

TEST_F(CallsTest, I6_EachIntentGetsItsOutcome) {
  for (const auto outcome : {tools::Outcome::done, tools::Outcome::failed}) {
    const auto sent = prepare(acme_.read(*billing_));
    ASSERT_TRUE(sent.has_value());
    ASSERT_TRUE(acme_.run(acme_.finish(sent->action, outcome)).has_value());
  }
  EXPECT_EQ(count(audit::Kind::action_done), 1U);
  EXPECT_EQ(count(audit::Kind::action_failed), 1U);
  EXPECT_EQ(acme_.workspace().open_intents().oldest(), std::nullopt);
}

// "Keep the call's way free of store reads": the token's run, the decision, the credential and the
// claim of a read come from memory.
TEST_F(CallsTest, AReadTouchesTheStoreOnlyToCommitItsIntent) {
  const auto gets = acme_.store().gets();
  auto with_key = acme_.read(*billing_);
  with_key.idempotency_key = "a-key-that-a-read-does-not-need";
  const auto sent = prepare(std::move(with_key));
  ASSERT_TRUE(sent.has_value());
  ASSERT_TRUE(acme_.run(acme_.finish(sent->action, tools::Outcome::done)).has_value());
  EXPECT_EQ(acme_.store().gets(), gets);
}

// --- the rule

TEST_F(CallsTest, P1_ACallOutsideItsScopeIsRefusedByNameAndRecorded) {
  const auto planner = acme_.start("plan");
  acme_.preview(*billing_);
  EXPECT_EQ(refused(prepare(acme_.refund(*planner, "k"))), Operand::scope);
  const auto refusals = acme_.entries(audit::Kind::action_refused);
  ASSERT_EQ(refusals.size(), 1U);
  EXPECT_EQ(field(refusals[0], "operand"), delegation::name(Operand::scope));
  EXPECT_EQ(dialer_.dials, 0);
}

TEST_F(CallsTest, P1_TheWholeChainIsCheckedOnEachCallAgainstWhatIsCurrent) {
  struct Change {
    const char* path;
    std::string_view from;
    std::string_view to;
    Operand operand;
  };
  const std::string_view read = "  \"billing.invoice.read\",\n";
  for (const auto& change : std::initializer_list<Change>{
           {"agents/billing.toml", read, "", Operand::ceiling},
           {"agents/support.toml", read, "", Operand::ancestor},
           {"workflows/refund.toml",
            "name = \"settle\"\nagent = \"billing\"\nlife = \"15m\"\nuse = "
            "[\n  \"billing.invoice.read\",\n",
            "name = \"settle\"\nagent = \"billing\"\nlife = \"15m\"\nuse = [\n", Operand::step},
           {"workflows/refund.toml",
            "use = [\"billing.invoice.read\"]\ndelegate = [\n  \"billing.invoice.read\",\n",
            "use = [\"billing.invoice.read\"]\ndelegate = [\n", Operand::ancestor}}) {
    const auto kept = acme_.documents();
    acme_.edit(change.path, change.from, change.to);
    EXPECT_EQ(refused(prepare(acme_.read(*billing_))), change.operand) << change.path;
    acme_.documents() = kept;
    acme_.apply();
    EXPECT_TRUE(prepare(acme_.read(*billing_)).has_value()) << change.path;
  }
}

// failures.md 15.
TEST_F(CallsTest, AnErringPolicyIsARefusalThatIsLoggedAndRecorded) {
  acme_.documents()["policies/erring.cedar"] =
      "@id(\"erring\") forbid (principal, action, resource) when { context.input.nothing == 1 };";
  acme_.apply();
  EXPECT_EQ(refused(prepare(acme_.read(*billing_))), Operand::user);
  EXPECT_TRUE(acme_.log().find("policy.error").has_value());
  const auto refusals = acme_.entries(audit::Kind::action_refused);
  ASSERT_EQ(refusals.size(), 1U);
  EXPECT_THAT(refusals[0].text(), HasSubstr("erring"));
}

TEST_F(CallsTest, ARefusalIsInTheLogBeforeTheAgentHearsOfIt) {
  const auto planner = acme_.start("plan");
  acme_.store().fail_next_commit(fail(Errc::unavailable, "the disk is full").error());
  EXPECT_EQ(error(prepare(acme_.refund(*planner, "k"))).message, "the disk is full");
}

// --- what an operation requires

TEST_F(CallsTest, P2_ARefundWithoutItsPreviewIsRefusedAndRecordedAndNobodyIsAsked) {
  EXPECT_EQ(refused(prepare(acme_.refund(*billing_, "k"))), Operand::step);
  EXPECT_EQ(count(audit::Kind::action_refused), 1U);
  EXPECT_EQ(count(audit::Kind::approval_requested), 0U);
}

TEST_F(CallsTest, P2_AnotherAmountOrRunIsAnotherPreview) {
  acme_.preview(*billing_, 12'000);
  EXPECT_EQ(refused(prepare(acme_.refund(*billing_, "k", 12'001))), Operand::step);
  EXPECT_EQ(refused(prepare(acme_.refund(*acme_.refund_chain(), "k", 12'000))), Operand::step);
  EXPECT_TRUE(needed(prepare(acme_.refund(*billing_, "k", 12'000))));
}

TEST_F(CallsTest, P2_APreviewThatFailedOrIsUnknownIsNone) {
  for (const auto outcome : {tools::Outcome::failed, tools::Outcome::unknown}) {
    const auto sent =
        prepare(acme_.matched(*billing_, "POST", "/v1/refund-previews", Acme::preview_body()));
    ASSERT_TRUE(acme_.run(acme_.finish(sent->action, outcome)).has_value());
    EXPECT_EQ(refused(prepare(acme_.refund(*billing_, "k"))), Operand::step);
  }
}

TEST_F(CallsTest, P2_WhatAnAncestorHasDoneCounts) {
  const auto call = acme_.refund(*billing_, "k");
  const auto proposed = action::ProposedAction::propose(
      call.call, ActionId::make(acme_.clock(), acme_.random()), "acme", call.server, call.request,
      std::nullopt, call.idempotency_key);
  const auto wanted = facts_wanted(proposed, proposed.operation().requires_done.front());
  ASSERT_EQ(wanted.size(), 3U);
  acme_.put(RecordKind::fact, wanted[2], 0, "{}");  // the planner's
  EXPECT_TRUE(needed(prepare(acme_.refund(*billing_, "k"))));
}

TEST_F(CallsTest, P2_AFactIsLookedUpOnceAndMadeOnce) {
  acme_.preview(*billing_);
  acme_.preview(*billing_);
  EXPECT_EQ(acme_.run(acme_.workspace().store().list(RecordKind::fact, "", 10))->size(), 1U);
  const auto question = approved("k1");
  const auto gets = acme_.store().gets();
  ASSERT_TRUE(prepare(acme_.refund(*billing_, "k1")).has_value());
  EXPECT_EQ(acme_.store().gets(), gets + 1);  // its key alone
}

TEST_F(CallsTest, P2_TwoWhoMakeOneFactBothFinish) {
  auto one = prepare(acme_.matched(*billing_, "POST", "/v1/refund-previews", Acme::preview_body()));
  auto two = prepare(acme_.matched(*billing_, "POST", "/v1/refund-previews", Acme::preview_body()));
  ASSERT_TRUE(one && two);
  acme_.store().hold_commits();
  std::vector<std::future<Expected<void>>> ends;
  for (const auto* sent : {&*one, &*two}) {
    std::promise<Expected<void>> promise;
    ends.push_back(promise.get_future());
    spawn(acme_.loop(),
          [](Task<Expected<void>> task, std::promise<Expected<void>> out) -> Task<void> {
            out.set_value(co_await std::move(task));
          }(acme_.finish(sent->action, tools::Outcome::done), std::move(promise)));
  }
  while (acme_.store().held() < 2) std::this_thread::yield();
  acme_.store().release_commits();
  for (auto& end : ends) EXPECT_TRUE(end.get().has_value());
  EXPECT_EQ(count(audit::Kind::action_done), 2U);
}

// --- the version moves

TEST_F(CallsTest, P5_ADecisionOlderThanTheVersionAtCommitIsMadeAgain) {
  dialer_.before = [this] {
    if (dialer_.dials == 1) acme_.edit("workspace.toml", "back_off = \"2m\"", "back_off = \"3m\"");
  };
  const auto sent = prepare(acme_.read(*billing_));
  ASSERT_TRUE(sent.has_value()) << describe(sent);
  EXPECT_EQ(dialer_.dials, 2);
  EXPECT_EQ(sent->action.authorized().workspace_version(), 2U);
  EXPECT_EQ(count(audit::Kind::action_intent), 1U);
}

TEST_F(CallsTest, P5_WhatTheNewVersionForbidsIsRefused) {
  dialer_.before = [this] {
    if (dialer_.dials == 1) acme_.edit("agents/billing.toml", "  \"billing.invoice.read\",\n", "");
  };
  EXPECT_EQ(refused(prepare(acme_.read(*billing_))), Operand::ceiling);
  EXPECT_EQ(count(audit::Kind::action_intent), 0U);
}

TEST_F(CallsTest, P5_AWorkspaceThatMovesAllTheTimeEndsTheCallNotTheServer) {
  dialer_.before = [this] { acme_.apply(); };
  const auto stopped = error(prepare(acme_.read(*billing_)));
  EXPECT_EQ(stopped.code, Errc::unavailable);
  EXPECT_EQ(dialer_.dials, 4);
  EXPECT_EQ(count(audit::Kind::action_intent), 0U);
}

// --- proofs

TEST_F(CallsTest, P8_AProofCommitsWithTheIntentAndCountsOnce) {
  const auto call = acme_.authenticate(*billing_);
  ASSERT_TRUE(prepare(acme_.matched(call, "GET", "/v1/invoices/inv_1")).has_value());
  EXPECT_EQ(error(prepare(acme_.matched(call, "GET", "/v1/invoices/inv_1"))).code,
            Errc::unauthenticated);
  EXPECT_EQ(count(audit::Kind::action_intent), 1U);
}

TEST_F(CallsTest, P8_AProofThatARefusalUsedUpIsGoneToo) {
  const auto call = acme_.authenticate(*acme_.start("plan"));
  const auto body = Acme::refund_body();
  EXPECT_EQ(refused(prepare(acme_.matched(call, "POST", "/v1/refunds", body, "k"))),
            Operand::scope);
  EXPECT_EQ(error(prepare(acme_.matched(call, "POST", "/v1/refunds", body, "k"))).code,
            Errc::unauthenticated);
  EXPECT_EQ(count(audit::Kind::action_refused), 1U);
}

TEST_F(CallsTest, P8_TheProofOfACallThatWaitsForPeopleIsUsedUpBeforeItWaits) {
  acme_.preview(*billing_);
  const auto call = acme_.authenticate(*billing_);
  auto held = hold(acme_.matched(call, "POST", "/v1/refunds", Acme::refund_body(), "k1"));
  const auto question = asked();
  // The same question by a replay of the proof; another one; a call that needs nobody.
  EXPECT_EQ(
      error(prepare(acme_.matched(call, "POST", "/v1/refunds", Acme::refund_body(), "k1"))).code,
      Errc::unauthenticated);
  EXPECT_EQ(
      error(prepare(acme_.matched(call, "POST", "/v1/refunds", Acme::refund_body(), "k2"))).code,
      Errc::unauthenticated);
  EXPECT_EQ(error(prepare(acme_.matched(call, "GET", "/v1/invoices/inv_1"))).code,
            Errc::unauthenticated);
  EXPECT_EQ(count(audit::Kind::approval_requested), 1U);
  // Long after the proof is forgotten the held call itself still goes on.
  acme_.clock().advance(std::chrono::minutes(10));
  ASSERT_TRUE(acme_.decide(*question, "bob", {"finance"}).has_value());
  EXPECT_TRUE(held.get().has_value());
}

// --- idempotency

TEST_F(CallsTest, P14_AMoneyCallWithoutAKeyIsRefused) {
  auto call = acme_.refund(*billing_, "k");
  call.idempotency_key.reset();
  EXPECT_EQ(error(prepare(std::move(call))).where, "Idempotency-Key");
}

TEST_F(CallsTest, P14_TheSameKeyGivesTheFirstActionsStateAndNoSecondExecution) {
  approved("k1");
  const auto sent = prepare(acme_.refund(*billing_, "k1"));
  ASSERT_TRUE(sent.has_value()) << describe(sent);
  const auto again = [&] {
    const auto known = prepare(acme_.refund(*billing_, "k1"));
    const auto* state = known ? nullptr : std::get_if<KnownAction>(&known.error());
    EXPECT_NE(state, nullptr) << describe(known);
    EXPECT_EQ(state->state.id, sent->action.id());
    return state->state.phase;
  };
  EXPECT_EQ(again(), ActionPhase::intent);
  ASSERT_TRUE(acme_.run(acme_.finish(sent->action, tools::Outcome::done)).has_value());
  EXPECT_EQ(again(), ActionPhase::done);
  EXPECT_EQ(count(audit::Kind::action_intent), 2U);  // the preview's and this one
}

TEST_F(CallsTest, P8_WhatWasDoneIsNotToldToAReplayOfAProof) {
  approved("k1");
  const auto call = acme_.authenticate(*billing_);
  const auto again = [&] {
    return prepare(acme_.matched(call, "POST", "/v1/refunds", Acme::refund_body(), "k1"));
  };
  ASSERT_TRUE(again().has_value());
  EXPECT_EQ(error(again()).code, Errc::unauthenticated);
}

TEST_F(CallsTest, P14_TheSameKeyWithAnotherActionIsAConflict) {
  approved("k1");
  ASSERT_TRUE(prepare(acme_.refund(*billing_, "k1")).has_value());
  acme_.preview(*billing_, 12'001);
  const auto stopped = error(prepare(acme_.refund(*billing_, "k1", 12'001)));
  EXPECT_EQ(stopped.code, Errc::conflict);
  EXPECT_EQ(stopped.where, "Idempotency-Key");
}

TEST_F(CallsTest, P14_AnotherRunsKeyIsAnotherKey) {
  approved("k1");
  ASSERT_TRUE(prepare(acme_.refund(*billing_, "k1")).has_value());
  const auto other = acme_.refund_chain();
  acme_.preview(*other);
  EXPECT_TRUE(needed(prepare(acme_.refund(*other, "k1"))));
}

// --- order

TEST_F(CallsTest, P15_ARefusedConnectionBurnsNoApproval) {
  const auto question = approved("k1");
  dialer_.refuse = fail(Errc::unavailable, "nothing answers").error();
  EXPECT_EQ(error(prepare(acme_.refund(*billing_, "k1"))).code, Errc::unavailable);
  EXPECT_EQ(acme_.approvals().find(acme_.workspace(), question->id)->state,
            approval::State::approved);
  dialer_.refuse.reset();
  EXPECT_TRUE(prepare(acme_.refund(*billing_, "k1")).has_value());
}

TEST_F(CallsTest, P15_ARevocationBetweenDecisionAndCommitRefusesAndBurnsNothing) {
  const auto question = approved("k1");
  // Durable, and not yet seen in memory: the commit itself has to find it, of an ancestor too.
  dialer_.before = [this] { acme_.end_record(*billing_->parent); };
  EXPECT_EQ(refused(prepare(acme_.refund(*billing_, "k1"))), Operand::run);
  EXPECT_EQ(acme_.approvals().find(acme_.workspace(), question->id)->state,
            approval::State::approved);
  const auto refusals = acme_.entries(audit::Kind::action_refused);
  ASSERT_EQ(refusals.size(), 1U);
  EXPECT_EQ(field(refusals[0], "operand"), delegation::name(Operand::run));
}

TEST_F(CallsTest, I1_AnApprovalIsConsumedInTheCommitOfItsIntent) {
  const auto question = approved("k1");
  acme_.store().fail_next_commit(fail(Errc::unavailable, "the disk is full").error());
  EXPECT_EQ(error(prepare(acme_.refund(*billing_, "k1"))).code, Errc::unavailable);
  EXPECT_EQ(acme_.approvals().find(acme_.workspace(), question->id)->state,
            approval::State::approved);
  const auto sent = prepare(acme_.refund(*billing_, "k1"));
  ASSERT_TRUE(sent.has_value()) << describe(sent);
  const auto claimed = acme_.approvals().find(acme_.workspace(), question->id);
  EXPECT_EQ(claimed->state, approval::State::claimed);
  EXPECT_EQ(claimed->claimed_by, sent->action.id());
  EXPECT_EQ(sent->action.approval(), question->id);
  const auto record =
      acme_.run(acme_.workspace().store().get(RecordKind::approval, question->id.to_string()));
  EXPECT_EQ((*record)->value, canonical_json(claimed->to_json()));
  EXPECT_EQ((*record)->revision, claimed->revision);
}

// --- outcomes

TEST_F(CallsTest, P16_AWritesOutcomeIsDurableWhenFinishReturns) {
  const std::pair<tools::Outcome, ActionPhase> outcomes[]{
      {tools::Outcome::done, ActionPhase::done},
      {tools::Outcome::failed, ActionPhase::failed},
      {tools::Outcome::unknown, ActionPhase::unknown}};
  int n = 0;
  for (const auto& [outcome, phase] : outcomes) {
    const auto key = "k" + std::to_string(++n);
    approved(key, 100 + n);
    const auto sent = prepare(acme_.refund(*billing_, key, 100 + n));
    ASSERT_TRUE(sent.has_value()) << describe(sent);
    const auto commits = acme_.store().commits();
    ASSERT_TRUE(acme_.run(acme_.finish(sent->action, outcome)).has_value());
    EXPECT_EQ(acme_.store().commits(), commits + 1);
    EXPECT_EQ((*acme_.run(acme_.calls().state(acme_.workspace(), sent->action.id())))->phase,
              phase);
  }
}

TEST_F(CallsTest, P16_AnOutcomeThatCannotBeMadeDurableIsSaidAndTheIntentStaysOpen) {
  approved("k1");
  const auto sent = prepare(acme_.refund(*billing_, "k1"));
  acme_.store().fail_next_commit(fail(Errc::unavailable, "the disk is full").error());
  EXPECT_FALSE(acme_.run(acme_.finish(sent->action, tools::Outcome::done)).has_value());
  EXPECT_EQ(acme_.workspace().open_intents().oldest(), sent->action.log_index());
  EXPECT_EQ((*acme_.run(acme_.calls().state(acme_.workspace(), sent->action.id())))->phase,
            ActionPhase::intent);
}

TEST_F(CallsTest, P17_AWritesResultCanBeReadAgain) {
  approved("k1");
  const auto sent = prepare(acme_.refund(*billing_, "k1"));
  ASSERT_TRUE(acme_
                  .run(acme_.calls().finish(acme_.workspace(), sent->action,
                                            {.outcome = tools::Outcome::done,
                                             .status = 200,
                                             .response_bytes = 2,
                                             .credential_version = 1,
                                             .detail = {},
                                             .result = "{\"refund\":\"ref_1\"}"}))
                  .has_value());
  const auto state = acme_.run(acme_.calls().state(acme_.workspace(), sent->action.id()));
  EXPECT_EQ(**acme_.run(acme_.calls().result(acme_.workspace(), **state)),
            "{\"refund\":\"ref_1\"}");
}

// --- the credential

TEST_F(CallsTest, TheSecretIsOpenedForTheAccountThatWasDecidedOn) {
  const auto sent = prepare(acme_.read(*billing_));
  EXPECT_EQ(acme_.calls().open_credential(acme_.workspace(), sent->action)->value.reveal_text(),
            Acme::kSecret);
  acme_.rotate_credential(true);
  EXPECT_EQ(acme_.calls().open_credential(acme_.workspace(), sent->action)->version, 2U);
  acme_.rotate_credential(false);
  EXPECT_FALSE(acme_.calls().open_credential(acme_.workspace(), sent->action).has_value());
}

// --- held calls

TEST_F(CallsTest, P17_AHeldCallGoesOnByItselfOnceApproved) {
  acme_.preview(*billing_);
  auto held = hold(acme_.refund(*billing_, "k1"));
  const auto question = asked();
  EXPECT_EQ(dialer_.dials, 0);
  ASSERT_TRUE(acme_.decide(*question, "bob", {"finance"}).has_value());
  const auto sent = held.get();
  ASSERT_TRUE(sent.has_value()) << describe(sent);
  EXPECT_EQ(sent->action.approval(), question->id);
}

TEST_F(CallsTest, P17_AllStepsRunAgainOnTheHeldBytes) {
  acme_.preview(*billing_);
  auto held = hold(acme_.refund(*billing_, "k1"));
  const auto question = asked();
  // A policy that came while the call was held decides too.
  acme_.documents()["policies/stop.cedar"] =
      "@id(\"stop\") forbid (principal is Writ::Run, action in Writ::Action::\"tool.money\", "
      "resource);";
  acme_.apply();
  ASSERT_TRUE(acme_.decide(*question, "bob", {"finance"}).has_value());
  EXPECT_EQ(refused(held.get()), Operand::policy);
}

TEST_F(CallsTest, P17_AClientThatHasGoneClaimsNothing) {
  acme_.preview(*billing_);
  CancelSource client;
  auto held = hold(acme_.refund(*billing_, "k1"), client.token());
  const auto question = asked();
  client.cancel();
  EXPECT_EQ(error(held.get()).code, Errc::unavailable);
  ASSERT_TRUE(acme_.decide(*question, "bob", {"finance"}).has_value());
  EXPECT_EQ(acme_.approvals().find(acme_.workspace(), question->id)->state,
            approval::State::approved);
}

TEST_F(CallsTest, P17_AClientThatGoesWhileTheUpstreamIsDialledClaimsNothing) {
  const auto question = approved("k1");
  CancelSource client;
  dialer_.before = [&] { client.cancel(); };
  EXPECT_EQ(error(prepare(acme_.refund(*billing_, "k1"), {.client_gone = client.token()})).code,
            Errc::unavailable);
  EXPECT_EQ(acme_.approvals().find(acme_.workspace(), question->id)->state,
            approval::State::approved);
}

TEST_F(CallsTest, P15_AHeldCallOfARevokedRunEndsRefusedAndRecorded) {
  acme_.preview(*billing_);
  auto held = hold(acme_.refund(*billing_, "k1"));
  asked();
  acme_.revoke(*acme_.workspace().runs().find(*billing_->parent)->parent);
  EXPECT_EQ(refused(held.get()), Operand::run);
  EXPECT_EQ(count(audit::Kind::action_refused), 1U);
}

TEST_F(CallsTest, P17_TheTokensExpiryCountsAtArrivalAndTheRunsEndAtResumption) {
  acme_.preview(*billing_);
  auto claims = acme_.claims(*billing_);
  claims["exp"] = to_unix_seconds(acme_.clock().now()) + 10;
  const auto call = acme_.authenticate(acme_.request_with(*billing_, acme_.token(claims)));
  auto held = hold(acme_.matched(*call, "POST", "/v1/refunds", Acme::refund_body(), "k1"));
  const auto question = asked();
  acme_.clock().advance(seconds(60));
  ASSERT_TRUE(acme_.decide(*question, "bob", {"finance"}).has_value());
  EXPECT_TRUE(held.get().has_value());

  acme_.preview(*billing_, 500);
  held = hold(acme_.refund(*billing_, "k2", 500));
  asked();
  acme_.clock().advance(std::chrono::minutes(30));
  EXPECT_EQ(refused(held.get()), Operand::run);
}

TEST_F(CallsTest, P17_AWaitThatEndsUnansweredSaysWhomToAsk) {
  acme_.preview(*billing_);
  auto held = hold(acme_.refund(*billing_, "k1"), {}, seconds(10));
  const auto question = asked();
  acme_.clock().advance(seconds(11));
  EXPECT_EQ(needed(held.get())->id, question->id);
}

TEST_F(CallsTest, P20_AQuestionThatNobodyAnswersEndsTheCallAndAsksNoOther) {
  acme_.preview(*billing_);
  acme_.edit("workspace.toml", "request_life = \"15m\"", "request_life = \"5m\"");
  auto held = hold(acme_.refund(*billing_, "k1"));
  asked();
  acme_.clock().advance(std::chrono::minutes(5));
  ASSERT_TRUE(acme_.run(acme_.approvals().settle(acme_.workspace())).has_value());
  EXPECT_EQ(error(held.get()).where, "approval");
  EXPECT_EQ(count(audit::Kind::approval_requested), 1U);
}

TEST_F(CallsTest, P4_AHeldCallWaitsForEveryGroup) {
  acme_.preview(*billing_, 200'000);
  auto held = hold(acme_.refund(*billing_, "k1", 200'000));
  const auto question = asked();
  EXPECT_EQ(question->groups, (std::vector<std::string>{"controllers", "finance"}));
  const auto half = acme_.decide(*question, "bob", {"finance"});
  ASSERT_TRUE(half.has_value());
  EXPECT_EQ((*half)->state, approval::State::pending);
  EXPECT_EQ(held.wait_for(std::chrono::milliseconds(20)), std::future_status::timeout);
  ASSERT_TRUE(acme_.decide(**half, "carol", {"controllers"}).has_value());
  EXPECT_TRUE(held.get().has_value());
}

// failures.md 24: another definition is another question, visibly in place of the old one.
TEST_F(CallsTest, P12_ADefinitionThatChangesWhileTheCallIsHeldIsAskedAboutAnew) {
  acme_.preview(*billing_);
  auto held = hold(acme_.refund(*billing_, "k1"));
  const auto first = asked();
  acme_.edit("tools/billing.toml", "Refund {amount} {currency} (minor units) on invoice {invoice}",
             "Pay {amount} {currency} back for {invoice}");
  ASSERT_TRUE(acme_.run(acme_.approvals().settle(acme_.workspace())).has_value());
  EXPECT_EQ(acme_.approvals().find(acme_.workspace(), first->id)->state,
            approval::State::superseded);
  const auto second = asked();
  EXPECT_NE(second->digest, first->digest);
  EXPECT_EQ(second->title, "Pay 12000 EUR back for inv_1");
  ASSERT_TRUE(acme_.decide(*second, "bob", {"finance"}).has_value());
  EXPECT_TRUE(held.get().has_value());
}

TEST_F(CallsTest, P12_AnAnswerToTheOldDefinitionIsNoneToTheNew) {
  acme_.preview(*billing_);
  auto held = hold(acme_.refund(*billing_, "k1"));
  const auto first = asked();
  acme_.edit("tools/billing.toml", "Refund {amount} {currency} (minor units) on invoice {invoice}",
             "Pay {amount} {currency} back for {invoice}");
  ASSERT_TRUE(acme_.decide(*first, "bob", {"finance"}).has_value());
  Approvals::Shared second;
  while (second == nullptr || second->id == first->id) second = asked();
  const auto old = acme_.approvals().find(acme_.workspace(), first->id);
  EXPECT_EQ(old->state, approval::State::superseded);
  EXPECT_EQ(old->superseded_by, second->id);
  EXPECT_EQ(held.wait_for(std::chrono::milliseconds(20)), std::future_status::timeout);
  acme_.revoke(billing_->id);
  EXPECT_EQ(refused(held.get()), Operand::run);
}

TEST_F(CallsTest, P11_AHeldCallThatFitsNoOperationAnyMoreIsNotSentElsewhere) {
  acme_.preview(*billing_);
  auto held = hold(acme_.refund(*billing_, "k1"));
  const auto first = asked();
  acme_.edit("tools/billing.toml", "path = \"/v1/refunds\"", "path = \"/v2/refunds\"");
  ASSERT_TRUE(acme_.decide(*first, "bob", {"finance"}).has_value());
  EXPECT_EQ(error(held.get()).code, Errc::not_found);
  EXPECT_EQ(count(audit::Kind::action_intent), 1U);  // the preview's
}

TEST_F(CallsTest, P17_TheShareOfARunIsBounded) {
  Acme small({.per_second = 1000, .burst = 1000}, {.calls_per_run = 2, .held_per_run = 1});
  const auto run = small.refund_chain();
  std::vector<Prepared> sent;
  for (int i = 0; i < 2; ++i)
    sent.push_back(
        small.run(small.calls().prepare(small.workspace(), small.read(*run), dialer_, {})));
  EXPECT_TRUE(sent[0] && sent[1]);
  EXPECT_EQ(
      error(small.run(small.calls().prepare(small.workspace(), small.read(*run), dialer_, {})))
          .code,
      Errc::rate_limited);
  sent.clear();
  EXPECT_TRUE(small.run(small.calls().prepare(small.workspace(), small.read(*run), dialer_, {}))
                  .has_value());
}

// --- time

TEST_F(CallsTest, P24_NoCallGoesOnWhileTheClockIsBehind) {
  auto call = acme_.read(*billing_);
  acme_.clock().set_wall(acme_.clock().now() - seconds(31));
  EXPECT_EQ(error(prepare(std::move(call))).where, "clock");
  EXPECT_EQ(acme_.entries().size(), 0U);
  EXPECT_EQ(dialer_.dials, 0);
}

TEST_F(CallsTest, P24_AClockThatIsSetBackBetweenDecisionAndCommitStopsTheCall) {
  dialer_.before = [this] { acme_.clock().set_wall(acme_.clock().now() - seconds(31)); };
  EXPECT_EQ(error(prepare(acme_.read(*billing_))).where, "clock");
  EXPECT_EQ(count(audit::Kind::action_intent), 0U);
}

}  // namespace
}  // namespace writ::broker
