// SPDX-License-Identifier: Apache-2.0
// For tests of the HTTP server: a server on a port of its own, with two loops.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include "net/http_server.h"
#include "net/testing.h"
#include "observe/capture.h"

namespace writ::net {

inline Fields text_fields() {
  Fields fields;
  EXPECT_TRUE(fields.add("Content-Type", "text/plain"));
  return fields;
}

inline Task<void> echo(ServerRequest& request, ServerResponse& response) {
  auto body = co_await request.read_all(1 << 20);
  if (!body) {
    (void)co_await response.send_problem(status_of(body.error()), body.error().message);
    co_return;
  }
  const auto text = request.method() + " " + request.target() + " " + to_text(*body);
  (void)co_await response.send(200, text_fields(), as_bytes(text));
}

class ServerTest : public ::testing::Test {
 public:
  ~ServerTest() override {
    server_.reset();
    loops_.stop();
  }

 protected:
  ServerTest() { loops_.start(); }

  void serve(Handler handler, ServerLimits limits = {}) {
    auto server = HttpServer::create(loops_,
                                     {.address = asio::ip::make_address("127.0.0.1"),
                                      .port = 0,
                                      .tls = nullptr,
                                      .limits = limits},
                                     std::move(handler), log_, metrics_);
    ASSERT_TRUE(server) << server.error().to_string();
    server_ = *std::move(server);
  }
  testing::RawSocket connect() const { return testing::RawSocket::connect_to(server_->port()); }

  SystemClock clock_;
  observe::CapturingLog log_;
  observe::CapturingMetrics metrics_;
  LoopPool loops_{clock_, 2};
  std::unique_ptr<HttpServer> server_;
};

inline constexpr std::string_view kGet = "GET /a HTTP/1.1\r\nHost: x\r\n\r\n";

}  // namespace writ::net
