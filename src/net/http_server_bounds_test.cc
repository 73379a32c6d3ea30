// SPDX-License-Identifier: Apache-2.0
// P37: what strangers may hold of the server, and how slow a body may be.
#include <deque>
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
using ::testing::StartsWith;

TEST_F(ServerTest, P37_HalfSentHeadsMakeRoomForAWholeRequest) {
  serve(echo, {.strangers = {.connections = 2, .connections_per_address = 2}});
  auto first = connect();
  first.send("GET /a HTTP/1.1\r\nHo");
  auto second = connect();
  second.send("GET /a HTTP/1.1\r\nHo");
  while (server_->connections() < 2) std::this_thread::yield();
  std::deque<testing::RawSocket> open;
  for (int i = 0; i < 4; ++i) {
    auto& whole = open.emplace_back(connect());
    whole.send(kGet);
    EXPECT_THAT(whole.read_response(), StartsWith("HTTP/1.1 200 "));
  }
  EXPECT_EQ(first.read_all(), "");
  EXPECT_EQ(second.read_all(), "");
}

TEST_F(ServerTest, P37_WhatStrangersSendIsBoundedTogether) {
  std::promise<void> reading;
  serve(
      [&, first = true](ServerRequest& request, ServerResponse& response) mutable -> Task<void> {
        if (std::exchange(first, false)) reading.set_value();
        return echo(request, response);
      },
      {.strangers = {.connections = 100,
                     .connections_per_address = 100,
                     .bytes = 300'000,
                     .bytes_per_address = 300'000}});
  const std::string head = "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 200000\r\n\r\n";
  auto half = connect();
  half.send(head + "a");
  reading.get_future().get();
  auto whole = connect();
  whole.send(head + std::string(200'000, 'b'));
  EXPECT_THAT(whole.read_response(), StartsWith("HTTP/1.1 200 "));
  // The first made room for it.
  EXPECT_THAT(half.read_all(), Not(HasSubstr("200 OK")));
}

TEST_F(ServerTest, P37_OneWhoIsKnownIsNoStranger) {
  std::promise<void> running;
  serve(
      [&](ServerRequest& request, ServerResponse& response) -> Task<void> {
        if (request.target() == "/known") {
          request.known();
          running.set_value();
        }
        co_await echo(request, response);
      },
      {.strangers = {.connections = 2, .connections_per_address = 2}});
  auto known = connect();
  known.send("POST /known HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n");
  running.get_future().get();
  // It waits for its body, and longer than any of these.
  std::deque<testing::RawSocket> open;
  for (int i = 0; i < 5; ++i) {
    auto& stranger = open.emplace_back(connect());
    stranger.send(kGet);
    EXPECT_THAT(stranger.read_response(), StartsWith("HTTP/1.1 200 "));
  }
  known.send("ab");
  EXPECT_THAT(known.read_response(), EndsWith("ab"));
}

TEST_F(ServerTest, P37_ABodyThatTricklesEnds) {
  serve(echo, {.body_bytes_per_second = 1'000'000, .body_window = 50ms});
  auto client = connect();
  client.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\nabc");
  const auto response = client.read_response();
  EXPECT_THAT(response, StartsWith("HTTP/1.1 408 "));
  EXPECT_THAT(response, HasSubstr("more slowly than 1000000 bytes per second"));
}

TEST_F(ServerTest, P37_ABodyThatIsReadSlowlyIsNotSlow) {
  std::promise<void> reading;
  const OneShot<int> go;
  serve(
      [&](ServerRequest& request, ServerResponse& response) -> Task<void> {
        (void)co_await request.read();
        reading.set_value();
        (void)co_await go.wait();
        co_await echo(request, response);
      },
      {.body_bytes_per_second = 1'000'000, .body_window = 100ms});
  auto client = connect();
  client.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nab");
  reading.get_future().get();
  // Longer than the window, by the server's own clock.
  run_on(loops_.at(0), [](Loop& loop) -> Task<void> {
    (void)co_await sleep_until({.deadline = loop.now() + 150ms, .cancel = {}});
  }(loops_.at(0)));
  client.send("cd");
  go.set(1);
  EXPECT_THAT(client.read_response(), EndsWith("cd"));
}

}  // namespace
}  // namespace writ::net
