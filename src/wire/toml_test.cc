// SPDX-License-Identifier: Apache-2.0
#include "wire/toml.h"

#include <chrono>
#include <string>

#include <gtest/gtest.h>
#include <rapidcheck.h>

namespace writ {
namespace {

std::string refusal(std::string_view text, const TomlLimits& limits = {}) {
  const auto document = parse_toml(text, "a.toml", limits);
  return document ? "accepted" : document.error().to_string();
}

constexpr std::string_view kBilling = R"(# A tool server.
name = "billing"
allow = ["a", "b"]

[server]
url = "https://billing.example/"
"odd/key" = 1.0

[[operations]]
name = "refund"
limits.amount = 500

[[operations]]
name = "preview"
)";

TEST(Toml, ReadsIntoTheValuesThatJsonHas) {
  const auto document = parse_toml(kBilling, "tools/billing.toml");
  ASSERT_TRUE(document.has_value()) << document.error().to_string();
  EXPECT_EQ(document->value(), parse_json(R"({"name":"billing","allow":["a","b"],
      "server":{"url":"https://billing.example/","odd/key":1},
      "operations":[{"name":"refund","limits":{"amount":500}},{"name":"preview"}]})")
                                   .value());
}

TEST(Toml, KnowsThePlaceOfEachKeyAndElement) {
  const auto document = parse_toml(kBilling, "tools/billing.toml");
  ASSERT_TRUE(document.has_value());
  EXPECT_EQ(document->place("/name"), "tools/billing.toml:2:1");
  EXPECT_EQ(document->place("/allow/1"), "tools/billing.toml:3:15");
  EXPECT_EQ(document->place("/server/url"), "tools/billing.toml:6:1");
  EXPECT_EQ(document->place("/server/odd~1key"), "tools/billing.toml:7:1");
  EXPECT_EQ(document->place("/operations/0/name"), "tools/billing.toml:10:1");
  EXPECT_EQ(document->place("/operations/1/name"), "tools/billing.toml:14:1");
}

TEST(Toml, ThePlaceOfAMissingThingIsWhatStandsAroundIt) {
  const auto document = parse_toml(kBilling, "tools/billing.toml");
  ASSERT_TRUE(document.has_value());
  EXPECT_EQ(document->place("/operations/1/effect"), document->place("/operations/1"));
  EXPECT_EQ(document->place("/nothing"), "tools/billing.toml");
  EXPECT_EQ(document->place(""), "tools/billing.toml");
  EXPECT_EQ(document->place("no pointer"), "tools/billing.toml");
}

TEST(Toml, AnErrorOfTheReaderNamesFileAndLine) {
  const auto document = parse_toml("name = \"a\"\nnmae = \"b\"\n", "agents/a.toml");
  ASSERT_TRUE(document.has_value());
  ObjectReader r(document->object());
  r.string("name");
  EXPECT_EQ(document->locate(r.finish().error()).to_string(),
            "agents/a.toml:2:1: unknown key \"nmae\" (known here: name)");
}

TEST(Toml, AnErrorOfTheGrammarNamesFileAndLine) {
  EXPECT_TRUE(refusal("a = 1\nb = = 2").starts_with("a.toml:2:5: ")) << refusal("a = 1\nb = = 2");
  EXPECT_TRUE(refusal("a = 1\na = 2").starts_with("a.toml:2:")) << refusal("a = 1\na = 2");
  for (const auto* text :
       {"a", "a =", "= 1", "[a", "a = [1", "a = {b = 1", "a = \"x", "a = 01", "a = 'x\ny'",
        "a = \"\\q\"", "a = \"\\ud800\"", "[a]\n[a]", "a = 1 b = 2", "a.b = 1\na = 2",
        "a = \"\x01\"", "a = 99999999999999999999"}) {
    EXPECT_NE(refusal(text), "accepted") << text;
  }
}

TEST(Toml, CharactersOutsideAsciiStandInStringsAndCommentsAlone) {
  EXPECT_EQ(refusal("\"\u00e9\" = '\u00ca' # \u00ca"), "accepted");
  EXPECT_EQ(refusal("\xEF\xBB\xBF"
                    "a = 1"),
            "accepted");
  for (const auto* text : {"a = \u00ca", "a = \"\"\u00ca", "\u00e9 = 1", "\u00a0a = 1",
                           "a = 1\u2028b = 2", "a\u3000= 1", "a = 1\xEF\xBB\xBF"}) {
    EXPECT_NE(refusal(text).find("a.toml:1:"), std::string::npos) << text;
  }
}

TEST(Toml, StringsAreThoseOfTheStandard) {
  const auto value = [](std::string_view text) {
    const auto document = parse_toml(text, "a");
    EXPECT_TRUE(document.has_value()) << text << document.error().to_string();
    return document ? std::string(text_of(document->object().at("a").get_string())) : "";
  };
  EXPECT_EQ(value(R"(a = "x\b\t\n\f\r\"\\\u00e9\U0001F600")"), "x\b\t\n\f\r\"\\\u00e9\U0001F600");
  EXPECT_EQ(value(R"(a = 'x\n"')"), "x\\n\"");
  EXPECT_EQ(value("a = \"\"\"\nx\r\ny\n\"\"\""), "x\ny\n");
  EXPECT_EQ(value("a = \"\"\"x \\  \n\n  y\\\n\"\"\""), "x y");
  EXPECT_EQ(value("a = \"\"\"\"x\"\" \"\"\"\"\""), "\"x\"\" \"\"");
  EXPECT_EQ(value("a = ''''x'''''"), "'x''");
  EXPECT_EQ(value("a = \"\"\"\"\"\""), "");
  for (const auto* text : {R"(a = "\e")", R"(a = "\x41")", R"(a = "\u12")", R"(a = "\udc00")",
                           R"(a = "\U00110000")", R"(a = "\U0000")", "a = \"\"\"\"\"\"\"\"\"",
                           "a = \"\"\"x\\ y\"\"\"", "a = \"\"\"", "a = '''x''", "a = \"x\ry\"",
                           "a = \"\"\"x\ry\"\"\"", "\"\"\"a\"\"\" = 1", "a = '\x7f'", "# \x01"}) {
    EXPECT_NE(refusal(text), "accepted") << text;
  }
}

TEST(Toml, NumbersAreThoseOfTheStandard) {
  for (const auto* text : {"a = 0", "a = +0", "a = 1_000_000", "a = 0xdead_BEEF", "a = 0o17",
                           "a = 0b1_0", "a = 1.5e+05", "a = 6.626e-34", "a = 1e06", "a = -1.0_1"}) {
    EXPECT_EQ(refusal(text), "accepted") << text;
  }
  for (const auto* text : {"a = _1",    "a = 1_",
                           "a = 1__0",  "a = 00",
                           "a = -01",   "a = +",
                           "a = .5",    "a = 5.",
                           "a = 1.e1",  "a = 1e",
                           "a = 1e_1",  "a = 1_e1",
                           "a = 1._5",  "a = 0x",
                           "a = 0x_1",  "a = 0xG",
                           "a = 0o8",   "a = 0b2",
                           "a = -0x1",  "a = 0X1",
                           "a = ++1",   "a = True",
                           "a = yes",   "a = 1 2",
                           "a = 0x1_",  "a = 0xffffffffffffffffff",
                           "a = 1e400", "a = 1.2.3",
                           "a = 01.5",  "a = e5"}) {
    EXPECT_NE(refusal(text), "accepted") << text;
  }
}

TEST(Toml, NothingIsDefinedTwice) {
  for (const auto* text : {"a = 1\na = 2",
                           "a = 1\n\"a\" = 2",
                           "[a]\n[a]",
                           "a.b = 1\na = 2",
                           "a = 1\na.b = 2",
                           "[a]\nb = 1\n[a.b]",
                           "a = {}\n[a.b]",
                           "a = {b = 1}\na.c = 2",
                           "a = {b = 1, b = 2}",
                           "a = {b.c = 1, b = 2}",
                           "a = {b = {}, b.c = 1}",
                           "a = []\n[[a]]",
                           "[[a]]\n[a]",
                           "[a]\n[[a]]",
                           "[[a.b]]\n[a.b]",
                           "a.b = 1\n[a]",
                           "[a.b.c]\n[a]\nb.c.d = 1",
                           "[[a.b]]\n[a]\nb.c = 1",
                           "[[a]]\nb = 1\n[a.b]",
                           "a = [{b = 1}]\n[a.c]",
                           "a = [1]\n[a.b]",
                           "[a.b]\n[[a]]",
                           "[a]\nb.c = 1\n[a.b]"}) {
    EXPECT_NE(refusal(text).find("is defined already"), std::string::npos) << text << refusal(text);
  }
  EXPECT_EQ(refusal("x = 1\n\n  x = 2"), "a.toml:3:3: \"x\" is defined already (at a.toml:1:1)");
}

TEST(Toml, TablesGrowWhereTheStandardLetsThem) {
  const auto json = [](std::string_view text) {
    const auto document = parse_toml(text, "a");
    return document ? write_json(document->value()) : document.error().to_string();
  };
  EXPECT_EQ(json("[a.b]\nx = 1\n[a]\ny = 2"), R"({"a":{"b":{"x":1},"y":2}})");
  EXPECT_EQ(json("a.b.c = 1\na.d = 2\na.b.e = 3"), R"({"a":{"b":{"c":1,"e":3},"d":2}})");
  EXPECT_EQ(json("[a]\nb.c = 1\n[a.b.d]\ne = 2"), R"({"a":{"b":{"c":1,"d":{"e":2}}}})");
  EXPECT_EQ(json("[[a]]\n[a.b]\nx = 1\n[[a]]\n[a.b]\nx = 2"),
            R"({"a":[{"b":{"x":1}},{"b":{"x":2}}]})");
  EXPECT_EQ(json("[[a]]\n[[a.b]]\n[[a.b]]\nx = 1\n[[a]]\n[[a.b]]"),
            R"({"a":[{"b":[{},{"x":1}]},{"b":[{}]}]})");
  EXPECT_EQ(json("[a.\"b.c\" . 'd/e' ]\n\"\" = 1"), R"({"a":{"b.c":{"d/e":{"":1}}}})");
  EXPECT_EQ(json("a = [ # x\n 1,\r\n [2, ],\n {b.c = \"d\"}, ]"),
            R"({"a":[1,[2],{"b":{"c":"d"}}]})");
  EXPECT_EQ(json("1.2 = true"), R"({"1":{"2":true}})");
}

TEST(Toml, WhatOtherReadersLetThroughIsRefused) {
  for (const auto* text :
       {"[[[1]]]",      "[[[a]]]",       "[[=",     "[[[]]",   "[ [a]]",     "[[a] ]",
        "[]",           "[a.]",          "[.a]",    "[a..b]",  "[a]b = 1",   "[a] x",
        "a = {b = 1,}", "a = {b = 1\n}", "a = {,}", "a = [,]", "a = [1,,2]", "a = [1 2]",
        "a.= 1",        ".a = 1",        "a b = 1", "a =\n1",  "a",          "a = 1\rb = 2",
        "\"a\nb\" = 1", "a = 20'x"}) {
    EXPECT_NE(refusal(text), "accepted") << text;
  }
}

TEST(Toml, InvalidUtf8IsRefused) {
  EXPECT_EQ(refusal("a = 1\nb = \"\xff\""), "a.toml:2:6: not UTF-8");
  EXPECT_EQ(refusal("# \xc0\xaf"), "a.toml:1:3: not UTF-8");
}

TEST(Toml, NumbersAreThoseOfJson) {
  EXPECT_EQ(parse_toml("a = 1.0\nb = -0.0\nc = 1e3\nd = 0.5\ne = 0x10\nf = 1_000", "a")->value(),
            parse_json(R"({"a":1,"b":0,"c":1000,"d":0.5,"e":16,"f":1000})").value());
  EXPECT_EQ(refusal("a = 9007199254740991"), "accepted");
  EXPECT_EQ(refusal("a = 9007199254740992"),
            "a.toml:1:5: a number beyond 2^53-1; write it as a string");
  EXPECT_EQ(refusal("a = -9007199254740992"),
            "a.toml:1:5: a number beyond 2^53-1; write it as a string");
  EXPECT_EQ(refusal("a = 1e300"), "a.toml:1:5: a number beyond 2^53-1; write it as a string");
  for (const auto* text : {"a = inf", "a = -inf", "a = nan", "a = +nan"}) {
    EXPECT_EQ(refusal(text), "a.toml:1:5: infinity and NaN are not used here") << text;
  }
}

TEST(Toml, DatesAndTimesAreRefused) {
  for (const auto* text :
       {"a = 2026-01-02", "a = 2026-01-02T03:04:05Z", "a = 03:04:05", "a = 2026-01-02T03:04:05"}) {
    EXPECT_EQ(refusal(text),
              "a.toml:1:5: dates and times are not used here; write it as a string in quotes")
        << text;
  }
}

TEST(Toml, ADocumentOverItsLimitsIsTooLarge) {
  const auto code = [](std::string_view text, const TomlLimits& limits) {
    const auto document = parse_toml(text, "a", limits);
    return document ? std::string_view("accepted") : name(document.error().code);
  };
  EXPECT_EQ(code("a=1", {.bytes = 3}), "accepted");
  EXPECT_EQ(code("a=12", {.bytes = 3}), "too_large");
  EXPECT_EQ(code("a=[1]", {.values = 2}), "accepted");
  EXPECT_EQ(code("a=[1]", {.values = 1}), "too_large");
  EXPECT_EQ(code("a=[1]", {.depth = 2}), "accepted");
  EXPECT_EQ(code("a=[[1]]", {.depth = 2}), "too_large");
  EXPECT_EQ(code("a.b=1", {.depth = 2}), "accepted");
  EXPECT_EQ(code("a.b.c=1", {.depth = 2}), "too_large");
  EXPECT_EQ(code("[a.b]\nc=1", {.depth = 3}), "accepted");
  EXPECT_EQ(code("[a.b]\nc=1", {.depth = 2}), "too_large");
  EXPECT_EQ(code("[[a]]\nc=1", {.depth = 3}), "accepted");
  EXPECT_EQ(code("[[a]]\nc={d=1}", {.depth = 3}), "too_large");
}

// Each key's and element's pointer is kept, and repeats what stands around it.
TEST(Toml, ALongKeyIsRefusedAtItsPlaceBeforeItIsKeptForEachValueUnderIt) {
  const std::string longest(256, 'k');
  std::string many;
  for (int i = 0; i < 4000; ++i) many += "a" + std::to_string(i) + "=1\n";
  EXPECT_EQ(refusal("\n[" + std::string(100'000, 'k') + "]\n" + many),
            "a.toml:2:2: a key longer than 256 bytes");
  EXPECT_EQ(refusal("[" + longest + "]\n" + many), "accepted");
  EXPECT_EQ(refusal("a." + longest + "k = 1"), "a.toml:1:3: a key longer than 256 bytes");
  EXPECT_EQ(refusal("x = {\"" + longest + "k\" = 1}"), "a.toml:1:6: a key longer than 256 bytes");
  EXPECT_EQ(refusal("[['" + longest + "k']]"), "a.toml:1:3: a key longer than 256 bytes");
}

TEST(Toml, WhatAllPointersTakeIsBounded) {
  std::string deep = "[" + std::string(256, 'a');
  for (char c = 'b'; c < 'o'; ++c) deep += '.' + std::string(256, c);
  deep += "]\n";
  const auto with_values = [&](int count) {
    std::string text = deep + "x = [";
    for (int i = 0; i < count; ++i) text += "1,";
    return text + "]";
  };
  EXPECT_EQ(refusal(with_values(1000)), "accepted");
  const auto refused = refusal(with_values(19'000));
  EXPECT_TRUE(refused.starts_with("a.toml:2:")) << refused;
  EXPECT_NE(refused.find("too many keys and elements under long keys"), std::string::npos);

  // As long a document as people write does not come near it.
  std::string long_document;
  for (int i = 0; i < 1000; ++i) {
    long_document +=
        "[[operations]]\nname = \"billing.refund.execute\"\n"
        "[operations.arguments.amount_in_minor_units.properties.of_the_invoice]\n"
        "type = \"integer\"\nminimum = 1\nenum = [1, 2, 3]\n";
  }
  EXPECT_EQ(refusal(long_document), "accepted");
}

TEST(Toml, TenThousandDeepIsRefusedInUnderAMillisecond) {
  std::string dots = "a";
  for (int i = 0; i < 10'000; ++i) dots += ".a";
  std::string quoted = "\"a\"";
  for (int i = 0; i < 10'000; ++i) quoted += " . 'a'";
  std::string tables;
  for (int i = 0; i < 10'000; ++i) tables += "{a=";
  for (const auto& text : {dots + "=1", '[' + dots + ']', quoted + "=1", "[[" + dots + "]]",
                           "a=" + std::string(10'000, '['), "a=" + tables,
                           "b='''\n'''\n" + dots + "=1", "b=\"\"\"a\\\"\"\"\"\n" + dots + "=1"}) {
    auto best = std::chrono::nanoseconds::max();
    for (int i = 0; i < 20; ++i) {
      const auto start = std::chrono::steady_clock::now();
      const auto document = parse_toml(text, "a");
      best = std::min(best, std::chrono::steady_clock::now() - start);
      ASSERT_FALSE(document.has_value());
      ASSERT_EQ(document.error().code, Errc::too_large) << text.substr(0, 40);
    }
    EXPECT_LT(best, std::chrono::milliseconds(1));
  }
}

TEST(Toml, DotsAndBracketsInStringsAndCommentsAreNoNesting) {
  const std::string many = "[[[[[[[[[[[[[[[[[[[[[[[[{{{{................................";
  for (const auto& text :
       {"# " + many, "a = \"" + many + "\"", "a = '" + many + "'", "a = \"\"\"\n" + many + "\"\"\"",
        "a = '''" + many + "'''", "a = \"\\\"" + many + "\"", "\"" + many + "\" = 1",
        "a = \"\"\"x\"\"\"\"\" # " + many}) {
    EXPECT_EQ(refusal(text), "accepted") << text;
  }
}

TEST(Toml, NoBytesBreakTheParser) {
  EXPECT_TRUE(rc::check([] {
    const auto alphabet = rc::gen::elementOf(std::string("ab.=[]{}\"'\\\n# ,01e-_:TZ\xc3\xa9+"));
    (void)parse_toml(*rc::gen::container<std::string>(alphabet), "a");
  }));
}

}  // namespace
}  // namespace writ
