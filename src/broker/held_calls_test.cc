// SPDX-License-Identifier: Apache-2.0
// Calls that wait for people: P17, and what happens to the question meanwhile.
#include <gmock/gmock.h>

#include "broker/calls_testing.h"

namespace writ::broker {
namespace {

using delegation::Operand;
using HeldCalls = CallsTest;

TEST_F(HeldCalls, P17_AHeldCallGoesOnByItselfOnceApproved) {
  acme_.preview(*billing_);
  auto held = hold(acme_.refund(*billing_, "k1"));
  const auto question = asked();
  EXPECT_EQ(dialer_.dials, 0);
  ASSERT_TRUE(acme_.decide(*question, "bob", {"finance"}).has_value());
  const auto sent = held.get();
  ASSERT_TRUE(sent.has_value()) << describe(sent);
  EXPECT_EQ(sent->action.approval(), question->id);
}

TEST_F(HeldCalls, P17_AllStepsRunAgainOnTheHeldBytes) {
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

TEST_F(HeldCalls, P17_AClientThatHasGoneClaimsNothing) {
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

TEST_F(HeldCalls, P17_AClientThatGoesWhileTheUpstreamIsDialledClaimsNothing) {
  const auto question = approved("k1");
  CancelSource client;
  dialer_.before = [&] { client.cancel(); };
  EXPECT_EQ(error(prepare(acme_.refund(*billing_, "k1"), {.client_gone = client.token()})).code,
            Errc::unavailable);
  EXPECT_EQ(acme_.approvals().find(acme_.workspace(), question->id)->state,
            approval::State::approved);
}

TEST_F(HeldCalls, P15_AHeldCallOfARevokedRunEndsRefusedAndRecorded) {
  acme_.preview(*billing_);
  auto held = hold(acme_.refund(*billing_, "k1"));
  asked();
  acme_.revoke(*acme_.workspace().runs().find(*billing_->parent)->parent);
  EXPECT_EQ(refused(held.get()), Operand::run);
  EXPECT_EQ(count(audit::Kind::action_refused), 1U);
}

TEST_F(HeldCalls, P17_TheTokensExpiryCountsAtArrivalAndTheRunsEndAtResumption) {
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

TEST_F(HeldCalls, P17_AWaitThatEndsUnansweredSaysWhomToAsk) {
  acme_.preview(*billing_);
  auto held = hold(acme_.refund(*billing_, "k1"), {}, seconds(10));
  const auto question = asked();
  acme_.clock().advance(seconds(11));
  EXPECT_EQ(needed(held.get())->id, question->id);
}

TEST_F(HeldCalls, P20_AQuestionThatNobodyAnswersEndsTheCallAndAsksNoOther) {
  acme_.preview(*billing_);
  acme_.edit("workspace.toml", "request_life = \"15m\"", "request_life = \"5m\"");
  auto held = hold(acme_.refund(*billing_, "k1"));
  asked();
  acme_.clock().advance(std::chrono::minutes(5));
  ASSERT_TRUE(acme_.run(acme_.approvals().settle(acme_.workspace())).has_value());
  EXPECT_EQ(error(held.get()).where, "approval");
  EXPECT_EQ(count(audit::Kind::approval_requested), 1U);
}

TEST_F(HeldCalls, P4_AHeldCallWaitsForEveryGroup) {
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
TEST_F(HeldCalls, P12_ADefinitionThatChangesWhileTheCallIsHeldIsAskedAboutAnew) {
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

TEST_F(HeldCalls, P12_AnAnswerToTheOldDefinitionIsNoneToTheNew) {
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

TEST_F(HeldCalls, P11_AHeldCallThatFitsNoOperationAnyMoreIsNotSentElsewhere) {
  acme_.preview(*billing_);
  auto held = hold(acme_.refund(*billing_, "k1"));
  const auto first = asked();
  acme_.edit("tools/billing.toml", "path = \"/v1/refunds\"", "path = \"/v2/refunds\"");
  ASSERT_TRUE(acme_.decide(*first, "bob", {"finance"}).has_value());
  EXPECT_EQ(error(held.get()).code, Errc::not_found);
  EXPECT_EQ(count(audit::Kind::action_intent), 1U);  // the preview's
}

TEST_F(HeldCalls, P14_AHeldCallThatComesToMoveMoneyNeedsItsKeyToo) {
  acme_.documents()["policies/ask.cedar"] =
      "@id(\"ask\") @needs_approval(\"finance\") forbid (principal is Writ::Run, "
      "action == Writ::Action::\"billing.refund.preview\", resource);";
  acme_.apply();
  auto held = hold(acme_.matched(*billing_, "POST", "/v1/refund-previews", Acme::preview_body()));
  const auto question = asked();
  auto& document = acme_.documents().at("tools/billing.toml");
  const auto preview = document.find("refund.preview");
  const auto effect = document.find("effect = \"read\"", preview);
  ASSERT_NE(effect, document.npos);
  document.replace(effect, 15, "effect = \"money\"\ncompensable = false");
  acme_.apply();
  ASSERT_TRUE(acme_.decide(*question, "bob", {"finance"}).has_value());
  const auto stopped = error(held.get());
  EXPECT_EQ(stopped.code, Errc::invalid_input);
  EXPECT_EQ(stopped.where, "Idempotency-Key");
  EXPECT_EQ(dialer_.dials, 0);
}

TEST_F(HeldCalls, P17_TheShareOfARunIsBounded) {
  Acme small({.per_second = 1000, .burst = 1000}, {.calls = ShareLimits::fair(512, 2)});
  const auto run = small.refund_chain();
  std::vector<Prepared> sent;
  sent.reserve(2);
  for (int i = 0; i < 2; ++i)
    sent.push_back(
        small.run(small.calls().prepare(small.workspace(), small.read(*run), dialer_, {})));
  EXPECT_TRUE(sent[0] && sent[1]);
  const auto refused = small.calls().admit(small.authenticate(*run), 0);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::rate_limited);
  EXPECT_EQ(exceeded(refused.error())->limit, "calls_per_run");
  sent.clear();
  EXPECT_TRUE(small.run(small.calls().prepare(small.workspace(), small.read(*run), dialer_, {}))
                  .has_value());
}

}  // namespace
}  // namespace writ::broker
