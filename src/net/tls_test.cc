// SPDX-License-Identifier: Apache-2.0
#include "net/tls.h"

#include <future>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "net/http_client.h"
#include "net/http_server.h"
#include "net/testing.h"
#include "net/tls_testing.h"
#include "observe/capture.h"

namespace writ::net {
namespace {

using ::testing::HasSubstr;
using testing::RawSocket;
using testing::TestAuthority;

class TlsTest : public ::testing::Test {
 public:
  ~TlsTest() override {
    server_.reset();
    loops_.stop();
  }

 protected:
  TlsTest() { loops_.start(); }

  void serve(const TestAuthority::Files& files) {
    auto context =
        TlsServerContext::create({.certificate_file = files.certificate, .key_file = files.key});
    ASSERT_TRUE(context) << context.error().to_string();
    auto server = HttpServer::create(
        loops_, {.address = asio::ip::make_address("127.0.0.1"), .tls = *context},
        [this](ServerRequest& request, ServerResponse& response) -> Task<void> {
          EXPECT_TRUE(request.is_tls());
          if (request.target() == "/early") {
            (void)co_await response.send(413, Fields(), {});
            answered_.set(true);
            (void)co_await read_.wait();
            co_return;
          }
          auto body = co_await request.read_all(std::size_t{8} << 20);
          EXPECT_TRUE(body);
          if (!body) co_return;
          if (request.target() == "/wait") {
            const OneShot<int> never;
            (void)co_await never.wait({.cancel = request.gone()});
            gone_seen_.set_value();
            co_return;
          }
          (void)co_await response.begin(200, Fields());
          (void)co_await response.write(*body);
          // "/cut" ends without an end.
          if (request.target() != "/cut") (void)co_await response.finish();
        },
        log_, metrics_);
    ASSERT_TRUE(server) << server.error().to_string();
    server_ = *std::move(server);
  }

  Expected<std::string> fetch(const std::string& host, const std::string& ca_file,
                              std::string target = "/", std::string body = "body",
                              ExchangeOptions options = {}) {
    auto tls = TlsClientContext::create({.ca_file = ca_file});
    EXPECT_TRUE(tls);
    Upstream upstream{.scheme = "https",
                      .host = host,
                      .port = server_->port(),
                      .rules = rules_,
                      .tls = tls.value()};
    return run_on(
        loops_.at(0),
        [](HttpClient& client, Upstream to, std::string path, std::string content,
           ExchangeOptions with) -> Task<Expected<std::string>> {
          WRIT_CO_TRY(auto exchange, co_await client.connect(std::move(to), std::move(with)));
          WRIT_CO_TRY_VOID(co_await exchange.send(
              {.method = "POST", .target = path, .host = "upstream.test"}, as_bytes(content)));
          WRIT_CO_TRY_VOID(co_await exchange.receive_head());
          WRIT_CO_TRY(const auto all, co_await exchange.receive_all(std::size_t{8} << 20));
          co_return to_text(all);
        }(client_, std::move(upstream), std::move(target), std::move(body), std::move(options)));
  }

  std::promise<void> gone_seen_;
  OneShot<bool> answered_;
  OneShot<bool> read_;
  SystemClock clock_;
  LoopPool loops_{clock_, 1};
  TestAuthority authority_;
  observe::CapturingLog log_;
  observe::CapturingMetrics metrics_;
  std::unique_ptr<HttpServer> server_;
  testing::FakeResolver resolver_;
  Dialer dialer_{resolver_};
  std::shared_ptr<const EgressRules> rules_ =
      std::make_shared<const EgressRules>(EgressRules::create({"127.0.0.0/8"}).value());
  HttpClient client_{loops_, dialer_};
};

TEST_F(TlsTest, ARightNameUnderARightRootIsServed) {
  serve(authority_.issue("DNS:upstream.test,IP:127.0.0.1"));
  resolver_.answer("upstream.test", {"127.0.0.1"});
  EXPECT_EQ(fetch("upstream.test", authority_.ca_file()), "body");
  EXPECT_EQ(fetch("127.0.0.1", authority_.ca_file()), "body");
  // More than the sockets' buffers, both ways.
  const std::string large(std::size_t{4} << 20, 'x');
  const auto echoed = fetch("127.0.0.1", authority_.ca_file(), "/", large);
  ASSERT_TRUE(echoed) << echoed.error().to_string();
  EXPECT_TRUE(*echoed == large);
}

TEST_F(TlsTest, ANewConnectionGetsTheCertificateThatReplacedTheFirst) {
  serve(authority_.issue("DNS:other.test"));
  EXPECT_FALSE(fetch("127.0.0.1", authority_.ca_file()));
  const auto renewed = authority_.issue("IP:127.0.0.1");
  server_->replace_tls(
      TlsServerContext::create({.certificate_file = renewed.certificate, .key_file = renewed.key})
          .value());
  EXPECT_EQ(fetch("127.0.0.1", authority_.ca_file()), "body");
}

TEST_F(TlsTest, AnotherNameIsRefused) {
  serve(authority_.issue("DNS:other.test,DNS:*.wild.test"));
  for (const auto* host : {"upstream.test", "wild.test", "a.b.wild.test", "127.0.0.1"}) {
    resolver_.answer(host, {"127.0.0.1"});
    const auto fetched = fetch(host, authority_.ca_file());
    ASSERT_FALSE(fetched) << host;
    EXPECT_EQ(fetched.error().code, Errc::unavailable);
    EXPECT_THAT(fetched.error().message, HasSubstr("mismatch")) << host;
  }
  resolver_.answer("a.wild.test", {"127.0.0.1"});
  EXPECT_EQ(fetch("a.wild.test", authority_.ca_file()), "body");
}

TEST_F(TlsTest, AnotherRootIsRefused) {
  serve(authority_.issue("IP:127.0.0.1"));
  const TestAuthority stranger;
  EXPECT_FALSE(fetch("127.0.0.1", stranger.ca_file()));
  // The system's roots do not know it either.
  EXPECT_FALSE(fetch("127.0.0.1", ""));
}

TEST_F(TlsTest, AnExpiredCertificateIsRefused) {
  serve(authority_.issue("IP:127.0.0.1", -60));
  const auto fetched = fetch("127.0.0.1", authority_.ca_file());
  ASSERT_FALSE(fetched);
  EXPECT_THAT(fetched.error().message, HasSubstr("expired"));
}

TEST_F(TlsTest, PlaintextToATlsPortIsNotAnswered) {
  serve(authority_.issue("IP:127.0.0.1"));
  auto raw = RawSocket::connect_to(server_->port());
  raw.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_THAT(raw.read_all(), ::testing::Not(HasSubstr("HTTP/1.1 ")));
}

TEST_F(TlsTest, ACutResponseIsAnError) {
  serve(authority_.issue("IP:127.0.0.1"));
  const auto fetched = fetch("127.0.0.1", authority_.ca_file(), "/cut");
  ASSERT_FALSE(fetched);
  EXPECT_EQ(fetched.error().code, Errc::unknown_outcome);
}

// failures.md 16: to see that it has come, TLS takes it from the socket; it is read all the same.
TEST_F(TlsTest, AnEarlyAnswerIsReadThroughTls) {
  serve(authority_.issue("IP:127.0.0.1"));
  Upstream upstream{.scheme = "https",
                    .host = "127.0.0.1",
                    .port = server_->port(),
                    .rules = rules_,
                    .tls = TlsClientContext::create({.ca_file = authority_.ca_file()}).value()};
  const auto status = run_on(
      loops_.at(0),
      [](HttpClient& client, Upstream to, OneShot<bool> answered) -> Task<Expected<int>> {
        WRIT_CO_TRY(auto exchange, co_await client.connect(
                                       std::move(to), {.timeouts = {.head = milliseconds(5'000)}}));
        WRIT_CO_TRY_VOID(co_await exchange.send_head(
            {.method = "POST", .target = "/early", .host = "upstream.test"}, 6));
        WRIT_CO_TRY_VOID(co_await exchange.send_body(as_bytes("abc")));
        (void)co_await answered.wait();
        WRIT_CO_TRY_VOID(co_await exchange.send_body(as_bytes("def")));
        WRIT_CO_TRY_VOID(co_await exchange.finish_body());
        WRIT_CO_TRY(const auto head, co_await exchange.receive_head());
        co_return head.status;
      }(client_, std::move(upstream), answered_));
  read_.set(true);
  ASSERT_TRUE(status) << status.error().to_string();
  EXPECT_EQ(*status, 413);
}

TEST_F(TlsTest, P17_AClientThatGoesIsSeenThroughTls) {
  serve(authority_.issue("IP:127.0.0.1"));
  EXPECT_FALSE(fetch("127.0.0.1", authority_.ca_file(), "/wait", "body",
                     {.timeouts = {.head = milliseconds(50)}}));
  gone_seen_.get_future().get();
}

TEST_F(TlsTest, FilesThatDoNotFitAreRefusedByName) {
  const auto one = authority_.issue("DNS:a.test");
  const auto two = authority_.issue("DNS:b.test");
  const auto mixed =
      TlsServerContext::create({.certificate_file = one.certificate, .key_file = two.key});
  ASSERT_FALSE(mixed);
  EXPECT_EQ(mixed.error().where, two.key);
  const auto absent =
      TlsServerContext::create({.certificate_file = "/absent", .key_file = one.key});
  ASSERT_FALSE(absent);
  EXPECT_EQ(absent.error().where, "/absent");
  EXPECT_FALSE(TlsClientContext::create({.ca_file = one.key}));
}

}  // namespace
}  // namespace writ::net
