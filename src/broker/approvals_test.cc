// SPDX-License-Identifier: Apache-2.0
#include "broker/approvals.h"

#include <future>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "broker/approval_record.h"
#include "broker/live_records.h"
#include "broker/testing.h"

namespace writ::broker {
namespace {

using approval::State;
using approval::Verdict;

class ApprovalsTest : public testing::Test {
 protected:
  std::expected<Sendable, Stopped> prepare(Matched matched) {
    return acme_.run(acme_.calls().prepare(acme_.workspace(), std::move(matched), dialer_, {}));
  }
  // The question about a refund of the run, a preview done for it.
  Approvals::Shared ask(const delegation::Run& run, const std::string& key,
                        std::int64_t amount = 12'000) {
    acme_.preview(run, amount);
    return ask_again(run, key, amount);
  }
  Approvals::Shared ask_again(const delegation::Run& run, const std::string& key,
                              std::int64_t amount = 12'000) {
    auto stopped = prepare(acme_.refund(run, key, amount));
    const auto* needed = stopped ? nullptr : std::get_if<ApprovalNeeded>(&stopped.error());
    return needed == nullptr ? nullptr : needed->approval;
  }
  Errc errc(const delegation::Run& run, const std::string& key) {
    auto stopped = prepare(acme_.refund(run, key));
    const auto* error = stopped ? nullptr : std::get_if<Error>(&stopped.error());
    return error == nullptr ? Errc::internal : error->code;
  }
  bool goes_on(const delegation::Run& run, const std::string& key) {
    return prepare(acme_.refund(run, key)).has_value();
  }
  State state(const Approvals::Shared& approval) {
    return approval::state_at(*acme_.approvals().find(acme_.workspace(), approval->id),
                              acme_.clock().now());
  }
  Errc refused(const Expected<Approvals::Shared>& decided) {
    return decided ? Errc::internal : decided.error().code;
  }

  Acme acme_;
  FakeDialer dialer_;
  Acme::SharedRun billing_ = acme_.refund_chain();
};

TEST_F(ApprovalsTest, AQuestionIsDurableAndInTheLogBeforeItIsAsked) {
  const auto question = ask(*billing_, "k");
  const auto record =
      acme_.run(acme_.workspace().store().get(RecordKind::approval, question->id.to_string()));
  ASSERT_TRUE(record->has_value());
  EXPECT_EQ(*parse_approval_record(acme_.workspace(), **record), *question);
  ASSERT_EQ(acme_.entries(audit::Kind::approval_requested).size(), 1U);
  // The arguments lie beside the entry and in the record, sealed.
  EXPECT_THAT((*record)->value, testing::Not(testing::HasSubstr("inv_1")));
  EXPECT_THAT(acme_.entries(audit::Kind::approval_requested)[0].text(),
              testing::Not(testing::HasSubstr("inv_1")));
}

TEST_F(ApprovalsTest, P40_AKeyEnrolledAnewDecidesNothingThatWasAskedBefore) {
  const auto question = ask(*billing_, "k");
  acme_.clock().advance(milliseconds(1));
  acme_.enrol("bob", jose::Jwk(crypto::Es256PrivateKey::generate().public_key()));
  acme_.enrol("bob", acme_.key("bob").public_jwk());
  const auto decided = acme_.decide(*question, "bob", {"finance"});
  ASSERT_FALSE(decided.has_value());
  EXPECT_EQ(decided.error().code, Errc::denied);
  EXPECT_EQ(state(question), State::pending);
  const auto later = ask(*billing_, "k2");
  EXPECT_TRUE(acme_.decide(*later, "bob", {"finance"}).has_value());
}

// A key that is enrolled between the look at it and the commit is met there.
TEST_F(ApprovalsTest, P40_TheCommitMeetsAKeyEnrolledMeanwhile) {
  const auto question = ask(*billing_, "k");
  (void)acme_.session_of("bob");
  acme_.store().hold_commits();
  auto deciding = std::async([&] { return acme_.decide(*question, "bob", {"finance"}); });
  while (acme_.store().held() < 1) std::this_thread::yield();
  auto standing = acme_.workspace().standing(acme_.user_id("bob"));
  standing.enrolled = question->created + milliseconds(1);
  Unit enrolment;
  enrolment.puts = {
      {RecordKind::user, acme_.user_id("bob").to_string(), standing.revision, to_record(standing)}};
  EXPECT_TRUE(acme_.store().commit_before_held(acme_.workspace().id(), std::move(enrolment)));
  acme_.store().release_commits();
  const auto decided = deciding.get();
  ASSERT_FALSE(decided.has_value());
  EXPECT_EQ(decided.error().code, Errc::conflict);
  EXPECT_EQ(state(question), State::pending);
}

TEST_F(ApprovalsTest, P12_TheSameActionIsTheSameQuestion) {
  const auto question = ask(*billing_, "k");
  EXPECT_EQ(ask_again(*billing_, "k")->id, question->id);
  EXPECT_EQ(acme_.entries(audit::Kind::approval_requested).size(), 1U);
}

// P12, failures.md 24: each field of the digest.
TEST_F(ApprovalsTest, P12_AnyChangeToTheActionIsANewQuestion) {
  const auto question = ask(*billing_, "k");
  ASSERT_TRUE(acme_.decide(*question, "bob", {"finance"}).has_value());

  const auto one_cent_more = ask(*billing_, "k", 12'001);
  EXPECT_NE(one_cent_more->id, question->id);
  const auto other_key = ask_again(*billing_, "k2");
  EXPECT_NE(other_key->id, question->id);
  const auto other_run = ask(*acme_.refund_chain(), "k");
  EXPECT_NE(other_run->digest, question->digest);
  const auto other_user = [&] {
    acme_.edit("workspace.toml", "display = \"Carol Chen\"\ngroups = [\"controllers\"]",
               "display = \"Carol Chen\"\ngroups = [\"controllers\", \"billing-managers\"]");
    return ask(*acme_.refund_chain("carol"), "k");
  }();
  EXPECT_EQ(other_user->user_name, "carol");
  acme_.edit("tools/billing.toml", "Refund {amount} {currency} (minor units)",
             "Refund {amount} {currency} in minor units");
  const auto other_definition = ask_again(*billing_, "k");
  ASSERT_NE(other_definition, nullptr);
  EXPECT_NE(other_definition->digest, question->digest);
  acme_.rotate_credential(false);
  const auto other_account = ask_again(*billing_, "k");
  ASSERT_NE(other_account, nullptr);
  EXPECT_NE(other_account->digest, other_definition->digest);
  // Each stands in the place of the one before, and says so.
  EXPECT_EQ(state(question), State::superseded);
  EXPECT_EQ(state(other_definition), State::superseded);
  EXPECT_EQ(acme_.approvals().find(acme_.workspace(), other_definition->id)->superseded_by,
            other_account->id);
  EXPECT_EQ(state(one_cent_more), State::pending);
  EXPECT_EQ(state(other_key), State::pending);
}

TEST_F(ApprovalsTest, P12_ARotationThatKeepsTheAccountKeepsItsApprovals) {
  const auto question = ask(*billing_, "k");
  acme_.rotate_credential(true);
  ASSERT_TRUE(acme_.run(acme_.approvals().settle(acme_.workspace())).has_value());
  EXPECT_EQ(state(question), State::pending);
  ASSERT_TRUE(acme_.decide(*question, "bob", {"finance"}).has_value());
  acme_.rotate_credential(true);
  EXPECT_TRUE(goes_on(*billing_, "k"));
}

TEST_F(ApprovalsTest, P12_AnotherAccountSupersedesThemVisibly) {
  const auto pending = ask(*billing_, "k1");
  const auto approved = ask_again(*billing_, "k2");
  ASSERT_TRUE(acme_.decide(*approved, "bob", {"finance"}).has_value());
  acme_.rotate_credential(false);
  ASSERT_TRUE(acme_.run(acme_.approvals().settle(acme_.workspace())).has_value());
  EXPECT_EQ(state(pending), State::superseded);
  EXPECT_EQ(state(approved), State::superseded);
  EXPECT_EQ(acme_.entries(audit::Kind::approval_expired).size(), 2U);
  EXPECT_FALSE(goes_on(*billing_, "k2"));
}

// --- P4, clause by clause

TEST_F(ApprovalsTest, P4_TheUserOfTheRunMayNotApproveIt) {
  const auto question = ask(*billing_, "k");
  EXPECT_EQ(refused(acme_.decide(*question, "alice", {"finance"})), Errc::denied);
}

TEST_F(ApprovalsTest, P4_TheOwnerOfAnAgentMayNotApproveARunForNobody) {
  acme_.edit("workspace.toml", "display = \"Ada Admin\"",
             "display = \"Ada Admin\"\ngroups = [\"finance\"]");
  for_either(acme_.documents());
  acme_.apply();
  const auto question = ask(*acme_.refund_chain(nullptr), "k");
  ASSERT_NE(question, nullptr);
  EXPECT_EQ(refused(acme_.decide(*question, "admin", {"finance"})), Errc::denied);
  ASSERT_TRUE(acme_.decide(*question, "bob", {"finance"}).has_value());
  // For a user's run the owner is as good as anybody.
  const auto other = ask(*billing_, "k");
  EXPECT_TRUE(acme_.decide(*other, "admin", {"finance"}).has_value());
}

TEST_F(ApprovalsTest, P4_OnlyAMemberOfTheGroupMayApproveForIt) {
  const auto question = ask(*billing_, "k");
  EXPECT_EQ(refused(acme_.decide(*question, "carol", {"finance"})), Errc::denied);
  EXPECT_EQ(refused(acme_.decide(*question, "carol", {"controllers"})), Errc::invalid_input);
}

TEST_F(ApprovalsTest, P4_AnApproverWhoHasBeenDisabledSinceDoesNotCount) {
  const auto question = ask(*billing_, "k");
  ASSERT_TRUE(acme_.decide(*question, "bob", {"finance"}).has_value());
  acme_.disable("bob");
  const auto again = ask_again(*billing_, "k");
  ASSERT_NE(again, nullptr);
  EXPECT_NE(again->id, question->id);
  EXPECT_EQ(state(question), State::superseded);
  EXPECT_EQ(refused(acme_.decide(*again, "bob", {"finance"})), Errc::unauthenticated);
}

TEST_F(ApprovalsTest, P4_AnApproverWhoHasLeftTheGroupSinceDoesNotCount) {
  const auto question = ask(*billing_, "k");
  ASSERT_TRUE(acme_.decide(*question, "bob", {"finance"}).has_value());
  acme_.edit("workspace.toml", "display = \"Bob Baker\"\ngroups = [\"finance\"]",
             "display = \"Bob Baker\"\n[users.dora]\ndisplay = \"Dora\"\ngroups = [\"finance\"]");
  EXPECT_FALSE(goes_on(*billing_, "k"));
  EXPECT_EQ(state(question), State::superseded);
}

TEST_F(ApprovalsTest, P4_AnApproverWhoseKeyIsAnotherOneNowDoesNotCount) {
  const auto question = ask(*billing_, "k");
  ASSERT_TRUE(acme_.decide(*question, "bob", {"finance"}).has_value());
  acme_.enrol("bob", acme_.key("carol").public_jwk());
  EXPECT_FALSE(goes_on(*billing_, "k"));
}

TEST_F(ApprovalsTest, P4_TheApprovalEndsBetweenDecisionAndCommit) {
  const auto question = ask(*billing_, "k");
  ASSERT_TRUE(acme_.decide(*question, "bob", {"finance"}).has_value());
  // Found and dialled while Bob was still in the group; the claim looks again.
  dialer_.before = [this] { acme_.disable("bob"); };
  EXPECT_FALSE(goes_on(*billing_, "k"));
  EXPECT_EQ(acme_.entries(audit::Kind::action_intent).size(), 1U);  // the preview's
}

TEST_F(ApprovalsTest, P4_TwoGroupsAreTwoPeople) {
  acme_.edit("workspace.toml", "display = \"Bob Baker\"\ngroups = [\"finance\"]",
             "display = \"Bob Baker\"\ngroups = [\"controllers\", \"finance\"]");
  const auto question = ask(*billing_, "k", 200'000);
  const auto one = acme_.decide(*question, "bob", {"controllers", "finance"});
  ASSERT_TRUE(one.has_value());
  EXPECT_EQ((*one)->state, State::pending);
  const auto two = acme_.decide(**one, "carol", {"controllers"});
  ASSERT_TRUE(two.has_value());
  EXPECT_EQ((*two)->state, State::approved);
}

TEST_F(ApprovalsTest, P4_PolicyThatAsksForMoreSinceIsAskedAnew) {
  const auto question = ask(*billing_, "k");
  ASSERT_TRUE(acme_.decide(*question, "bob", {"finance"}).has_value());
  acme_.edit("policies/refund.cedar", "context.input.amount > 100000",
             "context.input.amount > 10000");
  const auto again = ask_again(*billing_, "k");
  ASSERT_NE(again, nullptr);
  EXPECT_EQ(again->groups.size(), 2U);
  EXPECT_EQ(state(question), State::superseded);
}

TEST_F(ApprovalsTest, P4_AnOpenQuestionToOtherGroupsThanPolicyAsksNowIsAskedAnew) {
  const auto question = ask(*billing_, "k");
  acme_.edit("policies/refund.cedar", "context.input.amount > 100000",
             "context.input.amount > 10000");
  const auto more = ask_again(*billing_, "k");
  ASSERT_NE(more, nullptr);
  EXPECT_EQ(more->groups, (std::vector<std::string>{"controllers", "finance"}));
  EXPECT_EQ(state(question), State::superseded);
  acme_.edit("policies/refund.cedar", "context.input.amount > 10000",
             "context.input.amount > 100000");
  const auto fewer = ask_again(*billing_, "k");
  ASSERT_NE(fewer, nullptr);
  EXPECT_EQ(fewer->groups, std::vector<std::string>{"finance"});
  EXPECT_EQ(state(more), State::superseded);
}

TEST_F(ApprovalsTest, P20_ASignatureIsOfThisQuestionByTheEnrolledKey) {
  const auto question = ask(*billing_, "k");
  auto decision = acme_.decision(*question, "bob", {"finance"});
  decision.signature = acme_.decision(*question, "carol", {"finance"}).signature;
  EXPECT_EQ(refused(acme_.run(acme_.approvals().decide(
                acme_.workspace(), question->id, decision,
                acme_.authority("bob", Operation::decide_approval, Acme::subject_of(*question))))),
            Errc::unauthenticated);
  const auto other = ask_again(*billing_, "k2");
  decision = acme_.decision(*other, "bob", {"finance"});
  decision.commitment = approval::commitment_of(*question);
  EXPECT_EQ(refused(acme_.run(acme_.approvals().decide(
                acme_.workspace(), question->id, decision,
                acme_.authority("bob", Operation::decide_approval, Acme::subject_of(*question))))),
            Errc::unauthenticated);
  EXPECT_EQ(acme_.entries(audit::Kind::approval_decided).size(), 0U);
}

TEST_F(ApprovalsTest, AnAnswerIsInTheLogBeforeItCounts) {
  const auto question = ask(*billing_, "k");
  (void)acme_.session_of("bob");  // a commit of its own
  acme_.store().fail_next_commit(fail(Errc::unavailable, "the disk is full").error());
  EXPECT_EQ(refused(acme_.decide(*question, "bob", {"finance"})), Errc::unavailable);
  EXPECT_EQ(state(question), State::pending);
  EXPECT_FALSE(goes_on(*billing_, "k"));
  ASSERT_TRUE(acme_.decide(*question, "bob", {"finance"}).has_value());
  EXPECT_EQ(acme_.entries(audit::Kind::approval_decided).size(), 1U);
}

TEST_F(ApprovalsTest, P20_QuestionsAndApprovalsExpire) {
  const auto unanswered = ask(*acme_.refund_chain(), "k");
  acme_.clock().advance(std::chrono::minutes(15));
  EXPECT_EQ(state(unanswered), State::expired);
  EXPECT_EQ(refused(acme_.decide(*unanswered, "bob", {"finance"})), Errc::conflict);

  const auto run = acme_.refund_chain();
  const auto question = ask(*run, "k");
  ASSERT_TRUE(acme_.decide(*question, "bob", {"finance"}).has_value());
  acme_.clock().advance(std::chrono::minutes(5));
  EXPECT_FALSE(goes_on(*run, "k"));
  EXPECT_EQ(state(question), State::expired);
  ASSERT_TRUE(acme_.run(acme_.approvals().settle(acme_.workspace())).has_value());
  EXPECT_EQ(acme_.approvals().find(acme_.workspace(), question->id)->state, State::expired);
  EXPECT_EQ(acme_.entries(audit::Kind::approval_expired).size(), 2U);
}

// --- floods, denials, identical actions

TEST_F(ApprovalsTest, ADenialImposesABackOffThatNoNewKeyGetsAround) {
  const auto question = ask(*billing_, "k");
  const auto other = acme_.refund_chain();
  acme_.preview(*other);
  ASSERT_TRUE(acme_.decide(*question, "bob", {"finance"}, Verdict::deny).has_value());
  EXPECT_EQ(errc(*billing_, "k"), Errc::denied);
  EXPECT_EQ(errc(*billing_, "k2"), Errc::denied);
  EXPECT_EQ(errc(*other, "k"), Errc::denied);
  EXPECT_NE(ask(*billing_, "k", 11'999), nullptr);
  acme_.clock().advance(std::chrono::minutes(2));
  const auto again = ask_again(*billing_, "k");
  ASSERT_NE(again, nullptr);
  EXPECT_NE(again->id, question->id);
}

TEST_F(ApprovalsTest, ARunCannotBuryItsApprovers) {
  acme_.preview(*billing_);
  for (int i = 0; i < 20; ++i)
    ASSERT_NE(ask_again(*billing_, "k" + std::to_string(i)), nullptr) << i;
  EXPECT_EQ(errc(*billing_, "one-too-many"), Errc::rate_limited);
  EXPECT_NE(ask(*acme_.refund_chain(), "k"), nullptr);
}

TEST_F(ApprovalsTest, P14_TheApproverSeesIdenticalActionsThatAreDoneOrUnknown) {
  EXPECT_EQ(ask(*billing_, "k0")->identical, approval::Identical{});
  const std::pair<const char*, tools::Outcome> earlier[]{{"k1", tools::Outcome::done},
                                                         {"k2", tools::Outcome::done},
                                                         {"k3", tools::Outcome::unknown},
                                                         {"k4", tools::Outcome::failed}};
  for (const auto& [key, outcome] : earlier) {
    ASSERT_TRUE(acme_.decide(*ask_again(*billing_, key), "bob", {"finance"}).has_value());
    auto sent = prepare(acme_.refund(*billing_, key));
    ASSERT_TRUE(sent.has_value());
    ASSERT_TRUE(acme_.run(acme_.finish(sent->action, outcome)).has_value());
  }
  const approval::Identical expected{.done = 2, .unknown = 1};
  EXPECT_EQ(ask_again(*billing_, "k5")->identical, expected);
  // Another run asks the same of the same upstream.
  EXPECT_EQ(ask(*acme_.refund_chain(), "k")->identical, expected);
  EXPECT_EQ(ask(*billing_, "k6", 1)->identical, approval::Identical{});
}

TEST_F(ApprovalsTest, P14_AnActionStillUnderWayMayBeDoneAlready) {
  ASSERT_TRUE(acme_.decide(*ask(*billing_, "k1"), "bob", {"finance"}).has_value());
  const auto sent = prepare(acme_.refund(*billing_, "k1"));
  ASSERT_TRUE(sent.has_value());
  EXPECT_EQ(ask_again(*billing_, "k2")->identical, (approval::Identical{.done = 0, .unknown = 1}));
}

TEST_F(ApprovalsTest, P9_ARevokedRunsQuestionsEnd) {
  const auto question = ask(*billing_, "k");
  const auto other = ask(*acme_.refund_chain(), "k");
  ASSERT_TRUE(acme_.run(acme_.approvals().cancel(acme_.workspace(), {billing_->id})).has_value());
  EXPECT_EQ(state(question), State::cancelled);
  EXPECT_EQ(state(other), State::pending);
}

TEST_F(ApprovalsTest, WhatEndedLongAgoIsForgottenAndWhatMayStillCountIsNot) {
  const auto question = ask(*billing_, "k");
  const auto denied = ask_again(*billing_, "k2");
  ASSERT_TRUE(acme_.decide(*denied, "bob", {"finance"}, Verdict::deny).has_value());
  ASSERT_TRUE(acme_.run(acme_.approvals().settle(acme_.workspace())).has_value());
  EXPECT_NE(acme_.approvals().find(acme_.workspace(), denied->id), nullptr);
  acme_.clock().advance(std::chrono::minutes(30));
  ASSERT_TRUE(acme_.run(acme_.approvals().settle(acme_.workspace())).has_value());
  EXPECT_NE(acme_.approvals().find(acme_.workspace(), question->id), nullptr);
  acme_.clock().advance(std::chrono::hours(2));
  ASSERT_TRUE(acme_.run(acme_.approvals().settle(acme_.workspace())).has_value());
  EXPECT_EQ(acme_.approvals().find(acme_.workspace(), question->id), nullptr);
  EXPECT_EQ(acme_.approvals().find(acme_.workspace(), denied->id), nullptr);
  EXPECT_EQ(acme_.approvals().find(acme_.workspace(), ApprovalId()), nullptr);
}

TEST_F(ApprovalsTest, ARecordIsOfItsOwnApprovalAlone) {
  const auto question = ask(*billing_, "k");
  auto record =
      **acme_.run(acme_.workspace().store().get(RecordKind::approval, question->id.to_string()));
  const auto whole = record;
  ASSERT_TRUE(parse_approval_record(acme_.workspace(), record));
  record.id = ApprovalId::make(acme_.clock(), acme_.random()).to_string();
  EXPECT_FALSE(parse_approval_record(acme_.workspace(), record)) << "moved to another id";
  record = whole;
  record.value = canonical_json(question->to_json());
  EXPECT_FALSE(parse_approval_record(acme_.workspace(), record)) << "in the clear";
  record = whole;
  record.value[record.value.find("sealed") + 20] ^= 1;
  EXPECT_FALSE(parse_approval_record(acme_.workspace(), record)) << "changed";
}

// A restart during a pending approval: the same digest and expiry.
TEST_F(ApprovalsTest, AQuestionSurvivesARestart) {
  const auto question = ask(*billing_, "k");
  const auto record =
      acme_.run(acme_.workspace().store().get(RecordKind::approval, question->id.to_string()));
  const auto loaded = parse_approval_record(acme_.workspace(), **record).value();
  Approvals restarted(acme_.clock(), acme_.random(), acme_.shares());
  restarted.load(acme_.workspace(), loaded);
  EXPECT_EQ(*restarted.find(acme_.workspace(), question->id), *question);
  EXPECT_EQ(restarted.open(acme_.workspace()).size(), 1U);
  const auto decided = acme_.run(restarted.decide(
      acme_.workspace(), question->id, acme_.decision(*question, "bob", {"finance"}),
      acme_.authority("bob", Operation::decide_approval, Acme::subject_of(*question))));
  EXPECT_EQ((*decided)->state, State::approved);
}

}  // namespace
}  // namespace writ::broker
