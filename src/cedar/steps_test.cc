// SPDX-License-Identifier: Apache-2.0
// What an evaluation costs in steps (P48): whatever makes it slower is counted, and ends it.
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cedar/authorizer.h"
#include "cedar/evaluator.h"
#include "cedar/parser.h"
#include "cedar/policy_set.h"

namespace writ::cedar {
namespace {

using testing::HasSubstr;

constexpr std::size_t kLong = 160'000;  // bytes: 10,000 steps to look at
constexpr std::uint64_t kLongSteps = kLong / StepBudget::kBytesPerStep;

class Steps : public testing::Test {
 protected:
  Steps() {
    std::vector<Value> numbers;
    std::vector<Value> groups;
    for (std::int64_t i = 0; i < 10'000; ++i) {
      numbers.emplace_back(i);
      groups.emplace_back(EntityUid{"Group", std::to_string(i)});
    }
    const std::string text(kLong, 'a');
    request_.context = Record{{"text", text},
                              {"same", std::string(kLong, 'a')},
                              {"texts", Set{Value(text), Value("b")}},
                              {"numbers", Set(numbers)},
                              {"others", Set(numbers)},
                              {"groups", Set(groups)},
                              {"far", EntityUid{"User", text}},
                              {"nested", Record{{"text", text}}}};
  }

  // Steps spent on an evaluation that succeeds; and with one step less it is refused.
  std::uint64_t steps(const std::string& text) {
    auto expr = parse_expression(text, "e");
    EXPECT_TRUE(expr.has_value()) << text;
    StepBudget enough(kDecisionSteps);
    const auto value = Evaluator(request_, entities_, enough).evaluate(*expr);
    EXPECT_TRUE(value.has_value()) << text << ": " << value.error().message;
    StepBudget little(enough.spent() - 1);
    const auto refused = Evaluator(request_, entities_, little).evaluate(*expr);
    EXPECT_FALSE(refused.has_value()) << text;
    if (!refused) EXPECT_EQ(refused.error().code, Errc::too_large) << text;
    return enough.spent();
  }

  Request request_{.principal = {"User", "alice"},
                   .action = {"Action", "view"},
                   .resource = {"Photo", "p"},
                   .context = {}};
  Entities entities_;
};

TEST_F(Steps, P48_AUsualExpressionTakesFew) {
  EXPECT_LT(steps(R"(principal == User::"alice" && context has text && 1 + 2 < 4)"), 50U);
}

TEST_F(Steps, P48_EveryLookAtALongTextIsCounted) {
  for (const char* expr : {
           R"(context.text == context.same)",
           R"(context.text != context.same)",
           R"(context.text like "*b*")",
           R"(context.texts.contains(context.text))",
           R"([context.text] == 1)",
           R"({"a": context.text} == 1)",
           R"({"a": context.nested}.a.text == 1)",
           R"(context.far in Group::"g")",
           R"(context.far in [Group::"g"])",
           R"(context.far is User in Group::"g")",
           R"(context.far has a)",
           R"(context.far.hasTag("a"))",
       }) {
    EXPECT_GE(steps(expr), kLongSteps) << expr;
  }
}

TEST_F(Steps, P48_EveryElementOfASetIsCounted) {
  EXPECT_GE(steps("context.numbers == context.others"), 10'000U);
  EXPECT_GE(steps("context.numbers.containsAll(context.others)"), 20'000U);
  EXPECT_GE(steps("context.numbers.containsAny(context.others)"), 10'000U);
  EXPECT_GE(steps("principal in context.groups"), 10'000U);
  EXPECT_GE(steps("[context.numbers, context.others] == 1"), 20'000U);
  EXPECT_LT(steps("context.numbers.contains(5)"), 50U);
}

TEST_F(Steps, P48_AnErrorThatIsLongToWriteIsCounted) {
  auto expr = parse_expression("context.far.name == 1", "e");
  ASSERT_TRUE(expr.has_value());
  StepBudget budget(kDecisionSteps);
  EXPECT_FALSE(Evaluator(request_, entities_, budget).evaluate(*expr).has_value());
  EXPECT_GE(budget.spent(), 2 * kLongSteps);
  auto extension = parse_expression("decimal(context.text)", "e");
  ASSERT_TRUE(extension.has_value());
  StepBudget other(kDecisionSteps);
  EXPECT_FALSE(Evaluator(request_, entities_, other).evaluate(*extension).has_value());
  EXPECT_GE(other.spent(), kLongSteps);
}

TEST_F(Steps, P48_ScopesAreCountedAlsoWhereTheyDoNotMatch) {
  std::string actions;
  for (int i = 0; i < 5000; ++i) actions += "Action::\"a" + std::to_string(i) + "\", ";
  const auto policies = parse_policies(
      "permit (principal is User, action in [Action::\"view\", " + actions + "], resource);", "p");
  ASSERT_TRUE(policies.has_value());
  StepBudget budget(kDecisionSteps);
  EXPECT_EQ(authorize(request_, *policies, entities_, budget).decision, Decision::allow);
  EXPECT_GE(budget.spent(), 5000U);
}

// A budget that ends may never turn a denial into an allowance: the forbid that was not reached
// counts as one that could have refused.
TEST_F(Steps, P48_WhatIsNotEvaluatedIsNotAllowed) {
  const auto policies = parse_policies(R"(
      permit (principal, action, resource);
      forbid (principal, action, resource) when { context.text like "*b*" };
      forbid (principal, action, resource);)",
                                       "p");
  ASSERT_TRUE(policies.has_value());
  StepBudget budget(1000);
  const auto response = authorize(request_, *policies, entities_, budget);
  EXPECT_TRUE(budget.exhausted());
  EXPECT_EQ(response.decision, Decision::deny);
  ASSERT_EQ(response.errors.size(), 1U);
  EXPECT_THAT(response.errors[0].message, HasSubstr("more than 1000 steps"));
  EXPECT_TRUE(response.forbids.empty());
  // A second decision with the same budget is refused as well.
  EXPECT_EQ(authorize(request_, *policies, entities_, budget).decision, Decision::deny);
}

TEST_F(Steps, AValuesWeightFollowsItsContent) {
  EXPECT_EQ(Value(1).weight(), 1U);
  EXPECT_GE(Value(std::string(kLong, 'a')).weight(), kLongSteps);
  Record record{{"a", std::string(kLong, 'a')}};
  EXPECT_GE(record.weight(), kLongSteps);
  record.set("b", std::string(kLong, 'a'));
  EXPECT_GE(record.weight(), 2 * kLongSteps);
  record.set("a", 1);
  record.set("b", 1);
  EXPECT_LT(record.weight(), 10U);
  EXPECT_EQ(record, (Record{{"b", 1}, {"a", 1}}));
  EXPECT_GE(Value(Set{Value(record), Value(std::string(kLong, 'b'))}).weight(), kLongSteps);
}

}  // namespace
}  // namespace writ::cedar
