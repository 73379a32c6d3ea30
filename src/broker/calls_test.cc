// SPDX-License-Identifier: Apache-2.0
#include "broker/calls.h"

#include <gmock/gmock.h>

#include "broker/approval_record.h"
#include "broker/calls_testing.h"
#include "broker/facts.h"
#include "broker/outcomes.h"

namespace writ::broker {
namespace {

using delegation::Operand;
using testing::HasSubstr;

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
  const auto wanted = facts_wanted(acme_.workspace().digest_key(), proposed,
                                   proposed.operation().requires_done.front());
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

// What is known in memory is checked against what is durable, in the commit of the claim.
TEST_F(CallsTest, P2_AFactThatIsNotDurableCarriesNothing) {
  const auto question = approved("k1");
  const auto facts = acme_.run(acme_.workspace().store().list(RecordKind::fact, "", 10)).value();
  ASSERT_EQ(facts.size(), 1U);
  ASSERT_TRUE(acme_.workspace().known_facts().contains(facts[0].id));
  Unit unit;
  unit.erases.push_back({RecordKind::fact, facts[0].id, facts[0].revision});
  ASSERT_TRUE(acme_.run(acme_.workspace().store().commit(std::move(unit))).has_value());
  EXPECT_EQ(error(prepare(acme_.refund(*billing_, "k1"))).code, Errc::conflict);
  EXPECT_EQ(acme_.approvals().find(acme_.workspace(), question->id)->state,
            approval::State::approved);
}

TEST_F(CallsTest, P2_TwoWhoMakeOneFactBothFinish) {
  auto one = prepare(acme_.matched(*billing_, "POST", "/v1/refund-previews", Acme::preview_body()));
  auto two = prepare(acme_.matched(*billing_, "POST", "/v1/refund-previews", Acme::preview_body()));
  ASSERT_TRUE(one && two);
  acme_.store().hold_commits();
  std::vector<std::future<Expected<void>>> ends;
  ends.reserve(2);
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

TEST_F(CallsTest, P4_AnApproverWhoIsDisabledBeforeTheCommitHasNotApproved) {
  const auto question = approved("k1");
  const auto before = count(audit::Kind::action_intent);
  // Durable, and not yet seen in memory: the commit itself has to find it.
  bool disabled = false;
  dialer_.before = [&] {
    if (!std::exchange(disabled, true)) acme_.disable_record("bob");
  };
  EXPECT_EQ(error(prepare(acme_.refund(*billing_, "k1"))).code, Errc::unavailable);
  EXPECT_EQ(count(audit::Kind::action_intent), before);
  EXPECT_EQ(acme_.approvals().find(acme_.workspace(), question->id)->state,
            approval::State::approved);
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
  EXPECT_EQ(*parse_approval_record(acme_.workspace(), **record), *claimed);
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

// It is known, so it is not left to be unknown: the next time the store can, it is written.
TEST_F(CallsTest, I6_AnOutcomeThatCouldNotBeMadeDurableIsWrittenLater) {
  for (const auto code : {Errc::unavailable, Errc::unknown_outcome}) {
    const auto key = code == Errc::unavailable ? "k1" : "k2";
    approved(key);
    const auto sent = prepare(acme_.refund(*billing_, key));
    const auto state = [&] {
      return (*acme_.run(acme_.calls().state(acme_.workspace(), sent->action.id())))->phase;
    };
    const auto retry = [&] { return acme_.run(write_unwritten(acme_.workspace())); };
    acme_.store().fail_commits(fail(code, "the disk is full").error());
    EXPECT_FALSE(acme_.run(acme_.finish(sent->action, tools::Outcome::done)));
    EXPECT_FALSE(retry());
    EXPECT_EQ(acme_.workspace().open_intents().oldest(), sent->action.log_index());
    acme_.store().fail_commits(std::nullopt);
    EXPECT_EQ(state(), ActionPhase::intent);
    EXPECT_TRUE(retry());
    EXPECT_EQ(state(), ActionPhase::done);
    EXPECT_EQ(acme_.workspace().open_intents().oldest(), std::nullopt);
    const auto again = prepare(acme_.refund(*billing_, key));
    EXPECT_EQ(std::get<KnownAction>(again.error()).state.phase, ActionPhase::done);
    EXPECT_TRUE(retry());  // nothing is left
  }
  EXPECT_EQ(count(audit::Kind::action_done), 4U);  // with the previews
}

// An attempt of which nobody knew was done after all: what it wrote stands, once.
TEST_F(CallsTest, I6_AnOutcomeThatWasWrittenAfterAllIsNotWrittenTwice) {
  approved("k1");
  const auto sent = prepare(acme_.refund(*billing_, "k1"));
  acme_.store().fail_next_commit(fail(Errc::unknown_outcome, "the disk does not answer").error());
  EXPECT_FALSE(acme_.run(acme_.finish(sent->action, tools::Outcome::done)));
  ASSERT_TRUE(acme_.run(acme_.finish(sent->action, tools::Outcome::done)));  // that attempt
  EXPECT_TRUE(acme_.run(write_unwritten(acme_.workspace())));
  EXPECT_EQ(count(audit::Kind::action_done), 2U);  // with the preview
  EXPECT_EQ(acme_.workspace().open_intents().oldest(), std::nullopt);
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
