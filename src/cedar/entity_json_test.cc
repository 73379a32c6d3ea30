// SPDX-License-Identifier: Apache-2.0
#include "cedar/entity_json.h"

#include <cstdint>
#include <limits>
#include <string>

#include <gtest/gtest.h>

namespace writ::cedar {
namespace {

Expected<Value> value_of(const std::string& text) {
  const auto json = parse_json(text);
  EXPECT_TRUE(json) << text;
  return value_from_json(*json);
}
Expected<Entities> entities_of(const std::string& text) {
  const auto json = parse_json(text);
  EXPECT_TRUE(json) << text;
  return entities_from_json(*json);
}

TEST(ValueJson, PlainValuesAreThemselves) {
  EXPECT_EQ(value_of("true"), Value(true));
  EXPECT_EQ(value_of("-5"), Value(-5));
  EXPECT_EQ(value_of("\"a\""), Value("a"));
  EXPECT_EQ(value_of("[2, 1, 2]"), Value(Set{1, 2}));
  EXPECT_EQ(value_of("{\"b\": {\"c\": []}, \"a\": 1}"),
            Value(Record{{"a", 1}, {"b", Record{{"c", Set{}}}}}));
  // Without a schema an implicit reference is a record.
  EXPECT_EQ(value_of(R"({"type": "A", "id": "x"})"), Value(Record{{"type", "A"}, {"id", "x"}}));
}

TEST(ValueJson, EscapesMakeEntitiesAndExtensionValues) {
  EXPECT_EQ(value_of(R"({"__entity": {"type": "A::B", "id": ""}})"), Value(EntityUid{"A::B", ""}));
  EXPECT_EQ(value_of(R"({"__extn": {"fn": "decimal", "arg": "1.5"}})"), Value(Decimal{15'000}));
  EXPECT_EQ(value_of(R"({"__extn": {"fn": "offset", "args": [
                {"__extn": {"fn": "datetime", "arg": "1970-01-01"}},
                {"__extn": {"fn": "duration", "arg": "5ms"}}]}})"),
            Value(Datetime{5}));
}

TEST(ValueJson, WhatIsNoValueIsRefusedWithItsPlace) {
  for (const char* text :
       {"null",
        "1.5",
        "[null]",
        R"({"__entity": {"type": "A"}})",
        R"({"__entity": {"type": "A", "id": "x", "more": 1}})",
        R"({"__entity": {"type": "A ", "id": "x"}})",
        R"({"__entity": {"type": "", "id": "x"}})",
        R"({"__entity": {"type": "A::", "id": "x"}})",
        R"({"__entity": {"type": "if", "id": "x"}})",
        R"({"__entity": {"type": "__cedar::A", "id": "x"}})",
        R"({"__entity": "A::\"x\""})",
        R"({"__entity": {"__entity": {"type": "A", "id": "x"}}})",
        R"({"__entity": {"type": "A", "id": "x"}, "a": 1})",
        R"({"__expr": "1"})",
        R"({"__extn": {"fn": "ip"}})",
        R"({"__extn": {"fn": "ip", "arg": 1}})",
        R"({"__extn": {"fn": "ip", "arg": "x"}})",
        R"({"__extn": {"fn": "nope", "arg": "x"}})",
        R"({"__extn": {"fn": "ip", "arg": "::1", "args": ["::1"]}})",
        R"({"__extn": {"fn": "ip", "args": ["::1", "::1"]}})",
        R"({"__extn": {"fn": "isIpv4", "arg": {"__extn": {"fn": "ip", "arg": "::1"}}}})"}) {
    EXPECT_FALSE(value_of(text)) << text;
  }
  EXPECT_EQ(value_of(R"({"a": [1, {"b": null}]})").error().where, "/a/1/b");
}

TEST(ValueJson, WhatIsWrittenReadsBack) {
  for (const Value& value :
       {Value(true), Value(5), Value("a\n"), Value(EntityUid{"A", "x"}), Value(Set{1, "a", Set{}}),
        Value(Record{{"a", 1}, {"b c", Record{}}}), Value(Decimal{-1}),
        Value(*IpAddress::parse("10.0.0.1/8")), Value(*IpAddress::parse("fe80::1")),
        Value(Datetime{-1}), Value(Datetime{std::numeric_limits<std::int64_t>::max()}),
        Value(Duration{-5})}) {
    EXPECT_EQ(value_from_json(to_json(value)), value) << value.to_string();
  }
}

TEST(EntityJson, ReadsUidAttributesParentsAndTags) {
  const auto entities = entities_of(R"([
    {"uid": {"type": "User", "id": "a"}, "attrs": {"n": 1},
     "parents": [{"type": "G", "id": "g"}, {"__entity": {"type": "G", "id": "h"}}],
     "tags": {"t": "v"}},
    {"uid": {"__entity": {"type": "G", "id": "g"}}, "attrs": {}, "parents": []}])");
  ASSERT_TRUE(entities) << entities.error().to_string();
  const Entity* user = entities->find({"User", "a"});
  ASSERT_NE(user, nullptr);
  EXPECT_EQ(*user->attributes.find("n"), Value(1));
  EXPECT_EQ(*user->tags.find("t"), Value("v"));
  EXPECT_TRUE(entities->is_in({"User", "a"}, {"G", "h"}));
}

TEST(EntityJson, WhatIsMalformedIsRefused) {
  for (
      const char* text :
      {"{}", "[1]", R"([{"uid": {"type": "A", "id": "x"}, "attrs": {}}])",
       R"([{"uid": {"type": "A", "id": "x"}, "parents": []}])", R"([{"attrs": {}, "parents": []}])",
       R"([{"uid": {"type": "A", "id": "x"}, "attrs": [], "parents": []}])",
       R"([{"uid": {"type": "A", "id": "x"}, "attrs": {}, "parents": [], "more": 1}])",
       R"([{"uid": {"type": "A", "id": "x"}, "attrs": {}, "parents": ["A"]}])",
       R"([{"uid": "A", "attrs": {}, "parents": []}])",
       R"([{"uid": {"type": "A", "id": "x"}, "attrs": {}, "parents": []},
            {"uid": {"type": "A", "id": "x"}, "attrs": {}, "parents": []}])",
       R"([{"uid": {"type": "A", "id": "x"}, "attrs": {}, "parents": [{"type": "A", "id": "x"}]}])"}) {
    EXPECT_FALSE(entities_of(text)) << text;
  }
  EXPECT_FALSE(context_from_json(JsonArray{}));
}

}  // namespace
}  // namespace writ::cedar
