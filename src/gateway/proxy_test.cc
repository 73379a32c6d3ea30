// SPDX-License-Identifier: Apache-2.0
// The proxy up to the first byte: who may call, what is named, and how it answers.
#include "gateway/proxy.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/encoding.h"
#include "gateway/testing.h"

namespace writ::gateway {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

constexpr std::string_view kOk =
    "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}";

class Proxied : public ::testing::Test {
 protected:
  broker::Acme& acme() { return gateway_.acme(); }
  bool was_dialled() {
    const auto steps = gateway_.probe().steps();
    return std::ranges::find(steps, "dial") != steps.end();
  }
  // The whole of a request that the upstream got.
  std::string upstream_request(net::testing::RawSocket& socket) {
    auto head = socket.read_through("\r\n\r\n");
    const auto at = head.find("Content-Length: ");
    if (at != std::string::npos) head += socket.read_bytes(std::stoul(head.substr(at + 16)));
    return head;
  }

  Gateway gateway_;
  broker::Acme::SharedRun run_ = acme().refund_chain();
};

TEST_F(Proxied, AReadGoesThroughWithTheCredentialThatTheAgentNeverHad) {
  auto agent = gateway_.call(
      *run_, {.headers = "traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\n"
                         "X-Internal: 1\r\nAccept: text/html\r\nCookie: a=b\r\n"});
  auto upstream = gateway_.upstream().accept();
  const auto sent = upstream_request(upstream);
  EXPECT_THAT(sent, ::testing::StartsWith("GET /v1/invoices/inv_1 HTTP/1.1\r\nHost: 127.0.0.1:"));
  EXPECT_THAT(sent, HasSubstr("Authorization: Bearer sk_test_0123456789abcdef\r\n"));
  // P11: made by Writ, whatever the agent sent.
  EXPECT_THAT(sent, HasSubstr("Accept: */*\r\n"));
  EXPECT_THAT(sent, HasSubstr("Accept-Encoding: identity\r\n"));
  EXPECT_THAT(sent, HasSubstr("traceparent: 00-0af7651916cd43dd8448eb211c80319c-"));
  EXPECT_THAT(sent, Not(HasSubstr("b7ad6b7169203331")));
  EXPECT_THAT(sent, Not(HasSubstr("X-Internal")));
  EXPECT_THAT(sent, Not(HasSubstr("Cookie")));
  EXPECT_THAT(sent, Not(HasSubstr("DPoP")));
  upstream.send(kOk);
  const auto seen = agent.response();
  EXPECT_EQ(seen.status, 200);
  EXPECT_EQ(seen.body, "{}");
  EXPECT_THAT(seen.field("Writ-Action"), ::testing::StartsWith("act_"));
  EXPECT_EQ(acme().entries(audit::Kind::action_done).size(), 1U);
  EXPECT_EQ(gateway_.metrics().value("writ_tool_calls_total{outcome=\"done\"}"), 1);
}

TEST_F(Proxied, TheStepsAreReachedInTheirOrder) {
  auto agent = gateway_.call(*run_, {});
  auto upstream = gateway_.upstream().accept();
  upstream_request(upstream);
  upstream.send(kOk);
  EXPECT_EQ(agent.response().status, 200);
  EXPECT_THAT(gateway_.probe().steps(),
              ::testing::ElementsAre("dial", "claim", "intent", "first-byte", "last-byte",
                                     "outcome", "reply"));
}

TEST_F(Proxied, WithoutATraceOfItsOwnACallIsInTheRuns) {
  auto agent = gateway_.call(*run_, {.headers = "traceparent: nonsense\r\n"});
  auto upstream = gateway_.upstream().accept();
  EXPECT_THAT(upstream_request(upstream), HasSubstr("traceparent: 00-" + run_->trace_id + "-"));
  upstream.send(kOk);
  EXPECT_EQ(agent.response().status, 200);
}

// --- who calls

TEST_F(Proxied, P8_WithoutCredentialsAChallengeSaysWhereToGetThem) {
  const auto seen = gateway_.send(Gateway::bytes({}, "")).response();
  EXPECT_EQ(seen.status, 401);
  EXPECT_EQ(seen.member("type"), "https://writ.dev/problems/unauthenticated");
  EXPECT_EQ(seen.field("WWW-Authenticate"),
            "DPoP algs=\"ES256 EdDSA\", resource_metadata=\"https://writ.example/.well-known/"
            "oauth-protected-resource/tools/acme/billing\"");
  EXPECT_THAT(seen.head, HasSubstr("WWW-Authenticate: Bearer resource_metadata=\"https://"));
  EXPECT_FALSE(was_dialled());
}

TEST_F(Proxied, P8_AStolenTokenWithoutItsKeyIsRefused) {
  const auto token = acme().token(*run_);
  const auto bearer =
      gateway_.send(Gateway::bytes({}, "Authorization: Bearer " + token + "\r\n")).response();
  EXPECT_EQ(bearer.status, 401);
  EXPECT_THAT(bearer.field("WWW-Authenticate"), HasSubstr("error=\"invalid_token\""));
  // A proof by another key, for another URL, another method, another token.
  const auto proof = [&](const char* key, const char* method, std::string url,
                         const std::string& of) {
    return "Authorization: DPoP " + token + "\r\nDPoP: " +
           jose::make_dpop_proof(acme().key(key), method, url, of, acme().clock(),
                                 acme().random()) +
           "\r\n";
  };
  const std::string url = std::string(broker::Acme::kAudience) + "/v1/invoices/inv_1";
  for (const auto& credentials :
       {proof("planner", "GET", url, token), proof("billing", "POST", url, token),
        proof("billing", "GET", url + "0", token), proof("billing", "GET", url, token + "x")}) {
    const auto seen = gateway_.send(Gateway::bytes({}, credentials)).response();
    EXPECT_EQ(seen.status, 401);
    EXPECT_THAT(seen.field("WWW-Authenticate"), HasSubstr("DPoP error=\"invalid_dpop_proof\""));
  }
  EXPECT_FALSE(was_dialled());
}

TEST_F(Proxied, P8_AProofCountsOnce) {
  const auto bytes = gateway_.request(*run_, {});
  auto agent = gateway_.send(bytes);
  auto upstream = gateway_.upstream().accept();
  upstream_request(upstream);
  upstream.send(kOk);
  EXPECT_EQ(agent.response().status, 200);
  const auto again = gateway_.send(bytes).response();
  EXPECT_EQ(again.status, 401);
  EXPECT_THAT(again.body, HasSubstr("used before"));
}

TEST_F(Proxied, F17_TwoOfACredentialAreRefused) {
  const auto good = acme().request(*run_);
  const auto authorization = "Authorization: DPoP " + good.token + "\r\n";
  const auto proof = "DPoP: " + *good.proof + "\r\n";
  for (const auto& credentials :
       {authorization + authorization + proof, authorization + proof + proof,
        authorization + "DPoP: " + *good.proof + ", " + *good.proof + "\r\n",
        "Authorization: DPoP " + good.token + ", Bearer x\r\n" + proof}) {
    EXPECT_EQ(gateway_.send(Gateway::bytes({}, credentials)).response().status, 400);
  }
}

TEST_F(Proxied, P25_RefusalsOfStrangersAreCountedAndSampled) {
  for (int i = 0; i < 20; ++i) gateway_.send(Gateway::bytes({}, "")).response();
  EXPECT_EQ(gateway_.metrics().value("writ_unauthenticated_refusals_total{surface=\"tools\"}"), 20);
  int logged = 0;
  for (const auto& event : acme().log().events()) logged += event.name == "caller.refused" ? 1 : 0;
  EXPECT_EQ(logged, 1);
  EXPECT_THAT(acme().entries(audit::Kind::action_refused), IsEmpty());
}

TEST(ProxyLimits, P25_AnAgentThatCallsTooOftenIsToldWhenToComeBack) {
  Gateway gateway({}, {}, {.per_second = 1, .burst = 2});
  const auto run = gateway.acme().refund_chain();
  const TestCall outside{.method = "DELETE", .target = "/v1/customers/cus_1"};
  EXPECT_EQ(gateway.call(*run, outside).response().status, 403);
  EXPECT_EQ(gateway.call(*run, outside).response().status, 403);
  const auto seen = gateway.call(*run, outside).response();
  EXPECT_EQ(seen.status, 429);
  EXPECT_EQ(seen.member("type"), "https://writ.dev/problems/rate-limited");
  EXPECT_GE(std::stoi(seen.field("Retry-After")), 1);
}

TEST(ProxyLimits, P37_ACallTakesItsShareBeforeItsBodyIsRead) {
  Gateway gateway({}, {}, {.per_second = 1'000, .burst = 1'000},
                  {.calls = broker::ShareLimits::fair(512, 1)});
  const auto run = gateway.acme().refund_chain();
  // Its head alone: the body never comes.
  auto half = gateway.request(*run, Gateway::refund("key-1"));
  half.resize(half.find("\r\n\r\n") + 4);
  auto waiting = gateway.send(half + "{");
  SeenResponse seen;
  do {
    seen = gateway.call(*run, Gateway::refund("key-2")).response();
  } while (seen.status != 429);
  EXPECT_EQ(seen.member("type"), "https://writ.dev/problems/rate-limited");
  EXPECT_EQ(seen.member("limit"), "calls_per_run");
  EXPECT_THAT(seen.member("hint"), Not(IsEmpty()));
  EXPECT_GE(std::stoi(seen.field("Retry-After")), 1);
  // One that goes away gives its place back.
  waiting.socket().close();
  do {
    seen = gateway.call(*run, {.method = "DELETE", .target = "/v1/customers/cus_1"}).response();
  } while (seen.status == 429);
  EXPECT_EQ(seen.status, 403);
}

TEST(ProxyLimits, P37_WhatACallDeclaresCountsAndElseItsLimit) {
  // A body of an operation of this server has at most 64 KiB, and its agent a little more.
  constexpr std::uint64_t kLimit = 65'536;
  Gateway gateway({}, {}, {.per_second = 100'000, .burst = 100'000},
                  {.call_bytes = {.server = 8 << 20, .workspace = 4 << 20, .agent = kLimit + 256}});
  const auto run = gateway.acme().refund_chain();
  const auto refund_of = [](std::string key) {
    auto call = Gateway::refund(std::move(key));
    call.body.insert(1, 512, ' ');
    return call;
  };
  const auto refund = [&](std::string key) {
    return gateway.call(*run, refund_of(std::move(key))).response();
  };
  // Its head alone, up to the point at which its body is waited for.
  const auto begin = [&](std::string key, bool declared) {
    auto call = refund_of(std::move(key));
    call.headers = "Expect: 100-continue\r\n";
    auto bytes = gateway.request(*run, call);
    if (!declared) {
      const auto at = bytes.find("Content-Length: ");
      bytes.replace(at, bytes.find("\r\n", at) - at, "Transfer-Encoding: chunked");
    }
    bytes.resize(bytes.find("\r\n\r\n") + 4);
    auto agent = gateway.send(bytes);
    EXPECT_THAT(agent.socket().read_through("\r\n\r\n"), HasSubstr("100 Continue"));
    return agent;
  };

  auto chunked = begin("key-1", false);
  const auto refused = refund("key-2");
  EXPECT_EQ(refused.status, 429) << refused.body;
  EXPECT_EQ(refused.member("limit"), "call_bytes_per_agent");
  // A call without a body takes what its arguments do.
  EXPECT_EQ(
      gateway.call(*run, {.method = "DELETE", .target = "/v1/customers/cus_1"}).response().status,
      403);
  chunked.socket().close();
  SeenResponse seen;
  do {
    seen = refund("key-3");
  } while (seen.status == 429);
  EXPECT_EQ(seen.status, 403) << seen.body;

  // One that says how long it is takes that alone.
  auto declared = begin("key-4", true);
  EXPECT_EQ(refund("key-5").status, 403);
}

TEST(ProxyLimits, P37_ManySmallValuesCountAsTheMemoryThatTheyTake) {
  Gateway gateway(
      {},
      [](workspace::Documents& documents) {
        auto& text = documents.at("tools/billing.toml");
        constexpr std::string_view kLast =
            R"(preview_id = { type = "string", pattern = "^prv_[0-9A-Za-z]{1,32}$" })";
        const auto place = text.find(kLast);
        WRIT_CHECK(place != text.npos);
        text.insert(
            place + kLast.size(),
            "\nmore = { optional = true, type = \"array\", items = { type = \"integer\" } }");
      },
      {.per_second = 1'000, .burst = 1'000},
      {.call_bytes = {.server = 8 << 20, .workspace = 4 << 20, .agent = 256 << 10}});
  const auto run = gateway.acme().refund_chain();
  auto refund = Gateway::refund("key-1");
  std::string many = "[0";
  for (int i = 0; i < 30'000; ++i) many += ",0";
  refund.body.insert(refund.body.size() - 1, ",\"more\":" + many + "]");
  const auto seen = gateway.call(*run, refund).response();
  EXPECT_EQ(seen.status, 413) << seen.body;
  EXPECT_EQ(seen.member("limit"), "call_bytes_per_agent");
}

TEST_F(Proxied, P10_F14_WhatIsNotThereAnswersLikeWhatIsElsewhere) {
  auto other = [&](std::string_view path, std::string_view aud) {
    auto claims = acme().claims(*run_);
    claims["aud"] = JsonArray{aud};
    const auto token = acme().token(claims);
    const auto url = std::string(broker::Acme::kIssuer) + std::string(path);
    const auto proof = jose::make_dpop_proof(acme().key("billing"), "GET", url, token,
                                             acme().clock(), acme().random());
    auto seen = gateway_
                    .send("GET " + std::string(path) +
                          " HTTP/1.1\r\nHost: writ.example\r\nAuthorization: DPoP " + token +
                          "\r\nDPoP: " + proof + "\r\n\r\n")
                    .response();
    return std::to_string(seen.status) + seen.body;
  };
  const std::string iss(broker::Acme::kIssuer);
  const auto missing = other("/tools/acme/billing/v1/nothing", iss + "/tools/acme/billing");
  EXPECT_THAT(missing, ::testing::StartsWith("404"));
  // A server, a workspace, that is not there, for a token that names it.
  EXPECT_EQ(other("/tools/acme/ghost/v1/x", iss + "/tools/acme/ghost"), missing);
  EXPECT_EQ(other("/tools/ghost/billing/v1/x", iss + "/tools/ghost/billing"), missing);
  EXPECT_EQ(other("/tools/acme", iss + "/tools/acme/billing"), missing);
  // A token for elsewhere learns the same of what is there and what is not.
  const auto there = other("/tools/acme/billing/v1/invoices/inv_1", iss + "/tools/beta/billing");
  EXPECT_THAT(there, ::testing::StartsWith("401"));
  EXPECT_EQ(other("/tools/ghost/billing/v1/invoices/inv_1", iss + "/tools/beta/billing"), there);
  EXPECT_FALSE(was_dialled());
}

TEST_F(Proxied, I4_TheNextCallOfARevokedRunIsRefusedAtOnce) {
  acme().revoke(run_->parent.value());
  const auto seen = gateway_.call(*run_, {}).response();
  EXPECT_EQ(seen.status, 403);
  EXPECT_EQ(seen.member("operand"), "run");
  EXPECT_FALSE(was_dialled());
}

// --- what is asked

TEST_F(Proxied, ARefusalNamesItsOperand) {
  const auto seen =
      gateway_.call(*run_, {.method = "DELETE", .target = "/v1/customers/cus_1"}).response();
  EXPECT_EQ(seen.status, 403);
  EXPECT_EQ(seen.member("type"), "https://writ.dev/problems/denied");
  EXPECT_EQ(seen.member("operand"), "run's scope");
  EXPECT_THAT(seen.field("Writ-Action"), ::testing::StartsWith("act_"));
  EXPECT_EQ(acme().entries(audit::Kind::action_refused).size(), 1U);
  EXPECT_FALSE(was_dialled());
}

TEST_F(Proxied, P11_F18_WhatIsDecidedIsWhatIsSent) {
  for (const auto* target : {"//v1/invoices/inv_1", "/v1/../v1/invoices/inv_1",
                             "/v1/invoices/inv_1%2f..", "/v1/invoices/%2e%2e", "/v1/invoices/a#b",
                             "/v1/invoices/inv_1?x=1", "/v1/invoices/inv_1/"}) {
    const auto seen = gateway_.call(*run_, {.target = target}).response();
    EXPECT_THAT(seen.status, ::testing::AnyOf(400, 404)) << target;
  }
  EXPECT_FALSE(was_dialled());
  // White space and the order of members are the agent's; what leaves is the canonical form.
  auto agent = gateway_.call(
      *run_, {.method = "POST",
              .target = "/v1/refund-previews",
              .body = "{ \"invoice\": \"inv_1\", \"currency\":\"EUR\",\n \"amount\": 1.2e4 }"});
  auto upstream = gateway_.upstream().accept();
  EXPECT_THAT(
      upstream_request(upstream),
      ::testing::EndsWith("\r\n\r\n{\"amount\":12000,\"currency\":\"EUR\",\"invoice\":\"inv_1\"}"));
  upstream.send(kOk);
  EXPECT_EQ(agent.response().status, 200);
}

TEST_F(Proxied, P11_F19_BadBodiesAreRefusedWithTheirPlace) {
  const auto preview = [&](std::string body, std::string type = "application/json") {
    return gateway_
        .call(*run_, {.method = "POST",
                      .target = "/v1/refund-previews",
                      .body = std::move(body),
                      .content_type = std::move(type)})
        .response();
  };
  const std::string good = broker::Acme::preview_body();
  const auto duplicate = preview(R"({"amount":1,"amount":2,"currency":"EUR","invoice":"inv_1"})");
  EXPECT_EQ(duplicate.status, 400);
  EXPECT_THAT(duplicate.member("where"), ::testing::StartsWith("body 1:"));
  EXPECT_EQ(preview(R"({"Amount":1,"amount":2,"currency":"EUR","invoice":"inv_1"})").status, 400);
  const auto wrong = preview(R"({"amount":"1","currency":"EUR","invoice":"inv_1"})");
  EXPECT_EQ(wrong.status, 400);
  EXPECT_EQ(wrong.member("where"), "/amount");
  EXPECT_EQ(preview(good, "text/plain").status, 415);
  EXPECT_EQ(preview(std::string(70'000, ' ')).status, 413);
  const auto encoded = gateway_
                           .call(*run_, {.method = "POST",
                                         .target = "/v1/refund-previews",
                                         .body = good,
                                         .headers = "Content-Encoding: gzip\r\n"})
                           .response();
  EXPECT_EQ(encoded.status, 415);
  EXPECT_EQ(gateway_.call(*run_, {.body = "{}"}).response().status, 400);
  // P18: a part of a response could hide a part of a secret.
  EXPECT_EQ(gateway_.call(*run_, {.headers = "Range: bytes=0-9\r\n"}).response().status, 400);
  EXPECT_FALSE(was_dialled());
}

TEST(ProxyPlaces, P11_AValueInThePlaceOfTheCredentialIsRefused) {
  Gateway gateway({}, [](workspace::Documents& documents) {
    auto& text = documents.at("tools/billing.toml");
    const std::string header = "header = \"Authorization\"\nprefix = \"Bearer \"";
    text.replace(text.find(header), header.size(), "query = \"api_key\"");
  });
  const auto run = gateway.acme().refund_chain();
  const auto refused = gateway.call(*run, {.target = "/v1/invoices/inv_1?api_key=mine"}).response();
  EXPECT_EQ(refused.status, 403);
  EXPECT_EQ(refused.member("where"), "query");

  auto agent = gateway.call(*run, {});
  auto upstream = gateway.upstream().accept();
  EXPECT_THAT(upstream.read_through("\r\n\r\n"),
              ::testing::StartsWith(
                  "GET /v1/invoices/inv_1?api_key=sk_test_0123456789abcdef HTTP/1.1\r\n"));
  upstream.send("HTTP/1.1 200 OK\r\nContent-Length: 33\r\n\r\nyou sent sk_test_0123456789abcdef");
  EXPECT_EQ(agent.response().body, "you sent [redacted]");
}

TEST(ProxyPlaces, P11_BasicCredentials) {
  Gateway gateway({}, [](workspace::Documents& documents) {
    auto& text = documents.at("tools/billing.toml");
    const std::string header = "header = \"Authorization\"\nprefix = \"Bearer \"";
    text.replace(text.find(header), header.size(), "basic = \"writ\"");
  });
  const auto run = gateway.acme().refund_chain();
  auto agent = gateway.call(*run, {});
  auto upstream = gateway.upstream().accept();
  const auto rendered = base64_encode(as_bytes("writ:" + std::string(broker::Acme::kSecret)));
  EXPECT_THAT(upstream.read_through("\r\n\r\n"),
              HasSubstr("Authorization: Basic " + rendered + "\r\n"));
  upstream.send("HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(rendered.size()) +
                "\r\n\r\n" + rendered);
  EXPECT_EQ(agent.response().body, "[redacted]");
}

TEST_F(Proxied, P15_ARefusedConnectionRecordsNoIntent) {
  gateway_.upstream().close();
  const auto seen = gateway_.call(*run_, {}).response();
  EXPECT_EQ(seen.status, 503);
  EXPECT_EQ(seen.member("type"), "https://writ.dev/problems/not-delivered");
  EXPECT_THAT(seen.member("hint"), HasSubstr("safe to send again"));
  EXPECT_THAT(acme().entries(audit::Kind::action_intent), IsEmpty());
  // Where it is, is the operator's to see.
  EXPECT_THAT(seen.body, Not(HasSubstr("127.0.0.1")));
}

}  // namespace
}  // namespace writ::gateway
