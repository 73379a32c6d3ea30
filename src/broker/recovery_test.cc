// SPDX-License-Identifier: Apache-2.0
#include "broker/recovery.h"

#include <gtest/gtest.h>

#include "broker/resume_point.h"
#include "broker/testing.h"

namespace writ::broker {
namespace {

class RecoveryTest : public ::testing::Test {
 protected:
  // A call as far as its intent.
  Sendable send(Matched matched) {
    FakeDialer dialer;
    auto sent = acme_.run(acme_.calls().prepare(acme_.workspace(), std::move(matched), dialer, {}));
    EXPECT_TRUE(sent);
    return std::move(*sent);
  }
  Sendable send_read() { return send(acme_.read(*billing_)); }
  // A refund that Bob has approved.
  Sendable send_refund(const std::string& key) {
    FakeDialer dialer;
    acme_.preview(*billing_);
    auto asked = acme_.run(
        acme_.calls().prepare(acme_.workspace(), acme_.refund(*billing_, key), dialer, {}));
    const auto approval = std::get<ApprovalNeeded>(asked.error()).approval;
    EXPECT_TRUE(acme_.decide(*approval, "bob", {"finance"}));
    return send(acme_.refund(*billing_, key));
  }
  void finish(const Sendable& sent, tools::Outcome outcome) {
    ASSERT_TRUE(acme_.run(acme_.finish(sent.action, outcome)));
  }
  Expected<std::size_t> recover() {
    return acme_.run(
        broker::recover(acme_.workspace(), acme_.clock(), acme_.random(), acme_.log()));
  }
  std::vector<ActionId> recovered() {
    std::vector<ActionId> out;
    for (const auto& entry : acme_.entries(audit::Kind::recovery_unknown))
      out.push_back(entry.subjects().action);
    return out;
  }
  ActionState state(const Sendable& sent) {
    return acme_.run(acme_.calls().state(acme_.workspace(), sent.action.id())).value().value();
  }

  Acme acme_;
  std::shared_ptr<const delegation::Run> billing_ = acme_.refund_chain();
};

TEST_F(RecoveryTest, I6_AnOpenReadBecomesUnknown) {
  const auto sent = send_read();
  EXPECT_EQ(recover(), 1U);
  EXPECT_EQ(recovered(), std::vector{sent.action.id()});
  const auto entry = acme_.entries(audit::Kind::recovery_unknown).front();
  EXPECT_EQ(entry.subjects().run, billing_->id);
}

TEST_F(RecoveryTest, I6_AnOpenRefundBecomesUnknownInItsRecordToo) {
  const auto sent = send_refund("key-1");
  ASSERT_EQ(state(sent).phase, ActionPhase::intent);
  EXPECT_EQ(recover(), 1U);
  EXPECT_EQ(state(sent).phase, ActionPhase::unknown);
  EXPECT_EQ(state(sent).digest_hmac,
            action_hmac(acme_.workspace().digest_key(), sent.action.proposed().digest()));
  EXPECT_TRUE(state(sent).approval);  // and stays consumed (I1)
}

// failures.md 25: never retried blindly. The same key gives the unknown action, not a second one.
TEST_F(RecoveryTest, P14_TheSameKeyAfterARecoveryIsToldOfTheUnknownAction) {
  const auto sent = send_refund("key-1");
  ASSERT_EQ(recover(), 1U);
  FakeDialer dialer;
  auto again = acme_.run(
      acme_.calls().prepare(acme_.workspace(), acme_.refund(*billing_, "key-1"), dialer, {}));
  ASSERT_FALSE(again);
  const auto* known = std::get_if<KnownAction>(&again.error());
  ASSERT_NE(known, nullptr);
  EXPECT_EQ(known->state.id, sent.action.id());
  EXPECT_EQ(known->state.phase, ActionPhase::unknown);
  EXPECT_EQ(dialer.dials, 0);
}

TEST_F(RecoveryTest, WhatHasAnOutcomeIsLeftAlone) {
  for (const auto outcome :
       {tools::Outcome::done, tools::Outcome::failed, tools::Outcome::unknown}) {
    finish(send_read(), outcome);
    finish(send_refund("key-" + std::string(tools::name(outcome))), outcome);
  }
  EXPECT_EQ(recover(), 0U);
  EXPECT_TRUE(recovered().empty());
}

TEST_F(RecoveryTest, EachOpenIntentAndNoOther) {
  const auto open = send_read();
  finish(send_read(), tools::Outcome::done);
  const auto refund = send_refund("key-1");
  finish(send_refund("key-2"), tools::Outcome::done);
  EXPECT_EQ(recover(), 2U);
  EXPECT_EQ(recovered().size(), 2U);
  EXPECT_EQ(state(refund).phase, ActionPhase::unknown);
}

TEST_F(RecoveryTest, WhatWasRecoveredIsNotRecoveredAgain) {
  send_read();
  send_refund("key-1");
  EXPECT_EQ(recover(), 2U);
  EXPECT_EQ(recover(), 0U);
  EXPECT_EQ(recovered().size(), 2U);
}

TEST_F(RecoveryTest, AStaleResumePointChangesNothing) {
  send_read();
  ASSERT_EQ(recover(), 1U);
  auto point = acme_.run(read_resume_point(acme_.workspace().store())).value();
  point.log = 0;
  acme_.put(RecordKind::setting, "resume", point.revision, to_put(point).value);
  send_read();
  EXPECT_EQ(recover(), 1U);
  EXPECT_EQ(recovered().size(), 2U);
}

TEST_F(RecoveryTest, TheResumePointIsWhereTheLogWasClosed) {
  send_read();
  ASSERT_EQ(recover(), 1U);
  const auto point = acme_.run(read_resume_point(acme_.workspace().store())).value();
  EXPECT_EQ(point.log, acme_.run(acme_.workspace().store().log_size()).value());
}

TEST_F(RecoveryTest, AStoreThatTakesNothingIsSaidAndLaterMadeGood) {
  const auto sent = send_refund("key-1");
  acme_.store().fail_next_commit(fail(Errc::unavailable, "the disk is full").error());
  EXPECT_FALSE(recover());
  EXPECT_EQ(state(sent).phase, ActionPhase::intent);
  EXPECT_EQ(recover(), 1U);
  EXPECT_EQ(state(sent).phase, ActionPhase::unknown);
}

TEST_F(RecoveryTest, MoreThanOneUnitOfThem) {
  for (int i = 0; i < 250; ++i) send_read();
  EXPECT_EQ(recover(), 250U);
  EXPECT_EQ(recovered().size(), 250U);
  EXPECT_EQ(recover(), 0U);
}

}  // namespace
}  // namespace writ::broker
