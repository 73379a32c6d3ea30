// SPDX-License-Identifier: Apache-2.0
#include "net/tls.h"

#include <filesystem>
#include <future>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "net/authorities.h"
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
          request.known();
          auto body = co_await request.read_all(std::size_t{8} << 20);
          EXPECT_TRUE(body) << body.error().to_string();
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
    auto tls = TlsClientContext::create(ca_file.empty() ? read_system_authorities()
                                                        : read_authorities(ca_file).value());
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
  Upstream upstream{
      .scheme = "https",
      .host = "127.0.0.1",
      .port = server_->port(),
      .rules = rules_,
      .tls = TlsClientContext::create(read_authorities(authority_.ca_file()).value()).value()};
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

TEST_F(TlsTest, P19_ACommonNameVouchesForNoHost) {
  resolver_.answer("upstream.test", {"127.0.0.1"});
  resolver_.answer("other.test", {"127.0.0.1"});
  // Neither alone, nor beside alternative names of another kind.
  for (const auto* names : {"", "IP:127.0.0.1", "email:a@upstream.test"}) {
    serve(authority_.issue(names, 3600, "upstream.test"));
    const auto fetched = fetch("upstream.test", authority_.ca_file());
    ASSERT_FALSE(fetched) << names;
    EXPECT_THAT(fetched.error().message, HasSubstr("ostname mismatch")) << names;
  }
  serve(authority_.issue("DNS:other.test", 3600, "upstream.test"));
  EXPECT_FALSE(fetch("upstream.test", authority_.ca_file()));
  EXPECT_EQ(fetch("other.test", authority_.ca_file()), "body");
}

TEST_F(TlsTest, AnEncryptedKeyIsRefusedAndNobodyIsAskedForItsPassphrase) {
  const auto files = authority_.issue("DNS:a.test");
  TestAuthority::encrypt(files.key);
  const auto refused =
      TlsServerContext::create({.certificate_file = files.certificate, .key_file = files.key});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().where, files.key);
  EXPECT_THAT(refused.error().message, HasSubstr("the TLS key is encrypted"));
}

TEST_F(TlsTest, P48_APipeIsRefusedAsAFileAndNotWaitedFor) {
  const auto files = authority_.issue("DNS:a.test");
  std::filesystem::remove(files.key);
  ASSERT_EQ(mkfifo(files.key.c_str(), 0600), 0);
  const auto refused =
      TlsServerContext::create({.certificate_file = files.certificate, .key_file = files.key});
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message, HasSubstr("not a regular file"));
  EXPECT_FALSE(read_authorities(files.key));
  EXPECT_FALSE(read_authorities("/dev/ptmx"));
  EXPECT_FALSE(read_authorities("/dev/zero"));
}

TEST_F(TlsTest, AuthoritiesThatWereTakenAwayAreTrustedNoLonger) {
  const TestAuthority other;
  Authorities authorities;
  EXPECT_FALSE(authorities.system()) << "nobody is trusted before they are read";
  const auto file = authority_.ca_file();
  ASSERT_TRUE(authorities.load({{"ours", file}, {"other", other.ca_file()}}));
  const auto ours = authorities.named("ours").value();
  ASSERT_TRUE(authorities.load({{"ours", file}}));
  EXPECT_EQ(authorities.named("ours").value(), ours) << "what is the same stays the same";
  EXPECT_EQ(authorities.named("other").error().code, Errc::not_found);
  std::filesystem::copy_file(other.ca_file(), file,
                             std::filesystem::copy_options::overwrite_existing);
  ASSERT_TRUE(authorities.load({{"ours", file}}));
  EXPECT_NE(authorities.named("ours").value(), ours);
  std::filesystem::remove(file);
  const auto gone = authorities.load({{"ours", file}});
  ASSERT_FALSE(gone);
  EXPECT_EQ(gone.error().where, file);
  EXPECT_FALSE(authorities.named("ours")) << "what cannot be read is not believed any longer";
  EXPECT_TRUE(authorities.system()) << "the rest is in force";
}

TEST_F(TlsTest, ConnectionsFromBeforeAreForgotten) {
  serve(authority_.issue("DNS:upstream.test,IP:127.0.0.1"));
  const Upstream upstream{
      .scheme = "https",
      .host = "127.0.0.1",
      .port = server_->port(),
      .rules = rules_,
      .tls = TlsClientContext::create(read_authorities(authority_.ca_file()).value()).value()};
  const auto exchange = [&](bool forget_within) {
    return run_on(loops_.at(0), [](HttpClient& client, Upstream to, bool forget) -> Task<bool> {
      auto exchange = co_await client.connect(std::move(to), {});
      if (!exchange) co_return false;
      const bool reused = exchange->reused();
      EXPECT_TRUE(co_await exchange->send({.method = "GET", .target = "/", .host = "a.test"}, {}));
      if (forget) {
        client.forget_connections();
        co_await asio::post(Loop::current().executor(), use_task);
      }
      EXPECT_TRUE(co_await exchange->receive_head());
      EXPECT_TRUE(co_await exchange->receive_all(16));
      co_return reused;
    }(client_, upstream, forget_within));
  };
  EXPECT_FALSE(exchange(false));
  EXPECT_TRUE(exchange(false));
  client_.forget_connections();
  EXPECT_FALSE(exchange(false)) << "an idle one";
  EXPECT_TRUE(exchange(true));
  EXPECT_FALSE(exchange(false)) << "one that was in use meanwhile";
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
  // A private key is no authority, and is not let pass as none.
  const auto key = read_authorities(one.key);
  ASSERT_FALSE(key);
  EXPECT_EQ(key.error().where, one.key);
}

}  // namespace
}  // namespace writ::net
