// SPDX-License-Identifier: Apache-2.0
#include "wire/json.h"

#include <chrono>
#include <string>

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include "wire/json_generator.h"
#include "wire/utf8.h"

namespace writ {
namespace {

Json parsed(std::string_view text) {
  auto value = parse_json(text);
  EXPECT_TRUE(value.has_value()) << text << ": " << value.error().to_string();
  return value ? *value : Json();
}

// The error as "where: message", or "accepted".
std::string refusal(std::string_view text, const JsonLimits& limits = {}) {
  const auto value = parse_json(text, limits);
  return value ? "accepted" : value.error().to_string();
}

TEST(Json, ReadsEveryKindOfValue) {
  const Json value = parsed(R"( {"a": [1, -2, 0.5, 1e-3], "b": {"c": null, "d": true, "e": false},
                                 "f": "x\n\"\\\/\b\f\r\té😀"} )");
  const JsonObject& object = value.get_object();
  EXPECT_EQ(object.at("a"), (Json{1, -2, 0.5, 0.001}));
  EXPECT_EQ(object.at("b"), (Json{{"c", nullptr}, {"d", true}, {"e", false}}));
  EXPECT_EQ(text_of(object.at("f").get_string()), "x\n\"\\/\b\f\r\t\u00e9\U0001F600");
  EXPECT_EQ(parsed("7"), Json(7));
  EXPECT_EQ(parsed("\"\""), Json(""));
  EXPECT_EQ(parsed("[]"), Json(JsonArray()));
  EXPECT_EQ(parsed("{}"), Json(JsonObject()));
}

TEST(Json, ADuplicateNameIsRefusedAtEveryDepth) {
  EXPECT_EQ(refusal(R"({"a":1,"b":2,"a":3})"), "1:14: duplicate name \"a\"");
  EXPECT_EQ(refusal("[[{\"x\":{\n \"k\":1, \"k\":1}}]]"), "2:9: duplicate name \"k\"");
}

TEST(Json, ADuplicateNameIsFoundBehindItsEscapes) {
  EXPECT_EQ(refusal(R"({"amount":1,"\u0061mount":2})"), "1:13: duplicate name \"amount\"");
  EXPECT_EQ(refusal(R"({"\ud83d\ude00":1,"😀":2})"), "1:19: duplicate name \"😀\"");
  EXPECT_EQ(refusal(R"({"a\/b":1,"a/b":2})"), "1:11: duplicate name \"a/b\"");
  EXPECT_EQ(refusal(R"({"":1,"":2})"), "1:7: duplicate name \"\"");
}

TEST(Json, ADuplicateNameIsFoundAmongMany) {
  std::string text = "{";
  for (int i = 0; i < 1000; ++i) text += "\"k" + std::to_string(i) + "\":0,";
  EXPECT_EQ(refusal(text + "\"last\":0}"), "accepted");
  EXPECT_NE(refusal(text + "\"k500\":0}").find("duplicate name"), std::string::npos);
}

TEST(Json, NamesThatDifferInCaseOrNormalizationAreTwo) {
  EXPECT_EQ(parsed(R"({"a":1,"A":2})").get_object().size(), 2U);
  EXPECT_EQ(parsed("{\"\u00e9\":1,\"e\u0301\":2}").get_object().size(), 2U);
}

TEST(Json, AnIntegerBeyondTwoTo53IsRefused) {
  EXPECT_EQ(parsed("9007199254740991").get_int64(), kMaxJsonInteger);
  EXPECT_EQ(parsed("-9007199254740991").get_int64(), -kMaxJsonInteger);
  for (const auto* text :
       {"9007199254740992", "-9007199254740992", "9007199254740993", "9223372036854775808",
        "18446744073709551616", "1e16", "1e300", "9007199254740992.0", "9007199254740991.9"}) {
    EXPECT_NE(refusal(text).find("2^53-1"), std::string::npos) << text;
  }
}

TEST(Json, IntegersOfOthersAreRoundedOnlyWhereAsked) {
  const JsonLimits others{.numbers = JsonNumbers::ieee754};
  EXPECT_EQ(parse_json("1e30", others), Json(1e30));
  EXPECT_EQ(parse_json("9007199254740993", others), Json(9007199254740992.0));
}

TEST(Json, AWholeNumberIsOneValueHoweverSpelled) {
  for (const auto* text : {"100", "100.0", "1e2", "1E+2", "1000e-1", "100.000"}) {
    EXPECT_TRUE(parsed(text).is_int64()) << text;
    EXPECT_EQ(parsed(text), Json(100)) << text;
  }
}

TEST(Json, NegativeZeroIsZero) {
  for (const auto* text : {"-0", "-0.0", "0e5", "-0e-5"}) {
    ASSERT_TRUE(parsed(text).is_int64()) << text;
    EXPECT_EQ(parsed(text).get_int64(), 0) << text;
  }
}

TEST(Json, NumbersFollowTheGrammar) {
  for (const auto* text : {"01", "-", "+1", ".5", "1.", "1e", "1e+", "0x10", "-01", "NaN",
                           "Infinity", "-Infinity", "1_000", "1 2", "--1", "1e1.5"}) {
    EXPECT_NE(refusal(text), "accepted") << text;
  }
}

TEST(Json, ANumberOutsideADoubleIsRefused) {
  for (const auto* text : {"1e309", "-1e309", "1e99999999999", "1e-99999999999", "1e-400"}) {
    EXPECT_EQ(refusal(text), "1:1: a number outside the range of a double") << text;
  }
  EXPECT_EQ(parsed("5e-324"), Json(5e-324));
}

TEST(Json, InvalidUtf8IsRefused) {
  EXPECT_EQ(refusal("[\"ab\xff\"]"), "1:5: not UTF-8");
  for (const auto* text :
       {"\"\xc0\xaf\"", "\"\xed\xa0\x80\"", "\"\xf4\x90\x80\x80\"", "\"\xe2\x82\"", "\"\x80\"",
        "\"\xf8\x88\x80\x80\x80\"", "\xef\xbb\xbf{}"}) {
    EXPECT_NE(refusal(text), "accepted");
  }
}

TEST(Json, ALoneSurrogateIsRefused) {
  for (const auto* text : {R"("\ud800")", R"("\udc00")", R"("\ud800\ud800")", R"("\ud800x")",
                           R"("\udc00\ud800")", R"("\ud83d\u0041")", R"({"\ud800":1})"}) {
    EXPECT_NE(refusal(text).find("lone surrogate"), std::string::npos) << text;
  }
  EXPECT_EQ(parsed(R"("\ud83d\ude00")"), Json("\U0001F600"));
  EXPECT_EQ(parsed(R"("\uD83D\uDE00")"), Json("\U0001F600"));
}

TEST(Json, StringsFollowTheGrammar) {
  for (const auto* text : {R"("\x41")", R"("\u12")", R"("\u12g4")", R"("\u-123")", R"("\u+123")",
                           "\"a\nb\"", "\"a\tb\"", "\"abc", R"("abc\")", "\"\\", "'a'", "\"\\u"}) {
    EXPECT_NE(refusal(text), "accepted") << text;
  }
  EXPECT_EQ(refusal(std::string_view("\"a\0b\"", 5)),
            "1:3: a control character in a string; escape it");
  EXPECT_EQ(parsed(R"("a\u0000b")").get_string().size(), 3U);
}

TEST(Json, AByteThatMustBeEscapedIsFoundAtEveryOffset) {
  for (std::size_t length = 1; length <= 20; ++length) {
    for (std::size_t at = 0; at < length; ++at) {
      std::string text(length, '\x7f');
      if (length > 1) text[(at + 1) % length] = ' ';
      text[at] = '\x1f';
      EXPECT_NE(refusal('"' + text + '"'), "accepted");
      text[at] = '"';
      EXPECT_NE(refusal('"' + text + '"'), "accepted");
      for (const char c : {'"', '\\', '\x01'}) {
        text[at] = c;
        EXPECT_EQ(parsed(write_json(Json(text))), Json(text));
      }
    }
  }
}

TEST(Json, BytesAfterTheValueAreRefused) {
  EXPECT_EQ(refusal("{} {}"), "1:4: unexpected \"{\" after the value");
  EXPECT_NE(refusal("1,"), "accepted");
  EXPECT_NE(refusal(std::string_view("1\0", 2)), "accepted");
  EXPECT_EQ(refusal("1 \r\n\t"), "accepted");
}

TEST(Json, ExtensionsOfOthersAreRefused) {
  for (const auto* text : {"",         " ",        "[1,]",      "{\"a\":1,}", "{a:1}",   "// c\n1",
                           "/* c */1", "[1 2]",    "{\"a\" 1}", "{\"a\":}",   "[,1]",    "tru",
                           "TRUE",     "nul",      "undefined", "[",          "{",       "[1",
                           "{\"a\"",   "{\"a\":1", "]",         "\v1",        "\u00a01", "{1:2}"}) {
    EXPECT_NE(refusal(text), "accepted") << text;
  }
}

TEST(Json, AnErrorNamesLineAndColumnInCharacters) {
  EXPECT_EQ(refusal("{\n  \"\u00e9\u00e9\": x\n}"), "2:9: expected a value, found \"x\"");
  EXPECT_EQ(refusal("[1,\n2"), "2:2: expected ',' or ']', found the end");
}

TEST(Json, ADocumentOverItsLimitsIsTooLarge) {
  const auto code = [](std::string_view text, const JsonLimits& limits) {
    const auto value = parse_json(text, limits);
    return value ? std::string_view("accepted") : name(value.error().code);
  };
  EXPECT_EQ(code("[1,2]", {.bytes = 5}), "accepted");
  EXPECT_EQ(code("[1,2]", {.bytes = 4}), "too_large");
  EXPECT_EQ(code("[[1]]", {.depth = 2}), "accepted");
  EXPECT_EQ(code("[[1]]", {.depth = 1}), "too_large");
  EXPECT_EQ(code("{\"a\":{}}", {.depth = 1}), "too_large");
  EXPECT_EQ(code("[1,2]", {.values = 3}), "accepted");
  EXPECT_EQ(code("[1,2]", {.values = 2}), "too_large");
  EXPECT_EQ(code(R"({"a":1,"b":2})", {.members = 2}), "accepted");
  EXPECT_EQ(code(R"({"a":1,"b":2})", {.members = 1}), "too_large");
  EXPECT_EQ(code(R"("abc")", {.string_bytes = 3}), "accepted");
  EXPECT_EQ(code(R"("abc")", {.string_bytes = 2}), "too_large");
  EXPECT_EQ(code(R"("\u0061bc")", {.string_bytes = 2}), "too_large");
  EXPECT_EQ(code(R"({"abc":1})", {.string_bytes = 2}), "too_large");
}

TEST(Json, NoLimitLetsTheParserRecurseWithoutBound) {
  const std::string deep(100'000, '[');
  EXPECT_NE(refusal(deep, {.depth = 1'000'000}), "accepted");
}

// The shortest of a few runs: the machine may be busy, the work is the same.
std::chrono::nanoseconds time_of(const auto& work) {
  auto best = std::chrono::nanoseconds::max();
  for (int i = 0; i < 20; ++i) {
    const auto start = std::chrono::steady_clock::now();
    work();
    best = std::min(best, std::chrono::steady_clock::now() - start);
  }
  return best;
}

TEST(Json, TenThousandDeepIsRefusedInUnderAMillisecond) {
  std::string arrays(10'000, '[');
  std::string objects;
  for (int i = 0; i < 10'000; ++i) objects += "{\"a\":";
  for (const auto& text : {arrays, arrays + std::string(10'000, ']'), objects}) {
    EXPECT_EQ(parse_json(text).error().code, Errc::too_large);
    EXPECT_LT(time_of([&] { (void)parse_json(text); }), std::chrono::milliseconds(1));
  }
}

TEST(Json, WhatParsesIsWrittenAndReadTheSame) {
  EXPECT_TRUE(rc::check([] {
    const Json value = testing::any_json();
    const auto again = parse_json(write_json(value));
    RC_ASSERT(again.has_value());
    RC_ASSERT(*again == value);
    const auto shown = parse_json(write_json_for_people(value));
    RC_ASSERT(shown.has_value());
    RC_ASSERT(*shown == value);
  }));
}

TEST(Json, NoBytesBreakTheParser) {
  EXPECT_TRUE(rc::check([](const std::string& bytes) {
    if (const auto value = parse_json(bytes))
      RC_ASSERT(parse_json(write_json(*value)).value() == *value);
  }));
}

TEST(Json, MembersKeepTheirOrder) {
  EXPECT_EQ(write_json(parsed(R"( {"b": 1, "a": [true, null, 2.50]} )")),
            R"({"b":1,"a":[true,null,2.5]})");
}

TEST(Json, AnObjectIsAskedForAndAnythingElseRefused) {
  EXPECT_TRUE(parse_json_object("{}").has_value());
  EXPECT_EQ(parse_json_object("[]").error().to_string(), "1:1: expected an object, found an array");
}

TEST(Json, PointersEscapeTildeAndSlash) {
  EXPECT_EQ(json_pointer("/a", "b/c~d"), "/a/b~1c~0d");
  EXPECT_EQ(json_pointer("", std::size_t{3}), "/3");
}

TEST(Json, PeopleSeeInvisibleAndReorderingCharacters) {
  const Json value = {{"to\u202eevil", "a\u200bb\u2066\u00a0\ufeff\U000E0041"}};
  EXPECT_EQ(write_json_for_people(value),
            "{\n  \"to\\u202eevil\": \"a\\u200bb\\u2066\\u00a0\\ufeff\\udb40\\udc41\"\n}");
  EXPECT_EQ(write_json_for_people(parsed(R"({"a":[1,{}],"b":[]})")),
            "{\n  \"a\": [\n    1,\n    {}\n  ],\n  \"b\": []\n}");
}

TEST(VisibleText, ShowsControlsAndBrokenBytes) {
  EXPECT_EQ(visible_text("caf\u00e9\r\n\x1b[31m\x7f\xff"),
            "caf\u00e9\\u000d\\u000a\\u001b[31m\\u007f\\xff");
}

TEST(VisibleText, AnExtractIsShortAndWholeInItsCharacters) {
  EXPECT_EQ(quoted_extract("abc"), "\"abc\"");
  std::string text(59, 'a');
  for (int i = 0; i < 1000; ++i) text += "\u00e9";
  EXPECT_EQ(quoted_extract(text), '"' + std::string(59, 'a') + "\"...");
  EXPECT_EQ(quoted_extract(std::string(100, '\xff')).size(), 60 * 4 + 5U);
}

TEST(Utf8, DecodesWhatItEncodesAndNoSurrogates) {
  for (char32_t c : {U'\0', U'a', U'\x7f', U'\x80', U'\x7ff', U'\x800', U'\xd7ff', U'\xe000',
                     U'\xffff', U'\x10000', U'\x10ffff'}) {
    std::string text;
    append_utf8(c, text);
    std::size_t at = 0;
    EXPECT_EQ(next_code_point(text, at), c);
    EXPECT_EQ(at, text.size());
    EXPECT_TRUE(is_utf8(text));
  }
}

TEST(Utf8, TheTwoValidatorsAgree) {
  EXPECT_TRUE(rc::check([](const std::string& bytes) {
    std::size_t at = 0;
    while (at < bytes.size() && next_code_point(bytes, at)) {
    }
    RC_ASSERT((at == bytes.size()) == is_utf8(bytes));
    RC_ASSERT(is_utf8(bytes.substr(0, valid_utf8_prefix(bytes))));
  }));
}

}  // namespace
}  // namespace writ
