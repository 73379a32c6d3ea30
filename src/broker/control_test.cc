// SPDX-License-Identifier: Apache-2.0
// The decision itself; api/access_test.cc holds it against every route.
#include "broker/control.h"

#include <gtest/gtest.h>

#include "base/fake_clock.h"
#include "base/fake_random.h"

namespace writ::broker {
namespace {

using enum Operation;
constexpr std::array kAll{
    see_self,       get_user_token,   see_workspace,   apply,       invite,  disable_user,
    enable_user,    keep_credentials, list_runs,       see_run,     trace,   revoke,
    list_approvals, see_approval,     decide_approval, see_action,  explain, prove,
    resolve,        read_log,         see_clock,       reset_clock, propose, list_proposals,
    see_proposal,   decide_proposal};

class ControlTest : public testing::Test {
 protected:
  Caller person(std::vector<identity::Role> roles, std::vector<std::string> groups = {}) {
    auto user = std::make_shared<identity::User>();
    user->id = UserId::make(clock_, random_);
    user->name = "somebody";
    user->roles = std::move(roles);
    user->groups = std::move(groups);
    return {.user = std::move(user), .run = nullptr};
  }

  FakeClock clock_;
  FakeRandom random_;
  // Of somebody else's run, for which finance is asked.
  ControlSubject others_{.run = RunId::make(clock_, random_),
                         .user = UserId::make(clock_, random_),
                         .groups = {"finance"}};
};

TEST_F(ControlTest, P3_WhoIsNothingInParticularMayDoWhatIsEverybodysAlone) {
  const auto nobody = person({});
  for (const auto operation : kAll) {
    const auto verdict = decide(operation, nobody, others_);
    const bool everybodys = operation == see_self || operation == get_user_token ||
                            operation == see_workspace || operation == list_runs ||
                            operation == see_clock || operation == list_proposals;
    EXPECT_EQ(verdict == ControlVerdict::allowed, everybodys) << name(operation);
  }
}

TEST_F(ControlTest, P3_ARunForNobodyIsNobodysOwn) {
  ControlSubject workspace_run = others_;
  workspace_run.user.reset();
  EXPECT_EQ(decide(see_run, person({}), workspace_run), ControlVerdict::hidden);
  EXPECT_EQ(decide(revoke, person({}), workspace_run), ControlVerdict::hidden);
  EXPECT_EQ(decide(see_run, person({}), {}), ControlVerdict::hidden);
}

TEST_F(ControlTest, P3_RolesDoNotIncludeOneAnother) {
  using identity::Role;
  EXPECT_EQ(decide(apply, person({Role::operator_}), {}), ControlVerdict::denied);
  EXPECT_EQ(decide(keep_credentials, person({Role::admin}), {}), ControlVerdict::denied);
  EXPECT_EQ(decide(revoke, person({Role::admin}), others_), ControlVerdict::denied);
  EXPECT_EQ(decide(resolve, person({Role::auditor, Role::admin}), others_), ControlVerdict::denied);
  EXPECT_EQ(decide(read_log, person({Role::operator_}), {}), ControlVerdict::denied);
  EXPECT_EQ(decide(decide_approval, person({Role::admin, Role::auditor}), others_),
            ControlVerdict::denied);
  EXPECT_EQ(decide(decide_approval, person({}, {"finance"}), others_), ControlVerdict::allowed);
  EXPECT_EQ(decide(decide_approval, person({}, {"billing"}), others_), ControlVerdict::hidden);
}

// The documents of now are not a proposer's to see, and nothing becomes of theirs by themselves.
TEST_F(ControlTest, P40_WhoProposesNeitherAppliesNorDecides) {
  using identity::Role;
  const auto pipeline = person({Role::proposer});
  EXPECT_EQ(decide(propose, pipeline, {}), ControlVerdict::allowed);
  EXPECT_EQ(decide(apply, pipeline, {}), ControlVerdict::denied);
  EXPECT_EQ(decide(see_proposal, pipeline, others_), ControlVerdict::hidden);
  EXPECT_EQ(decide(decide_proposal, pipeline, others_), ControlVerdict::hidden);
  const ControlSubject own{.run = std::nullopt, .user = pipeline.user->id, .groups = {}};
  EXPECT_EQ(decide(see_proposal, pipeline, own), ControlVerdict::allowed);
  EXPECT_EQ(decide(decide_proposal, pipeline, own), ControlVerdict::denied);
  EXPECT_EQ(decide(propose, person({Role::operator_, Role::auditor}), {}), ControlVerdict::denied);
  EXPECT_EQ(decide(decide_proposal, person({Role::operator_, Role::auditor}), others_),
            ControlVerdict::denied);
}

// Its key lies in a file without a passphrase: runs in its name would be runs of whoever reads it,
// who could then approve what they asked for themselves (P39).
TEST_F(ControlTest, P40_WhoOnlyProposesHasNoRunsAndSeesNothingOfTheWorkspace) {
  using identity::Role;
  const auto pipeline = person({Role::proposer});
  EXPECT_EQ(decide(get_user_token, pipeline, {}), ControlVerdict::denied);
  EXPECT_EQ(decide(see_workspace, pipeline, {}), ControlVerdict::denied);
  // A person who proposes as well.
  for (const auto& more :
       {person({Role::proposer}, {"finance"}), person({Role::proposer, Role::admin}),
        person({Role::proposer, Role::operator_}), person({Role::proposer, Role::auditor})}) {
    EXPECT_EQ(decide(get_user_token, more, {}), ControlVerdict::allowed);
    EXPECT_EQ(decide(see_workspace, more, {}), ControlVerdict::allowed);
  }
}

TEST_F(ControlTest, P40_WhereAGroupDecidesItsMembersDoAndNeverWhoProposed) {
  using identity::Role;
  EXPECT_EQ(decide(decide_proposal, person({}, {"finance"}), others_), ControlVerdict::allowed);
  EXPECT_EQ(decide(see_proposal, person({}, {"finance"}), others_), ControlVerdict::allowed);
  EXPECT_EQ(decide(decide_proposal, person({}, {"billing"}), others_), ControlVerdict::hidden);
  EXPECT_EQ(decide(decide_proposal, person({Role::admin}), others_), ControlVerdict::denied);
  const auto admin = person({Role::admin}, {"finance"});
  ControlSubject own{.run = std::nullopt, .user = admin.user->id, .groups = {"finance"}};
  EXPECT_EQ(decide(decide_proposal, admin, own), ControlVerdict::denied);
  // Where there is no group, an admin may sign what is their own.
  own.groups.clear();
  EXPECT_EQ(decide(decide_proposal, admin, own), ControlVerdict::allowed);
}

TEST_F(ControlTest, P3_AnAgentIsAllowedWhatIsOfItsOwnRunAndNothingElse) {
  auto run = std::make_shared<delegation::Run>();
  run->id = RunId::make(clock_, random_);
  run->user = others_.user;
  const Caller agent{.user = nullptr, .run = run};
  ControlSubject own = others_;
  own.run = run->id;
  for (const auto operation : kAll) {
    EXPECT_NE(decide(operation, agent, others_), ControlVerdict::allowed) << name(operation);
    EXPECT_NE(decide(operation, agent, {}), ControlVerdict::allowed) << name(operation);
    const bool reaches =
        operation == see_run || operation == see_approval || operation == see_action;
    EXPECT_EQ(decide(operation, agent, own) == ControlVerdict::allowed, reaches) << name(operation);
  }
}

}  // namespace
}  // namespace writ::broker
