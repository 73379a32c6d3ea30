// SPDX-License-Identifier: Apache-2.0
#include "wire/http_fields.h"

#include <string>

#include <gtest/gtest.h>
#include <rapidcheck.h>

namespace writ {
namespace {

Fields fields_of(std::initializer_list<Field> list) {
  Fields out;
  for (const auto& [name, value] : list) EXPECT_TRUE(out.add(name, value).has_value()) << name;
  return out;
}

using Views = std::vector<std::string_view>;

TEST(Fields, KeepOrderAndCaseAndCompareInAnyCase) {
  const Fields fields = fields_of({{"Host", "a"}, {"X-One", "1"}, {"x-one", "2"}, {"Empty", ""}});
  EXPECT_EQ(fields.size(), 4U);
  EXPECT_EQ(fields[1], (Field{"X-One", "1"}));
  EXPECT_EQ(fields[3], (Field{"Empty", ""}));
  EXPECT_EQ(fields.all("X-ONE"), (Views{"1", "2"}));
  EXPECT_EQ(fields.count("X-One"), 2U);
  EXPECT_TRUE(fields.contains("hOST"));
  EXPECT_FALSE(fields.contains("Hos"));
  std::string names;
  for (const auto field : fields) names += std::string(field.name) + ' ';
  EXPECT_EQ(names, "Host X-One x-one Empty ");
}

TEST(Fields, ADuplicateIsAnErrorToWhoeverNeedsOne) {
  const Fields fields = fields_of({{"Authorization", "a"}, {"Host", "h"}, {"authorization", "b"}});
  EXPECT_EQ(fields.get_unique("Authorization").error().to_string(),
            "Authorization: the field is given more than once");
  EXPECT_EQ(fields.get_unique("host").value(), "h");
  EXPECT_EQ(fields.get_unique("DPoP").value(), std::nullopt);
}

TEST(Fields, ANameIsAToken) {
  using std::string_literals::operator""s;
  for (const auto& name : {""s, " a"s, "a "s, "a:"s, "a b"s, "a\t"s, "a\r"s, "a\n"s, "a\0"s,
                           "\u00e9"s, "a(b"s, "a,b"s, "a/b"s, "\"a\""s, "a\x7f"s}) {
    EXPECT_EQ(Fields().add(name, "v").error().code, Errc::invalid_input) << name;
  }
  EXPECT_TRUE(Fields().add("!#$%&'*+-.^_`|~09azAZ", "v").has_value());
}

TEST(Fields, AValueCannotEndALineOrAMessage) {
  using std::string_literals::operator""s;
  for (const auto& value :
       {"a\r\nX: y"s, "a\nb"s, "a\rb"s, "a\0b"s, "a\x7f"s, "a\x1b[31m"s, "a\vb"s}) {
    EXPECT_EQ(Fields().add("X", value).error().where, "X") << value;
    EXPECT_FALSE(Fields().set("X", value).has_value()) << value;
  }
  EXPECT_TRUE(Fields().add("X", "a\tb c").has_value());
}

TEST(Fields, AValueHasNoWhiteSpaceAtItsEnds) {
  for (const auto* value : {" a", "a ", "\ta", "a\t", " "}) {
    EXPECT_FALSE(Fields().add("X", value).has_value()) << value;
  }
}

TEST(Fields, BytesOutsideAsciiPassOnlyWhereAllowed) {
  EXPECT_FALSE(Fields().add("X", "caf\u00e9").has_value());
  Fields responses({.obs_text = true});
  EXPECT_TRUE(responses.add("X", "caf\xe9").has_value());
  EXPECT_FALSE(responses.add("X", "a\nb").has_value());
}

TEST(Fields, MoreThanTheLimitsIsTooLarge) {
  Fields few({.count = 2});
  EXPECT_TRUE(few.add("A", "1").has_value());
  EXPECT_TRUE(few.add("A", "1").has_value());
  EXPECT_EQ(few.add("A", "1").error().code, Errc::too_large);
  Fields small({.bytes = 4});
  EXPECT_TRUE(small.add("A", "1").has_value());
  EXPECT_EQ(small.add("A", "12").error().code, Errc::too_large);
  EXPECT_EQ(small.add("ABCDE", "").error().code, Errc::too_large);
  EXPECT_TRUE(small.add("A", "1").has_value());
}

TEST(Fields, SetReplacesAndKeepsTheOldIfItFails) {
  Fields fields = fields_of({{"A", "1"}, {"B", "2"}, {"a", "3"}, {"C", "4"}});
  EXPECT_FALSE(fields.set("A", "x\n").has_value());
  EXPECT_EQ(fields.count("A"), 2U);
  EXPECT_TRUE(fields.set("A", "5").has_value());
  EXPECT_EQ(fields, fields_of({{"B", "2"}, {"C", "4"}, {"A", "5"}}));
  Fields full({.count = 1, .bytes = 2});
  EXPECT_TRUE(full.set("A", "1").has_value());
  EXPECT_TRUE(full.set("A", "2").has_value());
  EXPECT_FALSE(full.set("A", "23").has_value());
  EXPECT_EQ(full.get_unique("A").value(), "2");
}

TEST(Fields, EraseTakesAllOfThatName) {
  Fields fields = fields_of({{"A", "1"}, {"B", "22"}, {"a", "333"}, {"C", "4444"}, {"A", ""}});
  EXPECT_EQ(fields.erase("A"), 3U);
  EXPECT_EQ(fields, fields_of({{"B", "22"}, {"C", "4444"}}));
  EXPECT_EQ(fields.erase("A"), 0U);
  fields.clear();
  EXPECT_TRUE(fields.empty());
}

TEST(Fields, ErasingKeepsTheOthersWhole) {
  EXPECT_TRUE(rc::check([] {
    Fields fields;
    std::vector<std::pair<std::string, std::string>> model;
    for (int i = *rc::gen::inRange(0, 20); i > 0; --i) {
      const auto name = *rc::gen::elementOf(std::vector<std::string>{"a", "B", "cc"});
      const auto value = *rc::gen::elementOf(std::vector<std::string>{"", "1", "22", "333"});
      if (*rc::gen::inRange(0, 4) == 0) {
        fields.erase(name);
        std::erase_if(model, [&](const auto& pair) { return pair.first == name; });
      } else {
        RC_ASSERT(fields.add(name, value).has_value());
        model.emplace_back(name, value);
      }
    }
    RC_ASSERT(fields.size() == model.size());
    for (std::size_t i = 0; i < model.size(); ++i) {
      RC_ASSERT(fields[i].name == model[i].first);
      RC_ASSERT(fields[i].value == model[i].second);
    }
  }));
}

TEST(Lists, AreSplitAtCommasOutsideQuotes) {
  EXPECT_EQ(split_list("a, b ,,\tc"), (Views{"a", "b", "c"}));
  EXPECT_EQ(split_list(R"(a="x,y", b="q\",z")"), (Views{R"(a="x,y")", R"(b="q\",z")"}));
  EXPECT_EQ(split_list(""), Views{});
  EXPECT_EQ(split_list(" , ,"), Views{});
  EXPECT_FALSE(split_list("\"a, b").has_value());
  EXPECT_FALSE(split_list("\"a\\\"").has_value());
}

TEST(Lists, RunOverAllLinesOfTheField) {
  const Fields fields = fields_of({{"Connection", "keep-alive, X-A"}, {"connection", "Close"}});
  EXPECT_EQ(fields.list("Connection"), (Views{"keep-alive", "X-A", "Close"}));
  EXPECT_TRUE(fields.lists_token("Connection", "close"));
  EXPECT_TRUE(fields.lists_token("Connection", "x-a"));
  EXPECT_FALSE(fields.lists_token("Connection", "x"));
  EXPECT_FALSE(fields.lists_token("Upgrade", "close"));
  EXPECT_EQ(fields_of({{"Connection", "\"a"}}).list("Connection").error().where, "Connection");
}

TEST(Quoting, EscapesAndRefuses) {
  EXPECT_EQ(quote_string("a \"b\" \\c"), R"("a \"b\" \\c")");
  EXPECT_FALSE(quote_string("a\nb").has_value());
  EXPECT_FALSE(quote_string("\u00e9").has_value());
}

TEST(Prefer, Rfc7240_ReadsWaitAndRespondAsync) {
  EXPECT_EQ(parse_prefer(fields_of({{"Prefer", "wait=30"}})).wait, seconds(30));
  EXPECT_EQ(parse_prefer(fields_of({{"Prefer", "Wait = \"5\"; x=y, respond-async"}})).wait,
            seconds(5));
  EXPECT_TRUE(
      parse_prefer(fields_of({{"prefer", "a"}, {"Prefer", "respond-async"}})).respond_async);
  EXPECT_EQ(parse_prefer({}).wait, std::nullopt);
  EXPECT_FALSE(parse_prefer({}).respond_async);
}

TEST(Prefer, Rfc7240_TheFirstOfEqualNamesCounts) {
  EXPECT_EQ(parse_prefer(fields_of({{"Prefer", "wait=1, wait=2"}})).wait, seconds(1));
  EXPECT_EQ(parse_prefer(fields_of({{"Prefer", "wait=1"}, {"Prefer", "wait=2"}})).wait, seconds(1));
}

TEST(Prefer, Rfc7240_TheMalformedIsIgnored) {
  for (const auto* value : {"wait", "wait=", "wait=x", "wait=-1", "wait=1.5", "wait=9999999999",
                            "wait=\"1", "=1", ";", "wait=\"\""}) {
    EXPECT_EQ(parse_prefer(fields_of({{"Prefer", value}})).wait, std::nullopt) << value;
  }
}

TEST(MediaType, ReadsTypeAndParameters) {
  const auto type = parse_media_type("Application/JSON; Charset=\"ut\\f-8\" ;v=1;");
  ASSERT_TRUE(type.has_value());
  EXPECT_EQ(type->essence, "application/json");
  EXPECT_EQ(type->parameter("charset"), "utf-8");
  EXPECT_EQ(type->parameter("V"), "1");
  EXPECT_EQ(type->parameter("x"), std::nullopt);
  EXPECT_EQ(parse_media_type("text/event-stream")->essence, "text/event-stream");
}

TEST(MediaType, RefusesWhatIsAmbiguous) {
  for (const auto* text :
       {"", "json", "a/", "/b", "a/b/c", "a /b", "a/b c", "a/b, c/d", "a/b; x",
        "a/b; x=", "a/b;x=\"1", "a/b; x=1; X=2", "a/b; x =1", "a/b\n", "a/b x=1"}) {
    EXPECT_FALSE(parse_media_type(text).has_value()) << text;
  }
}

TEST(Accept, TheMostSpecificRangeDecides) {
  const auto accepted = [](std::string_view value) {
    return accepts(fields_of({{"Accept", value}}), "application/json");
  };
  for (const auto* value : {"application/json", "*/*", "application/*", "text/html, */*;q=0.1",
                            "Application/Json;q=0.001", "*/*;q=0, application/json",
                            "application/json;charset=utf-8"}) {
    EXPECT_TRUE(accepted(value)) << value;
  }
  for (const auto* value : {"text/html", "application/json;q=0", "*/*, application/json;q=0.000",
                            "*/*, application/*;q=0", "", "json", "application/json;q=2",
                            "application/json;q=1.001", "application/json;q=.5", "text/*", "\""}) {
    EXPECT_FALSE(accepted(value)) << value;
  }
  EXPECT_TRUE(accepts({}, "application/json"));
}

TEST(Authorization, IsASchemeAndOneToken) {
  const auto value = parse_authorization("DPoP abc.DEF-_~+/12==");
  ASSERT_TRUE(value.has_value());
  EXPECT_EQ(value->scheme, "DPoP");
  EXPECT_EQ(value->token, "abc.DEF-_~+/12==");
  for (const auto* text : {"", "Bearer", "Bearer ", " Bearer a", "Bearer  a", "Bearer a b",
                           "Bearer a, Bearer b", "Bearer a,b", "Bearer =", "Bearer a=b",
                           "Bearer \"a\"", "Digest a=\"b\"", "B:c a", "Bearer a\tb", "Bearer a "}) {
    EXPECT_FALSE(parse_authorization(text).has_value()) << text;
  }
}

TEST(Authorization, ARefusalDoesNotRepeatTheValue) {
  const auto error = parse_authorization("Bearer secret secret").error().to_string();
  EXPECT_EQ(error.find("secret"), std::string::npos);
}

}  // namespace
}  // namespace writ
