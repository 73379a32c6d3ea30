// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "wire/json.h"

namespace writ {
namespace {

using namespace std::chrono_literals;

JsonObject object_of(std::string_view text) { return parse_json_object(text).value(); }

TEST(ObjectReader, ReadsEveryType) {
  const JsonObject object = object_of(
      R"({"s":"x","i":5,"b":true,"n":0.5,"d":"10m","c":"read","l":["a","b"],"o":{"k":1},"a":[1],"v":null})");
  ObjectReader r(object);
  EXPECT_EQ(r.string("s"), "x");
  EXPECT_EQ(r.integer("i"), 5);
  EXPECT_TRUE(r.boolean("b"));
  EXPECT_EQ(r.number("n"), 0.5);
  EXPECT_EQ(r.duration("d"), 10min);
  EXPECT_EQ(r.choice("c", {"read", "write"}), "read");
  EXPECT_EQ(r.strings("l"), (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(r.object("o").at("k"), Json(1));
  EXPECT_EQ(r.array("a").size(), 1U);
  EXPECT_TRUE(r.value("v").is_null());
  EXPECT_TRUE(r.finish().has_value());
}

TEST(ObjectReader, AnAbsentOptionalIsNothing) {
  const JsonObject object;
  ObjectReader r(object);
  EXPECT_EQ(r.optional_string("s"), std::nullopt);
  EXPECT_EQ(r.optional_integer("i"), std::nullopt);
  EXPECT_EQ(r.optional_boolean("b"), std::nullopt);
  EXPECT_EQ(r.optional_number("n"), std::nullopt);
  EXPECT_EQ(r.optional_duration("d"), std::nullopt);
  EXPECT_EQ(r.optional_choice("c", {"x"}), std::nullopt);
  EXPECT_EQ(r.optional_strings("l"), std::nullopt);
  EXPECT_EQ(r.optional_object("o"), nullptr);
  EXPECT_EQ(r.optional_array("a"), nullptr);
  EXPECT_EQ(r.optional_value("v"), nullptr);
  EXPECT_TRUE(r.finish().has_value());
}

// The error of reading `text` with `read`.
template <typename Read>
std::string error_of(std::string_view text, Read read, std::string pointer = "") {
  const JsonObject object = object_of(text);
  ObjectReader r(object, std::move(pointer));
  read(r);
  const auto result = r.finish();
  EXPECT_EQ(result.has_value(), r.ok() && result.has_value());
  return result ? "accepted" : result.error().to_string();
}

TEST(ObjectReader, AnUnknownKeyIsRefusedWithItsPlace) {
  const auto read = [](ObjectReader& r) { r.string("name"); };
  EXPECT_EQ(error_of(R"({"name":"a","nmae":"b"})", read, "/steps/0"),
            "/steps/0/nmae: unknown key \"nmae\" (known here: name)");
  EXPECT_EQ(error_of(R"({"name":"a","x\u202e":1})", read),
            "/\"x\\u202e\": unknown key \"x\\u202e\" (known here: name)");
  // As many known names as members, but not the same ones.
  EXPECT_EQ(error_of(R"({"nmae":"b"})", [](ObjectReader& r) { r.optional_string("name"); }),
            "/nmae: unknown key \"nmae\" (known here: name)");
}

TEST(ObjectReader, AMissingMemberUnderASlipOfThePenIsNamedWithIt) {
  const auto read = [](ObjectReader& r) {
    r.string("role");
    r.string("owner");
    r.optional_string("rule");
  };
  EXPECT_EQ(error_of(R"({"rolle":"a","owner":"b"})", read, "/x"),
            "/x/rolle: unknown key \"rolle\" (\"role\" is missing: is it meant?)");
  EXPECT_EQ(error_of(R"({"role":"a","onwer":"b"})", read),
            "/onwer: unknown key \"onwer\" (\"owner\" is missing: is it meant?)");
  // A key that has a meaning of its own, and one that is another word.
  EXPECT_EQ(error_of(R"({"rule":"a","owner":"b"})", read), "/role: \"role\" is missing");
  EXPECT_EQ(error_of(R"({"colour":"a","owner":"b"})", read), "/role: \"role\" is missing");
  EXPECT_EQ(error_of(R"({"rolle":"a","owner":1})", read),
            "/rolle: unknown key \"rolle\" (\"role\" is missing: is it meant?)");
  EXPECT_EQ(error_of(R"({"role":1,"onwer":"b"})", read),
            "/role: \"role\" must be a string, and is a number");
}

TEST(ObjectReader, UnknownKeysPassOnlyWhereAllowed) {
  const auto read = [](ObjectReader& r) {
    r.string("name");
    r.allow_unknown();
  };
  EXPECT_EQ(error_of(R"({"name":"a","more":1})", read), "accepted");
  EXPECT_EQ(error_of(R"({"more":1})", read), "/name: \"name\" is missing");
  const auto ignore = [](ObjectReader& r) { r.ignore("a"); };
  EXPECT_EQ(error_of(R"({"a":1})", ignore), "accepted");
  EXPECT_EQ(error_of(R"({"a":1,"b":1})", ignore), "/b: unknown key \"b\" (known here: a)");
}

TEST(ObjectReader, AMissingRequiredMemberIsRefused) {
  EXPECT_EQ(error_of("{}", [](ObjectReader& r) { EXPECT_EQ(r.string("s"), ""); }),
            "/s: \"s\" is missing");
  EXPECT_EQ(error_of("{}", [](ObjectReader& r) { EXPECT_EQ(r.integer("i"), 0); }),
            "/i: \"i\" is missing");
  EXPECT_EQ(error_of("{}", [](ObjectReader& r) { EXPECT_FALSE(r.boolean("b")); }),
            "/b: \"b\" is missing");
  EXPECT_EQ(error_of("{}", [](ObjectReader& r) { EXPECT_EQ(r.number("n"), 0); }),
            "/n: \"n\" is missing");
  EXPECT_EQ(error_of("{}", [](ObjectReader& r) { EXPECT_EQ(r.duration("d"), 0s); }),
            "/d: \"d\" is missing");
  EXPECT_EQ(error_of("{}", [](ObjectReader& r) { EXPECT_EQ(r.choice("c", {"x"}), ""); }),
            "/c: \"c\" is missing");
  EXPECT_EQ(error_of("{}", [](ObjectReader& r) { EXPECT_TRUE(r.strings("l").empty()); }),
            "/l: \"l\" is missing");
  EXPECT_EQ(error_of("{}", [](ObjectReader& r) { EXPECT_TRUE(r.object("o").empty()); }),
            "/o: \"o\" is missing");
  EXPECT_EQ(error_of("{}", [](ObjectReader& r) { EXPECT_TRUE(r.array("a").empty()); }),
            "/a: \"a\" is missing");
  EXPECT_EQ(error_of("{}", [](ObjectReader& r) { EXPECT_TRUE(r.value("v").is_null()); }),
            "/v: \"v\" is missing");
}

TEST(ObjectReader, AWrongTypeIsRefused) {
  EXPECT_EQ(error_of(R"({"s":1})", [](ObjectReader& r) { r.string("s"); }),
            "/s: \"s\" must be a string, and is a number");
  EXPECT_EQ(error_of(R"({"i":1.5})", [](ObjectReader& r) { r.integer("i"); }),
            "/i: \"i\" must be a whole number, and is a number");
  EXPECT_EQ(error_of(R"({"i":"1"})", [](ObjectReader& r) { r.optional_integer("i"); }),
            "/i: \"i\" must be a whole number, and is a string");
  EXPECT_EQ(error_of(R"({"b":0})", [](ObjectReader& r) { r.boolean("b"); }),
            "/b: \"b\" must be true or false, and is a number");
  EXPECT_EQ(error_of(R"({"n":"1"})", [](ObjectReader& r) { r.number("n"); }),
            "/n: \"n\" must be a number, and is a string");
  EXPECT_EQ(error_of(R"({"l":"a"})", [](ObjectReader& r) { r.strings("l"); }),
            "/l: \"l\" must be an array, and is a string");
  EXPECT_EQ(error_of(R"({"l":["a",1]})", [](ObjectReader& r) { r.strings("l"); }),
            "/l/1: each element of \"l\" must be a string, and is a number");
  EXPECT_EQ(error_of(R"({"o":[]})", [](ObjectReader& r) { r.object("o"); }),
            "/o: \"o\" must be an object, and is an array");
  EXPECT_EQ(error_of(R"({"a":{}})", [](ObjectReader& r) { r.array("a"); }),
            "/a: \"a\" must be an array, and is an object");
}

TEST(ObjectReader, ANullIsNotAnAbsence) {
  EXPECT_EQ(error_of(R"({"s":null})", [](ObjectReader& r) { r.optional_string("s"); }),
            "/s: \"s\" must be a string, and is null");
  EXPECT_EQ(error_of(R"({"l":null})", [](ObjectReader& r) { r.optional_strings("l"); }),
            "/l: \"l\" must be an array, and is null");
}

TEST(ObjectReader, BoundsHold) {
  const auto text = [](ObjectReader& r) { r.string("s", {.min = 2, .max = 3}); };
  EXPECT_EQ(error_of(R"({"s":"ab"})", text), "accepted");
  EXPECT_EQ(error_of(R"({"s":"abc"})", text), "accepted");
  EXPECT_EQ(error_of(R"({"s":"a"})", text), "/s: \"s\" must be at least 2 bytes long");
  EXPECT_EQ(error_of(R"({"s":"abcd"})", text), "/s: \"s\" must be at most 3 bytes long");
  EXPECT_EQ(error_of(R"({"s":""})", [](ObjectReader& r) { r.string("s"); }),
            "/s: \"s\" must not be empty");
  const auto number = [](ObjectReader& r) { r.integer("i", {.min = 1, .max = 9}); };
  EXPECT_EQ(error_of(R"({"i":1})", number), "accepted");
  EXPECT_EQ(error_of(R"({"i":9})", number), "accepted");
  EXPECT_EQ(error_of(R"({"i":0})", number), "/i: \"i\" must be from 1 to 9");
  EXPECT_EQ(error_of(R"({"i":10})", number), "/i: \"i\" must be from 1 to 9");
  const auto list = [](ObjectReader& r) { r.strings("l", {.min = 1, .max = 2}, {.max = 1}); };
  EXPECT_EQ(error_of(R"({"l":["a"]})", list), "accepted");
  EXPECT_EQ(error_of(R"({"l":[]})", list), "/l: \"l\" must not be empty");
  EXPECT_EQ(error_of(R"({"l":["a","b","c"]})", list), "/l: \"l\" must have at most 2 elements");
  EXPECT_EQ(error_of(R"({"l":["a","bb"]})", list),
            "/l/1: each element of \"l\" must be at most 1 bytes long");
  const auto span = [](ObjectReader& r) { r.duration("d", {.min = 1s, .max = 1h}); };
  EXPECT_EQ(error_of(R"({"d":"1h"})", span), "accepted");
  EXPECT_EQ(error_of(R"({"d":"2h"})", span), "/d: \"d\" must be from 1s to 1h");
  EXPECT_EQ(error_of(R"({"d":"0s"})", span), "/d: \"d\" must be from 1s to 1h");
  EXPECT_NE(error_of(R"({"d":"soon"})", span).find("is not a duration"), std::string::npos);
  EXPECT_EQ(error_of(R"({"c":"z"})", [](ObjectReader& r) { r.choice("c", {"x", "y"}); }),
            "/c: \"c\" must be one of \"x\", \"y\", and is \"z\"");
}

TEST(ObjectReader, TheFirstErrorIsKept) {
  const auto read = [](ObjectReader& r) {
    r.string("first");
    r.string("second");
    r.refuse("third", "no");
  };
  EXPECT_EQ(error_of(R"({"second":1,"unknown":1})", read), "/first: \"first\" is missing");
}

TEST(ObjectReader, ACallersOwnErrorHasItsPlace) {
  const auto read = [](ObjectReader& r) { r.refuse("a/b", "is odd", "make it even"); };
  EXPECT_EQ(error_of("{}", read, "/x"), "/x/a~1b: is odd (make it even)");
}

TEST(ObjectReader, AValueThatIsNoObjectIsAnError) {
  const Json value = 5;
  ObjectReader r(value, "/x");
  r.string("s");
  EXPECT_EQ(r.finish().error().to_string(), "/x: must be an object, and is a number");
}

}  // namespace
}  // namespace writ
