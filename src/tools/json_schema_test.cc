// SPDX-License-Identifier: Apache-2.0
// P27, keyword by keyword.
#include "tools/json_schema.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace writ::tools {
namespace {

using testing::HasSubstr;

Json json(std::string_view text) { return parse_json(text).value(); }

// Why the schema does not compile, with its place; "" where it does.
std::string refused(std::string_view schema, const SchemaLimits& limits = {}) {
  StepBudget budget(kCompilationSteps);
  const auto compiled = ArgumentSchema::compile(json(schema), budget, limits);
  return compiled ? "" : compiled.error().where + ": " + compiled.error().message;
}

struct Case {
  std::string_view schema;
  std::vector<std::string_view> fits;
  std::vector<std::string_view> does_not;
};

ArgumentSchema compiled(std::string_view schema) {
  StepBudget budget(kCompilationSteps);
  return ArgumentSchema::compile(json(schema), budget).value();
}

Expected<void> validate(const ArgumentSchema& schema, const Json& value) {
  StepBudget budget(kValidationSteps);
  return schema.validate(value, budget);
}

void expect(const Case& item) {
  StepBudget budget(kCompilationSteps);
  const auto schema = ArgumentSchema::compile(json(item.schema), budget);
  ASSERT_TRUE(schema.has_value()) << item.schema << ": " << schema.error().to_string();
  for (const auto value : item.fits) {
    const auto fits = validate(*schema, json(value));
    EXPECT_TRUE(fits.has_value()) << item.schema << " " << value << ": "
                                  << fits.error().to_string();
  }
  for (const auto value : item.does_not)
    EXPECT_FALSE(validate(*schema, json(value)).has_value()) << item.schema << " " << value;
}

TEST(JsonSchema, P27_Type) {
  expect({R"({"type":"null"})", {"null"}, {"false", "0", "\"\""}});
  expect({R"({"type":"boolean"})", {"true", "false"}, {"null", "0", "\"true\""}});
  expect({R"({"type":"integer"})", {"0", "-7", "1.0", "1e2"}, {"1.5", "\"1\"", "true"}});
  expect({R"({"type":"number"})", {"0", "1.5"}, {"\"1\"", "null"}});
  expect({R"({"type":"string"})", {"\"\"", "\"x\""}, {"1", "[]", "null"}});
  expect({R"({"type":"array","items":{"type":"integer"}})", {"[]", "[1,2]"}, {"{}", "[\"1\"]"}});
  expect({R"({"type":"object"})", {"{}"}, {"[]", "{\"a\":1}"}});
  expect({R"({"type":["string","null"]})", {"\"x\"", "null"}, {"1"}});
}

TEST(JsonSchema, P27_PropertiesRequiredAndAdditionalProperties) {
  expect({R"({"type":"object","properties":{"a":{"type":"integer"}},"required":["a"]})",
          {"{\"a\":1}"},
          {"{}", "{\"a\":\"1\"}", "{\"a\":1,\"b\":2}", "{\"A\":1}"}});
  // False unless said.
  expect({R"({"type":"object","properties":{"a":{"type":"integer"}}})", {"{}"}, {"{\"b\":1}"}});
  expect({R"({"type":"object","additionalProperties":true})", {"{\"b\":1}"}, {"[]"}});
  expect({R"({"type":"object","additionalProperties":{"type":"integer"}})",
          {"{\"b\":1}"},
          {"{\"b\":\"1\"}"}});
  expect({R"({"type":"object","additionalProperties":false})", {"{}"}, {"{\"b\":1}"}});
}

TEST(JsonSchema, P27_EnumAndConst) {
  expect(
      {R"({"enum":["EUR",1,null]})", {"\"EUR\"", "1", "1.0", "null"}, {"\"eur\"", "2", "\"1\""}});
  expect({R"({"const":{"a":[1,2]}})", {"{\"a\":[1,2]}"}, {"{\"a\":[2,1]}", "{}"}});
}

TEST(JsonSchema, P27_MinimumAndMaximum) {
  expect({R"({"type":"integer","minimum":1,"maximum":100})",
          {"1", "100"},
          {"0", "101", "-1", "9007199254740991"}});
  expect({R"({"type":"number","minimum":0.5})", {"0.5", "1"}, {"0.4"}});
}

TEST(JsonSchema, P27_LengthsAreInCodePoints) {
  expect({R"({"type":"string","minLength":2,"maxLength":3})",
          {"\"ab\"", "\"äöü\"", "\"\\ud83d\\ude00a\""},
          {"\"a\"", "\"abcd\"", "\"ä\""}});
}

TEST(JsonSchema, P27_APatternIsFoundAnywhereUnlessItIsAnchored) {
  expect({R"({"type":"string","pattern":"b+"})", {"\"abba\""}, {"\"aca\""}});
  expect({R"({"type":"string","pattern":"^inv_[0-9]+$"})",
          {"\"inv_1\""},
          {"\"xinv_1\"", "\"inv_1\\n\"", "\"inv_1\\nx\"", "\"inv_\""}});
}

TEST(JsonSchema, P27_ItemsAndTheirNumber) {
  expect({R"({"type":"array","items":{"type":"integer"},"minItems":1,"maxItems":2})",
          {"[1]", "[1,2]"},
          {"[]", "[1,2,3]", "[null]"}});
  expect({R"({"type":"array","items":{"type":["integer","string"]},"uniqueItems":true})",
          {"[1,\"1\"]"},
          {"[1,1]", "[1,1.0]"}});
}

TEST(JsonSchema, P27_AnyOf) {
  expect({R"({"anyOf":[{"type":"string","maxLength":2},{"type":"integer","minimum":10}]})",
          {"\"ab\"", "10"},
          {"\"abc\"", "9", "null"}});
}

TEST(JsonSchema, P27_DefinitionsAreLocal) {
  expect({R"({"$defs":{"amount":{"type":"integer","minimum":1}},"type":"object",
              "properties":{"a":{"$ref":"#/$defs/amount"}}})",
          {"{\"a\":1}"},
          {"{\"a\":0}"}});
  for (const auto* ref : {"#", "#/$defs/none", "https://example.com/s", "other.json#/$defs/a",
                          "#/properties/a", "#/$defs/a/b"}) {
    const auto schema = std::string(R"({"$defs":{"a":{"type":"null"}},"$ref":")") + ref + "\"}";
    EXPECT_NE(refused(schema), "") << ref;
  }
}

TEST(JsonSchema, P27_AReferenceNeverLeadsBackToItself) {
  EXPECT_THAT(refused(R"({"$defs":{"a":{"$ref":"#/$defs/a"}},"$ref":"#/$defs/a"})"),
              HasSubstr("leads back to itself"));
  EXPECT_THAT(refused(R"({"$defs":{"a":{"$ref":"#/$defs/b"},
                        "b":{"type":"array","items":{"$ref":"#/$defs/a"}}},"$ref":"#/$defs/a"})"),
              HasSubstr("leads back to itself"));
}

TEST(JsonSchema, P27_Formats) {
  const auto format = [](std::string_view name) {
    return R"({"type":"string","format":")" + std::string(name) + "\"}";
  };
  expect({format("date-time"),
          {"\"2026-01-02T03:04:05Z\"", "\"2026-01-02T03:04:05.123+01:00\""},
          {"\"2026-01-02\"", "\"2026-01-02T03:04:05\"", "\"2026-13-02T03:04:05Z\"",
           "\"2026-02-30T03:04:05Z\"", "\"2026-01-02T25:04:05Z\""}});
  expect({format("date"),
          {"\"2026-01-02\"", "\"2024-02-29\""},
          {"\"2026-02-29\"", "\"2026-1-2\"", "\"2026-01-02Z\""}});
  expect({format("email"),
          {"\"a@example.com\""},
          {"\"a\"", "\"a@\"", "\"@example.com\"", "\"a@b@c.com\"", "\"a b@example.com\""}});
  expect({format("uri"),
          {"\"https://example.com/a?b#c\"", "\"urn:x:y\""},
          {"\"/a\"", "\"example.com\"", "\"https://exa mple.com\""}});
  expect({format("uuid"),
          {"\"123e4567-e89b-12d3-a456-426614174000\""},
          {"\"123e4567e89b12d3a456426614174000\"", "\"123e4567-e89b-12d3-a456-42661417400g\""}});
  EXPECT_THAT(refused(format("hostname")), HasSubstr("must be one of date-time"));
}

// "Another keyword that would constrain is an error at apply, never ignored."
TEST(JsonSchema, P27_EveryOtherKeywordIsAnError) {
  for (const auto* keyword : {"allOf",
                              "oneOf",
                              "not",
                              "if",
                              "then",
                              "else",
                              "dependentSchemas",
                              "dependentRequired",
                              "prefixItems",
                              "contains",
                              "minContains",
                              "maxContains",
                              "patternProperties",
                              "propertyNames",
                              "minProperties",
                              "maxProperties",
                              "unevaluatedItems",
                              "unevaluatedProperties",
                              "multipleOf",
                              "exclusiveMinimum",
                              "exclusiveMaximum",
                              "contentEncoding",
                              "contentMediaType",
                              "contentSchema",
                              "$dynamicRef",
                              "$dynamicAnchor",
                              "$anchor",
                              "$id",
                              "$schema",
                              "$vocabulary",
                              "$recursiveRef",
                              "definitions",
                              "additionalItems",
                              "readOnly",
                              "writeOnly",
                              "nullable",
                              "Type",
                              "minlength",
                              "x-note",
                              "$comment"}) {
    const auto schema = std::string(R"({"type":"string",")") + keyword + "\":{}}";
    EXPECT_THAT(refused(schema), HasSubstr("is not supported")) << keyword;
  }
}

TEST(JsonSchema, P27_NotesMayStandAndMeanNothing) {
  EXPECT_EQ(refused(R"({"type":"string","title":"t","description":"d","default":1,
                        "examples":[1],"deprecated":true})"),
            "");
}

TEST(JsonSchema, P27_ASchemaThatSaysNothingIsAnErrorAndNeverEverything) {
  EXPECT_NE(refused("{}"), "");
  EXPECT_NE(refused(R"({"description":"anything"})"), "");
  EXPECT_NE(refused("true"), "");
  EXPECT_NE(refused("[]"), "");
  EXPECT_NE(refused(R"({"type":"array"})"), "");
  EXPECT_NE(refused(R"({"type":[]})"), "");
  EXPECT_NE(refused(R"({"enum":[]})"), "");
  EXPECT_NE(refused(R"({"anyOf":[]})"), "");
}

TEST(JsonSchema, P27_AKeywordOfAnotherTypeIsAnError) {
  for (const auto* schema :
       {R"({"type":"integer","maxLength":3})", R"({"type":"string","minimum":1})",
        R"({"type":"string","items":{"type":"null"}})",
        R"({"type":"array","items":{"type":"null"},"pattern":"a"})",
        R"({"type":"boolean","required":["a"]})"})
    EXPECT_THAT(refused(schema), HasSubstr("constrains")) << schema;
}

TEST(JsonSchema, P27_WhatNoValueCanSatisfyIsAnError) {
  for (const auto* schema :
       {R"({"type":"integer","minimum":2,"maximum":1})",
        R"({"type":"string","minLength":2,"maxLength":1})", R"({"type":"string","enum":[1]})",
        R"({"type":"string","const":1})", R"({"type":"object","required":["a"]})",
        R"({"type":"array","items":{"type":"null"},"minItems":2,"maxItems":1})"})
    EXPECT_NE(refused(schema), "") << schema;
}

TEST(JsonSchema, P27_MalformedKeywordsHaveTheirPlace) {
  EXPECT_THAT(refused(R"({"type":"text"})"), HasSubstr("/type: "));
  EXPECT_THAT(refused(R"({"type":"string","minLength":-1})"), HasSubstr("/minLength: "));
  EXPECT_THAT(refused(R"({"type":"string","minLength":1.5})"), HasSubstr("/minLength: "));
  EXPECT_THAT(refused(R"x({"type":"string","pattern":"("})x"), HasSubstr("/pattern: "));
  EXPECT_THAT(refused(R"x({"type":"string","pattern":"(?=a)"})x"), HasSubstr("/pattern: "));
  EXPECT_THAT(refused(R"({"type":"object","properties":{"a":{"type":"x"}}})"),
              HasSubstr("/properties/a/type: "));
  EXPECT_THAT(
      refused(R"({"type":"object","properties":{"a":{"type":"null"}},"required":["a","a"]})"),
      HasSubstr("/required/1: "));
}

// failures.md 19: an upstream may read two names that differ by case alone as one.
TEST(JsonSchema, NamesThatDifferByCaseAloneAreRefused) {
  EXPECT_THAT(
      refused(R"({"type":"object","properties":{"a":{"type":"null"},"A":{"type":"null"}}})"),
      HasSubstr("by case alone"));
  expect({R"({"type":"object","additionalProperties":true})",
          {"{\"a\":1,\"b\":2}", "{\"x\":{\"a\":1}}"},
          {"{\"a\":1,\"A\":2}", "{\"x\":{\"a\":1,\"A\":2}}", "{\"x\":[{\"a\":1,\"A\":2}]}"}});
  expect({R"({"type":"object","properties":{"amount":{"type":"integer"}},
              "additionalProperties":{"type":"integer"}})",
          {"{\"amount\":1,\"other\":2}"},
          {"{\"amount\":1,\"Amount\":2}", "{\"Amount\":2}"}});
}

TEST(JsonSchema, AnErrorNamesThePlaceAndNeverTheValue) {
  const auto schema =
      compiled(R"({"type":"object","properties":{"a":{"type":"array","items":{"type":"string",
               "maxLength":3}}}})");
  const auto wrong = validate(schema, json(R"({"a":["ok","a-secret-value"]})"));
  ASSERT_FALSE(wrong.has_value());
  EXPECT_EQ(wrong.error().where, "/a/1");
  EXPECT_THAT(wrong.error().to_string(), testing::Not(HasSubstr("secret")));
}

TEST(JsonSchema, LimitsAreErrors) {
  EXPECT_NE(refused(R"({"type":"string","description":"long"})", {.bytes = 10}), "");
  EXPECT_NE(
      refused(R"({"type":"array","items":{"type":"array","items":{"type":"null"}}})", {.depth = 2}),
      "");
  EXPECT_EQ(refused(R"({"type":"array","items":{"type":"null"}})", {.depth = 2}), "");
  EXPECT_NE(refused(R"({"type":"string","pattern":"aaaa"})", {.pattern_bytes = 3}), "");
  EXPECT_NE(refused(R"x({"type":"string","pattern":"((a{100}){100}){10}"})x"), "");
}

// Steps that a value takes; with one step less it is refused as too large.
std::uint64_t steps(std::string_view schema_text, const Json& value) {
  const auto schema = compiled(schema_text);
  StepBudget enough(kValidationSteps);
  const auto fits = schema.validate(value, enough);
  EXPECT_TRUE(fits.has_value()) << schema_text << ": " << fits.error().to_string();
  StepBudget little(enough.spent() - 1);
  const auto refused_value = schema.validate(value, little);
  EXPECT_FALSE(refused_value.has_value()) << schema_text;
  if (!refused_value) EXPECT_EQ(refused_value.error().code, Errc::too_large) << schema_text;
  return enough.spent();
}

TEST(JsonSchema, P48_WhateverTakesLongerIsCounted) {
  constexpr std::size_t kLong = 160'000;
  constexpr std::uint64_t kLongSteps = kLong / StepBudget::kBytesPerStep;
  const Json text(std::string(kLong, 'a'));
  EXPECT_GE(steps(R"({"type":"string"})", text), kLongSteps);
  EXPECT_GE(steps(R"({"type":"string","pattern":"^a*$"})", text), 3 * kLongSteps);
  EXPECT_GE(steps(R"({"type":"object","additionalProperties":true})",
                  JsonObject{{std::string(kLong, 'a'), 1}}),
            kLongSteps);

  JsonArray numbers;
  for (int i = 0; i < 10'000; ++i) numbers.emplace_back(i);
  constexpr std::string_view kInteger = R"({"type":"array","items":{"type":"integer"}})";
  constexpr std::string_view kUnique =
      R"({"type":"array","items":{"type":"integer"},"uniqueItems":true})";
  constexpr std::string_view kChosen =
      R"({"type":"array","items":{"anyOf":[{"type":"integer","maximum":-1},{"type":"integer"}]}})";
  EXPECT_GE(steps(kInteger, numbers), 10'000U);
  EXPECT_GE(steps(kUnique, numbers), steps(kInteger, numbers) + 100'000U);
  EXPECT_GE(steps(kChosen, numbers), 3 * steps(kInteger, numbers));
}

TEST(JsonSchema, P48_AValueIsLookedUpAmongManyAllowedOnes) {
  std::string many = R"({"type":"array","items":{"enum":[)";
  for (int i = 0; i < 5'000; ++i) many += (i > 0 ? "," : "") + std::to_string(i) + ".5";
  many += "]}}";
  JsonArray values;
  for (int i = 0; i < 5'000; ++i) values.emplace_back(i + 0.5);
  EXPECT_LT(steps(many, values), 5'000U * 30U);
}

TEST(JsonSchema, P48_WhatIsTooExpensiveIsNoMatchAmongAlternatives) {
  const auto schema = compiled(
      R"({"anyOf":[{"type":"string","pattern":"^a*b$"},{"type":"string","maxLength":1000000}]})");
  const Json text(std::string(500'000, 'a'));
  StepBudget enough(kValidationSteps);
  EXPECT_TRUE(schema.validate(text, enough).has_value());
  StepBudget little(100'000);
  const auto refused_value = schema.validate(text, little);
  ASSERT_FALSE(refused_value.has_value());
  EXPECT_EQ(refused_value.error().code, Errc::too_large);
}

TEST(JsonSchema, P48_PatternsAreCompiledWithinABudget) {
  StepBudget budget(kCompilationSteps);
  const auto schema = json(R"x({"type":"string","pattern":"(a|b|c){1000}"})x");
  ASSERT_TRUE(ArgumentSchema::compile(schema, budget).has_value());
  EXPECT_GE(budget.spent(), 4'000U);
  StepBudget little(budget.spent() - 1);
  const auto too_many = ArgumentSchema::compile(schema, little);
  ASSERT_FALSE(too_many.has_value());
  EXPECT_EQ(too_many.error().code, Errc::too_large);
  EXPECT_EQ(too_many.error().where, "/pattern");
}

// A few definitions that each follow the one before twice are exponentially many checks.
TEST(JsonSchema, TheWorkOfAValueIsBoundedThroughReferences) {
  std::string defs = R"("d0":{"type":"null"})";
  for (int i = 1; i <= 20; ++i) {
    const auto before = "{\"$ref\":\"#/$defs/d" + std::to_string(i - 1) + "\"}";
    defs += ",\"d" + std::to_string(i) + "\":{\"anyOf\":[" + before + "," + before + "]}";
  }
  EXPECT_THAT(refused("{\"$defs\":{" + defs + "},\"$ref\":\"#/$defs/d20\"}"),
              HasSubstr("each \"$ref\" counted"));
}

}  // namespace
}  // namespace writ::tools
