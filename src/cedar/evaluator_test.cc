// SPDX-License-Identifier: Apache-2.0
#include "cedar/evaluator.h"

#include <fstream>
#include <iterator>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "base/testdata.h"
#include "cedar/authorizer.h"
#include "cedar/entity_json.h"
#include "cedar/parser.h"
#include "cedar/policy_set.h"

namespace writ::cedar {
namespace {

class EvaluatorTest : public testing::Test {
 protected:
  // The value as text, or "PARSE" or "ERROR".
  std::string value_of(const std::string& text) {
    const auto expr = parse_expression(text, "e");
    if (!expr) return "PARSE";
    StepBudget budget(kDecisionSteps);
    Evaluator evaluator(request_, entities_, budget);
    const auto value = evaluator.evaluate(*expr);
    return value ? value->to_string() : "ERROR";
  }
  std::string error_of(const std::string& text) {
    const auto expr = parse_expression(text, "e");
    StepBudget budget(kDecisionSteps);
    Evaluator evaluator(request_, entities_, budget);
    return evaluator.evaluate(*expr).error().message;
  }
  void expect(const std::string& expected, std::initializer_list<const char*> exprs) {
    for (const char* expr : exprs) EXPECT_EQ(value_of(expr), expected) << expr;
  }

  Entities entities_ = *Entities::create(
      {{.uid = {"User", "a"},
        .attributes = {{"n", 1},
                       {"r", Record{{"x", Record{{"y", 1}}}}},
                       {"friend", EntityUid{"User", "b"}},
                       {"gone", EntityUid{"User", "zz"}}},
        .tags = {{"t", 1}},
        .parents = {{"G", "g"}}},
       {.uid = {"User", "b"}, .attributes = {{"n", 2}}, .tags = {}, .parents = {}},
       {.uid = {"G", "g"}, .attributes = {}, .tags = {}, .parents = {{"G", "top"}}}});
  Request request_{.principal = {"User", "a"},
                   .action = {"Action", "go"},
                   .resource = {"Doc", "d"},
                   .context = {{"k", 5}, {"s", "text"}, {"set", Set{1, 2}}}};
};

TEST_F(EvaluatorTest, TheOraclesProbesAgree) {
  const auto path = testing_data("cedar/oracle/expr-probes-4.12.0.json");
  if (!path) GTEST_SKIP() << "the test data directory has no cedar/oracle";
  std::ifstream in(*path);
  const std::string text{std::istreambuf_iterator<char>(in), {}};
  const auto json = parse_json(text);
  ASSERT_TRUE(json) << json.error().to_string();
  const auto entities = entities_from_json(json->at("entities"));
  ASSERT_TRUE(entities);
  const Request request{
      .principal = {"User", "a"}, .action = {"Action", "x"}, .resource = {"R", "r"}, .context = {}};
  int cases = 0;
  for (const Json& one : json->at("cases").as_array()) {
    ++cases;
    const std::string expr(text_of(one.at("expr").as_string()));
    const auto policies =
        parse_policies("permit(principal, action, resource) when { " + expr + " };", "probe");
    std::string result = "PARSE";
    if (policies) {
      const Response response = authorize(request, *policies, *entities);
      result = !response.errors.empty()               ? "EVALERR"
               : response.decision == Decision::allow ? "true"
                                                      : "false";
    }
    EXPECT_EQ(result, text_of(one.at("result").as_string())) << expr;
  }
  EXPECT_EQ(cases, 97);
}

TEST_F(EvaluatorTest, AndOrIfShortCircuitAndDemandBooleans) {
  expect("false", {"false && 2", "false && 1 + true == 2", "false && principal.nope"});
  expect("true",
         {"true || 2", "false || true || principal.nope", "if true then true else 1 + true"});
  expect("ERROR", {"true && 2", "false || 2", "2 && false", "2 || true", "if 1 then true else true",
                   "true && 1", "!1"});
}

TEST_F(EvaluatorTest, EqualityIsTotal) {
  expect("false", {"1 == \"1\"", "1 == true", "[] == {}", "principal == \"a\"",
                   "User::\"a\" == Group::\"a\"", "ip(\"1.2.3.4\") == \"1.2.3.4\"",
                   "duration(\"0s\") == 0"});
  expect("true", {"1 != \"1\"", "[1, 1, 2] == [2, 1]", "{a: 1, b: 2} == {b: 2, a: 1}",
                  "[[1], [1, 1]] == [[1]]", "decimal(\"1.0\") == decimal(\"1.0000\")"});
}

TEST_F(EvaluatorTest, OrderIsForLongDatetimeAndDurationOfOneKind) {
  expect("true", {"1 < 2", "2 <= 2", "3 > 2", "2 >= 2",
                  "datetime(\"2024-01-01\") < datetime(\"2024-01-02\")",
                  "duration(\"-1h\") <= duration(\"0s\")"});
  expect("ERROR",
         {"\"a\" < \"b\"", "true < false", "decimal(\"1.0\") < decimal(\"2.0\")", "[1] < [2]",
          "1 < duration(\"1s\")", "duration(\"1s\") < datetime(\"2024-01-01\")",
          "ip(\"::1\") < ip(\"::2\")", "1 < true", "principal < principal"});
}

TEST_F(EvaluatorTest, ArithmeticIsChecked) {
  expect("-9223372036854775808", {"-9223372036854775808", "-9223372036854775807 - 1"});
  expect("ERROR", {"9223372036854775807 + 1", "-9223372036854775808 - 1", "9223372036854775807 * 2",
                   "--9223372036854775808", "-9223372036854775808 * -1", "1 + true", "true - 1",
                   "1 * \"a\"", "-true"});
}

TEST_F(EvaluatorTest, AMissingEntityHasNothingAndIsBelowNothing) {
  expect("false", {"User::\"zz\" has n", "User::\"zz\".hasTag(\"t\")", "User::\"zz\" in G::\"g\"",
                   "principal.gone has n", "principal has gone.n"});
  expect("true", {"User::\"zz\" in User::\"zz\""});
  expect("ERROR", {"User::\"zz\".n", "User::\"zz\".getTag(\"t\")", "principal.gone.n"});
}

TEST_F(EvaluatorTest, InIsReflexiveTransitiveAndLooksAtEveryElement) {
  expect("true", {"principal in G::\"g\"", "principal in G::\"top\"", "principal in principal",
                  "principal in [User::\"b\", G::\"top\"]", "principal is User in G::\"g\""});
  expect("false", {"principal in []", "G::\"g\" in principal", "principal in User::\"b\"",
                   "principal is G in 1", "principal is User in G::\"other\""});
  expect("ERROR", {"principal in [G::\"g\", 1]", "principal in 1", "1 in principal",
                   "principal in \"g\"", "principal is User in 1", "1 is User"});
}

TEST_F(EvaluatorTest, HasWalksItsPath) {
  expect("true", {"principal has r.x.y", "principal has friend.n", "principal has n",
                  "context has k", "{\"a b\": 1} has \"a b\""});
  expect("false", {"principal has r.q.y", "principal has r.x.z", "principal has friend.m",
                   "context has nope.a.b"});
  expect("ERROR", {"principal has n.y", "1 has a", "principal has r.x.y.z", "\"a\" has b"});
}

TEST_F(EvaluatorTest, AttributesAndTagsComeOfEntitiesAndRecords) {
  expect("1", {"principal.n", "principal[\"n\"]", "principal.r.x.y", "principal.getTag(\"t\")",
               "{a: {b: 1}}.a.b", "(if true then {a: 1 + 0} else {}).a"});
  expect("2", {"principal.friend.n", "{a: principal.friend}.a.n"});
  expect("true", {"principal.hasTag(\"t\")"});
  expect("false", {"principal.hasTag(\"u\")", "User::\"b\".hasTag(\"t\")"});
  expect("ERROR",
         {"principal.nope", "context.nope", "principal.getTag(\"u\")", "1.a", "principal.getTag(1)",
          "\"a\".hasTag(\"t\")", "principal.hasTag(1)", "context.hasTag(\"t\")"});
  EXPECT_EQ(error_of("User::\"zz\".n"), "the entity User::\"zz\" does not exist");
  EXPECT_EQ(error_of("principal.nope"), "User::\"a\" does not have the attribute \"nope\"");
}

// What an error says is recorded in the clear, and a value may be an argument of a call.
TEST_F(EvaluatorTest, P38_AnErrorRepeatsNoValue) {
  for (const auto* text : {R"(decimal("12000.x") == decimal("1.0"))", R"(ip("12000") == ip("::1"))",
                           "9223372036854775807 + 12000 == 1", "9223372036854775807 * 12000 == 1",
                           R"(principal.getTag("12000") == 1)"}) {
    const auto message = error_of(text);
    EXPECT_NE(message, "") << text;
    EXPECT_EQ(message.find("12000"), std::string::npos) << message;
    EXPECT_EQ(message.find("922337"), std::string::npos) << message;
  }
}

TEST_F(EvaluatorTest, SetsContainWhatTheyContain) {
  expect("true", {"[1, true, \"x\"].contains(true)", "[1, 2].containsAll([2, 2])",
                  "[1].containsAll([])", "[1, 2].containsAny([2, 3])", "[].isEmpty()",
                  "context.set.contains(1 + 1)", "[[1], 2].contains([1])"});
  expect("false", {"[].contains(1)", "[1].containsAny([])", "[1].containsAll([1, 2])",
                   "[1].isEmpty()", "[1].contains(\"1\")"});
  expect("ERROR", {"1.contains(1)", "[1].containsAll(1)", "[1].containsAny(1)", "1.isEmpty()",
                   "{}.isEmpty()", "[1, 1 + true].contains(1)", "[principal.nope].isEmpty()"});
}

TEST_F(EvaluatorTest, LikeMatchesCodePoints) {
  expect("true",
         {R"("a*b" like "a\*b")", R"("aé漢b" like "a*b")", R"("" like "*")", R"("" like "")",
          R"("abcabd" like "*abd")", R"("aaa" like "*a*a*")", R"("a\0b" like "a\0*")"});
  expect("false", {R"("axb" like "a\*b")", R"("é" like "")", R"("aa" like "*a*a*a*")",
                   R"("ab" like "a")", R"("a" like "A")"});
  expect("ERROR", {R"(1 like "*")", R"(principal like "*")"});
}

TEST_F(EvaluatorTest, LikeTakesNoExponentialTime) {
  std::string pattern;
  for (int i = 0; i < 200; ++i) pattern += "a*";
  const std::string text(5000, 'a');
  expect("false", {("\"" + text + "\" like \"" + pattern + "b\"").c_str()});
}

TEST_F(EvaluatorTest, ExtensionFunctionsCheckNumberAndKindOfTheirArguments) {
  expect("ERROR", {"ip(1)", "ip()", "ip(\"1.2.3.4\", \"1.2.3.4\")", "ip(\"x\")", "decimal(\"1\")",
                   "ip(\"10.0.0.1\").isInRange(ip(\"10.0.0.0/8\"), ip(\"11.0.0.0/8\"))",
                   "ip(\"10.0.0.1\").isInRange(\"10.0.0.0/8\")", "1.isIpv4()",
                   "decimal(\"1.0\").lessThan(1)", "datetime(\"2024-01-01\").offset(1)",
                   "datetime(\"2024-01-01\").toDays()", "duration(\"1d\").toDate()"});
  expect("true",
         {"ip(\"10.1.0.0/16\").isInRange(ip(\"10.0.0.0/8\"))",
          "decimal(\"1.0\").lessThanOrEqual(decimal(\"1.0\"))",
          "decimal(\"1.1\").greaterThan(decimal(\"1.0\"))",
          "decimal(\"1.1\").greaterThanOrEqual(decimal(\"1.1\"))", "ip(\"127.0.0.1\").isLoopback()",
          "ip(\"ff00::\").isMulticast()", "ip(\"::1\").isIpv6()", "!ip(\"::1\").isIpv4()"});
  expect("1",
         {"duration(\"1d\").toDays()", "duration(\"1h\").toHours()", "duration(\"1m\").toMinutes()",
          "duration(\"1s\").toSeconds()", "duration(\"1ms\").toMilliseconds()",
          "datetime(\"2024-01-02\").durationSince(datetime(\"2024-01-01\")).toDays()",
          "datetime(\"2024-01-02T01:00:00Z\").toTime().toHours()"});
}

TEST_F(EvaluatorTest, AnErrorInABranchNotTakenIsNone) {
  expect("true", {"if true then true else ip(\"x\").isIpv4()", "true || ip(\"x\").isIpv4()"});
}

TEST_F(EvaluatorTest, AMessageIsShortHoweverLongTheNamesAre) {
  std::string id;
  for (int i = 0; i < 10'000; ++i) id += "é";
  const std::string message = error_of("User::\"" + id + "\".n");
  EXPECT_LT(message.size(), 310U);
  EXPECT_TRUE(message.starts_with("the entity User::\"éé"));
}

TEST_F(EvaluatorTest, ConditionsStopAtTheFirstThatDoesNotHold) {
  const auto verdict = [&](const std::string& conditions) {
    const auto set = parse_policies("permit(principal, action, resource) " + conditions + ";", "p");
    StepBudget budget(kDecisionSteps);
    Evaluator evaluator(request_, entities_, budget);
    const auto satisfied = evaluator.satisfied(*set->policies().front());
    return !satisfied ? "ERROR" : *satisfied ? "yes" : "no";
  };
  EXPECT_STREQ(verdict(""), "yes");
  EXPECT_STREQ(verdict("when { true } unless { false }"), "yes");
  EXPECT_STREQ(verdict("unless { true }"), "no");
  EXPECT_STREQ(verdict("when { false } when { principal.nope }"), "no");
  EXPECT_STREQ(verdict("unless { true } unless { 1 }"), "no");
  EXPECT_STREQ(verdict("when { principal.nope } when { false }"), "ERROR");
  EXPECT_STREQ(verdict("when { 1 }"), "ERROR");
  EXPECT_STREQ(verdict("unless { 1 }"), "ERROR");
}

}  // namespace
}  // namespace writ::cedar
