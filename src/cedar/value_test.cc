// SPDX-License-Identifier: Apache-2.0
#include "cedar/value.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "cedar/parser.h"

namespace writ::cedar {
namespace {

std::vector<Value> samples() {
  return {false,
          true,
          -1,
          7,
          "",
          "a",
          EntityUid{"A", "a"},
          EntityUid{"A", "b"},
          EntityUid{"B", "a"},
          Set{},
          Set{1},
          Set{1, 2},
          Set(std::vector<Value>{Set{}}),
          Record{},
          Record{{"a", 1}},
          Record{{"a", 2}},
          Record{{"b", 1}},
          Decimal{1},
          *IpAddress::parse("1.2.3.4/8"),
          *IpAddress::parse("1.2.3.4"),
          *IpAddress::parse("::"),
          Datetime{1},
          Duration{1}};
}

TEST(Value, TheOrderIsTotalAndAgreesWithEquality) {
  const auto all = samples();
  for (std::size_t i = 0; i < all.size(); ++i) {
    for (std::size_t j = 0; j < all.size(); ++j) {
      EXPECT_EQ(all[i] == all[j], i == j);
      EXPECT_EQ(all[i] <=> all[j], i <=> j) << all[i].to_string() << " " << all[j].to_string();
    }
  }
}

TEST(Value, APointerIsNeverABoolean) {
  EXPECT_EQ(Value("true").kind(), Value::Kind::string);
  EXPECT_EQ(Value(1).kind(), Value::Kind::integer);
  EXPECT_EQ(Value(true).kind(), Value::Kind::boolean);
}

TEST(Value, PrintsAsAnExpressionThatHasThatValue) {
  for (const Value& value : samples()) {
    const auto expr = parse_expression(value.to_string(), "v");
    ASSERT_TRUE(expr) << value.to_string();
    const auto* literal = std::get_if<Literal>(&expr->node);
    const Value* again = literal != nullptr ? &literal->value : expr->constant.get();
    ASSERT_NE(again, nullptr) << value.to_string();
    EXPECT_EQ(*again, value);
  }
  EXPECT_EQ(Value("a\n\"\\\u202E\u00e9").to_string(), "\"a\\n\\\"\\\\\\u{202e}\u00e9\"");
}

TEST(Set, HasNoDuplicatesAndNoOrder) {
  EXPECT_EQ((Set{2, 1, 2}), (Set{1, 2}));
  EXPECT_EQ((Set{2, 1, 2}).size(), 2U);
  EXPECT_TRUE((Set{1, "a", Set{true}}).contains(Set{true}));
}

TEST(Record, OfEqualNamesTheLastStays) {
  const Record record{{"b", 1}, {"a", 2}, {"b", 3}};
  EXPECT_EQ(record.size(), 2U);
  EXPECT_EQ(*record.find("b"), Value(3));
  EXPECT_EQ(record, (Record{{"a", 2}, {"b", 3}}));
  EXPECT_EQ(record.find("c"), nullptr);
}

TEST(Record, SetReplacesAndInserts) {
  Record record;
  for (const char* name : {"b", "a", "c", "b"}) record.set(name, name);
  EXPECT_EQ(record, (Record{{"a", "a"}, {"b", "b"}, {"c", "c"}}));
}

}  // namespace
}  // namespace writ::cedar
