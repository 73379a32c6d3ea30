// SPDX-License-Identifier: Apache-2.0
// Approvals over the wire: the problem that asks for one, held calls, known actions (P14, P17).
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "broker/housekeeping.h"
#include "gateway/testing.h"
#include "wire/time_text.h"

namespace writ::gateway {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;

constexpr std::string_view kCreated =
    "HTTP/1.1 201 Created\r\nContent-Type: application/json\r\nContent-Length: 34\r\n\r\n"
    "{\"key\":\"sk_test_0123456789abcdef\"}";

class Held : public ::testing::Test {
 protected:
  broker::Acme& acme() { return gateway_.acme(); }
  static TestCall waiting(TestCall call, int wait = 60) {
    call.headers += "Prefer: wait=" + std::to_string(wait) + "\r\n";
    return call;
  }
  // Speaks for the upstream once: takes the request and answers.
  std::string serve(std::string_view answer = kCreated) {
    auto upstream = gateway_.upstream().accept();
    auto head = upstream.read_through("\r\n\r\n");
    const auto at = head.find("Content-Length: ");
    if (at != std::string::npos) head += upstream.read_bytes(std::stoul(head.substr(at + 16)));
    upstream.send(answer);
    return head;
  }
  std::size_t intents() { return acme().entries(audit::Kind::action_intent).size(); }

  Gateway gateway_;
  broker::Acme::SharedRun run_ = acme().refund_chain();
};

TEST_F(Held, P4_TheProblemSaysWhoDecidesWhereAndHowToGoOn) {
  acme().preview(*run_);
  const auto seen = gateway_.call(*run_, Gateway::refund("key-1")).response();
  EXPECT_EQ(seen.status, 403);
  EXPECT_EQ(seen.field("Content-Type"), "application/problem+json");
  EXPECT_EQ(seen.member("type"), "https://writ.dev/problems/approval-required");
  const auto open = acme().approvals().open(acme().workspace());
  ASSERT_EQ(open.size(), 1U);
  const auto id = open.front()->id.to_string();
  EXPECT_EQ(seen.member("approval"), id);
  EXPECT_EQ(seen.member("approval_url"), "https://writ.example/approvals/" + id);
  EXPECT_EQ(seen.member("groups"), "[\"finance\"]");
  EXPECT_EQ(seen.member("expires"), format_time(open.front()->request_expires));
  EXPECT_THAT(seen.member("hint"), HasSubstr("Idempotency-Key"));
  EXPECT_THAT(seen.member("hint"), HasSubstr("Prefer: wait="));
  EXPECT_THAT(seen.field("Preference-Applied"), IsEmpty());
}

TEST_F(Held, P14_MoneyWithoutAnIdempotencyKeyIsRefused) {
  acme().preview(*run_);
  const auto seen = gateway_.call(*run_, Gateway::refund("")).response();
  EXPECT_EQ(seen.status, 400);
  EXPECT_EQ(seen.member("where"), "Idempotency-Key");
  EXPECT_EQ(gateway_.call(*run_, Gateway::refund(std::string(257, 'k'))).response().status, 400);
  auto twice = Gateway::refund("key-1");
  twice.headers = "Idempotency-Key: key-2\r\n";
  EXPECT_EQ(gateway_.call(*run_, twice).response().status, 400);
}

TEST_F(Held, P17_AHeldCallGoesOnByItselfOnceItIsApproved) {
  acme().preview(*run_);
  auto agent = gateway_.call(*run_, waiting(Gateway::refund("key-1")));
  gateway_.wait_for_question();
  gateway_.approve();
  const auto sent = serve();
  EXPECT_THAT(sent, StartsWith("POST /v1/refunds HTTP/1.1\r\n"));
  EXPECT_THAT(sent, ::testing::EndsWith(broker::Acme::refund_body()));
  const auto seen = agent.response();
  EXPECT_EQ(seen.status, 201);
  EXPECT_EQ(seen.field("Preference-Applied"), "wait=60");
  EXPECT_EQ(seen.body, "{\"key\":\"[redacted]\"}");
}

TEST_F(Held, P17_AWaitIsBoundedAndItsEndSaysHowToGoOn) {
  acme().preview(*run_);
  auto agent = gateway_.call(*run_, waiting(Gateway::refund("key-1"), 100'000));
  gateway_.wait_for_question();
  // Past the longest wait, and not past the question's own end.
  acme().clock().advance(seconds(301));
  const auto seen = agent.response();
  EXPECT_EQ(seen.status, 403);
  EXPECT_EQ(seen.member("type"), "https://writ.dev/problems/approval-required");
  EXPECT_EQ(seen.field("Preference-Applied"), "wait=300");
}

TEST_F(Held, P17_AClientThatHasGoneClaimsNothing) {
  acme().preview(*run_);
  const auto before = intents();
  auto agent = gateway_.call(*run_, waiting(Gateway::refund("key-1")));
  gateway_.wait_for_question();
  agent.go_away();
  // The server has seen it go when it has closed its side too.
  while (gateway_.connections() > 0) std::this_thread::yield();
  gateway_.approve();
  EXPECT_EQ(intents(), before);
  // The approval is there for the same call to claim.
  auto again = gateway_.call(*run_, Gateway::refund("key-1"));
  serve();
  EXPECT_EQ(again.response().status, 201);
}

TEST_F(Held, P17_AClientThatGoesAfterTheClaimChangesNothingAndTheResultIsKept) {
  gateway_.clear_refund(*run_, "key-1");
  auto agent = gateway_.call(*run_, Gateway::refund("key-1"));
  auto upstream = gateway_.upstream().accept();
  upstream.read_through("\r\n\r\n");
  agent.go_away();
  upstream.read_bytes(broker::Acme::refund_body().size());
  upstream.send(kCreated);
  while (gateway_.connections() > 0) std::this_thread::yield();
  EXPECT_EQ(acme().entries(audit::Kind::action_done).size(), 2U);  // with the preview

  const auto known = gateway_.call(*run_, Gateway::refund("key-1")).response();
  EXPECT_EQ(known.status, 200);
  EXPECT_EQ(known.member("state"), "done");
  EXPECT_EQ(known.member("replayed"), "true");
  EXPECT_EQ(known.member("status"), "201");
  EXPECT_EQ(known.member("action"), known.field("Writ-Action"));
  const auto result = known.json()["result"].as_object();
  EXPECT_EQ(text_of(result.at("body").as_string()), "{\"key\":\"[redacted]\"}");
  EXPECT_EQ(text_of(result.at("content_type").as_string()), "application/json");
}

TEST_F(Held, P14_TheSameKeyNeverExecutesTwiceAndAnotherActionUnderItIsRefused) {
  gateway_.clear_refund(*run_, "key-1");
  auto agent = gateway_.call(*run_, Gateway::refund("key-1"));
  auto upstream = gateway_.upstream().accept();
  upstream.read_through("\r\n\r\n");
  // While it runs.
  const auto in_flight = gateway_.call(*run_, Gateway::refund("key-1")).response();
  EXPECT_EQ(in_flight.status, 409);
  EXPECT_EQ(in_flight.member("type"), "https://writ.dev/problems/action-in-flight");
  EXPECT_EQ(in_flight.field("Retry-After"), "1");
  const auto other = gateway_.call(*run_, Gateway::refund("key-1", 12'001)).response();
  EXPECT_EQ(other.status, 422);
  EXPECT_EQ(other.member("type"), "https://writ.dev/problems/idempotency-key-reused");
  // Cut: nobody knows, and nobody is told to try again.
  upstream.close();
  EXPECT_EQ(agent.response().status, 502);
  const auto unknown = gateway_.call(*run_, Gateway::refund("key-1")).response();
  EXPECT_EQ(unknown.status, 502);
  EXPECT_EQ(unknown.member("type"), "https://writ.dev/problems/outcome-unknown");
  EXPECT_EQ(unknown.field("Writ-Action"), in_flight.field("Writ-Action"));
}

TEST_F(Held, I4_ARevocationEndsAHeldCallRefused) {
  acme().preview(*run_);
  auto agent = gateway_.call(*run_, waiting(Gateway::refund("key-1")));
  gateway_.wait_for_question();
  acme().revoke(run_->parent.value());
  const auto seen = agent.response();
  EXPECT_EQ(seen.status, 403);
  EXPECT_EQ(seen.member("operand"), "run");
}

TEST_F(Held, I4_P17_ARunsEndEndsAHeldCallRefused) {
  acme().preview(*run_);
  const auto before = intents();
  auto agent = gateway_.call(*run_, waiting(Gateway::refund("key-1")));
  gateway_.wait_for_question();
  acme().clock().set_wall(run_->ends);
  ASSERT_TRUE(acme().run(
      broker::end_runs_past_their_end(acme().workspace(), acme().clock(), acme().random())));
  const auto seen = agent.response();
  EXPECT_EQ(seen.status, 403);
  EXPECT_EQ(seen.member("operand"), "run");
  EXPECT_EQ(intents(), before);
}

TEST(KeptResults, P17_WhatIsKeptOfAResponseIsBounded) {
  Gateway gateway({.public_url = {}, .kept_result = 10});
  const auto run = gateway.acme().refund_chain();
  gateway.clear_refund(*run, "key-1");
  auto agent = gateway.call(*run, Gateway::refund("key-1"));
  auto upstream = gateway.upstream().accept();
  upstream.read_through("\r\n\r\n");
  upstream.read_bytes(broker::Acme::refund_body().size());
  upstream.send("HTTP/1.1 200 OK\r\nContent-Length: 14\r\n\r\n0123456789\xff\xfe..");
  EXPECT_EQ(agent.response().body, "0123456789\xff\xfe..");
  const auto known = gateway.call(*run, Gateway::refund("key-1")).response();
  const auto result = known.json()["result"].as_object();
  EXPECT_EQ(text_of(result.at("body").as_string()), "0123456789");
  EXPECT_TRUE(result.at("truncated").as_bool());
}

TEST(HeldLimits, P17_ARunsHeldCallsAreBounded) {
  Gateway gateway({}, {}, {.per_second = 1'000, .burst = 1'000},
                  {.held = broker::ShareLimits::fair(512, 1)});
  const auto run = gateway.acme().refund_chain();
  gateway.acme().preview(*run);
  gateway.acme().preview(*run, 12'001);
  const auto call = [&](std::string key, std::int64_t amount) {
    auto refund = Gateway::refund(std::move(key), amount);
    refund.headers = "Prefer: wait=60\r\n";
    return gateway.call(*run, refund);
  };
  auto one = call("key-1", 12'000);
  auto other = call("key-2", 12'001);
  // Whichever comes second is answered; the first stays held.
  while (one.socket().is_silent() && other.socket().is_silent()) std::this_thread::yield();
  EXPECT_TRUE(one.socket().is_silent() || other.socket().is_silent());
  const auto seen = (one.socket().is_silent() ? other : one).response();
  EXPECT_EQ(seen.status, 429);
  EXPECT_THAT(seen.field("Retry-After"), Not(IsEmpty()));
  EXPECT_THAT(seen.field("Preference-Applied"), IsEmpty());
}

}  // namespace
}  // namespace writ::gateway
