// SPDX-License-Identifier: Apache-2.0
#include "net/http_server.h"

#include <future>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "async/event.h"
#include "net/server_testing.h"

namespace writ::net {
namespace {

using namespace std::chrono_literals;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;
using testing::RawSocket;
using ::testing::StartsWith;

TEST_F(ServerTest, AnswersRequestsOneAfterTheOtherOnOneConnection) {
  serve(echo);
  auto client = connect();
  for (int i = 0; i < 3; ++i) {
    client.send(kGet);
    const auto response = client.read_response();
    EXPECT_THAT(response, StartsWith("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nDate: "));
    EXPECT_THAT(response, EndsWith("\r\n\r\nGET /a "));
    EXPECT_THAT(response, Not(HasSubstr("Connection")));
  }
  EXPECT_EQ(metrics_.value("writ_http_responses_total{status=\"2xx\"}"), 3);
}

TEST_F(ServerTest, PipelinedRequestsAreAnsweredInOrder) {
  serve(echo);
  auto client = connect();
  std::string all;
  for (int i = 0; i < 20; ++i) {
    all += "POST /" + std::to_string(i) + " HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc";
  }
  client.send(all);
  for (int i = 0; i < 20; ++i) {
    EXPECT_THAT(client.read_response(), EndsWith("POST /" + std::to_string(i) + " abc"));
  }
}

TEST_F(ServerTest, ARequestMayArriveByteByByte) {
  serve(echo);
  auto client = connect();
  const std::string_view requests[] = {
      "POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello",
      "POST /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: "
      "chunked\r\n\r\n3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n"};
  for (const auto request : requests) {
    for (const char byte : request) client.send({&byte, 1});
    EXPECT_THAT(client.read_response(), EndsWith("POST /a hello"));
  }
}

TEST_F(ServerTest, MalformedRequestsGetA400AndTheConnectionEnds) {
  serve(echo);
  for (const std::string_view bad : {
           "GET / HTTP/1.1\r\n\r\n",
           "GET / HTTP/1.1\nHost: x\n\n",
           "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n"
           "0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n",
       }) {
    auto client = connect();
    client.send(bad);
    const auto all = client.read_all();
    EXPECT_THAT(all, StartsWith("HTTP/1.1 400 Bad Request\r\n"));
    EXPECT_THAT(all, HasSubstr("Connection: close\r\n"));
    EXPECT_THAT(all, HasSubstr("application/problem+json"));
    EXPECT_THAT(all, Not(HasSubstr("smuggled")));
  }
  EXPECT_EQ(metrics_.value("writ_http_refused_total"), 3);
}

TEST_F(ServerTest, AMalformedBodyEndsTheConnection) {
  serve(echo);
  auto client = connect();
  client.send(
      "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabcX0\r\n\r\n"
      "GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n");
  const auto all = client.read_all();
  EXPECT_THAT(all, StartsWith("HTTP/1.1 400 "));
  EXPECT_THAT(all, Not(HasSubstr("smuggled")));
}

TEST_F(ServerTest, BodiesOverTheLimitGetA413) {
  serve([](ServerRequest& request, ServerResponse& response) -> Task<void> {
    auto body = co_await request.read_all(10);
    (void)co_await response.send_problem(body ? 200 : status_of(body.error()), "");
  });
  for (const std::string_view request :
       {"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 11\r\n\r\n01234567890",
        "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: "
        "chunked\r\n\r\nb\r\n01234567890\r\n0\r\n\r\n"}) {
    auto client = connect();
    client.send(request);
    EXPECT_THAT(client.read_response(), StartsWith("HTTP/1.1 413 "));
  }
}

TEST_F(ServerTest, TheServersOwnLimitHoldsForStreamingHandlersToo) {
  std::promise<Expected<void>> ended;
  serve(
      [&](ServerRequest& request, ServerResponse& response) -> Task<void> {
        for (;;) {
          auto piece = co_await request.read();
          if (!piece) {
            ended.set_value(std::unexpected(piece.error()));
            (void)co_await response.send_problem(413, "");
            co_return;
          }
          if (!*piece) break;
        }
        ended.set_value({});
      },
      {.body = 100'000});
  auto client = connect();
  client.send("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n30d40\r\n");
  client.send(std::string(200'000, 'a'));
  const auto end = ended.get_future().get();
  ASSERT_FALSE(end);
  EXPECT_EQ(end.error().code, Errc::too_large);
  EXPECT_THAT(client.read_all(), StartsWith("HTTP/1.1 413 "));
}

TEST_F(ServerTest, ASlowHeadGetsA408) {
  serve(echo, {.head_timeout = 50ms});
  auto client = connect();
  client.send("GET / HTTP/1.1\r\nHost:");
  EXPECT_THAT(client.read_all(), StartsWith("HTTP/1.1 408 "));
}

TEST_F(ServerTest, ASilentConnectionIsClosed) {
  serve(echo, {.head_timeout = 50ms});
  auto client = connect();
  EXPECT_EQ(client.read_all(), "");
}

TEST_F(ServerTest, AnIdleConnectionIsClosed) {
  serve(echo, {.keep_alive = 50ms});
  auto client = connect();
  client.send(kGet);
  EXPECT_THAT(client.read_response(), StartsWith("HTTP/1.1 200 "));
  EXPECT_EQ(client.read_all(), "");
}

TEST_F(ServerTest, ASlowBodyGetsA408) {
  serve(echo, {.body_idle = 50ms});
  auto client = connect();
  client.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nab");
  EXPECT_THAT(client.read_all(), StartsWith("HTTP/1.1 408 "));
}

TEST_F(ServerTest, ATricklingBodyEndsAtItsTotalTime) {
  serve(echo, {.body_idle = 10s, .body_total = 50ms});
  auto client = connect();
  client.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nab");
  EXPECT_THAT(client.read_all(), StartsWith("HTTP/1.1 408 "));
}

TEST_F(ServerTest, ACutBodyIsAnError) {
  std::promise<Errc> seen;
  serve([&](ServerRequest& request, ServerResponse&) -> Task<void> {
    auto body = co_await request.read_all(100);
    seen.set_value(body ? Errc::internal : body.error().code);
  });
  auto client = connect();
  client.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nab");
  client.shut_write();
  EXPECT_EQ(seen.get_future().get(), Errc::invalid_input);
}

TEST_F(ServerTest, P17_AClientThatGoesCancelsItsWaitingHandler) {
  std::promise<WaitEnd> ended;
  std::promise<void> waiting;
  serve([&](ServerRequest& request, ServerResponse&) -> Task<void> {
    // Asked for before the body is read, and watched all the same once it is.
    const auto gone = request.gone();
    EXPECT_TRUE(co_await request.read_all(100));
    const OneShot<int> never;
    waiting.set_value();
    const auto end = co_await never.wait({.deadline = Deadline::kNever, .cancel = gone});
    ended.set_value(end.error());
  });
  auto client = connect();
  client.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nab");
  waiting.get_future().get();
  client.close();
  EXPECT_EQ(ended.get_future().get(), WaitEnd::cancelled);
  EXPECT_FALSE(log_.find("http.no_response"));
}

TEST_F(ServerTest, AWatchedConnectionServesItsNextRequest) {
  const Broadcast go;
  serve([&](ServerRequest& request, ServerResponse& response) -> Task<void> {
    const auto gone = request.gone();
    (void)co_await go.wait_past(0, {.deadline = Deadline::kNever, .cancel = gone});
    EXPECT_FALSE(gone.cancelled());
    (void)co_await response.send(200, text_fields(), as_bytes("ok"));
  });
  auto client = connect();
  client.send(kGet);
  go.notify();
  EXPECT_THAT(client.read_response(), EndsWith("ok"));
  client.send(kGet);
  EXPECT_THAT(client.read_response(), EndsWith("ok"));
}

TEST_F(ServerTest, AHandlerWithoutAResponseMakesA500) {
  serve([](ServerRequest& request, ServerResponse&) -> Task<void> {
    if (request.target() == "/throw") throw std::runtime_error("a bug");
    co_return;
  });
  for (const std::string target : {"/nothing", "/throw"}) {
    auto client = connect();
    client.send("GET " + target + " HTTP/1.1\r\nHost: x\r\n\r\n");
    const auto all = client.read_all();
    EXPECT_THAT(all, StartsWith("HTTP/1.1 500 "));
    EXPECT_THAT(all, Not(HasSubstr("a bug")));
  }
  EXPECT_TRUE(log_.find("http.no_response"));
  EXPECT_TRUE(log_.contains("a bug"));
}

TEST_F(ServerTest, AResponseStreamsInChunks) {
  const Broadcast go;
  serve([&](ServerRequest&, ServerResponse& response) -> Task<void> {
    EXPECT_TRUE(co_await response.begin(200, text_fields()));
    EXPECT_TRUE(co_await response.write(as_bytes("first")));
    (void)co_await go.wait_past(0);
    EXPECT_TRUE(co_await response.write(as_bytes("")));
    EXPECT_TRUE(co_await response.write(as_bytes(std::string(10'000, 'x'))));
    EXPECT_TRUE(co_await response.finish());
  });
  auto client = connect();
  client.send(kGet);
  // The first piece comes while the handler still waits.
  EXPECT_THAT(client.read_through("first\r\n"), EndsWith("\r\n\r\n5\r\nfirst\r\n"));
  go.notify();
  EXPECT_EQ(client.read_through("0\r\n\r\n"),
            "2710\r\n" + std::string(10'000, 'x') + "\r\n0\r\n\r\n");
  client.send(kGet);
  EXPECT_THAT(client.read_through("0\r\n\r\n"), StartsWith("HTTP/1.1 200 "));
}

TEST_F(ServerTest, AResponseThatIsNotFinishedCutsTheConnection) {
  serve([](ServerRequest&, ServerResponse& response) -> Task<void> {
    (void)co_await response.begin(200, text_fields());
    (void)co_await response.write(as_bytes("half"));
  });
  for (const std::string version : {"1.0", "1.1"}) {
    auto client = connect();
    client.send("GET /a HTTP/" + version + "\r\nHost: x\r\n\r\n");
    EXPECT_THAT(client.read_all(), Not(HasSubstr("0\r\n\r\n")));
    EXPECT_FALSE(client.send("x") && client.send("x"));
  }
}

TEST_F(ServerTest, LessOrMoreThanDeclaredCutsTheConnection) {
  serve([](ServerRequest& request, ServerResponse& response) -> Task<void> {
    (void)co_await response.begin(200, text_fields(), 4);
    if (request.target() == "/more") {
      EXPECT_FALSE(co_await response.write(as_bytes("12345")));
    } else {
      EXPECT_TRUE(co_await response.write(as_bytes("123")));
      EXPECT_FALSE(co_await response.finish());
    }
  });
  for (const std::string target : {"/more", "/less"}) {
    auto client = connect();
    client.send("GET " + target + " HTTP/1.1\r\nHost: x\r\n\r\n");
    EXPECT_THAT(client.read_all(), Not(HasSubstr("1234")));
  }
}

TEST_F(ServerTest, HeadAnd204And304HaveNoBody) {
  serve([](ServerRequest& request, ServerResponse& response) -> Task<void> {
    const int status = request.target() == "/204" ? 204 : request.target() == "/304" ? 304 : 200;
    (void)co_await response.send(status, text_fields(), as_bytes("body"));
  });
  auto client = connect();
  for (const std::string line : {"HEAD /", "GET /204", "GET /304"}) {
    client.send(line + " HTTP/1.1\r\nHost: x\r\n\r\n");
    const auto head = client.read_through("\r\n\r\n");
    EXPECT_EQ(head.contains("Content-Length: 4"), line == "HEAD /") << head;
    EXPECT_THAT(head, Not(HasSubstr("Transfer-Encoding")));
  }
  client.send(kGet);
  EXPECT_THAT(client.read_response(), EndsWith("\r\n\r\nbody"));
}

TEST_F(ServerTest, Http10GetsItsStreamToTheEndOfTheConnection) {
  serve([](ServerRequest&, ServerResponse& response) -> Task<void> {
    (void)co_await response.begin(200, text_fields());
    (void)co_await response.write(as_bytes("one"));
    (void)co_await response.write(as_bytes("two"));
    (void)co_await response.finish();
  });
  auto client = connect();
  client.send("GET /a HTTP/1.0\r\nHost: x\r\n\r\n");
  const auto all = client.read_all();
  EXPECT_THAT(all, EndsWith("\r\n\r\nonetwo"));
  EXPECT_THAT(all, Not(HasSubstr("chunked")));
}

TEST_F(ServerTest, P18_FramingFieldsOfAHandlerAreNotPassedOn) {
  serve([](ServerRequest&, ServerResponse& response) -> Task<void> {
    Fields fields;
    for (const auto* name : {"Content-Length", "Transfer-Encoding", "Connection", "Keep-Alive",
                             "Upgrade", "Trailer", "TE", "Proxy-Connection"}) {
      EXPECT_TRUE(fields.add(name, "17"));
    }
    (void)co_await response.send(200, std::move(fields), as_bytes("ok"));
  });
  auto client = connect();
  client.send(kGet);
  const auto response = client.read_response();
  EXPECT_THAT(response, Not(HasSubstr("17\r\n")));
  EXPECT_THAT(response, EndsWith("Content-Length: 2\r\n\r\nok"));
}

TEST_F(ServerTest, ExpectContinueIsAnsweredWhenTheBodyIsRead) {
  serve([](ServerRequest& request, ServerResponse& response) -> Task<void> {
    if (request.target() == "/refuse") {
      (void)co_await response.send_problem(401, "");
    } else {
      co_await echo(request, response);
    }
  });
  auto client = connect();
  client.send(
      "POST /take HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_EQ(client.read_through("\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
  client.send("ab");
  EXPECT_THAT(client.read_response(), EndsWith("POST /take ab"));

  client.send(
      "POST /refuse HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n");
  const auto response = client.read_response();
  EXPECT_THAT(response, StartsWith("HTTP/1.1 401 "));
  EXPECT_THAT(response, HasSubstr("Connection: close"));
}

TEST_F(ServerTest, AnUnreadBodyEndsTheConnectionButNotTheResponse) {
  serve([](ServerRequest&, ServerResponse& response) -> Task<void> {
    (void)co_await response.send_problem(401, "no");
  });
  auto client = connect();
  client.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n");
  client.send(std::string(100'000, 'a'));
  const auto all = client.read_all();
  EXPECT_THAT(all, StartsWith("HTTP/1.1 401 "));

  // One that has come whole costs nothing.
  auto small = connect();
  small.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc");
  EXPECT_THAT(small.read_response(), Not(HasSubstr("Connection: close")));
}

TEST_F(ServerTest, ConnectionsOverTheLimitGetA503) {
  serve(echo, {.connections = 1});
  auto first = connect();
  first.send(kGet);
  EXPECT_THAT(first.read_response(), StartsWith("HTTP/1.1 200 "));
  auto second = connect();
  EXPECT_THAT(second.read_all(), StartsWith("HTTP/1.1 503 "));
  EXPECT_EQ(metrics_.value("writ_http_overflowed_total"), 1);
}

TEST_F(ServerTest, AReaderThatDoesNotReadEndsItsResponse) {
  std::promise<Errc> ended;
  serve(
      [&](ServerRequest&, ServerResponse& response) -> Task<void> {
        (void)co_await response.begin(200, text_fields());
        const std::string piece(1 << 20, 'x');
        for (int i = 0; i < 64; ++i) {
          if (auto written = co_await response.write(as_bytes(piece)); !written) {
            ended.set_value(written.error().code);
            co_return;
          }
        }
        ended.set_value(Errc::internal);
      },
      {.write = 50ms});
  auto client = connect();
  client.send(kGet);
  EXPECT_EQ(ended.get_future().get(), Errc::unavailable);
}

TEST_F(ServerTest, StoppingLetsARunningRequestFinish) {
  std::promise<void> running;
  const OneShot<int> go;
  serve([&](ServerRequest&, ServerResponse& response) -> Task<void> {
    running.set_value();
    (void)co_await go.wait();
    (void)co_await response.send(200, text_fields(), as_bytes("done"));
  });
  auto idle = connect();
  auto busy = connect();
  busy.send(kGet);
  running.get_future().get();
  const auto port = server_->port();
  auto stopped = std::async(std::launch::async, [&] { server_->stop(10s); });
  EXPECT_EQ(idle.read_all(), "");
  // Every loop knows once nobody listens any more.
  while (RawSocket::can_connect_to(port)) std::this_thread::yield();
  go.set(1);
  const auto all = busy.read_all();
  EXPECT_THAT(all, EndsWith("done"));
  EXPECT_THAT(all, HasSubstr("Connection: close\r\n"));
  stopped.get();
  EXPECT_EQ(server_->connections(), 0U);
  // The port is free again.
  auto again = HttpServer::create(
      loops_,
      {.address = asio::ip::make_address("127.0.0.1"), .port = port, .tls = nullptr, .limits = {}},
      echo, log_, metrics_);
  EXPECT_TRUE(again) << again.error().to_string();
}

TEST_F(ServerTest, StoppingCutsWhatDoesNotFinish) {
  std::promise<void> running;
  std::promise<WaitEnd> ended;
  serve([&](ServerRequest& request, ServerResponse&) -> Task<void> {
    const auto gone = request.gone();
    running.set_value();
    const OneShot<int> never;
    const auto end = co_await never.wait({.deadline = Deadline::kNever, .cancel = gone});
    ended.set_value(end.error());
  });
  auto client = connect();
  client.send(kGet);
  running.get_future().get();
  server_->stop(1ms);
  EXPECT_EQ(ended.get_future().get(), WaitEnd::cancelled);
  EXPECT_EQ(server_->connections(), 0U);
}

TEST_F(ServerTest, APortInUseIsAnError) {
  serve(echo);
  const auto second = HttpServer::create(loops_,
                                         {.address = asio::ip::make_address("127.0.0.1"),
                                          .port = server_->port(),
                                          .tls = nullptr,
                                          .limits = {}},
                                         echo, log_, metrics_);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, Errc::unavailable);
  EXPECT_THAT(second.error().where, EndsWith(std::to_string(server_->port())));
}

TEST_F(ServerTest, StartsAgainAtOnceOnThePortThatItHad) {
  // Bound here too, though nobody listens on it, so that no other process is given it in between.
  asio::io_context context;
  asio::ip::tcp::socket held(context, asio::ip::tcp::v4());
  held.set_option(asio::socket_base::reuse_address(true));
  held.bind({asio::ip::make_address("127.0.0.1"), 0});
  for (int i = 0; i < 1000; ++i) {
    auto server = HttpServer::create(loops_,
                                     {.address = held.local_endpoint().address(),
                                      .port = held.local_endpoint().port(),
                                      .tls = nullptr,
                                      .limits = {}},
                                     echo, log_, metrics_);
    ASSERT_TRUE(server) << "the " << i << "th time: " << server.error().to_string();
  }
}

TEST_F(ServerTest, P28_OnlyThoseWhoMayConnectAreRead) {
  const auto served = [&](std::string_view network) {
    server_ = HttpServer::create(loops_,
                                 {.address = asio::ip::make_address("127.0.0.1"),
                                  .port = 0,
                                  .tls = nullptr,
                                  .limits = {},
                                  .only_from = std::vector{Cidr::parse(network).value()}},
                                 echo, log_, metrics_)
                  .value();
    auto client = connect();
    client.send("GET /a HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    return client.read_all();
  };
  EXPECT_EQ(served("10.0.0.2/32"), "");
  EXPECT_EQ(metrics_.value("writ_http_turned_away_total"), 1);
  EXPECT_THAT(served("127.0.0.0/8"), StartsWith("HTTP/1.1 200 OK"));
}

TEST(Listener, P28_PlaintextBeyondLoopbackNeedsAProxy) {
  const auto at = [](const char* text) { return asio::ip::make_address(text); };
  EXPECT_TRUE(validate_listener(at("127.0.0.1"), false, {}));
  EXPECT_TRUE(validate_listener(at("::1"), false, {}));
  for (const auto* address : {"0.0.0.0", "::", "10.0.0.1", "192.0.2.1", "::ffff:10.0.0.1"}) {
    EXPECT_FALSE(validate_listener(at(address), false, {})) << address;
    EXPECT_TRUE(validate_listener(at(address), true, {})) << address;
    EXPECT_TRUE(validate_listener(at(address), false, {"10.0.0.2"})) << address;
  }
}

}  // namespace
}  // namespace writ::net
