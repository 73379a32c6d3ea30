// SPDX-License-Identifier: Apache-2.0
#include "broker/startup.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "broker/resume_point.h"
#include "broker/testing.h"

namespace writ::broker {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::UnorderedElementsAre;

class StartupTest : public ::testing::Test {
 protected:
  // What a new process finds in the store.
  struct Loaded {
    explicit Loaded(Acme& acme) : Loaded(acme, acme.seal_key()) {}
    Loaded(Acme& acme, const vault::SealKey& seal)
        : approvals(acme.clock(), acme.random(), acme.shares()) {
      auto loaded = acme.run(load_live({.store = acme.store(),
                                        .seal_key = seal,
                                        .live = live,
                                        .approvals = approvals,
                                        .shares = acme.shares(),
                                        .clock = acme.clock(),
                                        .random = acme.random(),
                                        .log = acme.log()}));
      if (loaded) {
        unloaded = std::move(*loaded);
        workspace = live.find("acme");
      } else {
        error = loaded.error();
      }
    }
    std::vector<RunId> runs() const {
      std::vector<RunId> out;
      for (const auto& run : workspace->runs().all()) out.push_back(run->id);
      return out;
    }

    Live live;
    Approvals approvals;
    std::shared_ptr<LiveWorkspace> workspace;
    std::vector<Unloaded> unloaded;
    std::optional<Error> error;
  };

  Approvals::Shared ask(const delegation::Run& run, std::string key) {
    FakeDialer dialer;
    auto stopped = acme_.run(
        acme_.calls().prepare(acme_.workspace(), acme_.refund(run, std::move(key)), dialer, {}));
    EXPECT_FALSE(stopped);
    const auto* needed = std::get_if<ApprovalNeeded>(&stopped.error());
    EXPECT_NE(needed, nullptr);
    return needed->approval;
  }

  Acme acme_;
};

TEST_F(StartupTest, TheVersionItsIdsAndItsPeopleAreThoseOfBefore) {
  acme_.disable("carol");
  acme_.edit("workspace.toml", "Bob Baker", "Robert Baker");
  const auto before = acme_.workspace().version();
  const Loaded now(acme_);
  ASSERT_NE(now.workspace, nullptr) << now.error.value_or(Error{}).to_string();
  EXPECT_TRUE(now.unloaded.empty());
  const auto version = now.workspace->version();
  EXPECT_EQ(version->number(), before->number());
  EXPECT_EQ(version->digest(), before->digest());
  EXPECT_EQ(now.workspace->names().ids(), acme_.workspace().names().ids());
  EXPECT_EQ(now.workspace->documents(), acme_.documents());
  EXPECT_EQ(version->user("alice")->id, before->user("alice")->id);
  EXPECT_EQ(now.workspace->standing(acme_.user_id("bob")).key, acme_.key("bob").public_jwk());
  EXPECT_EQ(now.workspace->active_user(acme_.user_id("carol")), nullptr);
  EXPECT_NE(now.workspace->active_user(acme_.user_id("bob")), nullptr);
}

TEST_F(StartupTest, P39_AVersionFromBeforeTheRuleReadsAsEitherWhereItDoesNotSay) {
  acme_.edit("workflows/refund.toml", "for = \"user\"\n", "");
  const auto number = acme_.workspace().version()->number();
  acme_.put(RecordKind::workspace, acme_.workspace().id().to_string(), number,
            to_record(WorkspaceRecord{acme_.documents(), acme_.workspace().names(),
                                      workspace::Rules::first}));
  const Loaded now(acme_);
  ASSERT_NE(now.workspace, nullptr) << now.error.value_or(Error{}).to_string();
  EXPECT_EQ(now.workspace->version()->rules(), workspace::Rules::first);
  for (const auto& step : now.workspace->version()->workflow("refund")->steps)
    EXPECT_EQ(step.runs_for, delegation::RunsFor::either) << step.name;
}

TEST_F(StartupTest, CredentialsAreThereWithTheirRevision) {
  acme_.rotate_credential(true);
  const Loaded now(acme_);
  const auto stored = now.workspace->credential("billing-api-key");
  ASSERT_NE(stored.credential, nullptr);
  EXPECT_EQ(stored.revision, 2U);
  EXPECT_EQ(stored.credential->to_json(),
            acme_.workspace().credential("billing-api-key").credential->to_json());
}

TEST_F(StartupTest, P23_RunsThatLiveAreAliveAndRevokedOnesAreNot) {
  const auto planner = acme_.start("plan");
  const auto support = acme_.delegate(planner, "triage");
  const auto billing = acme_.delegate(support, "settle");
  const auto other = acme_.refund_chain();
  acme_.revoke(*other->parent);
  const Loaded now(acme_);
  const auto lineage = now.workspace->runs().alive(billing->id, acme_.clock().now());
  ASSERT_TRUE(lineage) << lineage.error().to_string();
  EXPECT_EQ(lineage->runs.size(), 3U);
  EXPECT_EQ(*lineage->runs[0], *billing);
  EXPECT_FALSE(now.workspace->runs().alive(other->id, acme_.clock().now()));
  EXPECT_FALSE(now.workspace->runs().alive(*other->parent, acme_.clock().now()));
}

// A crash between the ends of a revocation's records, of which the parent's is the first.
TEST_F(StartupTest, P15_AChildWhoseParentHasEndedIsNotAlive) {
  const auto planner = acme_.start("plan");
  const auto support = acme_.delegate(planner, "triage");
  acme_.end_record(planner->id);
  const Loaded now(acme_);
  EXPECT_TRUE(now.runs().empty());
  EXPECT_FALSE(now.workspace->runs().alive(support->id, acme_.clock().now()));
}

TEST_F(StartupTest, P9_ARunPastItsEndIsNotAliveButLeftForItsEndToBeRecorded) {
  const auto planner = acme_.start("plan");
  acme_.clock().advance(std::chrono::hours(24));
  const Loaded now(acme_);
  EXPECT_FALSE(now.workspace->runs().alive(planner->id, acme_.clock().now()));
  EXPECT_THAT(now.runs(), ElementsAre(planner->id));
}

// failures.md: restart during a pending approval.
TEST_F(StartupTest, APendingApprovalSurvivesWithTheSameDigestAndExpiry) {
  const auto billing = acme_.refund_chain();
  acme_.preview(*billing);
  const auto asked = ask(*billing, "key-1");
  const Loaded now(acme_);
  const auto found = now.approvals.find(*now.workspace, asked->id);
  ASSERT_NE(found, nullptr);
  EXPECT_EQ(found->digest, asked->digest);
  EXPECT_EQ(found->request_expires, asked->request_expires);
  EXPECT_EQ(found->nonce, asked->nonce);
  EXPECT_EQ(found->revision, asked->revision);
  EXPECT_EQ(now.approvals.open(*now.workspace).size(), 1U);
}

// failures.md: clock, approvals never resurrect.
TEST_F(StartupTest, AnApprovalThatExpiredMeanwhileIsNotOpen) {
  const auto billing = acme_.refund_chain();
  acme_.preview(*billing);
  const auto asked = ask(*billing, "key-1");
  acme_.clock().advance(std::chrono::minutes(16));
  const Loaded now(acme_);
  EXPECT_TRUE(now.approvals.open(*now.workspace).empty());
}

// failures.md 25: a denial imposes a back-off, and a restart is no way around it.
TEST_F(StartupTest, ADenialStillCounts) {
  const auto billing = acme_.refund_chain();
  acme_.preview(*billing);
  const auto asked = ask(*billing, "key-1");
  ASSERT_TRUE(acme_.decide(*asked, "bob", {"finance"}, approval::Verdict::deny));
  const Loaded now(acme_);
  const auto found = now.approvals.find(*now.workspace, asked->id);
  ASSERT_NE(found, nullptr);
  EXPECT_EQ(found->state, approval::State::denied);
  EXPECT_TRUE(approval::retry_after(*found, acme_.clock().now()));
}

TEST_F(StartupTest, WhatEndedLongAgoIsNotLoaded) {
  const auto billing = acme_.refund_chain();
  acme_.preview(*billing);
  const auto asked = ask(*billing, "key-1");
  ASSERT_TRUE(acme_.decide(*asked, "bob", {"finance"}, approval::Verdict::deny));
  acme_.clock().advance(std::chrono::hours(2));
  const Loaded now(acme_);
  EXPECT_EQ(now.approvals.find(*now.workspace, asked->id), nullptr);
}

TEST_F(StartupTest, TheResumePointHidesWhatIsOverAndNothingElse) {
  const auto early = acme_.start("plan");
  acme_.clock().advance(std::chrono::minutes(1));
  const auto later = acme_.start("plan");
  const auto at = [&](TimePoint runs) {
    auto point = acme_.run(read_resume_point(acme_.workspace().store())).value();
    point.runs = runs;
    Unit unit;
    unit.puts.push_back(to_put(point));
    ASSERT_TRUE(acme_.run(acme_.workspace().store().commit(std::move(unit))));
  };
  EXPECT_THAT(Loaded(acme_).runs(), UnorderedElementsAre(early->id, later->id));
  at(made_at(later->id));
  EXPECT_THAT(Loaded(acme_).runs(), ElementsAre(later->id));
  at(made_at(early->id));
  EXPECT_THAT(Loaded(acme_).runs(), UnorderedElementsAre(early->id, later->id));
}

TEST_F(StartupTest, P22_AnotherSealKeyLoadsNothing) {
  const auto other =
      vault::SealKey::from_text(vault::SealKey::generate_text(acme_.random())).value();
  const Loaded now(acme_, other);
  ASSERT_TRUE(now.error);
  EXPECT_EQ(now.error->code, Errc::denied);
  EXPECT_TRUE(now.live.all().empty());
}

TEST_F(StartupTest, AWorkspaceThatCannotBeReadIsNamedAndNotInTheWayOfOthers) {
  const auto id = WorkspaceId::make(acme_.clock(), acme_.random());
  const auto store = acme_.store().workspace(id);
  Unit unit;
  unit.puts.push_back(
      {RecordKind::data_key, id.to_string(), 0,
       to_data_key_record(acme_.seal_key().new_data_key(acme_.random(), id).wrapped)});
  unit.puts.push_back({RecordKind::workspace, id.to_string(), 0,
                       to_record(WorkspaceRecord{{{"workspace.toml", "nonsense"}}, {}})});
  ASSERT_TRUE(acme_.run(store->commit(std::move(unit))));
  const Loaded now(acme_);
  EXPECT_NE(now.workspace, nullptr);
  ASSERT_EQ(now.unloaded.size(), 1U);
  EXPECT_EQ(now.unloaded[0].id, id);
  EXPECT_THAT(now.unloaded[0].error.to_string(), HasSubstr("workspace.toml"));
}

TEST_F(StartupTest, P36_AWorkspaceWithoutItsRecordIsNamedAndNotPassedOver) {
  const auto id = WorkspaceId::make(acme_.clock(), acme_.random());
  Unit unit;
  unit.puts.push_back(
      {RecordKind::data_key, id.to_string(), 0,
       to_data_key_record(acme_.seal_key().new_data_key(acme_.random(), id).wrapped)});
  ASSERT_TRUE(acme_.run(acme_.store().workspace(id)->commit(std::move(unit))));
  const Loaded now(acme_);
  ASSERT_EQ(now.unloaded.size(), 1U);
  EXPECT_EQ(now.unloaded[0].id, id);
  EXPECT_THAT(now.unloaded[0].error.to_string(), HasSubstr("record is missing"));
  EXPECT_EQ(now.live.all().size(), 1U);
}

}  // namespace
}  // namespace writ::broker
