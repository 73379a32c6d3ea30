// SPDX-License-Identifier: Apache-2.0
// Opaque bodies (P11), and to whom the proxy connects (P19).
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/encoding.h"
#include "broker/housekeeping.h"
#include "crypto/hash.h"
#include "gateway/testing.h"

namespace writ::gateway {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

void replace_all(std::string& text, std::string_view from, std::string_view to) {
  for (auto at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size())) {
    text.replace(at, from.size(), to);
  }
}

// The example with an operation that takes a file, in the place of the echo.
void with_upload(workspace::Documents& documents) {
  for (auto& [path, text] : documents) {
    if (!path.starts_with("tools/")) {
      replace_all(text, "billing.headers.echo", "billing.receipt.upload");
    }
  }
  documents.at("tools/billing.toml") += R"(
[[operations]]
name = "billing.receipt.upload"
title = "Upload a receipt for {invoice}"
method = "PUT"
path = "/v1/receipts/{invoice}"
body = "opaque"
content_type = "application/pdf"
effect = "write"
compensable = false

[operations.arguments]
invoice = { "$ref" = "#/$defs/invoice" }
)";
}

class Opaque : public ::testing::Test {
 protected:
  broker::Acme& acme() { return gateway_.acme(); }
  // A call whose body comes in chunks, and has not ended.
  TestAgent begin() {
    return gateway_.call(*run_, {.method = "PUT",
                                 .target = "/v1/receipts/inv_1",
                                 .headers = "Content-Type: application/pdf\r\n"
                                            "Transfer-Encoding: chunked\r\n"});
  }
  std::string outcome(audit::Kind kind) {
    const auto entries = acme().entries(kind);
    EXPECT_EQ(entries.size(), 1U);
    return entries.empty() ? "" : std::string(entries.front().text());
  }

  Gateway gateway_{{}, with_upload};
  broker::Acme::SharedRun run_ = acme().refund_chain();
};

TEST_F(Opaque, P11_IsStreamedAndItsDigestIsInTheOutcome) {
  auto agent = begin();
  auto upstream = gateway_.upstream().accept();
  const auto head = upstream.read_through("\r\n\r\n");
  EXPECT_THAT(head, HasSubstr("PUT /v1/receipts/inv_1 HTTP/1.1\r\n"));
  EXPECT_THAT(head, HasSubstr("Content-Type: application/pdf\r\n"));
  EXPECT_THAT(head, HasSubstr("Transfer-Encoding: chunked\r\n"));
  agent.socket().send("5\r\none, \r\n");
  EXPECT_EQ(upstream.read_bytes(10), "5\r\none, \r\n");
  agent.socket().send("4\r\nt\r\n\x01\r\n0\r\n\r\n");
  EXPECT_EQ(upstream.read_through("0\r\n\r\n"), "4\r\nt\r\n\x01\r\n0\r\n\r\n");
  upstream.send("HTTP/1.1 204 No Content\r\n\r\n");
  EXPECT_EQ(agent.response().status, 204);
  EXPECT_THAT(outcome(audit::Kind::action_done),
              AllOf(HasSubstr("\"request_hmac\":\""),
                    Not(HasSubstr(hex_encode(crypto::sha256("one, t\r\n\x01"))))));
}

TEST_F(Opaque, P11_WhatIsTooMuchIsRefusedOrCut) {
  const auto declared = gateway_
                            .call(*run_, {.method = "PUT",
                                          .target = "/v1/receipts/inv_1",
                                          .headers = "Content-Type: application/pdf\r\n"
                                                     "Content-Length: 65537\r\n"})
                            .response();
  EXPECT_EQ(declared.status, 413);
  EXPECT_THAT(acme().entries(audit::Kind::action_intent), IsEmpty());

  auto agent = begin();
  auto upstream = gateway_.upstream().accept();
  agent.socket().send("10001\r\n" + std::string(65'537, 'x') + "\r\n0\r\n\r\n");
  const auto taken = upstream.read_all();
  EXPECT_THAT(taken, Not(::testing::EndsWith("0\r\n\r\n")));
  EXPECT_EQ(agent.response().status, 502);
  EXPECT_THAT(outcome(audit::Kind::action_unknown), HasSubstr("too large"));
}

TEST_F(Opaque, P16_AnAgentThatGoesInMidBodyLeavesTheOutcomeUnknown) {
  auto agent = begin();
  auto upstream = gateway_.upstream().accept();
  upstream.read_through("\r\n\r\n");
  agent.socket().send("5\r\none, ");
  agent.go_away();
  // The upstream never sees an end that looks like one.
  EXPECT_THAT(upstream.read_all(), Not(::testing::EndsWith("0\r\n\r\n")));
  while (gateway_.connections() > 0) std::this_thread::yield();
  EXPECT_THAT(outcome(audit::Kind::action_unknown), Not(IsEmpty()));
}

// What the run has in flight ends with it: a run that is forgotten could not be revoked any more.
TEST_F(Opaque, I4_P9_ACallUnderWayIsCutAtItsRunsEnd) {
  auto agent = begin();
  auto upstream = gateway_.upstream().accept();
  upstream.read_through("\r\n\r\n");
  agent.socket().send("5\r\none, \r\n");
  EXPECT_EQ(upstream.read_bytes(10), "5\r\none, \r\n");
  acme().clock().set_wall(run_->ends);
  ASSERT_TRUE(acme().run(
      broker::end_runs_past_their_end(acme().workspace(), acme().clock(), acme().random())));
  EXPECT_EQ(acme().workspace().runs().find(run_->id), nullptr);
  agent.socket().send("4\r\ntwo.\r\n0\r\n\r\n");
  EXPECT_EQ(agent.response().status, 502);
  EXPECT_EQ(upstream.read_all(), "");
  EXPECT_THAT(outcome(audit::Kind::action_unknown), HasSubstr("its time was over"));
}

TEST(Egress, P19_F21_ANameThatLeadsElsewhereIsNotDialledAndBurnsNothing) {
  Gateway gateway({}, [](workspace::Documents& documents) {
    replace_all(documents.at("tools/billing.toml"), "http://127.0.0.1:", "http://billing.test:");
  });
  const auto run = gateway.acme().refund_chain();
  for (const auto* address : {"127.0.0.2", "10.0.0.1", "169.254.169.254", "::1", "8.8.8.8",
                              "::ffff:127.0.0.2", "64:ff9b::7f00:1"}) {
    gateway.resolver().answer("billing.test", {address});
  }
  // The last answer lasts.
  gateway.resolver().answer("billing.test", {"127.0.0.1"});
  for (int i = 0; i < 7; ++i) {
    const auto seen = gateway.call(*run, {}).response();
    EXPECT_EQ(seen.status, 403);
    EXPECT_EQ(seen.member("where"), "billing");
    EXPECT_THAT(seen.body, Not(HasSubstr("127.0.0.2")));
  }
  EXPECT_THAT(gateway.acme().entries(audit::Kind::action_intent), IsEmpty());
  // P48: no other workspace's share of names.
  EXPECT_EQ(gateway.resolver().owner(), gateway.acme().workspace().id().to_string());

  auto agent = gateway.call(*run, {});
  auto upstream = gateway.upstream().accept();
  EXPECT_THAT(upstream.read_through("\r\n\r\n"), HasSubstr("Host: billing.test:"));
  upstream.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}");
  EXPECT_EQ(agent.response().status, 200);
}

}  // namespace
}  // namespace writ::gateway
