// SPDX-License-Identifier: Apache-2.0
// For tests: a server in this process that answers as a test says and remembers what it was asked.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "net/http_server.h"
#include "observe/log.h"
#include "observe/metrics.h"
#include "wire/canonical.h"
#include "wire/json.h"
#include "wire/url.h"

namespace writ::cli::testing {

struct Seen {
  std::string method;
  std::string target;
  Fields fields;
  std::string body;

  std::string field(std::string_view name) const {
    const auto all = fields.all(name);
    return all.size() == 1 ? std::string(all.front()) : std::string();
  }
  std::string path() const { return target.substr(0, target.find('?')); }
  Json json() const { return parse_json(body).value(); }
  Form form() const { return parse_form(body).value(); }
};

struct Reply {
  int status = 200;
  std::string body;
  std::string content_type = "application/json";
  std::vector<std::pair<std::string, std::string>> fields{};

  static Reply json(const JsonObject& object, int status = 200) {
    return {.status = status, .body = canonical_json(object)};
  }
};

class TestServer {
 public:
  using Answer = std::function<Reply(const Seen&)>;

  explicit TestServer(Answer answer = {}, std::shared_ptr<const net::TlsServerContext> tls = {})
      : answer_(std::move(answer)), is_tls_(tls != nullptr) {
    loops_.start();
    server_ = net::HttpServer::create(
                  loops_, {.address = asio::ip::make_address("127.0.0.1"), .tls = std::move(tls)},
                  [this](net::ServerRequest& request, net::ServerResponse& response) {
                    return serve(request, response);
                  },
                  log_, metrics_)
                  .value();
  }
  TestServer(const TestServer&) = delete;
  TestServer& operator=(const TestServer&) = delete;
  ~TestServer() {
    server_->stop(milliseconds(1000));
    server_.reset();
    loops_.stop();
  }

  Url url() const {
    return parse_url((is_tls_ ? "https://127.0.0.1:" : "http://127.0.0.1:") +
                     std::to_string(server_->port()))
        .value();
  }
  std::string origin() const { return url().origin(); }

  void answer_with(Answer answer) {
    const std::lock_guard lock(mutex_);
    answer_ = std::move(answer);
  }
  std::vector<Seen> seen() const {
    const std::lock_guard lock(mutex_);
    return seen_;
  }
  Seen last() const { return seen().back(); }

 private:
  Task<void> serve(net::ServerRequest& request, net::ServerResponse& response) {
    auto body = co_await request.read_all(std::size_t{8} << 20);
    Seen seen{.method = request.method(),
              .target = request.target(),
              .fields = request.fields(),
              .body = body ? to_text(*body) : std::string()};
    Answer answer;
    {
      const std::lock_guard lock(mutex_);
      seen_.push_back(seen);
      answer = answer_;
    }
    const Reply reply = answer ? answer(seen) : Reply{.status = 404, .body = "{}"};
    Fields fields;
    (void)fields.add("Content-Type", reply.content_type);
    for (const auto& [name, value] : reply.fields) (void)fields.add(name, value);
    (void)co_await response.send(reply.status, std::move(fields), as_bytes(reply.body));
  }

  SystemClock clock_;
  LoopPool loops_{clock_, 1};
  observe::NullLog log_;
  observe::NullMetrics metrics_;
  mutable std::mutex mutex_;
  Answer answer_;
  std::vector<Seen> seen_;
  bool is_tls_;
  std::unique_ptr<net::HttpServer> server_;
};

}  // namespace writ::cli::testing
