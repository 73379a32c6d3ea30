// SPDX-License-Identifier: Apache-2.0
// P11: what is decided is what is sent. failures.md 18 and 19.
#include "tools/request.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "wire/canonical.h"
#include "wire/toml.h"

namespace writ::tools {
namespace {

using testing::HasSubstr;

constexpr std::string_view kDocument = R"(
kind = "http"
url = "https://api.example.com"
[credential]
name = "api-key"
header = "X-Api-Key"
[limits]
request_bytes = 4096
[[operations]]
name = "s.read"
method = "GET"
path = "/v1/items/{item}"
effect = "read"
[operations.arguments]
item = { type = "string", maxLength = 40 }
page = { optional = true, type = "integer", minimum = 1 }
tag = { optional = true, type = "array", items = { type = "string" }, as = "tag[]" }
deep = { optional = true, type = "boolean" }
trace = { optional = true, type = "string", in = "header", as = "X-Trace" }
[[operations]]
name = "s.head"
method = "HEAD"
path = "/v1/items/{item}"
effect = "read"
[operations.arguments]
item = { type = "string" }
[[operations]]
name = "s.pay"
title = "Pay {amount}"
method = "POST"
path = "/v1/payments"
body = "json"
effect = "money"
compensable = false
[operations.arguments]
amount = { type = "integer", minimum = 1, maximum = 1000000 }
to = { type = "object", properties = { id = { type = "string" }, note = { type = "string" } }, as = "recipient" }
dry_run = { optional = true, type = "boolean", in = "query" }
[[operations]]
name = "s.charge"
title = "Charge {amount}"
method = "POST"
path = "/v1/charges"
body = "form"
effect = "money"
compensable = false
[operations.arguments]
amount = { type = "integer" }
note = { optional = true, type = "string" }
item = { optional = true, type = "array", items = { type = "string" }, as = "items[]" }
rate = { optional = true, type = "number" }
[[operations]]
name = "s.upload"
title = "Upload {item}"
method = "PUT"
path = "/v1/files/{item}"
body = "opaque"
content_type = "image/png"
effect = "write"
compensable = false
[operations.arguments]
item = { type = "string" }
[[operations]]
name = "s.keyed"
method = "GET"
path = "/v1/keyed"
effect = "read"
credential = { query = "key" }
[operations.arguments]
q = { optional = true, type = "string" }
)";

class Request : public testing::Test {
 protected:
  Expected<ToolRequest> match(std::string_view method, std::string_view target,
                              std::string_view body = {}, const Fields& fields = {}) {
    return match_request(server_, method, target, fields, as_bytes(body));
  }
  // Where it is refused; "sent" where it is not.
  std::string where(std::string_view method, std::string_view target, std::string_view body = {},
                    const Fields& fields = {}) {
    const auto request = match(method, target, body, fields);
    return request ? "sent" : request.error().where;
  }
  static Fields fields(std::initializer_list<std::pair<std::string_view, std::string_view>> list) {
    Fields out;
    for (const auto& [name, value] : list) EXPECT_TRUE(out.add(name, value).has_value());
    return out;
  }

  ToolServer server_ =
      parse_tool_server(parse_toml(kDocument, "s.toml")->value(), ServerId(id_detail::Raw{1}), "s")
          .value();
};

TEST_F(Request, P11_TheBytesSentAreWrittenAnewFromTheArguments) {
  const auto request = match("GET", "/v1/items/a%20b?tag%5B%5D=x&page=2&tag%5b%5d=y&deep=true");
  ASSERT_TRUE(request.has_value()) << request.error().to_string();
  EXPECT_EQ(request->operation->name, "s.read");
  EXPECT_EQ(canonical_json(request->arguments),
            R"({"deep":true,"item":"a b","page":2,"tag":["x","y"]})");
  EXPECT_EQ(request->target, "/v1/items/a%20b?deep=true&page=2&tag%5B%5D=x&tag%5B%5D=y");
  EXPECT_TRUE(request->body.empty());
}

// What was read for another declaration, by which the call was held meanwhile.
TEST_F(Request, P11_ABodyThatWasReadIsNoneOfAnOpaqueOperation) {
  const auto png = fields({{"Content-Type", "image/png"}});
  EXPECT_EQ(where("PUT", "/v1/files/a", "{}", png), "body");
  EXPECT_EQ(where("PUT", "/v1/files/a", "", png), "sent");
}

TEST_F(Request, P11_AJsonBodyIsSentInItsCanonicalForm) {
  const auto request = match("POST", "/v1/payments",
                             " { \"recipient\" : {\"note\":\"\\u00e4\", \"id\":\"r\"},\n"
                             "   \"amount\" : 1.2e3 } ");
  ASSERT_TRUE(request.has_value()) << request.error().to_string();
  EXPECT_EQ(request->body, "{\"amount\":1200,\"recipient\":{\"id\":\"r\",\"note\":\"ä\"}}");
  EXPECT_EQ(request->arguments.at("amount"), 1200);
  EXPECT_EQ(*request->fields.get_unique("Content-Type").value(), "application/json");
  EXPECT_EQ(request->fields.size(), 1U);
}

TEST_F(Request, P11_AFormIsSentInOneEncoding) {
  const auto request =
      match("POST", "/v1/charges", "note=a+b%21%7e&items%5B%5D=1&amount=5&items[]=2");
  ASSERT_TRUE(request.has_value()) << request.error().to_string();
  EXPECT_EQ(request->body, "amount=5&items%5B%5D=1&items%5B%5D=2&note=a+b%21%7E");
  EXPECT_EQ(canonical_json(request->arguments), R"({"amount":5,"item":["1","2"],"note":"a b!~"})");
}

TEST_F(Request, P11_TheSameArgumentsAreTheSameBytesHoweverTheyCame) {
  const auto one = match("POST", "/v1/payments", R"({"amount":1,"recipient":{"id":"r"}})");
  const auto two = match("POST", "/v1/payments", R"({ "recipient":{"id":"\u0072"},"amount":1.0})");
  ASSERT_TRUE(one && two);
  EXPECT_EQ(one->body, two->body);
  EXPECT_EQ(one->target, two->target);
}

// failures.md 19.
TEST_F(Request, DuplicateAndCaseVariantNamesAreRefused) {
  EXPECT_THAT(where("POST", "/v1/payments", R"({"amount":1,"amount":2,"recipient":{}})"),
              HasSubstr("body"));
  EXPECT_THAT(where("POST", "/v1/payments", R"({"amount":1,"am\u006funt":2,"recipient":{}})"),
              HasSubstr("body"));
  EXPECT_EQ(where("POST", "/v1/payments", R"({"amount":1,"Amount":2,"recipient":{}})"), "body");
  EXPECT_THAT(where("POST", "/v1/payments", R"({"amount":1,"recipient":{"id":"a","id":"b"}})"),
              HasSubstr("body"));
  EXPECT_EQ(where("POST", "/v1/payments", R"({"amount":1,"recipient":{"id":"a","ID":"b"}})"),
            "/to");
  EXPECT_EQ(where("POST", "/v1/charges", "amount=1&amount=2"), "/amount");
  EXPECT_EQ(where("POST", "/v1/charges", "amount=1&Amount=2"), "body");
  EXPECT_EQ(where("GET", "/v1/items/a?page=1&page=2"), "/page");
  EXPECT_EQ(where("GET", "/v1/items/a?Page=1"), "query");
}

// A "dry_run=true" that is dropped would turn a question into a deed.
TEST_F(Request, P11_WhatIsNoArgumentIsRefusedInQueryAndBody) {
  EXPECT_EQ(where("GET", "/v1/items/a?other=1"), "query");
  EXPECT_EQ(where("POST", "/v1/payments?dry_run=true", R"({"amount":1,"recipient":{}})"), "sent");
  EXPECT_EQ(where("POST", "/v1/payments", R"({"amount":1,"recipient":{},"dry_run":true})"), "body");
  EXPECT_EQ(where("POST", "/v1/payments", R"({"amount":1,"to":{}})"), "body");
  EXPECT_EQ(where("POST", "/v1/payments?amount=1", R"({"recipient":{}})"), "query");
  EXPECT_EQ(where("GET", "/v1/items/a", "x"), "body");
}

TEST_F(Request, P11_HeadersThatAreNoArgumentAreDropped) {
  const auto request = match("GET", "/v1/items/a", {},
                             fields({{"X-Trace", "t 1"},
                                     {"User-Agent", "agent"},
                                     {"Cookie", "a=b"},
                                     {"X-Forwarded-For", "1.2.3.4"},
                                     {"Authorization", "DPoP token"}}));
  ASSERT_TRUE(request.has_value()) << request.error().to_string();
  EXPECT_EQ(request->arguments.at("trace"), "t 1");
  EXPECT_EQ(*request->fields.get_unique("X-Trace").value(), "t 1");
  EXPECT_EQ(request->fields.size(), 1U);
  EXPECT_EQ(where("GET", "/v1/items/a", {}, fields({{"X-Trace", "a"}, {"X-Trace", "b"}})),
            "header X-Trace");
}

TEST_F(Request, P11_AValueInTheCredentialsPlaceIsRefused) {
  auto refused = match("GET", "/v1/items/a", {}, fields({{"x-api-key", "mine"}}));
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, Errc::denied);
  EXPECT_THAT(refused.error().to_string(), testing::Not(HasSubstr("mine")));
  refused = match("GET", "/v1/keyed?KEY=mine");
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, Errc::denied);
  EXPECT_EQ(where("GET", "/v1/keyed?q=mine"), "sent");
}

// failures.md 18.
TEST_F(Request, APathHasOneReadingOrNone) {
  EXPECT_EQ(where("GET", "/v1/items/a"), "sent");
  for (const auto* target : {"//v1/items/a",
                             "/v1//items/a",
                             "/v1/items//a",
                             "/v1/items/a/",
                             "/v1/./items/a",
                             "/v1/x/../items/a",
                             "/v1/items/..",
                             "/v1/items/.",
                             "/v1/items/%2e%2e",
                             "/v1/items/%2E%2E",
                             "/v1/items/a%2fb",
                             "/v1/items/a%2Fb",
                             "/v1/items/a%5cb",
                             "/v1/items/a\\b",
                             "/v1/items/a%00",
                             "/v1/items/a%0a",
                             "/v1/items/%252e%252e",
                             "/v1/items/a#x",
                             "/v1/items/..;x",
                             "/v1/items/%61",
                             "/v1/items/%zz",
                             "/v1/items/a b",
                             "v1/items/a",
                             "https://api.example.com/v1/items/a",
                             "/V1/items/a",
                             "/v1/items/%ff",
                             "*",
                             ""})
    EXPECT_EQ(where("GET", target), "path") << target;
}

TEST_F(Request, P13_WhatMatchesNoOperationIsRefused) {
  for (const auto& [method, target] :
       std::initializer_list<std::pair<std::string_view, std::string_view>>{
           {"DELETE", "/v1/items/a"},
           {"get", "/v1/items/a"},
           {"OPTIONS", "/v1/items/a"},
           {"HEAD", "/v1/payments"},
           {"GET", "/v1/payments"},
           {"GET", "/"},
           {"GET", "/v1/items"},
           {"GET", "/v1/items/a/b"}}) {
    const auto request = match(method, target);
    ASSERT_FALSE(request.has_value()) << method << target;
    EXPECT_EQ(request.error().code, Errc::not_found) << method << target;
  }
  EXPECT_EQ(match("HEAD", "/v1/items/a")->operation->name, "s.head");
}

TEST_F(Request, SchemaAndTextAreStrict) {
  EXPECT_EQ(where("GET", "/v1/items/" + std::string(41, 'a')), "/item");
  for (const auto* page :
       {"0", "01", "+1", "1.0", "1e1", "%201", "", "x", "-0", "9007199254740993"})
    EXPECT_EQ(where("GET", "/v1/items/a?page=" + std::string(page)), "/page") << page;
  for (const auto* deep : {"True", "1", "yes", ""})
    EXPECT_EQ(where("GET", "/v1/items/a?deep=" + std::string(deep)), "/deep") << deep;
  EXPECT_EQ(where("POST", "/v1/payments", R"({"amount":0,"recipient":{}})"), "/amount");
  EXPECT_EQ(where("POST", "/v1/payments", R"({"amount":"1","recipient":{}})"), "/amount");
  EXPECT_EQ(where("POST", "/v1/payments", R"({"recipient":{}})"), "/amount");
  EXPECT_EQ(where("POST", "/v1/payments", R"({"amount":1.5,"recipient":{}})"), "/amount");
  EXPECT_EQ(where("POST", "/v1/payments", R"({"amount":1,"recipient":{"x":1}})"), "/to");
  EXPECT_EQ(where("POST", "/v1/charges", "amount=1&rate=NaN"), "/rate");
}

TEST_F(Request, ABodyThatIsNotWhatItSaysIsRefused) {
  EXPECT_THAT(where("POST", "/v1/payments", "[1]"), HasSubstr("body"));
  EXPECT_THAT(where("POST", "/v1/payments", ""), HasSubstr("body"));
  EXPECT_THAT(where("POST", "/v1/payments", R"({"amount":1,"recipient":{}} x)"), HasSubstr("body"));
  EXPECT_THAT(where("POST", "/v1/payments", "\xEF\xBB\xBF{}"), HasSubstr("body"));
  EXPECT_EQ(where("POST", "/v1/charges", "amount=1&"), "body");
  EXPECT_EQ(where("POST", "/v1/charges", "amount=%"), "body");
  const auto json = R"({"amount":1,"recipient":{}})";
  const std::string_view type = "header Content-Type";
  EXPECT_EQ(where("POST", "/v1/payments", json, fields({{"Content-Type", "text/plain"}})), type);
  EXPECT_EQ(where("POST", "/v1/payments", json,
                  fields({{"Content-Type", "application/json; charset=utf-16"}})),
            type);
  EXPECT_EQ(where("POST", "/v1/payments", json,
                  fields({{"Content-Type", "application/json; charset=UTF-8"}})),
            "sent");
  EXPECT_EQ(where("POST", "/v1/payments", json,
                  fields({{"Content-Type", "application/json"}, {"Content-Type", "text/plain"}})),
            type);
}

TEST_F(Request, P18_CodedBodiesAndRangesAreRefused) {
  for (const auto* name : {"Content-Encoding", "Range", "If-Range"}) {
    const auto request = match("GET", "/v1/items/a", {}, fields({{name, "x"}}));
    ASSERT_FALSE(request.has_value());
    EXPECT_EQ(request.error().code, Errc::unsupported) << name;
  }
}

TEST_F(Request, ABodyIsBounded) {
  const auto body = R"({"amount":1,"recipient":{"note":")" + std::string(4096, 'x') + "\"}}";
  EXPECT_EQ(match("POST", "/v1/payments", body).error().code, Errc::too_large);
}

TEST_F(Request, P11_AnOpaqueBodyIsNotReadAndItsArgumentsAre) {
  const auto request = match("PUT", "/v1/files/a", {}, fields({{"Content-Type", "image/png"}}));
  ASSERT_TRUE(request.has_value()) << request.error().to_string();
  EXPECT_TRUE(request->body.empty());
  EXPECT_EQ(*request->fields.get_unique("Content-Type").value(), "image/png");
  EXPECT_EQ(where("PUT", "/v1/files/a", {}, fields({{"Content-Type", "text/html"}})),
            "header Content-Type");
}

// A pattern with thousands of instructions, and a text that it could follow for long.
TEST(Requests, P48_ARequestHasABudget) {
  constexpr std::string_view kText = R"(
kind = "http"
url = "https://api.example.com"
[[operations]]
name = "s.find"
method = "GET"
path = "/items"
effect = "read"
[operations.arguments]
q = { type = "string", pattern = "^(a|b|c|d|ee|ff|gg){1000}$" }
)";
  const auto server =
      parse_tool_server(parse_toml(kText, "s.toml")->value(), ServerId(id_detail::Raw{1}), "s");
  ASSERT_TRUE(server.has_value()) << server.error().to_string();
  EXPECT_TRUE(match_request(*server, "GET", "/items?q=" + std::string(1000, 'a'), {}, {}));
  const auto refused = match_request(*server, "GET", "/items?q=" + std::string(7500, 'a'), {}, {});
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, Errc::too_large);
  // Of arguments that did not come as a request, too.
  const auto rendered =
      render_request(*server->find_operation("s.find"), {{"q", std::string(7500, 'a')}});
  ASSERT_FALSE(rendered.has_value());
  EXPECT_EQ(rendered.error().code, Errc::too_large);
}

TEST(Requests, P48_ABodyThatIsDecidedOnHasABoundOfItsOwn) {
  constexpr std::string_view kText = R"(
kind = "http"
url = "https://api.example.com"
limits = { request_bytes = 1073741824 }
[[operations]]
name = "s.json"
title = "t"
method = "POST"
path = "/a"
body = "json"
effect = "write"
compensable = false
[[operations]]
name = "s.opaque"
title = "t"
method = "POST"
path = "/b"
body = "opaque"
effect = "write"
compensable = false
)";
  const auto server =
      parse_tool_server(parse_toml(kText, "s.toml")->value(), ServerId(id_detail::Raw{1}), "s");
  ASSERT_TRUE(server.has_value()) << server.error().to_string();
  EXPECT_EQ(server->request_limit(*server->find_operation("s.json")), kLargestDecidedBody);
  EXPECT_EQ(server->request_limit(*server->find_operation("s.opaque")), std::uint64_t{1} << 30);
  const Bytes body(kLargestDecidedBody + 1, std::uint8_t{' '});
  const auto refused = match_request(*server, "POST", "/a", {}, body);
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, Errc::too_large);
}

TEST_F(Request, RenderingIsHeldToTheSameRules) {
  const auto* read = server_.find_operation("s.read");
  const auto render = [&](JsonObject arguments) {
    const auto request = render_request(*read, std::move(arguments));
    return request ? request->target : request.error().where;
  };
  EXPECT_EQ(render({{"item", "a/b"}}), "/item");
  EXPECT_EQ(render({{"item", ".."}}), "/item");
  EXPECT_EQ(render({{"item", ""}}), "/item");
  EXPECT_EQ(render({{"item", "a"}, {"other", 1}}), "");
  EXPECT_EQ(render({{"item", "a"}, {"page", 2.0}}), "/v1/items/a?page=2");
  EXPECT_EQ(render({{"item", "a"}, {"tag", JsonArray()}}), "/tag");
  EXPECT_EQ(render({{"item", "a"}, {"trace", "x\r\nX-Api-Key: mine"}}), "/trace");
  EXPECT_EQ(render({{"item", "a"}, {"trace", " x"}}), "/trace");
  EXPECT_EQ(render({{"item", "ä?#&"}}), "/v1/items/%C3%A4%3F%23%26");
}

// failures.md 24: what an approver reads cannot be made to say something else.
TEST_F(Request, ATitleShowsTheValuesAsTheyAre) {
  const auto* pay = server_.find_operation("s.pay");
  EXPECT_EQ(describe(*pay, {{"amount", 5}}), "Pay 5");
  EXPECT_EQ(describe(*pay, {}), "Pay (none)");
  EXPECT_EQ(describe(*pay, {{"amount", "5 to nobody"}}), "Pay \"5 to nobody\"");
  EXPECT_THAT(describe(*pay, {{"amount",
                               "a\xE2\x80\xAE"
                               "b"}}),
              HasSubstr("\\u202e"));
}

}  // namespace
}  // namespace writ::tools
