// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <utility>

#include "net/server_call.h"

namespace writ::net {
namespace {

constexpr milliseconds kLingerTime{2'000};
constexpr std::size_t kLingerBytes = std::size_t{256} << 10;

}  // namespace

ServerConnection::ServerConnection(std::shared_ptr<ServerLoop> home, Stream stream)
    : home_(std::move(home)),
      stream_(std::move(stream)),
      input_(home_->blocks),
      place_(home_->shared->strangers, stream_.peer().address(),
             any_contains(home_->shared->options.proxies, stream_.peer().address()), home_->loop,
             [this] { cut(); }) {
  home_->connections.push_back(*this);
}

SteadyPoint ServerConnection::in(milliseconds time) const { return home_->loop.now() + time; }
const ServerLimits& ServerConnection::limits() const { return home_->shared->options.limits; }

Task<void> ServerConnection::run() {
  co_await serve();
  stream_.shut_write();
  if (unread_) co_await linger();
}

Task<void> ServerConnection::serve() {
  if (!place_.enter()) {
    home_->shared->overflowed.add();
    if (!home_->shared->options.tls)
      co_await refuse({.status = 503, .reason = "too many requests that have not proved anything"});
    co_return;
  }
  if (home_->shared->options.tls) {
    place_.set_waiting(true);
    const auto secured = co_await stream_.handshake(in(limits().head_timeout));
    if (!secured.ok()) {
      home_->shared->log.debug("http.tls_failed", {{"why", secured.detail}});
      co_return;
    }
  }
  bool first = true;
  while (!home_->stopping) {
    // Again, after a request that was known.
    if (!place_.enter()) co_return;
    if (input_.empty()) {
      input_.release_if_empty();
      (void)place_.hold(0);
      idle_ = true;
      place_.set_waiting(true);
      const auto wait = first ? limits().head_timeout : limits().keep_alive;
      const auto readable = co_await stream_.wait_readable(in(wait));
      idle_ = false;
      place_.set_waiting(false);
      if (!readable.ok()) co_return;
    } else {
      // Pipelined requests take turns with other connections.
      co_await asio::post(home_->loop.executor(), use_task);
    }
    first = false;
    if (!co_await serve_one()) break;
  }
}

Task<bool> ServerConnection::serve_one() {
  auto request = co_await read_request();
  if (!request) co_return false;
  ServerCall call(*this, *std::move(request));
  co_return co_await call.run();
}

Task<std::optional<ParsedRequest>> ServerConnection::read_request() {
  HeadScanner scanner(limits().head);
  const auto deadline = in(limits().head_timeout);
  for (;;) {
    if (!input_.empty()) {
      const auto text = as_text(input_.unread());
      const auto size = scanner.scan(text);
      if (!size) {
        co_await refuse(size.error());
        co_return std::nullopt;
      }
      if (*size) {
        auto parsed = parse_request(text.substr(0, **size), limits().head);
        if (!parsed) {
          co_await refuse(parsed.error());
          co_return std::nullopt;
        }
        input_.consume(**size);
        co_return std::move(*parsed);
      }
    }
    const auto space = input_.space();
    if (!place_.hold(input_.capacity())) co_return std::nullopt;
    place_.set_waiting(true);
    const auto received = co_await stream_.read(space, deadline);
    place_.set_waiting(false);
    if (received.end == IoEnd::timed_out && !input_.empty()) {
      co_await refuse({.status = 408, .reason = "the request's head took too long"});
      co_return std::nullopt;
    }
    if (!received.ok()) co_return std::nullopt;
    input_.produced(received.bytes);
  }
}

Task<void> ServerConnection::refuse(const Refusal& refusal) {
  auto& shared = *home_->shared;
  shared.refused.add();
  shared.responses[refusal.status / 100]->add();
  // Whoever sends such things may send many; the counter tells, the log only when asked.
  shared.log.debug("http.refused", {{"status", refusal.status}, {"why", refusal.reason}});
  unread_ = true;
  const auto body = problem_json(refusal.status, refusal.reason);
  const auto head = response_head(refusal.status, Fields(), home_->date_now(),
                                  "Content-Type: application/problem+json\r\nContent-Length: " +
                                      std::to_string(body.size()) + "\r\nConnection: close\r\n");
  const auto message = head + body;
  const BytesView pieces[] = {as_bytes(message)};
  (void)co_await stream_.write(pieces, in(limits().write));
}

Task<void> ServerConnection::linger() {
  const auto deadline = in(kLingerTime);
  std::size_t left = kLingerBytes;
  input_.consume(input_.unread().size());
  while (left > 0) {
    const auto space = input_.space();
    const auto received = co_await stream_.read(space, deadline);
    if (!received.ok()) co_return;
    left -= std::min(left, received.bytes);
  }
}

void ServerConnection::end_when_idle() {
  if (idle_) stream_.interrupt();
}

void ServerConnection::cut() {
  if (call_ != nullptr) call_->cancel();
  stream_.interrupt();
}

const std::string& ServerLoop::date_now() {
  const auto second = to_unix_seconds(loop.clock().now());
  if (second != date_second || date.empty()) {
    date_second = second;
    date = http_date(second);
  }
  return date;
}

}  // namespace writ::net
