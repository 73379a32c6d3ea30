// SPDX-License-Identifier: Apache-2.0
// From the first byte on: what goes to the upstream, what comes back, and what is recorded.
#include "gateway/delivery.h"

#include <future>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/encoding.h"
#include "gateway/testing.h"

namespace writ::gateway {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;

constexpr std::string_view kCreated =
    "HTTP/1.1 201 Created\r\nContent-Type: application/json\r\nContent-Length: 11\r\n\r\n"
    "{\"ref\":\"r\"}";

std::string ok(std::string_view body, std::string_view fields = {}) {
  return "HTTP/1.1 200 OK\r\n" + std::string(fields) +
         "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + std::string(body);
}
std::string replaced(std::string_view text, std::string_view from, std::string_view to) {
  std::string out(text);
  for (auto at = out.find(from); at != std::string::npos; at = out.find(from, at + to.size()))
    out.replace(at, from.size(), to);
  return out;
}
std::string chunk(std::string_view text) {
  char size[20];
  std::snprintf(size, sizeof size, "%zx\r\n", text.size());
  return std::string(size) + std::string(text) + "\r\n";
}

class Delivered : public ::testing::Test {
 protected:
  broker::Acme& acme() { return gateway_.acme(); }
  static std::string upstream_request(net::testing::RawSocket& socket) {
    auto head = socket.read_through("\r\n\r\n");
    const auto at = head.find("Content-Length: ");
    if (at != std::string::npos) head += socket.read_bytes(std::stoul(head.substr(at + 16)));
    return head;
  }
  // A read whose upstream answers with these bytes and closes.
  SeenResponse read(std::string_view answer) {
    auto agent = gateway_.call(*run_, {});
    auto upstream = gateway_.upstream().accept();
    upstream_request(upstream);
    upstream.send(answer);
    upstream.close();
    return agent.response();
  }
  // The same for a refund that is cleared.
  SeenResponse refund(const std::string& key, std::string_view answer) {
    gateway_.clear_refund(*run_, key);
    auto agent = gateway_.call(*run_, Gateway::refund(key));
    auto upstream = gateway_.upstream().accept();
    upstream_request(upstream);
    upstream.send(answer);
    upstream.close();
    return agent.response();
  }
  // The detail of the one outcome of this kind.
  std::string detail(audit::Kind kind) {
    const auto entries = acme().entries(kind);
    EXPECT_EQ(entries.size(), 1U);
    return entries.empty() ? "" : std::string(entries.front().text());
  }

  Gateway gateway_;
  broker::Acme::SharedRun run_ = acme().refund_chain();
};

// --- responses (P18)

TEST_F(Delivered, P18_I5_TheCredentialIsMaskedInFieldsAndBody) {
  const std::string key(broker::Acme::kSecret);
  const auto seen = read(ok("{\"authorization\":\"Bearer " + key + "\"}",
                            "Content-Type: application/json; key=" + key +
                                "\r\nContent-Disposition: attachment; filename=\"" +
                                hex_encode(as_bytes(key)) + "\"\r\n"));
  EXPECT_EQ(seen.body, "{\"authorization\":\"Bearer [redacted]\"}");
  EXPECT_EQ(seen.field("Content-Type"), "application/json; key=[redacted]");
  EXPECT_EQ(seen.field("Content-Disposition"), "attachment; filename=\"[redacted]\"");
  EXPECT_FALSE(acme().log().contains(key));
}

// A cache before the server would answer others, without a decision or a record.
TEST_F(Delivered, NoCacheKeepsAResponse) {
  const auto seen =
      read(ok("{}",
              "Content-Type: application/json\r\nCache-Control: public, max-age=600\r\n"
              "Expires: Fri, 02 Jan 2099 03:04:05 GMT\r\n"));
  EXPECT_EQ(seen.field("Cache-Control"), "no-store");
  EXPECT_EQ(seen.field("Expires"), "");
}

TEST_F(Delivered, P18_AStreamIsPassedOnAsItComesAndMaskedAcrossItsPieces) {
  auto agent = gateway_.call(*run_, {});
  auto upstream = gateway_.upstream().accept();
  upstream_request(upstream);
  upstream.send(
      "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
      "Transfer-Encoding: chunked\r\n\r\n" +
      chunk("data: one\n\n"));
  EXPECT_THAT(agent.socket().read_through("\r\n\r\n"), HasSubstr("Transfer-Encoding: chunked"));
  EXPECT_EQ(agent.chunk(), "data: one\n\n");
  upstream.send(chunk("data: sk_test_01234"));
  EXPECT_EQ(agent.chunk(), "data: ");
  upstream.send(chunk("56789abcdef\n\n"));
  EXPECT_EQ(agent.chunk(), "[redacted]\n\n");
  upstream.send("0\r\n\r\n");
  EXPECT_EQ(agent.socket().read_bytes(5), "0\r\n\r\n");
}

TEST_F(Delivered, P18_FieldsThatAreNotDeclaredOrSpeakOfOtherBytesAreDropped) {
  const auto seen = read(ok("{}",
                            "Content-Type: application/json\r\nSet-Cookie: session=1\r\n"
                            "ETag: \"x\"\r\nContent-MD5: x\r\nDigest: x\r\nServer: nginx\r\n"
                            "X-Debug: 1\r\nWrit-Action: act_forged\r\nKeep-Alive: timeout=5\r\n"
                            "Strict-Transport-Security: max-age=1\r\nRetry-After: 3\r\n"
                            "WWW-Authenticate: Basic\r\n"));
  for (const auto* name : {"Set-Cookie", "ETag", "Content-MD5", "Digest", "Server", "X-Debug",
                           "Keep-Alive", "Strict-Transport-Security", "WWW-Authenticate"}) {
    EXPECT_THAT(seen.field(name), IsEmpty()) << name;
  }
  EXPECT_EQ(seen.field("Retry-After"), "3");
  EXPECT_EQ(seen.field("X-Content-Type-Options"), "nosniff");
  EXPECT_THAT(seen.head, Not(HasSubstr("forged")));
  EXPECT_EQ(seen.field("Content-Length"), "2");
}

TEST_F(Delivered, P18_RedirectsAreNotFollowedAndLocationsStayWithinWhatIsDeclared) {
  const auto located = [&](const std::string& location) {
    const auto seen =
        read("HTTP/1.1 302 Found\r\nLocation: " + location + "\r\nContent-Length: 0\r\n\r\n");
    EXPECT_EQ(seen.status, 302);
    return seen.field("Location");
  };
  const auto port = std::to_string(gateway_.upstream().port());
  const std::string base(broker::Acme::kAudience);
  EXPECT_EQ(located("/v1/invoices/inv_2"), base + "/v1/invoices/inv_2");
  EXPECT_EQ(located("http://127.0.0.1:" + port + "/v1/invoices/inv_2"),
            base + "/v1/invoices/inv_2");
  for (const auto& other :
       {std::string("/v1/secrets"), std::string("https://elsewhere.example/v1/invoices/inv_2"),
        "http://127.0.0.1:1" + port + "/v1/invoices/inv_2", std::string("//elsewhere/v1/invoices"),
        std::string("invoices/inv_2"), "http://user@127.0.0.1:" + port + "/v1/invoices/inv_2"}) {
    EXPECT_THAT(located(other), IsEmpty()) << other;
  }
}

TEST_F(Delivered, P18_F22_AnEncodedBodyIsWithheldAndTheOutcomeStands) {
  for (const auto* coding : {"gzip", "br", "identity, zstd", "\"open"}) {
    const auto seen = read(ok("????", "Content-Encoding: " + std::string(coding) + "\r\n"));
    EXPECT_EQ(seen.status, 502);
    EXPECT_EQ(seen.member("type"), "https://writ.dev/problems/response-withheld");
    EXPECT_EQ(seen.member("upstream_status"), "200");
    EXPECT_THAT(seen.body, Not(HasSubstr("????")));
  }
  EXPECT_EQ(acme().entries(audit::Kind::action_done).size(), 4U);
  EXPECT_EQ(read(ok("{}", "Content-Encoding: identity\r\n")).status, 200);
}

// The upstream echoes the request: once plain, here as its libraries would write it.
TEST_F(Delivered, P18_I5_AnEchoInAnyUsualEncodingIsMaskedOrWithheld) {
  const std::string echo =
      "Authorization: Bearer " + std::string(broker::Acme::kSecret) + "; and more";
  auto mime = base64_encode(as_bytes(echo));
  for (std::size_t at = 20; at < mime.size(); at += 22) mime.insert(at, "\\r\\n");
  const auto lines =
      read(ok("{\"request\":\"" + mime + "\"}", "Content-Type: application/json\r\n"));
  EXPECT_EQ(lines.status, 200);
  EXPECT_THAT(lines.body, HasSubstr("[redacted]"));
  const auto page = read(ok("<p>Bearer " + replaced(broker::Acme::kSecret, "_", "&#95;") + "</p>",
                            "Content-Type: text/html\r\n"));
  EXPECT_EQ(page.body, "<p>Bearer [redacted]</p>");
  for (const auto& [type, body] :
       {std::pair<std::string, std::string>{"text/html; charset=utf-16", echo},
        {"application/json", "\x1f\x8b\x08 and so on"}}) {
    const auto seen = read(ok(body, "Content-Type: " + type + "\r\n"));
    EXPECT_EQ(seen.status, 502) << type;
    EXPECT_EQ(seen.member("type"), "https://writ.dev/problems/response-withheld");
    EXPECT_EQ(seen.member("upstream_status"), "200");
    EXPECT_THAT(seen.body, Not(HasSubstr("and so on")));
  }
}

TEST_F(Delivered, P18_P16_AWriteWhoseAnswerIsWithheldIsDoneAndNothingOfItIsKept) {
  const auto seen =
      refund("key-1", ok("\x1f\x8b\x08 and so on", "Content-Type: application/json\r\n"));
  EXPECT_EQ(seen.status, 502);
  EXPECT_EQ(seen.member("type"), "https://writ.dev/problems/response-withheld");
  EXPECT_EQ(seen.member("state"), "done");
  const auto again = gateway_.call(*run_, Gateway::refund("key-1")).response();
  EXPECT_EQ(again.status, 200);
  EXPECT_THAT(again.body, Not(HasSubstr("and so on")));
}

TEST_F(Delivered, P18_AStreamThatBecomesUnclearIsCut) {
  auto agent = gateway_.call(*run_, {});
  auto upstream = gateway_.upstream().accept();
  upstream_request(upstream);
  upstream.send(
      "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
      "Transfer-Encoding: chunked\r\n\r\n" +
      chunk("data: one\n\n"));
  EXPECT_THAT(agent.socket().read_through("\r\n\r\n"), HasSubstr("200 OK"));
  EXPECT_EQ(agent.chunk(), "data: one\n\n");
  const auto most = std::string(broker::Acme::kSecret.substr(0, broker::Acme::kSecret.size() - 1));
  upstream.send(chunk("data: " + most + "&#x" + std::string(400, '0')));
  const auto rest = agent.socket().read_all();
  EXPECT_THAT(rest, Not(HasSubstr(most)));
  EXPECT_THAT(rest, Not(EndsWith("0\r\n\r\n")));
}

TEST_F(Delivered, TheUpstreamsStatusIsTheAnswers) {
  const auto seen = read("HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\ngone");
  EXPECT_EQ(seen.status, 404);
  EXPECT_EQ(seen.body, "gone");
  EXPECT_THAT(seen.field("Writ-Action"), StartsWith("act_"));
  EXPECT_EQ(acme().entries(audit::Kind::action_failed).size(), 1U);
}

// --- order and outcomes (P15, P16)

TEST_F(Delivered, P15_I2_NoApplicationByteLeavesBeforeTheIntentIsDurable) {
  acme().store().hold_commits();
  auto agent = gateway_.call(*run_, {});
  auto upstream = gateway_.upstream().accept();
  while (gateway_.probe().steps().size() < 3) std::this_thread::yield();
  EXPECT_TRUE(upstream.is_silent());
  acme().store().release_commits();
  upstream_request(upstream);
  upstream.send(ok("{}"));
  EXPECT_EQ(agent.response().status, 200);
}

TEST_F(Delivered, P15_AnIntentThatCannotBeWrittenSendsNothing) {
  acme().store().fail_next_commit({Errc::unavailable, "the disk is full", {}, {}});
  auto agent = gateway_.call(*run_, {});
  auto upstream = gateway_.upstream().accept();
  const auto seen = agent.response();
  EXPECT_EQ(seen.status, 503);
  EXPECT_TRUE(upstream.is_silent());
  EXPECT_THAT(acme().entries(audit::Kind::action_intent), IsEmpty());
}

TEST_F(Delivered, P16_AWritesLastPieceWaitsForItsDurableOutcome) {
  gateway_.clear_refund(*run_, "key-1");
  gateway_.probe().at("outcome", [this] { acme().store().hold_commits(); });
  auto agent = gateway_.call(*run_, Gateway::refund("key-1"));
  auto upstream = gateway_.upstream().accept();
  const auto sent = upstream_request(upstream);
  // P14: the upstream's own idempotency header has the action's id.
  EXPECT_THAT(sent, HasSubstr("Idempotency-Key: act_"));
  upstream.send("HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\n" + chunk("{\"a\":1,"));
  upstream.send(chunk("\"b\":2}") + "0\r\n\r\n");
  const auto reached = [&](std::string_view step) {
    const auto steps = gateway_.probe().steps();
    return std::ranges::find(steps, step) != steps.end();
  };
  while (!reached("outcome")) std::this_thread::yield();
  EXPECT_FALSE(reached("reply"));
  acme().store().release_commits();
  const auto seen = agent.response();
  EXPECT_TRUE(seen.complete);
  EXPECT_EQ(seen.body, "{\"a\":1,\"b\":2}");
  EXPECT_EQ(seen.status, 201);
}

TEST_F(Delivered, P16_AnOutcomeThatCannotBeWrittenIsUnknownToTheAgent) {
  gateway_.clear_refund(*run_, "key-1");
  gateway_.probe().at("outcome", [this] {
    acme().store().fail_next_commit({Errc::unavailable, "the disk is full", {}, {}});
  });
  auto agent = gateway_.call(*run_, Gateway::refund("key-1"));
  auto upstream = gateway_.upstream().accept();
  upstream_request(upstream);
  upstream.send(kCreated);
  const auto seen = agent.response();
  EXPECT_EQ(seen.status, 502);
  EXPECT_EQ(seen.member("type"), "https://writ.dev/problems/outcome-unknown");
}

TEST_F(Delivered, P16_I6_EachWayAWriteMayEndIsRecorded) {
  struct Case {
    std::string_view answer;
    int status;
    audit::Kind kind;
  };
  const Case cases[] = {
      {kCreated, 201, audit::Kind::action_done},
      {"HTTP/1.1 402 Payment Required\r\nContent-Length: 0\r\n\r\n", 402,
       audit::Kind::action_failed},
      {"HTTP/1.1 409 Conflict\r\nContent-Length: 0\r\n\r\n", 409, audit::Kind::action_failed},
      {"HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n", 502, audit::Kind::action_unknown},
      // Not passed on: as our own it would mean that nothing was sent.
      {"HTTP/1.1 503 Busy\r\nContent-Length: 4\r\n\r\nbusy", 502, audit::Kind::action_unknown},
      // Cut before the head, within the head, within the body.
      {"", 502, audit::Kind::action_unknown},
      {"HTTP/1.1 201 Cre", 502, audit::Kind::action_unknown},
      {"HTTP/1.1 201 Created\r\nContent-Length: 11\r\n\r\n{\"ref\"", 502,
       audit::Kind::action_unknown},
      {"HTTP/1.1 201 Created\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n{}", 502,
       audit::Kind::action_unknown},
  };
  int number = 0;
  for (const auto& each : cases) {
    SCOPED_TRACE(std::string(each.answer));
    const auto before = acme().entries(each.kind).size();
    const auto seen = refund("key-" + std::to_string(++number), each.answer);
    EXPECT_EQ(seen.status, each.status);
    // The preview that a refund requires is done too.
    EXPECT_EQ(acme().entries(each.kind).size(),
              before + (each.kind == audit::Kind::action_done ? 2 : 1));
    if (each.status == 502) {
      EXPECT_EQ(seen.member("type"), "https://writ.dev/problems/outcome-unknown");
      EXPECT_THAT(seen.member("hint"), HasSubstr("do not retry"));
      EXPECT_EQ(seen.member("action"), seen.field("Writ-Action"));
    }
  }
}

TEST_F(Delivered, P16_AReadThatIsCutIsAFailureAndSafeToSendAgain) {
  const auto before_head = read("");
  EXPECT_EQ(before_head.status, 502);
  EXPECT_EQ(before_head.member("type"), "https://writ.dev/problems/upstream-failed");
  // Truncated is not complete.
  auto cut = read("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf");
  EXPECT_FALSE(cut.complete);
  EXPECT_EQ(acme().entries(audit::Kind::action_failed).size(), 2U);
}

TEST_F(Delivered, P15_AKeptConnectionThatDiedIsNotTriedAgain) {
  gateway_.clear_refund(*run_, "key-1");
  auto first = gateway_.call(*run_, {});
  auto upstream = gateway_.upstream().accept();
  upstream_request(upstream);
  upstream.send(ok("{}"));
  EXPECT_EQ(first.response().status, 200);
  // The same agent's connection stays on its loop, and so does the upstream's.
  WRIT_CHECK(first.socket().send(gateway_.request(*run_, Gateway::refund("key-1"))));
  upstream_request(upstream);
  upstream.close();
  const auto seen = first.response();
  EXPECT_EQ(seen.status, 502);
  EXPECT_EQ(seen.member("type"), "https://writ.dev/problems/outcome-unknown");
  EXPECT_EQ(acme().entries(audit::Kind::action_intent).size(), 3U);  // preview, read, refund
}

TEST_F(Delivered, P15_AnUpstreamThatHangsMeetsItsDeadline) {
  auto agent = gateway_.call(*run_, {});
  auto upstream = gateway_.upstream().accept();
  upstream_request(upstream);
  acme().clock().advance(seconds(61));  // total is 60 s, from the dial on
  const auto seen = agent.response();
  EXPECT_EQ(seen.status, 502);
  EXPECT_THAT(detail(audit::Kind::action_failed), HasSubstr("took too long"));
}

TEST_F(Delivered, P48_AtTheEndOfTheGraceACallIsCutRecordedAndItsAgentIsTold) {
  gateway_.clear_refund(*run_, "key");
  auto agent = gateway_.call(*run_, Gateway::refund("key"));
  auto upstream = gateway_.upstream().accept();
  upstream_request(upstream);
  // The upstream never answers: without the cut this would not return.
  gateway_.stop(milliseconds(0));
  const auto seen = agent.response();
  EXPECT_EQ(seen.status, 502);
  EXPECT_EQ(seen.member("type"), "https://writ.dev/problems/outcome-unknown");
  EXPECT_THAT(detail(audit::Kind::action_unknown), HasSubstr("cut off"));
}

TEST_F(Delivered, P48_AnAnswerThatCameInTimeReachesTheAgent) {
  gateway_.clear_refund(*run_, "key");
  auto agent = gateway_.call(*run_, Gateway::refund("key"));
  auto upstream = gateway_.upstream().accept();
  upstream_request(upstream);
  // The answer is read, and its outcome is about to be written, when the grace ends.
  std::promise<void> stopping;
  gateway_.probe().at("last-byte", [&] { stopping.set_value(); });
  upstream.send(kCreated);
  stopping.get_future().wait();
  gateway_.stop(milliseconds(0));
  EXPECT_EQ(agent.response().status, 201);
  EXPECT_EQ(acme().entries(audit::Kind::action_unknown).size(), 0U);
}

TEST_F(Delivered, AResponseBeyondTheServersLimitIsCut) {
  auto agent = gateway_.call(*run_, {});
  auto upstream = gateway_.upstream().accept();
  upstream_request(upstream);
  upstream.send("HTTP/1.1 200 OK\r\nContent-Length: 4194305\r\n\r\n");
  const std::string block(65536, 'x');
  for (int i = 0; i < 65 && upstream.send(block); ++i) {
  }
  EXPECT_FALSE(agent.response().complete);
  EXPECT_THAT(detail(audit::Kind::action_failed), HasSubstr("larger than"));
}

// --- revocation (I4)

TEST_F(Delivered, I4_ARunThatEndsBetweenIntentAndFirstByteSendsNothing) {
  // The last moment that a revocation can come in between: the record is durable.
  gateway_.probe().at("intent", [this] { acme().workspace().runs().end({run_->id}, {}); });
  auto agent = gateway_.call(*run_, {});
  auto upstream = gateway_.upstream().accept();
  const auto seen = agent.response();
  EXPECT_EQ(seen.status, 403);
  EXPECT_EQ(seen.member("operand"), "run");
  EXPECT_TRUE(upstream.is_silent());
  EXPECT_THAT(detail(audit::Kind::action_failed), HasSubstr("not sent"));
}

TEST_F(Delivered, I4_AUserWhoIsDisabledBetweenIntentAndFirstByteStopsTheCall) {
  gateway_.probe().at("intent", [this] {
    acme().workspace().set_standing(acme().user_id("alice"),
                                    {.key = std::nullopt, .disabled = true, .revision = 1});
  });
  auto agent = gateway_.call(*run_, {});
  auto upstream = gateway_.upstream().accept();
  const auto seen = agent.response();
  EXPECT_EQ(seen.status, 403);
  EXPECT_THAT(seen.member("detail"), HasSubstr("alice"));
  EXPECT_TRUE(upstream.is_silent());
}

TEST_F(Delivered, P12_ACredentialOfAnotherAccountIsNotUsedForWhatWasDecided) {
  gateway_.probe().at("intent", [this] { acme().rotate_credential(false); });
  auto agent = gateway_.call(*run_, {});
  auto upstream = gateway_.upstream().accept();
  const auto seen = agent.response();
  EXPECT_EQ(seen.status, 503);
  EXPECT_EQ(seen.member("type"), "https://writ.dev/problems/not-delivered");
  EXPECT_TRUE(upstream.is_silent());
  EXPECT_THAT(detail(audit::Kind::action_failed), HasSubstr("not sent"));
}

TEST_F(Delivered, P15_AConnectionIsNeverUsedForAnotherDefinition) {
  auto first = gateway_.call(*run_, {});
  auto upstream = gateway_.upstream().accept();
  upstream_request(upstream);
  upstream.send(ok("{}"));
  EXPECT_EQ(first.response().status, 200);
  acme().edit("tools/billing.toml", "idle = \"10s\"", "idle = \"9s\"");
  WRIT_CHECK(first.socket().send(gateway_.request(*run_, {})));
  auto second = gateway_.upstream().accept();
  upstream_request(second);
  second.send(ok("{}"));
  EXPECT_EQ(first.response().status, 200);
  EXPECT_TRUE(upstream.is_silent());
}

TEST_F(Delivered, I4_ARevocationCutsAStreamAndIsAcknowledgedThen) {
  auto agent = gateway_.call(*run_, {});
  auto upstream = gateway_.upstream().accept();
  upstream_request(upstream);
  upstream.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunk("one"));
  agent.socket().read_through("\r\n\r\n");
  EXPECT_EQ(agent.chunk(), "one");
  std::promise<void> acknowledged;
  acme().workspace().runs().end({run_->id}, [&] { acknowledged.set_value(); });
  acknowledged.get_future().wait();
  // Nothing that the upstream says from here on comes through.
  upstream.send(chunk("two"));
  EXPECT_EQ(agent.socket().read_all(), "");
  EXPECT_THAT(detail(audit::Kind::action_failed), HasSubstr("revoked"));
}

}  // namespace
}  // namespace writ::gateway
