// SPDX-License-Identifier: Apache-2.0
// Documents of tool servers: what they must say, and what they must not.
#include "tools/tool_server.h"

#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "wire/toml.h"

namespace writ::tools {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

const ServerId kId(id_detail::Raw{1});

constexpr std::string_view kDocument = R"(
kind = "http"
url = "https://api.example.com"
[credential]
name = "api-key"
header = "Authorization"
prefix = "Bearer "
[[operations]]
name = "billing.invoice.read"
method = "GET"
path = "/v1/invoices/{invoice}"
effect = "read"
[operations.arguments]
invoice = { type = "string", pattern = "^inv_[0-9]+$" }
[[operations]]
name = "billing.refund.execute"
title = "Refund {amount}"
method = "POST"
path = "/v1/refunds"
body = "json"
effect = "money"
compensable = false
[operations.arguments]
amount = { type = "integer", minimum = 1 }
invoice = { type = "string" }
)";

// openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=test
constexpr std::string_view kAuthority = R"(-----BEGIN CERTIFICATE-----
MIIBdjCCARugAwIBAgIUAitc1niErtucw5Z6ecjxaGp0sZUwCgYIKoZIzj0EAwIw
DzENMAsGA1UEAwwEdGVzdDAgFw0yNjEyMDExMTUxNTlaGA8yMTI2MTEwNzExNTE1
OVowDzENMAsGA1UEAwwEdGVzdDBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABFaJ
M18XL3A0gt3FI9BBWweDRsE0pHOYA2RuOYxA0Xq62ks6/Tapz0NQBh9ZPlXwKEt4
kjW37skCZNJ9ynvVKTCjUzBRMB0GA1UdDgQWBBTgjlxIX8ig6ZZGnCNbwpwS28xD
3TAfBgNVHSMEGDAWgBTgjlxIX8ig6ZZGnCNbwpwS28xD3TAPBgNVHRMBAf8EBTAD
AQH/MAoGCCqGSM49BAMCA0kAMEYCIQCOv9Px036ilkxun3Hk+to0kQGZvUad7PTZ
xinnPWX57AIhANddp1NdTwtlievBqAPOzwUjxWDMRNh4yd/S3MvqxubE
-----END CERTIFICATE-----
)";

Expected<ToolServer> parse(const std::string& text, std::string_view name = "billing") {
  const auto document = parse_toml(text, "tools/billing.toml");
  if (!document) return std::unexpected(document.error());
  return parse_tool_server(document->value(), kId, name);
}

// The document with the first `from` replaced.
std::string with(std::string_view from, std::string_view to) {
  std::string text(kDocument);
  const auto at = text.find(from);
  EXPECT_NE(at, text.npos) << from;
  return text.replace(at, from.size(), to);
}

// Why it is refused, with its place; "" where it is not.
std::string refused(const std::string& text) {
  const auto server = parse(text);
  return server ? "" : server.error().where + ": " + server.error().message;
}

TEST(ToolServer, ADocumentIsReadWhole) {
  const auto server = parse(std::string(kDocument));
  ASSERT_TRUE(server.has_value()) << server.error().to_string();
  EXPECT_EQ(server->url().origin(), "https://api.example.com");
  EXPECT_EQ(server->credential_name(), "api-key");
  ASSERT_EQ(server->operations().size(), 2U);
  const auto* refund = server->find_operation("billing.refund.execute");
  ASSERT_NE(refund, nullptr);
  EXPECT_EQ(refund->effect, Effect::money);
  EXPECT_EQ(refund->arguments.size(), 2U);
  EXPECT_EQ(refund->content_type, "application/json");
  EXPECT_EQ(server->find_operation("billing.refund"), nullptr);
}

TEST(ToolServer, TheExampleIsRead) {
  std::ifstream in(std::string(WRIT_SOURCE_DIR) + "/examples/acme/tools/billing.toml");
  const auto server = parse(std::string(std::istreambuf_iterator<char>(in), {}));
  ASSERT_TRUE(server.has_value()) << server.error().to_string();
  EXPECT_TRUE(server->only_allowed_addresses());
}

TEST(ToolServer, UnknownKeysAreErrors) {
  EXPECT_THAT(refused(with("kind =", "surprise = 1\nkind =")), HasSubstr("surprise"));
  EXPECT_THAT(refused(with("effect = \"read\"", "effect = \"read\"\nsurprise = 1")),
              StartsWith("/operations/0/surprise"));
  EXPECT_THAT(
      refused(with("header = \"Authorization\"", "header = \"Authorization\"\nsecret = \"x\"")),
      StartsWith("/credential/secret"));
}

TEST(ToolServer, P13_TheEffectIsDeclared) {
  EXPECT_THAT(refused(with("effect = \"read\"", "")), HasSubstr("effect"));
  EXPECT_THAT(refused(with("effect = \"read\"", "effect = \"none\"")), HasSubstr("effect"));
  // A GET may be a write, a POST a read: the method says nothing.
  EXPECT_EQ(
      refused(with("effect = \"read\"", "effect = \"write\"\ncompensable = false\ntitle = \"t\"")),
      "");
}

TEST(ToolServer, MethodsAreAFewAndABodyHasAMeaning) {
  EXPECT_THAT(refused(with("method = \"GET\"", "method = \"get\"")), HasSubstr("/method"));
  EXPECT_THAT(refused(with("method = \"GET\"", "method = \"TRACE\"")), HasSubstr("/method"));
  EXPECT_THAT(refused(with("method = \"GET\"", "method = \"GET\"\nbody = \"json\"")),
              HasSubstr("has no body"));
}

TEST(ToolServer, P11_MoneyHasNoOpaqueBody) {
  const auto text = with("body = \"json\"", "body = \"opaque\"");
  EXPECT_THAT(refused(text), HasSubstr("what moves money cannot have a body"));
}

TEST(ToolServer, WriteAndMoneySayWhatAnApproverIsShownAndHowTheyAreUndone) {
  EXPECT_THAT(refused(with("title = \"Refund {amount}\"\n", "")), HasSubstr("title"));
  EXPECT_THAT(refused(with("compensable = false\n", "")), HasSubstr("must say how it is undone"));
  EXPECT_THAT(refused(with("{amount}", "{sum}")), HasSubstr("which is not declared"));
  EXPECT_THAT(refused(with("compensable = false", "compensation = \"billing.none\"")),
              HasSubstr("/compensation"));
  EXPECT_THAT(refused(with("compensable = false", "compensation = \"billing.invoice.read\"")),
              HasSubstr("is a read"));
  EXPECT_THAT(refused(with("compensable = false", "compensation = \"billing.refund.execute\"")),
              HasSubstr("does not undo itself"));
}

TEST(ToolServer, P11_WhatWritMakesIsNoArgument) {
  for (const auto* header :
       {"Host", "Content-Length", "Transfer-Encoding", "Authorization", "Cookie", "DPoP",
        "X-Forwarded-For", "traceparent", "Idempotency-Key", "X-HTTP-Method-Override", "Accept",
        "connection", "Writ-Action", "Proxy-Authorization", "Forwarded", "X-Original-URL"}) {
    const auto text = with("amount = {", "h = { type = \"string\", in = \"header\", as = \"" +
                                             std::string(header) + "\" }\namount = {");
    EXPECT_THAT(refused(text), HasSubstr("can never be an argument")) << header;
  }
  EXPECT_EQ(refused(with("amount = {",
                         "h = { type = \"string\", in = \"header\", as = \"X-Tag\" }\namount = {")),
            "");
}

TEST(ToolServer, P11_NoArgumentStandsWhereTheCredentialGoes) {
  auto text = with("header = \"Authorization\"\nprefix = \"Bearer \"", "header = \"X-Api-Key\"");
  const auto add = [](std::string to, std::string_view argument) {
    const auto at = to.find("amount = {");
    return to.insert(at, argument);
  };
  EXPECT_THAT(
      refused(add(text, "h = { type = \"string\", in = \"header\", as = \"x-api-key\" }\n")),
      HasSubstr("where the credential goes"));
  text = with("header = \"Authorization\"\nprefix = \"Bearer \"", "query = \"key\"");
  EXPECT_THAT(refused(add(text, "h = { type = \"string\", in = \"query\", as = \"KEY\" }\n")),
              HasSubstr("where the credential goes"));
}

TEST(ToolServer, ACredentialHasOnePlaceThatCanHoldIt) {
  EXPECT_THAT(refused(with("prefix = \"Bearer \"", "query = \"key\"")), HasSubstr("one place"));
  EXPECT_THAT(refused(with("header = \"Authorization\"\nprefix = \"Bearer \"\n", "")),
              HasSubstr("must say header, query or basic"));
  for (const auto* header : {"Host", "Cookie", "Content-Type", "X Y", "Connection"}) {
    EXPECT_NE(
        refused(with("header = \"Authorization\"", "header = \"" + std::string(header) + "\"")), "")
        << header;
  }
  EXPECT_NE(refused(with("prefix = \"Bearer \"", "prefix = \"Bearer\\r\\nX: \"")), "");
  EXPECT_NE(refused(with("header = \"Authorization\"\nprefix = \"Bearer \"", "basic = \"a:b\"")),
            "");
}

// failures.md 18.
TEST(ToolServer, ATemplateIsAPathThatHasOneReading) {
  for (const auto* path :
       {"v1/invoices/{invoice}", "/v1//invoices/{invoice}", "/v1/../invoices/{invoice}",
        "/v1/./{invoice}", "/v1/%2f/{invoice}", "/v1/%2e%2e/{invoice}", "/v1/{invoice}?a=b",
        "/v1/{invoice}#x", "/v1/x{invoice}", "/v1/{invoice}/{invoice}", "/v1/{}", "/v1/{in voice}",
        "/v1/{invoice"}) {
    EXPECT_NE(refused(with("/v1/invoices/{invoice}", path)), "") << path;
  }
}

TEST(ToolServer, TwoOperationsThatOnePathFitsAreRefused) {
  const auto two = [](std::string_view method, std::string_view path, std::string_view arguments) {
    return std::string(kDocument) + "[[operations]]\nname = \"billing.other\"\nmethod = \"" +
           std::string(method) + "\"\npath = \"" + std::string(path) +
           "\"\neffect = \"read\"\n[operations.arguments]\n" + std::string(arguments);
  };
  EXPECT_THAT(refused(two("GET", "/v1/invoices/{other}", "other = { type = \"string\" }")),
              HasSubstr("can be mistaken for"));
  EXPECT_THAT(refused(two("GET", "/v1/{kind}/inv_1", "kind = { type = \"string\" }")),
              HasSubstr("can be mistaken for"));
  // The pattern keeps the argument from being the other's word.
  EXPECT_EQ(refused(two("GET", "/v1/invoices/open", "")), "");
  EXPECT_EQ(refused(two("HEAD", "/v1/invoices/{other}", "other = { type = \"string\" }")), "");
}

TEST(ToolServer, P2_ARequirementBindsSomethingThatBothDeclare) {
  const auto needs = [](std::string_view value) {
    return with("compensable = false", "compensable = false\nrequires = " + std::string(value));
  };
  const auto server = parse(needs("[\"billing.invoice.read\"]"));
  ASSERT_TRUE(server.has_value()) << server.error().to_string();
  EXPECT_EQ(server->find_operation("billing.refund.execute")->requires_done.front().same,
            std::vector<std::string>{"invoice"});
  EXPECT_NE(refused(needs("[\"billing.none\"]")), "");
  EXPECT_NE(refused(needs("[\"billing.refund.execute\"]")), "");
  EXPECT_NE(refused(needs("[{ operation = \"billing.invoice.read\", same = [] }]")), "");
  EXPECT_NE(refused(needs("[{ operation = \"billing.invoice.read\", same = [\"amount\"] }]")), "");
  EXPECT_NE(refused(needs("[\"billing.invoice.read\", \"billing.invoice.read\"]")), "");
}

TEST(ToolServer, ADefinitionIsChangedByWhatItSaysAndByNothingElse) {
  const auto digest = [](const std::string& text, std::string_view operation) {
    const auto server = parse(text);
    EXPECT_TRUE(server.has_value()) << server.error().to_string();
    return server->find_operation(operation)->definition;
  };
  const std::string_view refund = "billing.refund.execute";
  const auto before = digest(std::string(kDocument), refund);
  for (const auto& [from, to] :
       std::initializer_list<std::pair<std::string_view, std::string_view>>{
           {"Refund {amount}", "Pay {amount}"},
           {"minimum = 1", "minimum = 2"},
           {"\"/v1/refunds\"", "\"/v2/refunds\""},
           {"https://api.example.com", "https://api2.example.com"},
           {"name = \"api-key\"", "name = \"other-key\""},
           {"prefix = \"Bearer \"", "prefix = \"Token \""},
           {"body = \"json\"", "body = \"form\""},
           {"compensable = false", "compensable = false\nidempotency_header = \"X-Key\""},
           {"compensable = false", "compensable = false\noutcomes = { 409 = \"done\" }"}}) {
    EXPECT_NE(digest(with(from, to), refund), before) << to;
  }
  // Another operation, an order, a comment.
  EXPECT_EQ(digest(with("^inv_[0-9]+$", "^inv_[0-9a-z]+$"), refund), before);
  EXPECT_EQ(digest(with("kind =", "# a note\nkind ="), refund), before);
}

TEST(ToolServer, PlainHttpIsForNamedAddressesAlone) {
  EXPECT_THAT(refused(with("https://api.example.com", "http://api.example.com")),
              HasSubstr("plain http"));
  EXPECT_EQ(refused(with("url = \"https://api.example.com\"",
                         "url = \"http://127.0.0.1:8710\"\nallow_addresses = [\"127.0.0.1/32\"]")),
            "");
  EXPECT_THAT(
      refused(with("url = \"https://api.example.com\"",
                   "url = \"http://127.0.0.2:8710\"\nallow_addresses = [\"127.0.0.1/32\"]")),
      HasSubstr("not in them"));
  for (const auto* url : {"https://user@api.example.com", "https://api.example.com/path",
                          "https://api.example.com?x", "ftp://api.example.com", "https:///evil"})
    EXPECT_NE(refused(with("https://api.example.com", url)), "") << url;
  for (const auto* network : {"127.0.0.1", "127.0.0.1/8", "127.0.0.1/33", "::1/129", "x/8", "0/0"})
    EXPECT_NE(
        refused(with("kind =", "allow_addresses = [\"" + std::string(network) + "\"]\nkind =")), "")
        << network;
}

TEST(ToolServer, P48_ADocumentNamesNoFileButCertificatesOrTheNameThatWritTomlHasForThem) {
  const auto beside = [](std::string_view line) {
    return with("kind =", std::string(line) + "\nkind =");
  };
  using Source = Authorities::Source;
  EXPECT_EQ(parse(std::string(kDocument))->authorities().source, Source::system);
  const auto named = parse(beside("ca_name = \"corp\""));
  ASSERT_TRUE(named) << named.error().to_string();
  EXPECT_EQ(named->authorities().source, Source::named);
  EXPECT_EQ(named->authorities().name, "corp");
  for (const auto* name : {"/etc/ssl/ca.pem", "../ca", "Corp", "ca.pem", ""})
    EXPECT_THAT(refused(beside("ca_name = \"" + std::string(name) + "\"")), StartsWith("/ca_name"))
        << name;
  // What was stored by version 0.1 is still read, and stands for nobody.
  const auto file = parse(beside("ca_file = \"/dev/ptmx\""));
  ASSERT_TRUE(file) << file.error().to_string();
  EXPECT_EQ(file->authorities().source, Source::file);

  const std::string certificate(kAuthority);
  const auto inline_text = [&](const std::string& text) {
    return beside("ca = \"\"\"\n" + text + "\"\"\"");
  };
  const auto own = parse(inline_text(certificate + certificate));
  ASSERT_TRUE(own) << own.error().to_string();
  EXPECT_EQ(own->authorities().source, Source::document);
  EXPECT_EQ(own->authorities().certificates.size(), 2U);
  EXPECT_NE(own->definition(), parse(inline_text(certificate))->definition());
  EXPECT_NE(named->definition(), parse(beside("ca_name = \"other\""))->definition());
  for (const auto* text : {"", "/etc/ssl/ca.pem", "-----BEGIN CERTIFICATE-----\n",
                           "-----BEGIN PRIVATE KEY-----\nMAA=\n-----END PRIVATE KEY-----\n"})
    EXPECT_THAT(refused(inline_text(text)), StartsWith("/ca")) << text;
  EXPECT_THAT(refused(beside("ca_name = \"corp\"\nca_file = \"a\"")), HasSubstr("give one"));
  EXPECT_THAT(refused(with("url = \"https://api.example.com\"",
                           "url = \"http://127.0.0.1:1\"\nallow_addresses = [\"127.0.0.1/32\"]\n"
                           "ca_name = \"corp\"")),
              HasSubstr("plain http has no certificates"));
}

TEST(ToolServer, NamesBeginWithTheServersName) {
  EXPECT_NE(refused(with("billing.invoice.read", "other.invoice.read")), "");
  EXPECT_NE(refused(with("billing.invoice.read", "billing.Invoice")), "");
  EXPECT_NE(refused(with("billing.invoice.read", "billing.*")), "");
  EXPECT_NE(refused(with("billing.invoice.read", "billing.refund.execute")), "");
  EXPECT_FALSE(parse(std::string(kDocument), "Billing").has_value());
}

TEST(ToolServer, P18_AResponseHeaderThatSpeaksOfBytesOrCookiesIsNotPassedOn) {
  const auto passes = [](std::string_view header, std::string_view redact = "true") {
    return refused(with("effect = \"read\"", "effect = \"read\"\nredact = " + std::string(redact) +
                                                 "\nresponse_headers = [\"" + std::string(header) +
                                                 "\"]"));
  };
  EXPECT_EQ(passes("X-Request-Id"), "");
  for (const auto* header : {"Set-Cookie", "Location", "Content-Length", "Connection", "a b"})
    EXPECT_NE(passes(header), "") << header;
  EXPECT_NE(passes("ETag"), "");
  EXPECT_EQ(passes("ETag", "false"), "");
}

TEST(ToolServer, OutcomesAreByStatusOrClass) {
  const auto outcomes = [](std::string_view value) {
    return refused(
        with("compensable = false", "compensable = false\noutcomes = " + std::string(value)));
  };
  EXPECT_EQ(outcomes("{ 409 = \"done\", 5xx = \"failed\" }"), "");
  for (const auto* bad : {"{ 99 = \"done\" }", "{ 600 = \"done\" }", "{ 1xx = \"done\" }",
                          "{ 409 = \"maybe\" }", "{ 40x = \"done\" }"})
    EXPECT_NE(outcomes(bad), "") << bad;
}

}  // namespace
}  // namespace writ::tools
