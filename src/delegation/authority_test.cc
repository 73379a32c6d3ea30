// SPDX-License-Identifier: Apache-2.0
#include "delegation/authority.h"

#include <map>

#include <gtest/gtest.h>

#include "base/fake_clock.h"
#include "base/fake_random.h"

namespace writ::delegation {
namespace {

ToolSet tools(std::string_view json) {
  return ToolSet::parse(parse_json(json).value(), "").value();
}
Scope scope(std::string_view use, std::string_view delegate) {
  return {.use = tools(use), .delegate = tools(delegate)};
}

// A planner that may hand down the refund, and a billing agent that may use it; every operand as
// wide as it has to be, so that a test narrows one and sees that one refuse.
class Authority : public testing::Test {
 protected:
  FakeClock clock_;
  FakeRandom random_;
  Scope plan_ = scope(R"(["b.read"])", R"(["b.read","b.refund"])");
  Scope settle_ = scope(R"(["b.read","b.refund"])", R"(["b.read"])");
  Step plan_step_{.name = "plan",
                  .agent = AgentId::make(clock_, random_),
                  .scope = plan_,
                  .life = std::chrono::hours(1),
                  .delegates_to = {"settle"},
                  .starts = true,
                  .runs_for = RunsFor::either};
  Step settle_step_{.name = "settle",
                    .agent = AgentId::make(clock_, random_),
                    .scope = settle_,
                    .life = std::chrono::minutes(15),
                    .delegates_to = {},
                    .starts = false,
                    .runs_for = RunsFor::either};
  Scope plan_ceiling_ = plan_;
  Scope settle_ceiling_ = settle_;
  bool plan_step_gone_ = false;
  bool settle_step_gone_ = false;
  bool settle_agent_gone_ = false;

  delegation::Run planner_ = run("plan", plan_step_.agent, plan_);
  delegation::Run billing_ = child_of(planner_, run("settle", settle_step_.agent, settle_));

  delegation::Run run(const std::string& step, AgentId agent, const Scope& of) {
    delegation::Run made;
    made.id = RunId::make(clock_, random_);
    made.name = step + "-1";
    made.step = step;
    made.agent = agent;
    made.scope = of;
    made.pinned = of;
    made.started = clock_.now();
    made.ends = clock_.now() + std::chrono::minutes(10);
    return made;
  }
  static delegation::Run child_of(const delegation::Run& parent, delegation::Run made) {
    made.parent = parent.id;
    made.depth = parent.depth + 1;
    return made;
  }
  Lineage lineage() const {
    return {
        {std::make_shared<delegation::Run>(billing_), std::make_shared<delegation::Run>(planner_)}};
  }
  Lineage root_lineage() const { return {{std::make_shared<delegation::Run>(planner_)}}; }

  TermsOf current() const {
    return [this](const delegation::Run& of) -> CurrentTerms {
      if (of.id == planner_.id) {
        return {.ceiling = &plan_ceiling_, .step = plan_step_gone_ ? nullptr : &plan_step_};
      }
      return {.ceiling = settle_agent_gone_ ? nullptr : &settle_ceiling_,
              .step = settle_step_gone_ ? nullptr : &settle_step_};
    };
  }
  // The operand that refuses the refund, or nothing where it is allowed. Whatever the answer,
  // effective_scope() gives the same.
  std::optional<Operand> refund() const {
    const auto answer = authorize(lineage(), "b.refund", {}, current());
    EXPECT_EQ(answer.has_value(), effective_scope(lineage(), current()).use.allows("b.refund", {}));
    if (answer) return std::nullopt;
    return answer.error().operand;
  }
};

TEST_F(Authority, P1_WhatEveryOperandHoldsIsAllowed) { EXPECT_EQ(refund(), std::nullopt); }

TEST_F(Authority, P1_DelegatingIsNotUsing) {
  const auto answer = authorize(root_lineage(), "b.refund", {}, current());
  ASSERT_FALSE(answer.has_value());
  EXPECT_EQ(answer.error().operand, Operand::scope);
  EXPECT_TRUE(effective_scope(root_lineage(), current()).delegate.names("b.refund"));
  EXPECT_FALSE(effective_scope(root_lineage(), current()).use.names("b.refund"));
}

TEST_F(Authority, P1_UsingIsNotDelegating) {
  plan_ = scope(R"(["b.read","b.refund"])", R"(["b.read"])");
  planner_.scope = plan_;
  EXPECT_EQ(refund(), Operand::ancestor);
}

TEST_F(Authority, TheRunsScopeRefuses) {
  billing_.scope.use = tools(R"(["b.read"])");
  EXPECT_EQ(refund(), Operand::scope);
}
TEST_F(Authority, TheAgentsCeilingRefuses) {
  settle_ceiling_.use = tools(R"(["b.read"])");
  EXPECT_EQ(refund(), Operand::ceiling);
}
TEST_F(Authority, ADisabledAgentRefuses) {
  settle_agent_gone_ = true;
  EXPECT_EQ(refund(), Operand::ceiling);
}
TEST_F(Authority, P5_ThePinnedStepRefuses) {
  billing_.pinned.use = tools(R"(["b.read"])");
  EXPECT_EQ(refund(), Operand::step);
}
TEST_F(Authority, P5_TheCurrentStepRefuses) {
  settle_step_.scope.use = tools(R"(["b.read"])");
  EXPECT_EQ(refund(), Operand::step);
}
TEST_F(Authority, P5_ARemovedStepRefuses) {
  settle_step_gone_ = true;
  EXPECT_EQ(refund(), Operand::step);
}
TEST_F(Authority, P2_AStepThatIsNowAnotherAgentsRefuses) {
  settle_step_.agent = plan_step_.agent;
  EXPECT_EQ(refund(), Operand::step);
}
TEST_F(Authority, P1_AnAncestorsScopeRefuses) {
  planner_.scope.delegate = tools(R"(["b.read"])");
  EXPECT_EQ(refund(), Operand::ancestor);
}
TEST_F(Authority, P1_AnAncestorsCeilingRefuses) {
  plan_ceiling_.delegate = tools(R"(["b.read"])");
  EXPECT_EQ(refund(), Operand::ancestor);
}
TEST_F(Authority, P5_AnAncestorsPinnedStepRefuses) {
  planner_.pinned.delegate = tools(R"(["b.read"])");
  EXPECT_EQ(refund(), Operand::ancestor);
}
TEST_F(Authority, P5_AnAncestorsCurrentStepRefuses) {
  plan_step_.scope.delegate = tools(R"(["b.read"])");
  EXPECT_EQ(refund(), Operand::ancestor);
}
TEST_F(Authority, P5_AnAncestorsRemovedStepRefuses) {
  plan_step_gone_ = true;
  EXPECT_EQ(refund(), Operand::ancestor);
}

TEST_F(Authority, ARefusalNamesToolOperandAndObject) {
  plan_ceiling_.delegate = tools(R"([{"tool":"b.refund","where":{"amount":{"max":100}}}])");
  planner_.agent_name = "planner";
  const auto answer = authorize(lineage(), "b.refund", {{"amount", 101}}, current());
  ASSERT_FALSE(answer.has_value());
  EXPECT_EQ(answer.error().message,
            "\"b.refund\" is refused by ancestor run \"plan-1\" (" + planner_.id.to_string() +
                "): its agent's ceiling (agent \"planner\") for delegation admits only \"amount\" "
                "up to 100");
}

// failures.md 12: a chain that does not hold together is refused, whatever its scopes say.
TEST_F(Authority, AChainWithTheUserOfAnotherRunIsRefused) {
  planner_.user = UserId::make(clock_, random_);
  EXPECT_EQ(refund(), Operand::run);
  billing_.user = planner_.user;
  EXPECT_EQ(refund(), std::nullopt);
  billing_.user = UserId::make(clock_, random_);
  EXPECT_EQ(refund(), Operand::run);
}
TEST_F(Authority, AChainWithAForeignParentIsRefused) {
  billing_.parent = billing_.id;
  EXPECT_EQ(refund(), Operand::run);
  billing_.parent.reset();
  EXPECT_EQ(refund(), Operand::run);
}
TEST_F(Authority, AChainThatLacksItsRootIsRefused) {
  EXPECT_EQ(check_lineage({{std::make_shared<delegation::Run>(billing_)}}).error().operand,
            Operand::run);
  billing_.depth = 1;
  EXPECT_EQ(check_lineage({{std::make_shared<delegation::Run>(billing_)}}).error().operand,
            Operand::run);
  EXPECT_FALSE(check_lineage({}).has_value());
  EXPECT_FALSE(check_lineage({{nullptr}}).has_value());
  EXPECT_FALSE(check_lineage({{std::make_shared<delegation::Run>(billing_), nullptr}}).has_value());
}
TEST_F(Authority, P9_AChainThatOutlivesItsParentIsRefused) {
  billing_.ends = planner_.ends + milliseconds(1);
  EXPECT_EQ(refund(), Operand::run);
}
TEST_F(Authority, P10_AChainAcrossWorkspacesIsRefused) {
  billing_.workspace = WorkspaceId::make(clock_, random_);
  EXPECT_EQ(refund(), Operand::run);
}
TEST_F(Authority, AChainAcrossWorkflowsIsRefused) {
  billing_.workflow = WorkflowId::make(clock_, random_);
  EXPECT_EQ(refund(), Operand::run);
}
TEST_F(Authority, AChainWithWrongDepthsIsRefused) {
  billing_.depth = 1;
  EXPECT_EQ(refund(), Operand::run);
}
TEST_F(Authority, AChainThatIsTooDeepIsRefusedAndCannotGrow) {
  Lineage chain{{std::make_shared<delegation::Run>(planner_)}};
  Step again = plan_step_;
  again.delegates_to = {"plan"};
  const TermsOf wide = [&](const delegation::Run&) { return CurrentTerms{&plan_ceiling_, &again}; };
  for (int depth = 2; depth <= kMaxDepth; ++depth) {
    EXPECT_TRUE(may_delegate_to(chain, again, wide).has_value());
    auto next = std::make_shared<delegation::Run>(
        child_of(chain.run(), run("plan", plan_step_.agent, plan_)));
    chain.runs.insert(chain.runs.begin(), next);
  }
  EXPECT_TRUE(check_lineage(chain).has_value());
  EXPECT_EQ(may_delegate_to(chain, again, wide).error().operand, Operand::run);
  auto next = std::make_shared<delegation::Run>(
      child_of(chain.run(), run("plan", plan_step_.agent, plan_)));
  chain.runs.insert(chain.runs.begin(), next);
  EXPECT_EQ(check_lineage(chain).error().operand, Operand::run);
}

TEST_F(Authority, AStartWithoutAnAskGetsWhatStepAndCeilingBothAllow) {
  plan_ceiling_ = scope(R"(["b.read"])", R"([{"tool":"b.refund","where":{"amount":{"max":5}}}])");
  EXPECT_EQ(start_scope({}, plan_step_, plan_ceiling_, true).value(), plan_ceiling_);
}
TEST_F(Authority, AStartBeyondStepOrCeilingIsRefused) {
  const ScopeRequest refund{.use = tools(R"(["b.refund"])"), .delegate = {}};
  plan_ceiling_.use = tools(R"(["b.refund"])");
  EXPECT_EQ(start_scope(refund, plan_step_, plan_ceiling_, true).error().operand, Operand::step);
  plan_step_.scope.use = tools(R"(["b.refund"])");
  EXPECT_TRUE(start_scope(refund, plan_step_, plan_ceiling_, true).has_value());
  plan_ceiling_.use = tools(R"(["b.read"])");
  EXPECT_EQ(start_scope(refund, plan_step_, plan_ceiling_, true).error().operand, Operand::ceiling);

  const ScopeRequest hand{.use = {}, .delegate = tools(R"(["b.refund"])")};
  EXPECT_TRUE(start_scope(hand, plan_step_, plan_ceiling_, true).has_value());
  plan_ceiling_.delegate = tools(R"(["b.read"])");
  EXPECT_EQ(start_scope(hand, plan_step_, plan_ceiling_, true).error().operand, Operand::ceiling);
  plan_step_.scope.delegate = tools(R"(["b.read"])");
  EXPECT_EQ(start_scope(hand, plan_step_, plan_ceiling_, true).error().operand, Operand::step);
}
TEST_F(Authority, AnAskForNothingIsNotAnAskForAll) {
  const ScopeRequest nothing{.use = ToolSet(), .delegate = ToolSet()};
  EXPECT_EQ(start_scope(nothing, plan_step_, plan_ceiling_, true).error().operand, Operand::scope);
  const auto only_delegate =
      start_scope({.use = ToolSet(), .delegate = {}}, plan_step_, plan_ceiling_, true);
  ASSERT_TRUE(only_delegate.has_value());
  EXPECT_TRUE(only_delegate->use.empty());
  EXPECT_EQ(start_scope({}, plan_step_, Scope(), true).error().operand, Operand::scope);
}
// What is granted is stored, and must be readable.
TEST_F(Authority, AScopeThatCouldNotBeReadBackIsNotGranted) {
  const auto bounded = [](std::string_view prefix, int count) {
    Bounds bounds;
    for (int i = 0; i < count; ++i)
      bounds.emplace(std::string(prefix) + std::to_string(i),
                     Bound{.min = 1, .max = {}, .one_of = {}});
    return ToolSet({{"b.refund", std::move(bounds)}});
  };
  for (const bool use : {true, false}) {
    Step step = plan_step_;
    Scope ceiling = plan_ceiling_;
    (use ? step.scope.use : step.scope.delegate) = bounded("a", 20);
    (use ? ceiling.use : ceiling.delegate) = bounded("b", 12);
    const auto most = start_scope({}, step, ceiling, true);
    ASSERT_TRUE(most.has_value()) << most.error().message;
    EXPECT_TRUE(Scope::parse(most->to_json(), "").has_value());
    (use ? ceiling.use : ceiling.delegate) = bounded("b", 13);
    const auto refused = start_scope({}, step, ceiling, true);
    ASSERT_FALSE(refused.has_value());
    EXPECT_EQ(refused.error().operand, Operand::scope);
  }
  // A child's is of three.
  plan_step_.scope.delegate = plan_ceiling_.delegate = planner_.scope.delegate =
      planner_.pinned.delegate = bounded("a", 11);
  settle_step_.scope.use = bounded("b", 11);
  settle_ceiling_.use = bounded("c", 11);
  EXPECT_FALSE(
      child_scope({}, root_lineage(), settle_step_, settle_ceiling_, current()).has_value());
  settle_ceiling_.use = bounded("c", 10);
  EXPECT_TRUE(
      child_scope({}, root_lineage(), settle_step_, settle_ceiling_, current()).has_value());
}

TEST_F(Authority, AStepThatStartsNothingIsRefused) {
  EXPECT_EQ(start_scope({}, settle_step_, settle_, true).error().operand, Operand::step);
}

TEST_F(Authority, P39_AStepIsForAUserOrForTheWorkspace) {
  const auto objection = [&](RunsFor runs_for, bool for_user) {
    plan_step_.runs_for = runs_for;
    const auto scope = start_scope({}, plan_step_, plan_ceiling_, for_user);
    return scope ? std::string() : scope.error().message;
  };
  EXPECT_EQ(objection(RunsFor::user, true), "");
  EXPECT_EQ(objection(RunsFor::user, false),
            "step \"plan\" is for a user, and this run is for none");
  EXPECT_EQ(objection(RunsFor::workspace, false), "");
  EXPECT_EQ(objection(RunsFor::workspace, true),
            "step \"plan\" is for the workspace, and this run is for a user");
  EXPECT_EQ(objection(RunsFor::either, true), "");
  EXPECT_EQ(objection(RunsFor::either, false), "");
}

TEST_F(Authority, P39_ARunMayDoNothingInAStepThatIsForOthersNow) {
  const auto may = [&] { return authorize(root_lineage(), "b.read", {}, current()).has_value(); };
  EXPECT_TRUE(may());
  plan_step_.runs_for = RunsFor::user;
  EXPECT_FALSE(may());
  EXPECT_TRUE(effective_scope(root_lineage(), current()).use.empty());
  plan_step_.runs_for = RunsFor::either;
  settle_step_.runs_for = RunsFor::user;
  EXPECT_FALSE(may_delegate_to(root_lineage(), settle_step_, current()));
}

TEST_F(Authority, P1_AChildsUseAndDelegateLieWithinItsParentsDelegate) {
  planner_.scope.delegate = tools(R"(["b.read"])");
  const auto parent = root_lineage();
  const ScopeRequest refund{.use = tools(R"(["b.refund"])"), .delegate = {}};
  EXPECT_EQ(child_scope(refund, parent, settle_step_, settle_ceiling_, current()).error().operand,
            Operand::ancestor);
  const auto all = child_scope({}, parent, settle_step_, settle_ceiling_, current());
  EXPECT_EQ(all.value(), scope(R"(["b.read"])", R"(["b.read"])"));

  settle_step_.scope.delegate = settle_ceiling_.delegate = tools(R"(["b.refund"])");
  const ScopeRequest hand{.use = {}, .delegate = tools(R"(["b.refund"])")};
  EXPECT_EQ(child_scope(hand, parent, settle_step_, settle_ceiling_, current()).error().operand,
            Operand::ancestor);
}
TEST_F(Authority, P1_AChildIsCappedByItsOwnStepAndCeiling) {
  const ScopeRequest refund{.use = tools(R"(["b.refund"])"), .delegate = {}};
  const auto parent = root_lineage();
  EXPECT_TRUE(child_scope(refund, parent, settle_step_, settle_ceiling_, current()).has_value());
  settle_ceiling_.use = tools(R"(["b.read"])");
  EXPECT_EQ(child_scope(refund, parent, settle_step_, settle_ceiling_, current()).error().operand,
            Operand::ceiling);
  settle_step_.scope.use = tools(R"(["b.read"])");
  EXPECT_EQ(child_scope(refund, parent, settle_step_, settle_ceiling_, current()).error().operand,
            Operand::step);

  const ScopeRequest hand{.use = {}, .delegate = tools(R"(["b.read"])")};
  EXPECT_TRUE(child_scope(hand, parent, settle_step_, settle_ceiling_, current()).has_value());
  settle_ceiling_.delegate = ToolSet();
  EXPECT_EQ(child_scope(hand, parent, settle_step_, settle_ceiling_, current()).error().operand,
            Operand::ceiling);
  settle_step_.scope.delegate = ToolSet();
  EXPECT_EQ(child_scope(hand, parent, settle_step_, settle_ceiling_, current()).error().operand,
            Operand::step);
}
TEST_F(Authority, P2_AStepDelegatesOnlyToWhatItNames) {
  EXPECT_TRUE(may_delegate_to(root_lineage(), settle_step_, current()).has_value());
  plan_step_.delegates_to = {"triage"};
  EXPECT_EQ(may_delegate_to(root_lineage(), settle_step_, current()).error().operand,
            Operand::step);
  EXPECT_EQ(
      child_scope({}, root_lineage(), settle_step_, settle_ceiling_, current()).error().operand,
      Operand::step);
  plan_step_.delegates_to.clear();
  EXPECT_FALSE(may_delegate_to(root_lineage(), settle_step_, current()).has_value());
  plan_step_.delegates_to = {"settle"};
  plan_step_gone_ = true;
  EXPECT_FALSE(may_delegate_to(root_lineage(), settle_step_, current()).has_value());
}

TEST_F(Authority, AChainThatDoesNotHoldTogetherDelegatesNothing) {
  settle_step_.delegates_to = {"settle"};
  EXPECT_TRUE(may_delegate_to(lineage(), settle_step_, current()).has_value());
  billing_.ends = planner_.ends + seconds(1);
  EXPECT_EQ(may_delegate_to(lineage(), settle_step_, current()).error().operand, Operand::run);
}

TEST_F(Authority, P9_ARunEndsWithItsStepsLifeItsAskOrItsParent) {
  const auto now = clock_.now();
  EXPECT_EQ(run_end(now, plan_step_, nullptr), now + std::chrono::hours(1));
  EXPECT_EQ(run_end(now, plan_step_, nullptr, seconds(5)), now + seconds(5));
  EXPECT_EQ(run_end(now, plan_step_, nullptr, std::chrono::hours(9)), now + std::chrono::hours(1));
  EXPECT_EQ(run_end(now, settle_step_, &planner_), planner_.ends);
  EXPECT_EQ(run_end(now, settle_step_, &planner_, seconds(5)), now + seconds(5));
}

}  // namespace
}  // namespace writ::delegation
