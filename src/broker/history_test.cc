// SPDX-License-Identifier: Apache-2.0
#include "broker/history.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "broker/testing.h"

namespace writ::broker {
namespace {

using testing::ElementsAre;
using testing::SizeIs;

// run.started, as the grants that began the runs would have written it.
class HistoryTest : public testing::Test {
 protected:
  HistoryTest() {
    for (const auto& run : {plan_, triage_, settle_}) {
      auto entry = EntryWriter(acme_.workspace().id(), acme_.workspace().data_key(), acme_.clock(),
                               acme_.random())
                       .entry(audit::Kind::run_started);
      entry.run(run->id)
          .set("agent", run->agent.to_string())
          .set("agent_name", run->agent_name)
          .set("run_name", run->name)
          .set("workflow", run->workflow_name)
          .set("step", run->step)
          .set("depth", run->depth)
          .set("user", run->user->to_string())
          .set("user_name", run->user_name)
          .set("scope", run->scope.to_json());
      std::vector<std::string> subjects{run->id.to_string()};
      if (run->parent) {
        entry.set("parent_run", run->parent->to_string());
        subjects.push_back(run->parent->to_string());
      }
      Unit unit;
      unit.appends = {EntryWriter::append(entry, std::move(subjects))};
      EXPECT_TRUE(acme_.run(acme_.workspace().store().commit(std::move(unit))).has_value());
    }
  }
  Expected<RunTrace> traced(RunId id, std::uint64_t from = 0, TraceLimits limits = {}) {
    return acme_.run(trace(acme_.workspace(), acme_.approvals(), id, from, limits));
  }
  void forget(const delegation::Run& run) {
    const auto record =
        acme_.run(acme_.workspace().store().get(RecordKind::run, run.id.to_string())).value();
    Unit unit;
    unit.erases = {{RecordKind::run, run.id.to_string(), record->revision}};
    EXPECT_TRUE(acme_.run(acme_.workspace().store().commit(std::move(unit))).has_value());
  }

  Acme acme_;
  Acme::SharedRun plan_ = acme_.start("plan");
  Acme::SharedRun triage_ = acme_.delegate(plan_, "triage");
  Acme::SharedRun settle_ = acme_.delegate(triage_, "settle");
};

TEST_F(HistoryTest, ATraceIsTheTreeBelowARun) {
  acme_.preview(*settle_);
  const auto tree = traced(plan_->id).value();
  EXPECT_EQ(*tree.run.run, *plan_);
  ASSERT_THAT(tree.children, SizeIs(1));
  ASSERT_THAT(tree.children[0].children, SizeIs(1));
  const auto& leaf = tree.children[0].children[0];
  EXPECT_EQ(leaf.run.run->id, settle_->id);
  ASSERT_THAT(leaf.actions, SizeIs(1));
  EXPECT_EQ(leaf.actions[0].tool, "billing.refund.preview");
  EXPECT_EQ(leaf.actions[0].phase, "done");
}

TEST_F(HistoryTest, RunsThatHaveEndedAreThereAndSayWhy) {
  acme_.revoke(plan_->id);
  auto& runs = acme_.workspace().runs();
  runs.forget(runs.over(acme_.clock().now() + std::chrono::hours(24)));
  const auto tree = traced(plan_->id).value();
  ASSERT_TRUE(tree.children[0].children[0].run.ended.has_value());
  EXPECT_EQ(tree.run.ended->cause.by, "server");
}

TEST_F(HistoryTest, WhereTheRecordIsGoneTheLogStillTells) {
  forget(*settle_);
  const auto known = acme_.run(find_run(acme_.workspace(), settle_->id)).value();
  ASSERT_TRUE(known.has_value());
  EXPECT_EQ(known->run->name, settle_->name);
  EXPECT_EQ(known->run->user, settle_->user);
  EXPECT_EQ(known->run->parent, settle_->parent);
  EXPECT_EQ(known->run->scope, settle_->scope);
  EXPECT_THAT(traced(plan_->id)->children[0].children, SizeIs(1));
}

TEST_F(HistoryTest, P34_ATraceThatIsCutSaysWhereEachRunGoesOn) {
  acme_.preview(*settle_);
  acme_.preview(*settle_, 12'001);
  const auto whole = traced(settle_->id).value();
  ASSERT_THAT(whole.actions, SizeIs(2));
  EXPECT_EQ(whole.next, std::nullopt);
  // Whatever is cut where: page by page, each action is there once, as it ended.
  for (std::size_t rows = 1; rows < 6; ++rows) {
    std::vector<ActionId> seen;
    std::uint64_t from = 0;
    for (int page = 0; page < 10; ++page) {
      const auto part = traced(settle_->id, from, {.runs = 10, .rows = rows}).value();
      for (const auto& action : part.actions) {
        EXPECT_EQ(action.phase, "done") << rows;
        seen.push_back(action.id);
      }
      if (!part.next) break;
      EXPECT_GT(*part.next, from);
      from = *part.next;
    }
    EXPECT_THAT(seen, ElementsAre(whole.actions[0].id, whole.actions[1].id)) << rows;
  }
}

TEST_F(HistoryTest, P34_ARunThatThereWasNoRoomForStandsThereAndGoesOnFromItsBeginning) {
  // One row each for the two starts below; none is left for what is in them.
  const auto tree = traced(plan_->id, 0, {.runs = 10, .rows = 2}).value();
  ASSERT_THAT(tree.children, SizeIs(1));
  EXPECT_EQ(tree.children[0].run.run->id, triage_->id);
  EXPECT_EQ(tree.children[0].next, 0U);
  EXPECT_THAT(tree.children[0].children, SizeIs(0));
  // And where no run has room any more, its parent goes on with it.
  const auto none = traced(plan_->id, 0, {.runs = 1, .rows = 100}).value();
  EXPECT_THAT(none.children, SizeIs(0));
  ASSERT_TRUE(none.next.has_value());
  EXPECT_THAT(traced(plan_->id, *none.next)->children, SizeIs(1));
}

TEST_F(HistoryTest, AnUnknownRunIsNotThere) {
  EXPECT_EQ(traced(RunId::make(acme_.clock(), acme_.random())).error().code, Errc::not_found);
}

}  // namespace
}  // namespace writ::broker
