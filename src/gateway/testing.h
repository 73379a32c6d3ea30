// SPDX-License-Identifier: Apache-2.0
// Gateway: for tests, the tool proxy as it would run, over real sockets: the example workspace of
// broker/testing.h, a net::HttpServer before the proxy, and whatever stands for the billing API.
//
//   Gateway gateway;                                  // its billing API is gateway.upstream()
//   const auto run = gateway.acme().refund_chain();
//   auto agent = gateway.call(*run, {.target = "/v1/invoices/inv_1"});
//   auto upstream = gateway.upstream().accept();      // a raw socket: the test speaks for the API
//   EXPECT_THAT(upstream.read_through("\r\n\r\n"), HasSubstr("Bearer sk_test_"));
//   upstream.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
//   EXPECT_EQ(agent.response().status, 200);
//
// Time is the FakeClock's: no deadline passes unless a test moves it.
#pragma once

#include <algorithm>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "broker/testing.h"
#include "gateway/proxy.h"
#include "net/testing.h"

namespace writ::gateway {

// A response as an agent sees it.
struct SeenResponse {
  int status = 0;
  std::string head;
  std::string body;       // without chunks
  bool complete = false;  // by its framing

  // The field's value, or empty.
  std::string field(std::string_view name) const {
    std::size_t at = 0;
    while ((at = head.find("\r\n", at)) != std::string::npos) {
      at += 2;
      const auto colon = head.find(':', at);
      if (colon == std::string::npos) break;
      if (!equal_ignoring_case(std::string_view(head).substr(at, colon - at), name)) continue;
      return head.substr(colon + 2, head.find("\r\n", colon) - colon - 2);
    }
    return {};
  }
  JsonObject json() const { return parse_json_object(body).value_or(JsonObject()); }
  std::string member(std::string_view name) const {
    const auto object = json();
    const auto* value = object.if_contains(name);
    if (value == nullptr) return {};
    return value->is_string() ? std::string(text_of(value->get_string())) : write_json(*value);
  }
};

// One connection of an agent.
class TestAgent {
 public:
  explicit TestAgent(std::uint16_t port) : socket_(net::testing::RawSocket::connect_to(port)) {}

  net::testing::RawSocket& socket() { return socket_; }
  void go_away() { socket_.close(); }

  SeenResponse response() {
    SeenResponse out;
    out.head = socket_.read_through("\r\n\r\n");
    if (out.head.size() < 12) return out;
    out.status = std::stoi(out.head.substr(9, 3));
    if (const auto length = out.field("Content-Length"); !length.empty()) {
      out.body = socket_.read_bytes(std::stoul(length));
      out.complete = out.body.size() == std::stoul(length);
    } else if (!out.field("Transfer-Encoding").empty()) {
      for (;;) {
        const auto line = socket_.read_through("\r\n");
        if (!line.ends_with("\r\n")) return out;
        const auto size = std::stoul(line, nullptr, 16);
        const auto chunk = socket_.read_bytes(size);
        out.body += chunk;
        if (chunk.size() != size || socket_.read_bytes(2) != "\r\n") return out;
        if (size == 0) break;
      }
      out.complete = true;
    } else {
      out.complete = true;  // a status without a body
    }
    return out;
  }
  // The next chunk of a response under way.
  std::string chunk() {
    const auto line = socket_.read_through("\r\n");
    if (!line.ends_with("\r\n")) return {};
    auto chunk = socket_.read_bytes(std::stoul(line, nullptr, 16));
    (void)socket_.read_bytes(2);
    return chunk;
  }

 private:
  net::testing::RawSocket socket_;
};

struct TestCall {
  std::string method = "GET";
  std::string target = "/v1/invoices/inv_1";  // below the tool server's URL
  std::string body = {};
  std::string key = {};      // Idempotency-Key
  std::string headers = {};  // further lines, each with CRLF
  std::string content_type = "application/json";
};

// Records the steps, and may do something at one.
class RecordingProbe final : public broker::StepProbe {
 public:
  void reached(std::string_view step) override {
    std::function<void()> act;
    {
      const std::lock_guard lock(mutex_);
      steps_.emplace_back(step);
      if (const auto found = acts_.find(step); found != acts_.end()) act = found->second;
    }
    if (act) act();
  }
  void at(std::string step, std::function<void()> act) {
    const std::lock_guard lock(mutex_);
    acts_[std::move(step)] = std::move(act);
  }
  std::vector<std::string> steps() const {
    const std::lock_guard lock(mutex_);
    return steps_;
  }

 private:
  mutable std::mutex mutex_;
  std::vector<std::string> steps_;
  std::map<std::string, std::function<void()>, std::less<>> acts_;
};

class Gateway {
 public:
  // `change` is made to the workspace's documents; the billing API's port stands in them already.
  explicit Gateway(ProxyOptions options = {},
                   const std::function<void(workspace::Documents&)>& change = {},
                   broker::RateLimits rates = {.per_second = 100'000, .burst = 100'000},
                   const broker::SharedLimits& limits = {})
      : acme_(rates, limits, [&](workspace::Documents& documents) {
          auto& text = documents.at("tools/billing.toml");
          const std::string port = "8710";
          text.replace(text.find(port), port.size(), std::to_string(upstream_.port()));
          if (change) change(documents);
        }) {
    options.public_url = std::string(broker::Acme::kIssuer);
    loops_.start();
    calls_.emplace(broker::CallParts{.authenticator = acme_.authenticator(),
                                     .approvals = acme_.approvals(),
                                     .clock = acme_.clock(),
                                     .random = acme_.random(),
                                     .log = acme_.log(),
                                     .time = acme_.time(),
                                     .steps = &probe_},
                   limits);
    client_.emplace(loops_, dialer_);
    proxy_.emplace(ProxyParts{.live = acme_.live(),
                              .authenticator = acme_.authenticator(),
                              .calls = *calls_,
                              .client = *client_,
                              .authorities = authorities_,
                              .clock = acme_.clock(),
                              .random = acme_.random(),
                              .log = acme_.log(),
                              .metrics = metrics_,
                              .steps = &probe_},
                   std::move(options));
    auto server = net::HttpServer::create(
        loops_, {.address = asio::ip::make_address("127.0.0.1")},
        [this](net::ServerRequest& request, net::ServerResponse& response) {
          return proxy_->handle(request, response);
        },
        acme_.log(), metrics_);
    WRIT_CHECK(server.has_value());
    server_ = std::move(*server);
  }
  ~Gateway() {
    server_.reset();
    loops_.stop();
  }
  Gateway(const Gateway&) = delete;
  Gateway& operator=(const Gateway&) = delete;

  broker::Acme& acme() { return acme_; }
  net::testing::RawListener& upstream() { return upstream_; }
  RecordingProbe& probe() { return probe_; }
  net::Authorities& authorities() { return authorities_; }
  net::testing::FakeResolver& resolver() { return resolver_; }
  observe::CapturingMetrics& metrics() { return metrics_; }
  std::uint16_t port() const { return server_->port(); }
  // As app/server.cc stops.
  void stop(milliseconds grace) {
    server_->stop(grace, [this] { client_->cut(); });
  }
  std::size_t connections() const { return server_->connections(); }
  TestAgent connect() const { return TestAgent(port()); }

  // The bytes of a call by this run, with a fresh token and proof.
  std::string request(const delegation::Run& run, const TestCall& call) {
    const auto path = std::string(net::path_of(call.target));
    const auto proof = acme_.request(run, call.method, path);
    return bytes(call, "Authorization: DPoP " + proof.token + "\r\nDPoP: " + *proof.proof + "\r\n");
  }
  // The same with these credentials, complete lines.
  static std::string bytes(const TestCall& call, std::string_view credentials) {
    auto out = call.method + " /tools/acme/billing" + call.target +
               " HTTP/1.1\r\nHost: writ.example\r\n" + std::string(credentials);
    if (!call.key.empty()) out += "Idempotency-Key: " + call.key + "\r\n";
    if (!call.body.empty()) {
      out += "Content-Type: " + call.content_type +
             "\r\nContent-Length: " + std::to_string(call.body.size()) + "\r\n";
    }
    return out + call.headers + "\r\n" + call.body;
  }
  TestAgent call(const delegation::Run& run, const TestCall& call) {
    auto agent = connect();
    WRIT_CHECK(agent.socket().send(request(run, call)));
    return agent;
  }
  TestAgent send(std::string_view text) const {
    auto agent = connect();
    WRIT_CHECK(agent.socket().send(text));
    return agent;
  }

  static TestCall refund(std::string key, std::int64_t amount = 12'000) {
    return {.method = "POST",
            .target = "/v1/refunds",
            .body = broker::Acme::refund_body(amount),
            .key = std::move(key)};
  }
  // Has Bob approve the one open question.
  void approve() {
    const auto open = acme_.approvals().open(acme_.workspace());
    WRIT_CHECK(open.size() == 1);
    WRIT_CHECK(acme_.decide(*open.front(), "bob", {"finance"}).has_value());
  }
  // Waits until a question is open: one is asked by a call under way.
  void wait_for_question() {
    while (acme_.approvals().open(acme_.workspace()).empty()) std::this_thread::yield();
  }
  // A refund of this run, previewed and approved: its next call is sent.
  void clear_refund(const delegation::Run& run, const std::string& key,
                    std::int64_t amount = 12'000) {
    acme_.preview(run, amount);
    auto asked = call(run, refund(key, amount)).response();
    WRIT_CHECK(asked.status == 403);
    approve();
  }

 private:
  net::testing::RawListener upstream_;
  RecordingProbe probe_;
  observe::CapturingMetrics metrics_;
  broker::Acme acme_;
  LoopPool loops_{acme_.clock(), 2};
  net::testing::FakeResolver resolver_;
  net::Dialer dialer_{resolver_};
  net::Authorities authorities_;
  std::optional<broker::Calls> calls_;
  std::optional<net::HttpClient> client_;
  std::optional<Proxy> proxy_;
  std::unique_ptr<net::HttpServer> server_;
};

}  // namespace writ::gateway
