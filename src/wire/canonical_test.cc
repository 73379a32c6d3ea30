// SPDX-License-Identifier: Apache-2.0
#include "wire/canonical.h"

#include <bit>
#include <fstream>
#include <iterator>
#include <utility>

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include "base/testdata.h"
#include "wire/json_generator.h"

namespace writ {
namespace {

std::string number(double value) {
  std::string out;
  write_json_number(value, out);
  return out;
}

// RFC 8785 appendix B.
TEST(Rfc8785, NumbersAreWrittenAsEcmaScriptWritesThem) {
  const std::pair<std::uint64_t, const char*> samples[] = {
      {0x0000000000000000, "0"},
      {0x8000000000000000, "0"},
      {0x0000000000000001, "5e-324"},
      {0x8000000000000001, "-5e-324"},
      {0x7fefffffffffffff, "1.7976931348623157e+308"},
      {0xffefffffffffffff, "-1.7976931348623157e+308"},
      {0x4340000000000000, "9007199254740992"},
      {0xc340000000000000, "-9007199254740992"},
      {0x4430000000000000, "295147905179352830000"},
      {0x44b52d02c7e14af5, "9.999999999999997e+22"},
      {0x44b52d02c7e14af6, "1e+23"},
      {0x44b52d02c7e14af7, "1.0000000000000001e+23"},
      {0x444b1ae4d6e2ef4e, "999999999999999700000"},
      {0x444b1ae4d6e2ef4f, "999999999999999900000"},
      {0x444b1ae4d6e2ef50, "1e+21"},
      {0x3eb0c6f7a0b5ed8c, "9.999999999999997e-7"},
      {0x3eb0c6f7a0b5ed8d, "0.000001"},
      {0x41b3de4355555553, "333333333.3333332"},
      {0x41b3de4355555554, "333333333.33333325"},
      {0x41b3de4355555555, "333333333.3333333"},
      {0x41b3de4355555556, "333333333.3333334"},
      {0x41b3de4355555557, "333333333.33333343"},
      {0xbecbf647612f3696, "-0.0000033333333333333333"},
      {0x43143ff3c1cb0959, "1424953923781206.2"},
  };
  for (const auto& [bits, text] : samples) EXPECT_EQ(number(std::bit_cast<double>(bits)), text);
}

TEST(Rfc8785, NumbersChangeFormWhereEcmaScriptDoes) {
  EXPECT_EQ(number(1), "1");
  EXPECT_EQ(number(-1.5), "-1.5");
  EXPECT_EQ(number(1e20), "100000000000000000000");
  EXPECT_EQ(number(1e21), "1e+21");
  EXPECT_EQ(number(1.5e21), "1.5e+21");
  EXPECT_EQ(number(1e-6), "0.000001");
  EXPECT_EQ(number(1e-7), "1e-7");
  EXPECT_EQ(number(1.25e-7), "1.25e-7");
  EXPECT_EQ(number(123456.789), "123456.789");
}

TEST(Rfc8785, TheAuthorsPairsMatch) {
  const auto folder = testing_data("vectors/jcs");
  if (!folder) GTEST_SKIP() << "the test data directory is absent";
  const auto read = [](const std::filesystem::path& path) {
    std::ifstream file(path, std::ios::binary);
    return std::string(std::istreambuf_iterator<char>(file), {});
  };
  int pairs = 0;
  for (const auto& entry : std::filesystem::directory_iterator(*folder / "input")) {
    const auto value = parse_json(read(entry.path()), {.numbers = JsonNumbers::ieee754});
    ASSERT_TRUE(value.has_value()) << entry.path() << value.error().to_string();
    EXPECT_EQ(canonical_json(*value), read(*folder / "output" / entry.path().filename()))
        << entry.path();
    ++pairs;
  }
  EXPECT_GE(pairs, 6);
}

TEST(Rfc8785, NamesAreOrderedByUtf16CodeUnits) {
  // In UTF-8 U+E000 and U+FFFF come before U+10000; in UTF-16 a surrogate comes first.
  const Json value = {{"\uffff", 1}, {"\U00010000", 2}, {"\ue000", 3}, {"\ud7ff", 4},    {"a", 5},
                      {"", 6},       {"aa", 7},         {"B", 8},      {"\U0010ffff", 9}};
  EXPECT_EQ(canonical_json(value),
            "{\"\":6,\"B\":8,\"a\":5,\"aa\":7,\"\ud7ff\":4,\"\U00010000\":2,\"\U0010ffff\":9,"
            "\"\ue000\":3,\"\uffff\":1}");
}

std::u16string utf16(std::string_view text) {
  std::u16string out;
  for (std::size_t at = 0; at < text.size();) {
    const char32_t c = *next_code_point(text, at);
    if (c >= 0x10000) {
      out += static_cast<char16_t>(0xD800 + ((c - 0x10000) >> 10));
      out += static_cast<char16_t>(0xDC00 + ((c - 0x10000) & 0x3FF));
    } else {
      out += static_cast<char16_t>(c);
    }
  }
  return out;
}

TEST(Rfc8785, TheOrderIsThatOfRealUtf16) {
  EXPECT_TRUE(rc::check([] {
    const std::string a = testing::any_text();
    const std::string b = testing::any_text();
    RC_PRE(a != b);
    JsonObject object;
    object[b] = 0;
    object[a] = 0;
    const auto again = parse_json_object(canonical_json(object)).value();
    RC_ASSERT(text_of(*again.begin()) == (utf16(a) < utf16(b) ? a : b));
  }));
}

TEST(Rfc8785, StringsHaveOnlyTheEscapesTheyNeed) {
  EXPECT_EQ(canonical_json(Json("\b\t\n\f\r\"\\/\x01\x1f\x7f\u20ac\u2028")),
            "\"\\b\\t\\n\\f\\r\\\"\\\\/\\u0001\\u001f\x7f\u20ac\u2028\"");
}

TEST(Rfc8785, EqualValuesHaveEqualBytesAndOnlyThose) {
  EXPECT_TRUE(rc::check([] {
    const Json a = testing::any_json();
    const Json b = testing::any_json();
    RC_ASSERT((canonical_json(a) == canonical_json(b)) == (a == b));
    RC_ASSERT(parse_json(canonical_json(a)).value() == a);
  }));
}

TEST(Rfc8785, MembersInAnyOrderAreOneValue) {
  EXPECT_EQ(canonical_json(parse_json(R"({"b":{"d":1,"c":2},"a":[{"y":0,"x":0}]})").value()),
            canonical_json(parse_json(R"({"a":[{"x":0,"y":0}],"b":{"c":2,"d":1}})").value()));
}

TEST(Rfc8785, AppendsToTheCallersBuffer) {
  std::string out = "tag ";
  canonical_json(JsonObject{{"b", 1}, {"a", 2}}, out);
  EXPECT_EQ(out, R"(tag {"a":2,"b":1})");
}

}  // namespace
}  // namespace writ
