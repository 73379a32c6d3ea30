// SPDX-License-Identifier: Apache-2.0
#include "cedar/parser.h"

#include <algorithm>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "cedar/policy_set.h"
#include "cedar/printer.h"

namespace writ::cedar {
namespace {

bool parses(const std::string& expr) { return parse_expression(expr, "e").has_value(); }

Error error_of(const std::string& text, const ParserLimits& limits = {}) {
  const auto parsed = parse_policies(text, "p.cedar", limits);
  return parsed ? Error{} : parsed.error();
}
bool policy_parses(const std::string& text) { return parse_policies(text, "p").has_value(); }

std::string canonical(const std::string& expr) {
  const auto parsed = parse_expression(expr, "e");
  return parsed ? print(*parsed) : parsed.error().to_string();
}

std::string repeated(const std::string& text, std::size_t times) {
  std::string out;
  for (std::size_t i = 0; i < times; ++i) out += text;
  return out;
}

TEST(Parser, OperatorsBindAsTheGrammarSays) {
  EXPECT_EQ(canonical("1 + 2 * 3 == 7 && true || false"), "1 + 2 * 3 == 7 && true || false");
  EXPECT_EQ(canonical("((1 + 2)) * 3"), "(1 + 2) * 3");
  EXPECT_EQ(canonical("1 - (2 - 3)"), "1 - (2 - 3)");
  EXPECT_EQ(canonical("(1 - 2) - 3"), "1 - 2 - 3");
  EXPECT_EQ(canonical("(true && false) && true"), "(true && false) && true");
  EXPECT_EQ(canonical("!(true && false)"), "!(true && false)");
  EXPECT_EQ(canonical("(if true then 1 else 2) + 3"), "(if true then 1 else 2) + 3");
  EXPECT_EQ(canonical("if true then 1 else 2 + 3"), "if true then 1 else 2 + 3");
  EXPECT_EQ(canonical("-(5)"), "-(5)");
  EXPECT_EQ(canonical("-5"), "-5");
  EXPECT_EQ(canonical("--5"), "-(-5)");
  EXPECT_EQ(canonical("(-5).foo"), "(-5).foo");
  EXPECT_EQ(canonical("-5.foo"), "-5.foo");
  EXPECT_EQ(canonical("principal[\"a b\"][\"c\"].d"), "principal[\"a b\"].c.d");
}

TEST(Parser, OneRelationPerLevel) {
  for (const char* expr :
       {"1 < 2 < 3", "1 == 1 == true", "1 in 2 in 3", "principal has a has b",
        "principal is A is B", "principal is A in b in c", "\"\" like \"\" like \"\"",
        "1 == principal has a", "principal has a == true"}) {
    EXPECT_FALSE(parses(expr)) << expr;
  }
  EXPECT_TRUE(parses("(1 == 1) == true"));
  EXPECT_TRUE(parses("true == (1 == 1)"));
}

TEST(Parser, AtMostFourSignsInARow) {
  EXPECT_TRUE(parses("!!!!true"));
  EXPECT_FALSE(parses("!!!!!true"));
  EXPECT_TRUE(parses("----1"));
  EXPECT_FALSE(parses("-----1"));
  EXPECT_TRUE(parses("!!!!(!true)"));
}

TEST(Parser, TheLeastNumberIsALiteral) {
  const auto least = parse_expression("-9223372036854775808", "e");
  ASSERT_TRUE(least);
  EXPECT_EQ(*std::get<Literal>(least->node).value.integer(),
            std::numeric_limits<std::int64_t>::min());
  EXPECT_TRUE(parses("9223372036854775807"));
  for (const char* expr : {"9223372036854775808", "-9223372036854775809", "-(9223372036854775808)",
                           "-9223372036854775808.a", "99999999999999999999999"}) {
    EXPECT_FALSE(parses(expr)) << expr;
  }
  EXPECT_TRUE(parses("--9223372036854775808"));
  EXPECT_EQ(canonical("007"), "7");
}

TEST(Parser, TrailingCommasAreAllowedAndDoubledAreNot) {
  for (const char* expr : {"[1, 2,]", "{a: 1,}", "[]", "{}", "ip(\"::1\",)"}) {
    EXPECT_TRUE(parses(expr)) << expr;
  }
  for (const char* expr : {"[,]", "[1,,2]", "{,}", "[1 2]", "{a: 1 b: 2}"}) {
    EXPECT_FALSE(parses(expr)) << expr;
  }
  EXPECT_TRUE(policy_parses("permit(principal, action in [Action::\"a\",], resource,);"));
}

TEST(Parser, ADuplicateRecordKeyIsRefused) {
  EXPECT_FALSE(parses("{a: 1, a: 2}"));
  EXPECT_FALSE(parses("{a: 1, \"a\": 2}"));
  EXPECT_FALSE(parses("{a: 1, \"\\u{61}\": 2}"));
  EXPECT_TRUE(parses("{a: 1, A: 2}"));
}

TEST(Parser, ReservedWordsAreNoNames) {
  for (const std::string word :
       {"true", "false", "if", "then", "else", "in", "is", "like", "has", "__cedar"}) {
    EXPECT_FALSE(parses("{" + word + ": 1}")) << word;
    EXPECT_FALSE(parses("principal." + word)) << word;
    EXPECT_FALSE(parses("principal has " + word)) << word;
    EXPECT_FALSE(parses("principal has a." + word)) << word;
    EXPECT_FALSE(parses(word + "::X::\"a\"")) << word;
    EXPECT_FALSE(parses("principal is A::" + word)) << word;
    EXPECT_TRUE(parses("{\"" + word + "\": 1}")) << word;
    EXPECT_TRUE(parses("principal[\"" + word + "\"]")) << word;
    EXPECT_TRUE(parses("principal has \"" + word + "\"")) << word;
    EXPECT_TRUE(policy_parses("@" + word + "(\"x\") permit(principal, action, resource);")) << word;
  }
  for (const std::string word : {"principal", "action", "context", "permit", "when", "contains"}) {
    EXPECT_TRUE(parses("principal." + word)) << word;
    EXPECT_TRUE(parses("{" + word + ": 1}")) << word;
    EXPECT_TRUE(parses(word + "::\"a\"")) << word;
  }
}

TEST(Parser, StringsHaveRustsEscapes) {
  const auto value = [](const std::string& literal) {
    const auto parsed = parse_expression(literal, "e");
    return parsed ? *std::get<Literal>(parsed->node).value.string() : parsed.error().to_string();
  };
  EXPECT_EQ(value(R"("a\x41\n\r\t\\\"\'\u{1F600}\u{1_F6_00}")"),
            "aA\n\r\t\\\"'\xF0\x9F\x98\x80\xF0\x9F\x98\x80");
  EXPECT_EQ(value("\"\\0\""), std::string(1, '\0'));
  EXPECT_EQ(value("\"a\nb\""), "a\nb");
  for (const char* literal :
       {R"("\x80")", R"("\xg0")", R"("\x4")", R"("\u{}")", R"("\u{1234567}")", R"("\u{D800}")",
        R"("\u{110000}")", R"("\u{_1}")", R"("\u1234")", R"("\q")", R"("\*")", "\"a\\\nb\"",
        "\"a\rb\"", "\"abc", "\"abc\\\"", "'a'"}) {
    EXPECT_FALSE(parses(literal)) << literal;
  }
}

TEST(Parser, AStarIsAWildcardInPatternsOnly) {
  EXPECT_TRUE(parses(R"("a*b" like "a\*b*")"));
  EXPECT_EQ(canonical(R"("x" like "a\*b*\u{1F600}")"), "\"x\" like \"a\\*b*\xF0\x9F\x98\x80\"");
  EXPECT_FALSE(parses("\"a\" like principal"));
}

// As the reference has it: only \\* is a star.
TEST(Parser, AnEscapedStarIsAWildcardInAPattern) {
  for (const char* star : {R"(\x2a)", R"(\x2A)", R"(\u{2a})", R"(\u{2A})", R"(\u{00002a})"}) {
    EXPECT_EQ(canonical("\"ab\" like \"a" + std::string(star) + "\""), R"("ab" like "a*")") << star;
    EXPECT_EQ(canonical("\"a" + std::string(star) + "\" == \"a*\""), R"("a*" == "a*")") << star;
  }
}

TEST(Parser, CommentsEndWithTheLineWhicheverWayItEnds) {
  EXPECT_TRUE(parses("// a comment\n1 // another"));
  EXPECT_TRUE(parses("// a comment\r1"));
  EXPECT_FALSE(parses("1 // x\r2"));
  EXPECT_FALSE(parses("1 /* x */"));
}

TEST(Parser, SpaceMayStandWithinAPath) {
  EXPECT_EQ(canonical("A :: B // x\n :: \"x\""), "A::B::\"x\"");
}

TEST(Parser, FunctionsAndMethodsAreKnownByName) {
  for (const char* expr :
       {"foo(1)", "a::ip(\"::1\")", "lessThan(1, 2)", "contains([1], 1)", "\"1\".decimal()",
        "principal.foo()", "principal(1)", "[1].contains()", "[1].contains(1, 2)", "[].isEmpty(1)",
        "principal.getTag()", "principal.hasTag(\"a\", \"b\")", "ip", "A::B", "x"}) {
    EXPECT_FALSE(parses(expr)) << expr;
  }
  // The number of an extension function's arguments is the evaluation's and the validator's to say.
  EXPECT_TRUE(parses("ip()"));
  EXPECT_TRUE(parses("ip(\"::1\").isInRange(ip(\"::1\"), ip(\"::2\"))"));
}

TEST(Parser, WhatTheLanguageLacksIsRefusedWithAHint) {
  EXPECT_EQ(parse_expression("6 / 2", "e").error().hint, "the language has no division");
  EXPECT_EQ(parse_expression("6 = 2", "e").error().hint, "equality is ==");
  for (const char* expr :
       {"1 + if true then 1 else 2", "!-1", "-!true", "?principal", "1 2", "", "(1", "1)",
        "principal[1]", "principal[a]", "principal.", "#", "a.b()"}) {
    EXPECT_FALSE(parses(expr)) << expr;
  }
}

TEST(Parser, ErrorsNameFileLineAndColumn) {
  EXPECT_EQ(error_of("permit(principal, action, resource)\nwhen { \"é\" == };").where,
            "p.cedar:2:15");
  EXPECT_EQ(error_of("permit(principal,\n  action = Action::\"x\", resource);").where,
            "p.cedar:2:10");
  EXPECT_EQ(error_of("permit").where, "p.cedar:1:7");
}

TEST(Parser, AMessageQuotesLittleOfTheText) {
  const Error error = error_of("permit " + std::string(100'000, 'a'));
  EXPECT_LT(error.message.size(), 200U);
}

TEST(Parser, ScopesTakeTheFormsOfTheGrammarOnly) {
  const auto with = [](const std::string& principal, const std::string& action) {
    return policy_parses("permit(" + principal + ", " + action + ", resource);");
  };
  for (const char* principal :
       {"principal", "principal == A::\"x\"", "principal in A::\"x\"", "principal is A::B",
        "principal is A in A::\"x\"", "principal == ?principal", "principal in ?principal",
        "principal is A in ?principal"}) {
    EXPECT_TRUE(with(principal, "action")) << principal;
  }
  for (const char* principal :
       {"resource", "principal == A", "principal in [A::\"x\"]", "principal is A == A::\"x\"",
        "principal in A::\"x\" is A", "principal == ?resource", "principal == ?x", "principal == ?",
        "principal is ?principal", "principal != A::\"x\"", "principal == principal",
        "principal has a", "principal == \"x\""}) {
    EXPECT_FALSE(with(principal, "action")) << principal;
  }
  for (const char* action : {"action == Action::\"x\"", "action in N::Action::\"x\"",
                             "action in []", "action in [Action::\"x\", N::Action::\"y\"]"}) {
    EXPECT_TRUE(with("principal", action)) << action;
  }
  for (const char* action :
       {"action == User::\"x\"", "action in [User::\"x\"]", "action is Action",
        "action == [Action::\"x\"]", "action == ?action", "action in ?principal",
        "action in [Action::\"x\" Action::\"y\"]", "action == MyAction::\"x\""}) {
    EXPECT_FALSE(with("principal", action)) << action;
  }
  EXPECT_FALSE(policy_parses("permit(action, principal, resource);"));
  EXPECT_FALSE(policy_parses("permit(principal, action);"));
  EXPECT_FALSE(policy_parses("permit(principal, action, resource)"));
  EXPECT_FALSE(policy_parses("allow(principal, action, resource);"));
  EXPECT_FALSE(policy_parses("permit(principal, action, resource) when {};"));
  EXPECT_FALSE(policy_parses("permit(principal, action, resource) when { true; };"));
}

TEST(Parser, AnnotationsHaveNamesAndPerhapsValues) {
  const auto set = parse_policies(
      "@id(\"a\") @note @needs_approval(\"finance\") permit(principal, action, resource);", "p");
  ASSERT_TRUE(set);
  const Policy& policy = *set->policies().front();
  EXPECT_EQ(policy.id(), "a");
  EXPECT_EQ(*policy.annotation("note"), "");
  EXPECT_EQ(*policy.annotation("needs_approval"), "finance");
  EXPECT_EQ(policy.annotation("other"), nullptr);
  EXPECT_FALSE(policy_parses("@a @a permit(principal, action, resource);"));
  EXPECT_FALSE(policy_parses("@a(b) permit(principal, action, resource);"));
  EXPECT_FALSE(policy_parses("@(\"b\") permit(principal, action, resource);"));
  EXPECT_FALSE(policy_parses("@id permit(principal, action, resource);"));
}

TEST(Parser, TextThatIsNotUtf8IsRefused) {
  EXPECT_FALSE(policy_parses("permit(principal, action, resource) when { \"\xFF\" == \"\" };"));
  EXPECT_FALSE(policy_parses("// \xC0\x80\n"));
  EXPECT_TRUE(policy_parses(""));
}

TEST(ParserLimits, BoundBytesPoliciesAndDepth) {
  const std::string policy = "permit(principal, action, resource);";
  EXPECT_EQ(error_of(policy, {.max_bytes = 10}).code, Errc::too_large);
  EXPECT_EQ(error_of(policy + policy + policy, {.max_policies = 2}).code, Errc::too_large);
  EXPECT_EQ(
      error_of("permit(principal, action, resource) when { ((((true)))) };", {.max_depth = 4}).code,
      Errc::too_large);
}

TEST(ParserLimits, NoTextOverflowsTheStack) {
  constexpr std::size_t kMany = 100'000;
  for (const auto& [open, middle, close] :
       std::vector<std::array<std::string, 3>>{{"(", "1", ")"},
                                               {"[", "", "]"},
                                               {"{a:", "1", "}"},
                                               {"ip(", "", ")"},
                                               {"!(", "true", ")"},
                                               {"if true then ", "1", " else 2"},
                                               {"if ", "true", " then true else true"},
                                               {"", "1", " + 1"},
                                               {"", "1", " * 1"},
                                               {"", "principal", ".a"},
                                               {"", "principal", "[\"a\"]"},
                                               {"", "principal", ".isEmpty()"},
                                               {"", "principal has a", ".a"}}) {
    const auto parsed = parse_expression(repeated(open, kMany) + middle + repeated(close, kMany),
                                         "e", {.max_bytes = std::size_t{1} << 24});
    ASSERT_FALSE(parsed) << open;
    EXPECT_EQ(parsed.error().code, Errc::too_large) << open << parsed.error().to_string();
  }
}

TEST(ParserLimits, LongChainsOfAndAndOrAreNotDeep) {
  EXPECT_TRUE(parses("true" + repeated(" && true", 10'000)));
  EXPECT_TRUE(parses("true" + repeated(" || true && false", 10'000)));
}

TEST(ParserLimits, WhatIsAsDeepAsAllowedPrintsToWhatParses) {
  const std::size_t depth = ParserLimits{}.max_depth;
  for (const std::string& text : {repeated("!(", depth - 1) + "true" + repeated(")", depth - 1),
                                  repeated("-(", depth - 1) + "1" + repeated(")", depth - 1),
                                  repeated("1 - (", depth - 2) + "1 - 1" + repeated(")", depth - 2),
                                  repeated("[", depth) + repeated("]", depth)}) {
    const auto parsed = parse_expression(text, "e");
    ASSERT_TRUE(parsed) << parsed.error().to_string();
    const auto again = parse_expression(print(*parsed), "e");
    ASSERT_TRUE(again) << again.error().to_string();
    EXPECT_TRUE(*again == *parsed);
  }
}

}  // namespace
}  // namespace writ::cedar
