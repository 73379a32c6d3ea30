// SPDX-License-Identifier: Apache-2.0
#include "broker/live.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "broker/testing.h"

namespace writ::broker {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::UnorderedElementsAre;

class LiveTest : public testing::Test {
 protected:
  LiveRuns& runs() { return acme_.workspace().runs(); }
  TimePoint now() { return acme_.clock().now(); }

  Acme acme_;
  Acme::SharedRun planner_ = acme_.start("plan");
  Acme::SharedRun support_ = acme_.delegate(planner_, "triage");
  Acme::SharedRun billing_ = acme_.delegate(support_, "settle");
};

TEST_F(LiveTest, ARunIsAliveWithAllItsAncestors) {
  const auto lineage = runs().alive(billing_->id, now());
  ASSERT_TRUE(lineage.has_value());
  EXPECT_THAT(lineage->runs, ElementsAre(billing_, support_, planner_));
  EXPECT_EQ(runs().alive(RunId(), now()).error().code, Errc::denied);
}

TEST_F(LiveTest, TheEndOfAnAncestorNamesIt) {
  runs().end({support_->id}, {});
  const auto refused = runs().alive(billing_->id, now());
  EXPECT_EQ(refused.error().code, Errc::denied);
  EXPECT_THAT(refused.error().message, HasSubstr(support_->id.to_string()));
  EXPECT_TRUE(runs().alive(planner_->id, now()).has_value());
}

TEST_F(LiveTest, ARunIsAliveUntilItsEndAndNotAtIt) {
  EXPECT_TRUE(runs().alive(billing_->id, billing_->ends - milliseconds(1)).has_value());
  EXPECT_FALSE(runs().alive(billing_->id, billing_->ends).has_value());
}

TEST_F(LiveTest, P7_ARunThatHasEndedHasNoMoreChildren) {
  runs().end({planner_->id}, {});
  auto child = *support_;
  child.id = RunId::make(acme_.clock(), acme_.random());
  EXPECT_EQ(runs().add(std::make_shared<const delegation::Run>(child)).error().code,
            Errc::conflict);
  child.parent = RunId::make(acme_.clock(), acme_.random());
  EXPECT_EQ(runs().add(std::make_shared<const delegation::Run>(child)).error().code,
            Errc::conflict);
}

TEST_F(LiveTest, P37_OfRunsThatHaveEndedTheLatestAloneStayKnown) {
  std::vector<RunId> ended;
  for (std::size_t i = 0; i < LiveRuns::kMostEnded + 3; ++i) {
    const auto run = acme_.delegate(planner_, "triage");
    runs().end({run->id}, {});
    runs().retire({run->id});
    ended.push_back(run->id);
  }
  for (std::size_t i = 0; i < ended.size(); ++i)
    EXPECT_EQ(runs().find(ended[i]) != nullptr, i >= 3) << i;
  EXPECT_EQ(runs().alive(ended.front(), now()).error().code, Errc::denied);
  EXPECT_TRUE(runs().token(ended.front()).cancelled());
  EXPECT_EQ(runs().family(planner_->id).size(), 3 + LiveRuns::kMostEnded);
  // One that lives is not retired.
  runs().retire({planner_->id});
  EXPECT_TRUE(runs().alive(planner_->id, now()));
}

TEST_F(LiveTest, ASubtreeIsParentsFirstAndLeavesOutWhatHasEnded) {
  const auto other = acme_.delegate(planner_, "triage");
  EXPECT_THAT(runs().subtree(planner_->id),
              ElementsAre(planner_->id, support_->id, billing_->id, other->id));
  runs().end({support_->id, billing_->id}, {});
  EXPECT_THAT(runs().subtree(planner_->id), ElementsAre(planner_->id, other->id));
  EXPECT_TRUE(runs().subtree(RunId()).empty());
  EXPECT_THAT(runs().select([&](const auto& run) { return run.agent_name == "planner"; }),
              UnorderedElementsAre(planner_->id, other->id));
}

TEST_F(LiveTest, I4_AnEndIsAcknowledgedOnceWhatIsInFlightHasStopped) {
  std::atomic<bool> stopped = false;
  std::promise<bool> acknowledged;
  std::unique_ptr<CancelRegistration> in_flight;
  const auto token = runs().token(billing_->id);
  acme_.run([](std::unique_ptr<CancelRegistration>* out, CancelToken of,
               std::atomic<bool>* flag) -> Task<void> {
    *out = std::make_unique<CancelRegistration>(of, Loop::current(), [flag] { *flag = true; });
    co_return;
  }(&in_flight, token, &stopped));
  runs().end(runs().subtree(planner_->id), [&] { acknowledged.set_value(stopped); });
  EXPECT_TRUE(acknowledged.get_future().get());
  EXPECT_TRUE(token.cancelled());
  acme_.run([](std::unique_ptr<CancelRegistration>* out) -> Task<void> {
    out->reset();
    co_return;
  }(&in_flight));
}

TEST_F(LiveTest, AnEndOfNothingIsAcknowledgedAtOnce) {
  bool acknowledged = false;
  runs().end({}, [&] { acknowledged = true; });
  EXPECT_TRUE(acknowledged);
}

TEST_F(LiveTest, ATokenOfARunThatIsNotThereIsCancelledAlready) {
  EXPECT_TRUE(runs().token(RunId()).cancelled());
  EXPECT_FALSE(runs().token(billing_->id).cancelled());
}

TEST_F(LiveTest, WhatIsOverByItsTimeIsListedRevokedOrNotAndForgotten) {
  EXPECT_TRUE(runs().over(billing_->ends - milliseconds(1)).empty());
  EXPECT_THAT(runs().over(billing_->ends), ElementsAre(billing_->id));
  runs().end({billing_->id}, {});
  EXPECT_THAT(runs().over(billing_->ends), ElementsAre(billing_->id));
  runs().forget({billing_->id});
  EXPECT_EQ(runs().find(billing_->id), nullptr);
  EXPECT_NE(runs().find(planner_->id), nullptr);
}

TEST_F(LiveTest, ADisabledUserIsNoActiveOne) {
  EXPECT_NE(acme_.workspace().active_user(acme_.user_id("alice")), nullptr);
  acme_.disable("alice");
  EXPECT_EQ(acme_.workspace().active_user(acme_.user_id("alice")), nullptr);
  EXPECT_EQ(acme_.workspace().active_user(UserId()), nullptr);
}

TEST_F(LiveTest, P15_ACommitChecksEveryRunAndTheVersion) {
  const auto lineage = runs().alive(billing_->id, now()).value();
  const auto checks = LiveWorkspace::checks(lineage, acme_.workspace().id(), 7);
  ASSERT_EQ(checks.size(), 4U);
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(checks[i].kind, RecordKind::run);
    EXPECT_EQ(checks[i].id, lineage.runs[i]->id.to_string());
    EXPECT_EQ(checks[i].revision, LiveRuns::kAliveRevision);
  }
  EXPECT_EQ(checks[3].kind, RecordKind::workspace);
  EXPECT_EQ(checks[3].revision, 7U);
}

TEST_F(LiveTest, P10_WorkspacesAreFoundByNameAndIdAndANameIsOneWorkspaces) {
  EXPECT_EQ(acme_.live().find("acme"), acme_.shared_workspace());
  EXPECT_EQ(acme_.live().find(acme_.workspace().id()), acme_.shared_workspace());
  EXPECT_EQ(acme_.live().find("Acme"), nullptr);
  EXPECT_EQ(acme_.live().find(WorkspaceId()), nullptr);
  Acme other;
  EXPECT_EQ(acme_.live().add(other.shared_workspace()).error().code, Errc::conflict);
}

TEST(KnownFacts, AFullSetBeginsAnew) {
  KnownFacts facts;
  for (std::size_t i = 0; i <= KnownFacts::kCapacity; ++i) facts.add(std::to_string(i));
  EXPECT_FALSE(facts.contains("0"));
  EXPECT_TRUE(facts.contains(std::to_string(KnownFacts::kCapacity)));
}

}  // namespace
}  // namespace writ::broker
