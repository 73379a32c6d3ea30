// SPDX-License-Identifier: Apache-2.0
// P11 as a property: what was written is read back as the same arguments and written the same
// again, so the bytes that were decided on are the ones that say these arguments.
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include "tools/request.h"
#include "wire/canonical.h"
#include "wire/toml.h"

namespace writ::tools {
namespace {

const ToolServer& server() {
  static const ToolServer server = [] {
    constexpr std::string_view kDocument = R"(
kind = "http"
url = "https://api.example.com"
[[operations]]
name = "s.json"
method = "POST"
path = "/v1/{p}/x/{n}"
body = "json"
effect = "read"
[operations.arguments]
p = { type = "string" }
n = { type = "integer" }
q = { optional = true, type = "string", in = "query" }
r = { optional = true, type = "number", in = "query" }
l = { optional = true, type = "array", items = { type = "string" }, in = "query", as = "l[]" }
h = { optional = true, type = "string", in = "header", as = "X-H" }
b = { optional = true, type = "boolean" }
o = { optional = true, type = "object", additionalProperties = { type = "string" } }
[[operations]]
name = "s.form"
method = "POST"
path = "/v2/{p}"
body = "form"
effect = "read"
[operations.arguments]
p = { type = "string" }
s = { optional = true, type = "string" }
i = { optional = true, type = "integer" }
f = { optional = true, type = "number" }
b = { optional = true, type = "boolean" }
l = { optional = true, type = "array", items = { type = "integer" }, as = "l[]" }
)";
    return parse_tool_server(parse_toml(kDocument, "s.toml")->value(), ServerId(id_detail::Raw{1}),
                             "s")
        .value();
  }();
  return server;
}

// Text with what encodings trip over.
std::string text() {
  const auto pieces = *rc::gen::container<std::vector<std::string>>(rc::gen::element<std::string>(
      "a", "B", "0", " ", "+", "%", "%41", "/", "\\", ".", "..", ";", "&", "=", "?", "#", "~", "*",
      "\"", "'", "<", "\t", "\n", "\r", "\x7f", "ä", "\u202e", "\U0001F600", "[", "]", "{",
      std::string(1, '\0'), "true", "-1"));
  std::string out;
  for (const auto& piece : pieces) out += piece;
  return out;
}
std::int64_t integer() {
  return *rc::gen::oneOf(rc::gen::inRange<std::int64_t>(-20, 20),
                         rc::gen::inRange<std::int64_t>(-kMaxJsonInteger, kMaxJsonInteger + 1));
}
double number() {
  return *rc::gen::map(rc::gen::arbitrary<int>(), [](int i) { return i / 64.0; });
}

JsonObject arguments(const Operation& operation) {
  JsonObject out;
  for (const auto& argument : operation.arguments) {
    if (!argument.required && *rc::gen::arbitrary<bool>()) continue;
    if (argument.name == "o") {
      JsonObject object;
      for (const auto* name : {"x", "y", "Z"}) object[name] = text();
      out[argument.name] = std::move(object);
      continue;
    }
    const auto value = [&]() -> Json {
      switch (argument.text_type) {
        case TextType::integer:
          return integer();
        case TextType::number:
          return number();
        case TextType::boolean:
          return *rc::gen::arbitrary<bool>();
        case TextType::string:
          break;
      }
      return Json(std::string_view(text()));
    };
    if (!argument.repeated) {
      out[argument.name] = argument.name == "b" ? Json(*rc::gen::arbitrary<bool>()) : value();
      continue;
    }
    JsonArray list;
    for (int n = *rc::gen::inRange(1, 4); n > 0; --n) list.push_back(value());
    out[argument.name] = std::move(list);
  }
  return out;
}

TEST(RequestProperty, P11_WhatIsRenderedMatchesAndRendersTheSameAgain) {
  int rendered = 0;
  const bool holds = rc::check([&] {
    const auto& operation = server().operations()[*rc::gen::inRange<std::size_t>(0, 2)];
    const auto first = render_request(operation, arguments(operation));
    // What cannot be written is refused, with its place, and never written otherwise.
    if (!first) {
      RC_ASSERT(first.error().code == Errc::invalid_input);
      RC_ASSERT(first.error().where.starts_with("/"));
      return;
    }
    ++rendered;
    const auto second =
        match_request(server(), first->method, first->target, first->fields, as_bytes(first->body));
    RC_ASSERT(second.has_value());
    RC_ASSERT(second->operation == &operation);
    RC_ASSERT(canonical_json(second->arguments) == canonical_json(first->arguments));
    RC_ASSERT(second->target == first->target);
    RC_ASSERT(second->body == first->body);
    RC_ASSERT(second->fields.size() == first->fields.size());
  });
  EXPECT_TRUE(holds);
  EXPECT_GT(rendered, 0);
}

// Whatever an agent sends: it is refused, or what is forwarded reads back as what was decided on.
TEST(RequestProperty, P11_WhateverIsAcceptedIsAFixedPoint) {
  const bool holds = rc::check([] {
    const auto form = *rc::gen::arbitrary<bool>();
    const auto target = (form ? "/v2/" : "/v1/") + percent_encode(text()) +
                        (form ? "" : "/x/" + std::to_string(integer()) + "?q=" + text());
    const auto body = form ? "s=" + text() : "{\"b\":true,\"o\":{\"k\":\"" + text() + "\"}}";
    const auto first = match_request(server(), "POST", target, {}, as_bytes(body));
    if (!first) return;
    const auto second =
        match_request(server(), first->method, first->target, first->fields, as_bytes(first->body));
    RC_ASSERT(second.has_value());
    RC_ASSERT(second->target == first->target);
    RC_ASSERT(second->body == first->body);
    RC_ASSERT(canonical_json(second->arguments) == canonical_json(first->arguments));
  });
  EXPECT_TRUE(holds);
}

}  // namespace
}  // namespace writ::tools
