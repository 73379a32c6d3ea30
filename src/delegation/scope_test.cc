// SPDX-License-Identifier: Apache-2.0
#include "delegation/scope.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "delegation/scope_generator.h"

namespace writ::delegation {
namespace {

ToolSet tools(std::string_view json) {
  auto set = ToolSet::parse(parse_json(json).value(), "/use");
  EXPECT_TRUE(set.has_value()) << set.error().to_string();
  return set.value_or(ToolSet());
}
Error refused(std::string_view json) {
  auto set = ToolSet::parse(parse_json(json).value(), "/use");
  EXPECT_FALSE(set.has_value()) << json;
  return set ? Error{} : set.error();
}
JsonObject arguments(std::string_view json) { return parse_json_object(json).value(); }

TEST(Scope, AnEmptySetAllowsNothingAndContainsOnlyItself) {
  EXPECT_FALSE(ToolSet().allows("billing.refund.execute", {}));
  EXPECT_TRUE(ToolSet().contains(ToolSet()));
  EXPECT_FALSE(ToolSet().contains(tools(R"(["a.b"])")));
  EXPECT_TRUE(tools("[]").empty());
}

TEST(Scope, AToolIsNamedInFull) {
  const auto set = tools(R"(["billing.refund.execute"])");
  EXPECT_TRUE(set.allows("billing.refund.execute", {}));
  for (const char* other : {"billing.refund", "billing.refund.execute.now",
                            "billing.refund.Execute", "billing.refund.execute ", "", "*"}) {
    EXPECT_FALSE(set.allows(other, {})) << other;
  }
}

TEST(Scope, ABoundedArgumentMustBeThereAndWithin) {
  const auto set = tools(
      R"([{"tool":"b.pay","where":{"amount":{"min":1,"max":500},"currency":{"one_of":["EUR"]}}}])");
  EXPECT_TRUE(set.allows("b.pay", arguments(R"({"amount":1,"currency":"EUR"})")));
  EXPECT_TRUE(set.allows("b.pay", arguments(R"({"amount":500,"currency":"EUR","note":"x"})")));
  EXPECT_FALSE(set.allows("b.pay", arguments(R"({"amount":501,"currency":"EUR"})")));
  EXPECT_FALSE(set.allows("b.pay", arguments(R"({"amount":0,"currency":"EUR"})")));
  EXPECT_FALSE(set.allows("b.pay", arguments(R"({"amount":1.5,"currency":"EUR"})")));
  EXPECT_FALSE(set.allows("b.pay", arguments(R"({"amount":"1","currency":"EUR"})")));
  EXPECT_FALSE(set.allows("b.pay", arguments(R"({"amount":true,"currency":"EUR"})")));
  EXPECT_FALSE(set.allows("b.pay", arguments(R"({"amount":1,"currency":"eur"})")));
  EXPECT_FALSE(set.allows("b.pay", arguments(R"({"amount":1})")));
  EXPECT_FALSE(set.allows("b.pay", arguments(R"({"currency":"EUR"})")));
}

TEST(Scope, ABoundWithNothingSetAdmitsNothing) {
  EXPECT_FALSE(Bound().admits(1));
  EXPECT_FALSE(Bound().satisfiable());
  EXPECT_FALSE(Bound().contains(Bound{.min = 1, .max = 1, .one_of = {}}));
  EXPECT_FALSE(Bound().intersect(Bound{.min = 1, .max = {}, .one_of = {}}).has_value());
}

TEST(Scope, AToolThatNothingSatisfiesIsInNoIntersectionAndInEverySet) {
  const ToolSet nothing({{"a.b", {{"n", Bound()}}}});
  EXPECT_TRUE(nothing.intersect(tools(R"(["a.b"])")).empty());
  EXPECT_TRUE(tools(R"(["a.b"])").intersect(nothing).empty());
  EXPECT_TRUE(ToolSet().contains(nothing));
  EXPECT_FALSE(nothing.contains(tools(R"(["a.b"])")));
}

TEST(Scope, ARangeLiesWithinChoicesOnlyIfEachOfItIsOne) {
  const auto one_two = tools(R"([{"tool":"a.b","where":{"n":{"one_of":[1,2]}}}])");
  EXPECT_TRUE(one_two.contains(tools(R"([{"tool":"a.b","where":{"n":{"min":1,"max":2}}}])")));
  EXPECT_FALSE(one_two.contains(tools(R"([{"tool":"a.b","where":{"n":{"min":0,"max":1}}}])")));
  EXPECT_FALSE(one_two.contains(tools(R"([{"tool":"a.b","where":{"n":{"min":1}}}])")));
}

TEST(Scope, WhatExcludesEachOtherIsLeftOutOfTheIntersection) {
  const auto low = tools(R"([{"tool":"a.b","where":{"n":{"max":1}}},"a.c"])");
  const auto high = tools(R"([{"tool":"a.b","where":{"n":{"min":2}}},"a.c"])");
  EXPECT_EQ(low.intersect(high), tools(R"(["a.c"])"));
}

TEST(Scope, WhatDoesNotParseSaysWhere) {
  EXPECT_EQ(refused(R"({"a":1})").where, "/use");
  EXPECT_EQ(refused(R"(["a.b","a.b"])").where, "/use/1");
  EXPECT_EQ(refused(R"([{"tool":"a.b","limit":1}])").where, "/use/0/limit");
  EXPECT_EQ(refused(R"([{"tool":"a.b","where":{}}])").where, "/use/0/where");
  EXPECT_EQ(refused(R"([{"tool":"a.b","where":{"n":{}}}])").where, "/use/0/where/n");
  EXPECT_EQ(refused(R"([{"tool":"a.b","where":{"n":{"most":1}}}])").where, "/use/0/where/n/most");
  EXPECT_EQ(refused(R"([{"tool":"a.b","where":{"n":{"min":2,"max":1}}}])").where, "/use/0/where/n");
  EXPECT_EQ(refused(R"([{"tool":"a.b","where":{"n":{"min":1.5}}}])").where, "/use/0/where/n/min");
  EXPECT_EQ(refused(R"([{"tool":"a.b","where":{"n":{"one_of":[]}}}])").where,
            "/use/0/where/n/one_of");
  EXPECT_EQ(refused(R"([{"tool":"a.b","where":{"n":{"one_of":["x","x"]}}}])").where,
            "/use/0/where/n/one_of/1");
  EXPECT_EQ(refused(R"([{"tool":"a.b","where":{"n":{"one_of":[null]}}}])").where,
            "/use/0/where/n/one_of/0");
  EXPECT_EQ(refused(R"([{"tool":"a.b","where":{"n":{"min":1,"one_of":[1]}}}])").where,
            "/use/0/where/n");
}

TEST(Scope, ANameWithAPatternOrSeparatorIsRefused) {
  for (const char* bad :
       {"*", "billing.*", "billing", "billing.", ".billing", "a..b", "a.b/c", "a,b.c", "A.b",
        "a.b ", "a.b\n", "a.b+c", "a.1b", "a.\xc3\xa4", "a.b.c.d.e.f.g"}) {
    EXPECT_FALSE(is_tool_name(bad)) << bad;
  }
  EXPECT_FALSE(is_tool_name(std::string_view("a.b\0c", 5)));
  EXPECT_FALSE(is_tool_name("a." + std::string(127, 'b')));
  EXPECT_TRUE(is_tool_name("billing.refund.execute"));
  EXPECT_TRUE(is_tool_name("crm-2.contact_list"));
  EXPECT_EQ(refused(R"(["billing.*"])").where, "/use/0");
}

TEST(Scope, TooMuchIsRefused) {
  JsonArray many;
  for (std::size_t i = 0; i <= kMaxTools; ++i) many.emplace_back("a.t" + std::to_string(i));
  EXPECT_EQ(ToolSet::parse(many, "").error().code, Errc::too_large);
  JsonObject bounds;
  for (std::size_t i = 0; i <= kMaxBounds; ++i) bounds["n" + std::to_string(i)] = {{"min", 1}};
  JsonObject item{{"tool", "a.b"}, {"where", bounds}};
  EXPECT_EQ(ToolSet::parse(JsonArray{item}, "").error().code, Errc::too_large);
}

TEST(Scope, WhatIsLeftOutOfAScopeIsNothing) {
  const auto scope = Scope::parse(parse_json(R"({"use":["a.b"]})").value(), "").value();
  EXPECT_TRUE(scope.delegate.empty());
  EXPECT_TRUE(scope.use.names("a.b"));
  EXPECT_FALSE(Scope::parse(parse_json(R"({"uses":[]})").value(), "").has_value());
}

TEST(Scope, AnObjectionNamesTheArgumentAndTheBound) {
  const auto set = tools(R"([{"tool":"a.b","where":{"amount":{"min":1,"max":500}}}])");
  EXPECT_EQ(set.objection("a.c", {}), "does not name it");
  EXPECT_EQ(set.objection("a.b", arguments(R"({"amount":501})")),
            R"(admits only "amount" 1 to 500)");
  EXPECT_EQ(set.objection("a.b", {}),
            R"(admits only "amount" 1 to 500, and the call leaves it out)");
}

RC_GTEST_PROP(ScopeProperty, WhatParsesSerializesTheSame, ()) {
  const auto set = *tool_set_generator();
  const auto again = ToolSet::parse(parse_json(write_json(set.to_json())).value(), "");
  RC_ASSERT(again.has_value());
  RC_ASSERT(*again == set);
}

RC_GTEST_PROP(ScopeProperty, IntersectionAllowsExactlyWhatBothAllow, ()) {
  const auto a = *tool_set_generator();
  const auto b = *tool_set_generator();
  const auto both = a.intersect(b);
  for (const auto& [tool, given] : universe_of_calls()) {
    RC_ASSERT(both.allows(tool, given) == (a.allows(tool, given) && b.allows(tool, given)));
  }
  RC_ASSERT(a.contains(both));
  RC_ASSERT(b.contains(both));
  RC_ASSERT(ToolSet::parse(both.to_json(), "").has_value());
}

RC_GTEST_PROP(ScopeProperty, ContainsExactlyIfEveryCallOfTheInnerIsAllowed, ()) {
  const auto a = *tool_set_generator();
  const auto b = *rc::gen::oneOf(
      tool_set_generator(),
      rc::gen::map(tool_set_generator(), [a](const ToolSet& other) { return a.intersect(other); }));
  bool all = true;
  for (const auto& [tool, given] : universe_of_calls()) {
    if (b.allows(tool, given) && !a.allows(tool, given)) all = false;
  }
  RC_CLASSIFY(all);
  RC_ASSERT(a.contains(b) == all);
}

RC_GTEST_PROP(ScopeProperty, AnObjectionIsMadeExactlyWhereTheCallIsNotAllowed, ()) {
  const auto set = *tool_set_generator();
  for (const auto& [tool, given] : universe_of_calls()) {
    RC_ASSERT(set.allows(tool, given) == (set.objection(tool, given) == "allows it"));
  }
}

}  // namespace
}  // namespace writ::delegation
