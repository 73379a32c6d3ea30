// SPDX-License-Identifier: Apache-2.0
#include "net/http_client.h"

#include <future>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "net/http_server.h"
#include "net/testing.h"
#include "observe/log.h"
#include "observe/metrics.h"

namespace writ::net {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using ::testing::Not;
using testing::RawListener;
using testing::RawSocket;

// A response as a test sees it.
struct Seen {
  int status = 0;
  std::string body;
  bool reused = false;
};

class ClientTest : public ::testing::Test {
 public:
  ClientTest() { loops_.start(); }
  ~ClientTest() override { loops_.stop(); }

  Upstream to(std::uint16_t port, std::string binding = "srv") const {
    return {.scheme = "http",
            .host = "127.0.0.1",
            .port = port,
            .binding = std::move(binding),
            .rules = rules_};
  }
  static OutgoingRequest get(std::string target = "/") {
    return {.method = "GET", .target = std::move(target), .host = "upstream.test"};
  }
  static OutgoingRequest post() {
    return {.method = "POST", .target = "/", .host = "upstream.test"};
  }

  template <typename T>
  T run(Task<T> task) {
    return run_on(loops_.at(0), std::move(task));
  }

  // A whole exchange, on the one loop.
  Task<Expected<Seen>> whole(Upstream upstream, OutgoingRequest request, std::string body,
                             ExchangeOptions options = {}) {
    WRIT_CO_TRY(auto exchange, co_await client_.connect(std::move(upstream), std::move(options)));
    WRIT_CO_TRY_VOID(co_await exchange.send(std::move(request), as_bytes(body)));
    WRIT_CO_TRY(const auto head, co_await exchange.receive_head());
    WRIT_CO_TRY(const auto all, co_await exchange.receive_all(1 << 20));
    EXPECT_TRUE(exchange.complete());
    co_return Seen{.status = head.status, .body = to_text(all), .reused = exchange.reused()};
  }
  Expected<Seen> fetch(Upstream upstream, OutgoingRequest request, std::string body = {},
                       ExchangeOptions options = {}) {
    return run(whole(std::move(upstream), std::move(request), std::move(body), std::move(options)));
  }
  // The same while the test speaks for the upstream.
  std::future<Expected<Seen>> fetching(Upstream upstream, OutgoingRequest request,
                                       std::string body = {}, ExchangeOptions options = {}) {
    return std::async(std::launch::async, [=, this, request = std::move(request)]() mutable {
      return fetch(upstream, std::move(request), body, options);
    });
  }

  SystemClock clock_;
  LoopPool loops_{clock_, 1};
  testing::FakeResolver resolver_;
  Dialer dialer_{resolver_};
  std::shared_ptr<const EgressRules> rules_ =
      std::make_shared<const EgressRules>(EgressRules::create({"127.0.0.0/8"}).value());
  HttpClient client_{loops_, dialer_};
};

constexpr std::string_view kOk = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

TEST_F(ClientTest, TalksToOurServerAndKeepsItsConnection) {
  observe::NullLog log;
  observe::NullMetrics metrics;
  auto server = HttpServer::create(
      loops_, {.address = asio::ip::make_address("127.0.0.1")},
      [](ServerRequest& request, ServerResponse& response) -> Task<void> {
        auto body = co_await request.read_all(1 << 20);
        EXPECT_TRUE(body);
        (void)co_await response.begin(200, Fields());
        if (body && !body->empty()) (void)co_await response.write(*body);
        (void)co_await response.write(as_bytes(request.method()));
        (void)co_await response.finish();
      },
      log, metrics);
  ASSERT_TRUE(server);
  const auto port = (*server)->port();

  for (int i = 0; i < 3; ++i) {
    const auto seen = fetch(to(port), post(), "body ");
    ASSERT_TRUE(seen) << seen.error().to_string();
    EXPECT_EQ(seen->status, 200);
    EXPECT_EQ(seen->body, "body POST");
    EXPECT_EQ(seen->reused, i > 0);
  }
  EXPECT_EQ((*server)->connections(), 1U);

  // Many at once, a sanity of throughput rather than a measurement.
  constexpr int kTasks = 16;
  constexpr int kEach = 50;
  std::vector<std::promise<int>> done(kTasks);
  for (auto& promise : done) {
    spawn(loops_.at(0),
          [](ClientTest& test, std::uint16_t at, std::promise<int>& out) -> Task<void> {
            int good = 0;
            for (int i = 0; i < kEach; ++i) {
              const auto seen = co_await test.whole(test.to(at), post(), std::string(5000, 'x'));
              if (seen && seen->body.size() == 5004) ++good;
            }
            out.set_value(good);
          }(*this, port, promise));
  }
  for (auto& promise : done) EXPECT_EQ(promise.get_future().get(), kEach);
  EXPECT_LE((*server)->connections(), 17U);
}

TEST_F(ClientTest, P15_NoApplicationByteLeavesBeforeSend) {
  RawListener upstream;
  auto exchange = run(client_.connect(to(upstream.port()), {}));
  ASSERT_TRUE(exchange) << exchange.error().to_string();
  auto peer = upstream.accept();
  EXPECT_FALSE(exchange->sent());
  EXPECT_TRUE(peer.is_silent());

  ASSERT_TRUE(run(exchange->send(get("/x"), {})));
  EXPECT_TRUE(exchange->sent());
  EXPECT_EQ(peer.read_through("\r\n\r\n"), "GET /x HTTP/1.1\r\nHost: upstream.test\r\n\r\n");
  run_on(loops_.at(0), [](Exchange last) -> Task<void> {
    last.abort();
    co_return;
  }(*std::move(exchange)));
}

TEST_F(ClientTest, P15_ARefusedConnectionHasSentNothing) {
  std::uint16_t port = 0;
  {
    const RawListener gone;
    port = gone.port();
  }
  const auto exchange = run(client_.connect(to(port), {}));
  ASSERT_FALSE(exchange);
  EXPECT_EQ(exchange.error().code, Errc::unavailable);
}

TEST_F(ClientTest, SecretsStandInTheHeadAsGiven) {
  RawListener upstream;
  auto request = get("/a?b=c");
  request.secret_target = SecretBytes::copy_of("&key=s3cret");
  ASSERT_TRUE(request.fields.add("Accept", "application/json"));
  ASSERT_TRUE(request.fields.add("Host", "evil.test"));
  ASSERT_TRUE(request.fields.add("Content-Length", "99"));
  ASSERT_TRUE(request.fields.add("Connection", "X-Y"));
  request.secret_fields.push_back({"Authorization", SecretBytes::copy_of("Bearer sk-123")});
  auto seen = fetching(to(upstream.port()), std::move(request));
  auto peer = upstream.accept();
  EXPECT_EQ(peer.read_through("\r\n\r\n"),
            "GET /a?b=c&key=s3cret HTTP/1.1\r\nHost: upstream.test\r\nAccept: application/json\r\n"
            "Authorization: Bearer sk-123\r\n\r\n");
  peer.send(kOk);
  EXPECT_TRUE(seen.get());
}

TEST_F(ClientTest, WhatCouldBeReadAsMoreThanOneFieldIsRefusedAndNotShown) {
  RawListener upstream;
  const auto refused = [&](OutgoingRequest request) {
    auto exchange = run(client_.connect(to(upstream.port()), {}));
    ASSERT_TRUE(exchange);
    const auto sent = run(exchange->send(std::move(request), {}));
    ASSERT_FALSE(sent);
    EXPECT_EQ(sent.error().code, Errc::invalid_input);
    EXPECT_THAT(sent.error().to_string(), Not(HasSubstr("s3cret")));
    EXPECT_FALSE(exchange->sent());
    run_on(loops_.at(0), [](Exchange) -> Task<void> { co_return; }(*std::move(exchange)));
  };
  for (const std::string value : {"s3cret\r\nX: y", "s3cret\n", "s3cret\r", " s3cret", "s3cret ",
                                  "", "s3\001cret", "s3cret\x7f", "s3cret\xc3\xa4"}) {
    auto request = get();
    request.secret_fields.push_back({"Authorization", SecretBytes::copy_of(value)});
    refused(std::move(request));
  }
  for (const std::string name : {"Host", "Content-Length", "Transfer-Encoding", "Bad Name", ""}) {
    auto request = get();
    request.secret_fields.push_back({name, SecretBytes::copy_of("s3cret")});
    refused(std::move(request));
  }
  for (const std::string part : {"&k=s3cret x", "&k=s3cret\r\n", "#s3cret"}) {
    auto request = get();
    request.secret_target = SecretBytes::copy_of(part);
    refused(std::move(request));
  }
  for (const std::string target : {"", "a", "http://a/", "/a b", "/a\r\nX: y", "/#a"}) {
    refused(get(target));
  }
  auto twice = get();
  ASSERT_TRUE(twice.fields.add("authorization", "mine"));
  twice.secret_fields.push_back({"Authorization", SecretBytes::copy_of("s3cret")});
  refused(std::move(twice));
  auto host = get();
  host.host = "a\r\nX: y";
  refused(std::move(host));
  auto method = get();
  method.method = "GET /x HTTP/1.1\r\nX: y";
  refused(std::move(method));
}

TEST_F(ClientTest, AConnectionThatEndedIsNotUsedAgain) {
  RawListener upstream;
  auto first = fetching(to(upstream.port()), get());
  auto peer = upstream.accept();
  peer.read_through("\r\n\r\n");
  peer.send(kOk);
  EXPECT_TRUE(first.get());
  peer.close();

  auto second = fetching(to(upstream.port()), get());
  auto other = upstream.accept();
  other.read_through("\r\n\r\n");
  other.send(kOk);
  const auto seen = second.get();
  ASSERT_TRUE(seen);
  EXPECT_FALSE(seen->reused);
}

// failures.md 16: after ambiguity or an early response a connection is not used again.
TEST_F(ClientTest, ResponsesThatLeaveDoubtEndTheConnection) {
  RawListener upstream;
  for (const std::string_view response : {
           "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\n",
           "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok",
           "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok",
       }) {
    auto seen = fetching(to(upstream.port()), get());
    auto peer = upstream.accept();
    peer.read_through("\r\n\r\n");
    peer.send(response);
    const auto result = seen.get();
    ASSERT_TRUE(result) << result.error().to_string();
    EXPECT_FALSE(result->reused);
    EXPECT_EQ(peer.read_all(), "");
  }
}

TEST_F(ClientTest, AnEarlyResponseIsReadAndEndsTheConnection) {
  RawListener upstream;
  auto exchange = run(client_.connect(to(upstream.port()), {}));
  ASSERT_TRUE(exchange);
  auto peer = upstream.accept();
  ASSERT_TRUE(run(exchange->send_head(post(), 6)));
  peer.read_through("\r\n\r\n");
  ASSERT_TRUE(run(exchange->send_body(as_bytes("abc"))));
  EXPECT_EQ(peer.read_bytes(3), "abc");
  peer.send("HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n");
  // Until it has arrived.
  ASSERT_TRUE(run([](Exchange& waiting) -> Task<Expected<void>> {
    const auto head = co_await waiting.receive_head();
    EXPECT_TRUE(head && head->status == 413);
    EXPECT_TRUE(co_await waiting.receive_all(0));
    co_return Expected<void>{};
  }(*exchange)));
  run_on(loops_.at(0), [](Exchange) -> Task<void> { co_return; }(*std::move(exchange)));
  EXPECT_EQ(peer.read_all(), "");
}

// failures.md 16: also where the request is sent as a whole, and there was no time to look between.
TEST_F(ClientTest, AnAnswerBeforeTheRequestsLastByteEndsTheConnection) {
  RawListener upstream;
  const std::string large(std::size_t{16} << 20, 'x');  // more than both sockets' buffers
  auto seen = fetching(to(upstream.port()), post(), large);
  auto peer = upstream.accept();
  peer.read_through("\r\n\r\n");
  peer.send(kOk);
  EXPECT_EQ(peer.read_bytes(large.size()).size(), large.size());
  const auto result = seen.get();
  ASSERT_TRUE(result) << result.error().to_string();
  EXPECT_EQ(result->body, "ok");
  run([](ClientTest& test, Upstream same) -> Task<void> {
    const auto next = co_await test.client_.connect(std::move(same), {});
    EXPECT_TRUE(next && !next->reused());
  }(*this, to(upstream.port())));
}

TEST_F(ClientTest, P15_AConnectionThatDiesUnderARequestIsNotTriedAgain) {
  RawListener upstream;
  auto first = fetching(to(upstream.port()), get());
  auto peer = upstream.accept();
  peer.read_through("\r\n\r\n");
  peer.send(kOk);
  EXPECT_TRUE(first.get());

  auto second = fetching(to(upstream.port()), post());
  EXPECT_THAT(peer.read_through("\r\n\r\n"), HasSubstr("POST"));
  peer.close();
  const auto seen = second.get();
  ASSERT_FALSE(seen);
  EXPECT_EQ(seen.error().code, Errc::unknown_outcome);
}

TEST_F(ClientTest, BindingsNeverShareAConnection) {
  RawListener upstream;
  std::vector<RawSocket> peers;
  auto other_rules = to(upstream.port(), "one");
  other_rules.rules =
      std::make_shared<const EgressRules>(EgressRules::create({"127.0.0.1"}).value());
  for (const auto& target : {to(upstream.port(), "one"), to(upstream.port(), "two"), other_rules}) {
    auto seen = fetching(target, get());
    peers.push_back(upstream.accept());
    peers.back().read_through("\r\n\r\n");
    peers.back().send(kOk);
    const auto result = seen.get();
    ASSERT_TRUE(result);
    EXPECT_FALSE(result->reused);
  }
  auto again = fetching(to(upstream.port(), "one"), get());
  peers[0].read_through("\r\n\r\n");
  peers[0].send(kOk);
  EXPECT_TRUE(again.get()->reused);
}

TEST_F(ClientTest, ACutOrMalformedResponseIsNeverComplete) {
  RawListener upstream;
  for (const std::string_view response : {
           "",
           "HTTP/1.1 200",
           "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n",
           "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n",
           "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabcd",
           "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nabcd\r\n",
           "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nabcd\r\n0\r\n",
           "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nabcdX",
           "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nok",
           "HTTP/1.1 200 OK\nContent-Length: 2\n\nok",
           "HTTP/1.1 101 Switching Protocols\r\n\r\n",
           "HTTP/1.1 100 Continue\r\n\r\n",
       }) {
    auto seen = fetching(to(upstream.port()), post());
    auto peer = upstream.accept();
    peer.read_through("\r\n\r\n");
    peer.send(response);
    peer.close();
    const auto result = seen.get();
    ASSERT_FALSE(result) << response;
    EXPECT_EQ(result.error().code, Errc::unknown_outcome) << response;
  }
}

TEST_F(ClientTest, ResponsesMayArriveByteByByteAndWithInterims) {
  RawListener upstream;
  for (const std::string_view response : {
           "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\n"
           "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nbody",
           "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nb\r\n3\r\nody\r\n0\r\nA: "
           "b\r\n\r\n",
       }) {
    auto seen = fetching(to(upstream.port()), get());
    auto peer = upstream.accept();
    peer.read_through("\r\n\r\n");
    for (const char byte : response) peer.send({&byte, 1});
    const auto result = seen.get();
    ASSERT_TRUE(result) << result.error().to_string();
    EXPECT_EQ(result->body, "body");
    peer.close();
  }
  // To the end of the connection.
  auto seen = fetching(to(upstream.port()), get());
  auto peer = upstream.accept();
  peer.read_through("\r\n\r\n");
  peer.send("HTTP/1.1 200 OK\r\n\r\nbo");
  peer.send("dy");
  peer.close();
  EXPECT_EQ(seen.get()->body, "body");
}

TEST_F(ClientTest, HeadAndEmptyStatusesHaveNoBody) {
  RawListener upstream;
  auto head = get();
  head.method = "HEAD";
  auto first = fetching(to(upstream.port()), std::move(head));
  auto peer = upstream.accept();
  peer.read_through("\r\n\r\n");
  peer.send("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n");
  EXPECT_EQ(first.get()->body, "");
  for (const std::string_view response :
       {"HTTP/1.1 204 No Content\r\n\r\n",
        "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n"}) {
    auto next = fetching(to(upstream.port()), get());
    peer.read_through("\r\n\r\n");
    peer.send(response);
    const auto seen = next.get();
    ASSERT_TRUE(seen);
    EXPECT_TRUE(seen->reused);
    EXPECT_EQ(seen->body, "");
  }
}

TEST_F(ClientTest, SlowUpstreamsMeetTheirDeadlines) {
  RawListener upstream;
  const std::pair<std::string_view, ClientTimeouts> cases[] = {
      {"", {.head = 30ms}},
      {"HTTP/1.1 200 OK\r\n", {.head = 30ms}},
      {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab", {.idle = 30ms}},
      {"", {.total = 30ms}},
      {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab", {.total = 30ms}},
  };
  for (const auto& [response, timeouts] : cases) {
    auto seen = fetching(to(upstream.port()), post(), {}, {.timeouts = timeouts});
    auto peer = upstream.accept();
    peer.read_through("\r\n\r\n");
    peer.send(response);
    const auto result = seen.get();
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().code, Errc::unknown_outcome);
    EXPECT_THAT(result.error().message, HasSubstr("took too long"));
    EXPECT_EQ(peer.read_all(), "");
  }
}

TEST_F(ClientTest, I4_CancellationCutsTheExchangeBeforeItIsAcknowledged) {
  RawListener upstream;
  CancelSource revoke;
  auto seen = fetching(to(upstream.port()), post(), {}, {.cancel = revoke.token()});
  auto peer = upstream.accept();
  peer.read_through("\r\n\r\n");
  std::promise<void> acknowledged;
  revoke.cancel([&] { acknowledged.set_value(); });
  acknowledged.get_future().get();
  const auto result = seen.get();
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, Errc::unknown_outcome);
  EXPECT_EQ(peer.read_all(), "");

  const auto late = fetch(to(upstream.port()), post(), {}, {.cancel = revoke.token()});
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().code, Errc::unavailable);
}

TEST_F(ClientTest, I4_ACancelledExchangeSendsNothingMore) {
  RawListener upstream;
  CancelSource revoke;
  auto exchange = run(client_.connect(to(upstream.port()), {.cancel = revoke.token()}));
  ASSERT_TRUE(exchange);
  auto peer = upstream.accept();
  std::promise<void> acknowledged;
  revoke.cancel([&] { acknowledged.set_value(); });
  acknowledged.get_future().get();
  const auto sent = run(exchange->send(post(), as_bytes("body")));
  ASSERT_FALSE(sent);
  EXPECT_EQ(sent.error().code, Errc::unavailable);
  EXPECT_FALSE(exchange->sent());
  EXPECT_EQ(peer.read_all(), "");
  run_on(loops_.at(0), [](Exchange) -> Task<void> { co_return; }(*std::move(exchange)));
}

TEST_F(ClientTest, RequestBodiesStream) {
  RawListener upstream;
  const auto stream = [&](std::optional<std::uint64_t> length) -> Task<Expected<void>> {
    WRIT_CO_TRY(auto exchange, co_await client_.connect(to(upstream.port()), {}));
    WRIT_CO_TRY_VOID(co_await exchange.send_head(post(), length));
    WRIT_CO_TRY_VOID(co_await exchange.send_body(as_bytes("abc")));
    WRIT_CO_TRY_VOID(co_await exchange.send_body({}));
    WRIT_CO_TRY_VOID(co_await exchange.send_body(as_bytes("de")));
    WRIT_CO_TRY_VOID(co_await exchange.finish_body());
    WRIT_CO_TRY(const auto head, co_await exchange.receive_head());
    EXPECT_EQ(head.status, 200);
    WRIT_CO_TRY_VOID(co_await exchange.receive_all(10));
    co_return Expected<void>{};
  };
  {
    auto done = std::async(std::launch::async, [&] { return run(stream(std::nullopt)); });
    auto peer = upstream.accept();
    EXPECT_THAT(peer.read_through("\r\n\r\n"), HasSubstr("Transfer-Encoding: chunked\r\n"));
    EXPECT_EQ(peer.read_through("0\r\n\r\n"), "3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n");
    peer.send(kOk);
    EXPECT_TRUE(done.get());
  }
  {
    auto done = std::async(std::launch::async, [&] { return run(stream(5)); });
    auto peer = upstream.accept();
    EXPECT_THAT(peer.read_through("\r\n\r\n"), HasSubstr("Content-Length: 5\r\n"));
    EXPECT_EQ(peer.read_bytes(5), "abcde");
    peer.send(kOk);
    EXPECT_TRUE(done.get());
  }
  for (const std::uint64_t wrong : {4U, 6U}) {
    auto done = std::async(std::launch::async, [&] { return run(stream(wrong)); });
    auto peer = upstream.accept();
    peer.read_all();
    EXPECT_FALSE(done.get());
  }
}

TEST_F(ClientTest, AResponseOverTheLimitIsRefused) {
  RawListener upstream;
  auto done = std::async(std::launch::async, [&] {
    return run([](ClientTest& test, std::uint16_t port) -> Task<Expected<Bytes>> {
      WRIT_CO_TRY(auto exchange, co_await test.client_.connect(test.to(port), {}));
      WRIT_CO_TRY_VOID(co_await exchange.send(get(), {}));
      WRIT_CO_TRY_VOID(co_await exchange.receive_head());
      co_return co_await exchange.receive_all(3);
    }(*this, upstream.port()));
  });
  auto peer = upstream.accept();
  peer.read_through("\r\n\r\n");
  peer.send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nbody");
  const auto result = done.get();
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, Errc::too_large);
}

}  // namespace
}  // namespace writ::net
