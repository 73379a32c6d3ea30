// SPDX-License-Identifier: Apache-2.0
#include "cedar/authorizer.h"

#include <algorithm>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "cedar/evaluator.h"
#include "cedar/policy_index.h"

namespace writ::cedar {
namespace {

PolicySet parse(const std::string& text) {
  auto set = parse_policies(text, "p.cedar");
  EXPECT_TRUE(set) << set.error().to_string();
  return *std::move(set);
}

std::vector<std::string> ids(const std::vector<const Policy*>& policies) {
  std::vector<std::string> out;
  out.reserve(policies.size());
  for (const Policy* policy : policies) out.push_back(policy->id());
  return out;
}

const Request kRequest{.principal = {"User", "a"},
                       .action = {"Action", "go"},
                       .resource = {"Doc", "d"},
                       .context = {}};
const std::string kScope = "(principal, action, resource)";

TEST(Authorize, NothingIsAllowedWithoutAPermit) {
  EXPECT_EQ(authorize(kRequest, PolicySet(), Entities()).decision, Decision::deny);
  EXPECT_EQ(authorize(kRequest, parse("permit" + kScope + "when { false };"), Entities()).decision,
            Decision::deny);
  EXPECT_EQ(authorize(kRequest, parse("permit" + kScope + ";"), Entities()).decision,
            Decision::allow);
}

TEST(Authorize, AForbidOverridesAndAllThatAreSatisfiedAreGiven) {
  const PolicySet set =
      parse("@id(\"p\") permit" + kScope + ";@id(\"f1\") @needs_approval(\"x\") forbid" + kScope +
            ";@id(\"f2\") forbid" + kScope + ";@id(\"f3\") forbid" + kScope + "when { false };");
  const Response response = authorize(kRequest, set, Entities());
  EXPECT_EQ(response.decision, Decision::deny);
  EXPECT_EQ(ids(response.permits), std::vector<std::string>{"p"});
  EXPECT_EQ(ids(response.forbids), (std::vector<std::string>{"f1", "f2"}));
  EXPECT_EQ(ids(response.determining()), (std::vector<std::string>{"f1", "f2"}));
  EXPECT_EQ(*response.forbids[0]->annotation("needs_approval"), "x");
  EXPECT_EQ(response.forbids[1]->annotation("needs_approval"), nullptr);
  EXPECT_TRUE(response.errors.empty());
}

TEST(Authorize, AnErringPolicyIsReportedAndHasNoEffect) {
  const PolicySet set =
      parse("permit" + kScope + ";@id(\"bad\") forbid" + kScope +
            "when { context.nope };@id(\"worse\") permit" + kScope + "when { 1 + true == 2 };");
  const Response response = authorize(kRequest, set, Entities());
  EXPECT_EQ(response.decision, Decision::allow);
  EXPECT_EQ(ids(response.permits), std::vector<std::string>{"policy0"});
  EXPECT_TRUE(response.forbids.empty());
  ASSERT_EQ(response.errors.size(), 2U);
  EXPECT_EQ(response.errors[0].policy->id(), "bad");
  EXPECT_EQ(response.errors[0].message, "the record does not have the attribute \"nope\"");
  EXPECT_EQ(response.errors[1].policy->id(), "worse");
}

TEST(Authorize, AScopeThatDoesNotMatchHidesTheErrorOfItsConditionsOnly) {
  const Entities entities = *Entities::create(
      {{.uid = {"User", "a"}, .attributes = {}, .tags = {}, .parents = {{"Group", "g"}}}});
  const std::string bad = "when { context.nope };";
  const PolicySet set =
      parse("@id(\"1\") forbid(principal in Group::\"g\", action, resource)" + bad +
            "@id(\"2\") forbid(principal in Group::\"h\", action, resource)" + bad +
            "@id(\"3\") forbid(principal, action in [Action::\"go\", Action::\"go\"], resource)" +
            bad + "@id(\"4\") forbid(principal, action in [], resource)" + bad +
            "@id(\"5\") forbid(principal, action, resource is Doc in Doc::\"d\")" + bad +
            "@id(\"6\") forbid(principal, action, resource is Other)" + bad);
  std::vector<std::string> erring;
  for (const auto& error : authorize(kRequest, set, entities).errors) {
    erring.push_back(error.policy->id());
  }
  EXPECT_EQ(erring, (std::vector<std::string>{"1", "3", "5"}));
}

// What the index leaves out has neither effect nor error.
RC_GTEST_PROP(PolicyIndex, SlicingChangesNothing, ()) {
  const auto uid = [](const std::string& type) {
    return rc::gen::map(rc::gen::inRange(0, 4),
                        [=](int n) { return type + "::\"" + std::to_string(n) + "\""; });
  };
  const auto scope = [&](const std::string& variable) {
    const std::string entity = *uid("E");
    switch (*rc::gen::inRange(0, 5)) {
      case 0:
        return variable;
      case 1:
        return variable + " == " + entity;
      case 2:
        return variable + " in " + entity;
      case 3:
        return variable + " is E";
      default:
        return variable + " is E in " + entity;
    }
  };
  const auto action = [&]() -> std::string {
    const std::string one = *uid("Action");
    switch (*rc::gen::inRange(0, 4)) {
      case 0:
        return "action";
      case 1:
        return "action == " + one;
      case 2:
        return "action in " + one;
      default:
        return "action in [" + one + ", " + *uid("Action") + "]";
    }
  };
  std::string text;
  for (int i = *rc::gen::inRange(0, 12); i > 0; --i) {
    text +=
        *rc::gen::element<std::string>("permit(", "forbid(") + scope("principal") + ", " +
        action() + ", " + scope("resource") + ") " +
        *rc::gen::element<std::string>("", "when { context.x }", "when { 1 }", "unless { true }") +
        ";\n";
  }
  std::vector<Entity> list;
  for (const char* type : {"E", "Action"}) {
    for (int i = 0; i < 4; ++i) {
      Entity entity{.uid = {type, std::to_string(i)}, .attributes = {}, .tags = {}, .parents = {}};
      if (i < 3 && *rc::gen::arbitrary<bool>()) {
        entity.parents.push_back({type, std::to_string(*rc::gen::inRange(i + 1, 4))});
      }
      list.push_back(std::move(entity));
    }
  }
  const auto entities = Entities::create(std::move(list));
  const auto set = parse_policies(text, "p");
  RC_ASSERT(entities.has_value() && set.has_value());
  const Request request{.principal = {"E", std::to_string(*rc::gen::inRange(0, 5))},
                        .action = {"Action", std::to_string(*rc::gen::inRange(0, 5))},
                        .resource = {"E", std::to_string(*rc::gen::inRange(0, 5))},
                        .context = {}};

  std::vector<const Policy*> permits;
  std::vector<const Policy*> forbids;
  std::vector<const Policy*> erring;
  StepBudget budget(kDecisionSteps);
  Evaluator evaluator(request, *entities, budget);
  for (const auto& policy : set->policies()) {
    const auto satisfied = evaluator.satisfied(*policy);
    if (!satisfied) {
      erring.push_back(policy.get());
    } else if (*satisfied) {
      (policy->effect() == Effect::permit ? permits : forbids).push_back(policy.get());
    }
  }
  const Response response = authorize(request, *set, *entities);
  RC_ASSERT(response.permits == permits);
  RC_ASSERT(response.forbids == forbids);
  std::vector<const Policy*> reported;
  reported.reserve(response.errors.size());
  for (const auto& error : response.errors) reported.push_back(error.policy);
  RC_ASSERT(reported == erring);
}

TEST(PolicyIndex, ManyPoliciesOfOthersAreNotLookedAt) {
  std::string text;
  for (int i = 0; i < 500; ++i) {
    text += "permit(principal in Group::\"" + std::to_string(i) + "\", action, resource);";
  }
  const PolicySet set = parse(text);
  EXPECT_TRUE(set.index().candidates(kRequest, Entities()).empty());
  Request request = kRequest;
  request.principal = {"Group", "7"};
  EXPECT_EQ(set.index().candidates(request, Entities()), std::vector<std::uint32_t>{7});
}

}  // namespace
}  // namespace writ::cedar
