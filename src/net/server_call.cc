// SPDX-License-Identifier: Apache-2.0
#include "net/server_call.h"

#include <array>
#include <charconv>
#include <utility>

#include "base/check.h"

namespace writ::net {
namespace {

// Small bodies leave in one piece with their head.
constexpr std::size_t kJoined = 4096;

constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";

}  // namespace

ServerCall::ServerCall(ServerConnection& connection, ParsedRequest request)
    : connection_(connection),
      request_(std::move(request)),
      decoder_(request_.body),
      keep_alive_(request_.keep_alive) {
  connection_.call_ = this;
  if (!decoder_.done()) body_deadline_ = connection_.in(connection_.limits().body_total);
}

ServerCall::~ServerCall() {
  connection_.stream_.stop_watching();
  connection_.call_ = nullptr;
}

Task<bool> ServerCall::run() {
  auto& shared = *connection_.home_->shared;
  ServerRequest request(*this);
  ServerResponse response(*this);
  bool threw = false;
  try {
    co_await shared.handler(request, response);
  } catch (const std::exception& error) {
    // A bug, and one request's end, not the server's.
    threw = true;
    shared.log.error("http.handler_threw", {{"what", error.what()}});
  }
  if (status_ == 0 && !connection_.stream_.interrupted()) {
    const bool left = gone_ && gone_->cancelled();
    if (!threw && !left) shared.log.error("http.no_response", {{"method", request_.head.method}});
    keep_alive_ = false;
    (void)co_await response.send_problem(500, "");
  }
  if (!finished_) {
    cut();
    co_return false;
  }
  co_return keep_alive_;
}

std::unexpected<Error> ServerCall::read_failed(Error error) {
  keep_alive_ = false;
  connection_.unread_ = true;
  read_error_ = std::move(error);
  return std::unexpected(*read_error_);
}

Task<Expected<std::optional<BytesView>>> ServerCall::read() {
  auto& input = connection_.input_;
  const auto& limits = connection_.limits();
  input.consume(std::exchange(used_, 0));
  for (;;) {
    if (read_error_) co_return std::unexpected(*read_error_);
    if (decoder_.done()) co_return std::nullopt;
    if (status_ != 0) co_return fail(Errc::internal, "the body was given up by responding");
    if (request_.body.kind == Framing::Kind::length && request_.body.length > limits.body) {
      co_return read_failed({Errc::too_large, "the request's body is too large", {}, {}});
    }
    if (input.empty()) {
      if (std::exchange(request_.expects_continue, false)) {
        const BytesView proceed[] = {as_bytes(kContinue)};
        (void)co_await connection_.stream_.write(proceed, connection_.in(limits.write));
      }
      if (auto more = co_await receive(); !more) co_return read_failed(std::move(more).error());
    }
    auto step = decoder_.step(input.unread());
    if (!step) co_return read_failed(std::move(step).error());
    used_ = step->consumed;
    body_bytes_ += step->data.size();
    if (body_bytes_ > limits.body) {
      co_return read_failed({Errc::too_large, "the request's body is too large", {}, {}});
    }
    if (decoder_.done() && gone_) watch();
    if (!step->data.empty()) co_return step->data;
    input.consume(std::exchange(used_, 0));
  }
}

Task<Expected<void>> ServerCall::receive() {
  auto& input = connection_.input_;
  const auto& limits = connection_.limits();
  const auto idle = connection_.in(limits.body_idle);
  for (;;) {
    const auto space = input.space();
    const auto began = connection_.home_->loop.now();
    const auto window = began + (limits.body_window - waited_);
    connection_.place_.set_waiting(true);
    const auto received =
        co_await connection_.stream_.read(space, std::min({idle, body_deadline_, window}));
    connection_.place_.set_waiting(false);
    if (read_error_) co_return std::unexpected(*read_error_);  // refuse_body() meanwhile
    if (received.end == IoEnd::closed) co_return std::unexpected(decoder_.end_of_input().error());
    const bool waits = received.end == IoEnd::timed_out;
    if (!received.ok() && !waits) {
      co_return std::unexpected(
          to_error(received, Errc::unavailable, "the client", "sending its request's body"));
    }
    const auto now = connection_.home_->loop.now();
    waited_ += now - began;
    came_ += received.ok() ? received.bytes : 0;
    if (waited_ >= limits.body_window) {
      const auto least = limits.body_bytes_per_second *
                         static_cast<std::uint64_t>(waited_ / milliseconds(1)) / 1000;
      if (came_ < least) {
        co_return fail(Errc::unavailable, "the client sends its request's body more slowly than " +
                                              std::to_string(limits.body_bytes_per_second) +
                                              " bytes per second");
      }
      waited_ = {};
      came_ = 0;
    }
    if (received.ok()) {
      input.produced(received.bytes);
      co_return Expected<void>();
    }
    if (now >= std::min(idle, body_deadline_)) {
      co_return std::unexpected(
          to_error(received, Errc::unavailable, "the client", "sending its request's body"));
    }
  }
}

Expected<void> ServerCall::keep(std::uint64_t bytes) {
  if (connection_.place_.hold(connection_.input_.capacity() + bytes)) return {};
  return read_failed({Errc::unavailable,
                      "too much was sent by those who have proved nothing yet",
                      {},
                      "send the whole request without delay"});
}

Task<Expected<Bytes>> ServerCall::read_all(std::size_t limit) {
  const auto too_large = [&] {
    return fail(Errc::too_large,
                "the request's body is larger than " + std::to_string(limit) + " bytes");
  };
  Bytes all;
  if (request_.body.kind == Framing::Kind::length) {
    // Known before a byte is read; and nobody makes us reserve what they merely declare.
    if (request_.body.length > limit) co_return too_large();
    WRIT_CO_TRY_VOID(keep(request_.body.length));
    all.reserve(std::min<std::uint64_t>(request_.body.length, 65536));
  } else if (request_.body.kind != Framing::Kind::none) {
    WRIT_CO_TRY_VOID(keep(limit));
  }
  for (;;) {
    WRIT_CO_TRY(const auto piece, co_await read());
    if (!piece) co_return all;
    if (piece->size() > limit - all.size()) co_return too_large();
    all.insert(all.end(), piece->begin(), piece->end());
  }
}

void ServerCall::refuse_body(Error why) {
  if (decoder_.done() || read_error_) return;
  (void)read_failed(std::move(why));
  if (status_ == 0) connection_.stream_.end_read();
}

CancelToken ServerCall::gone() {
  if (!gone_) {
    gone_.emplace();
    if (connection_.stream_.interrupted()) gone_->cancel();
    if (decoder_.done()) watch();
  }
  return gone_->token();
}

void ServerCall::watch() {
  // A pipelined request hides what comes after it.
  if (connection_.input_.unread().size() > used_) return;
  connection_.stream_.watch_hangup([source = *gone_]() mutable { source.cancel(); });
}

void ServerCall::drop_body() {
  // What has come already costs nothing to skip; for more the connection is not worth keeping.
  auto& input = connection_.input_;
  input.consume(std::exchange(used_, 0));
  while (!decoder_.done() && !read_error_ && !input.empty()) {
    auto step = decoder_.step(input.unread());
    if (!step) break;
    input.consume(step->consumed);
  }
  if (!decoder_.done()) {
    keep_alive_ = false;
    connection_.unread_ = true;
  }
}

Expected<void> ServerCall::begin(int status, const Fields& fields,
                                 std::optional<std::uint64_t> length) {
  WRIT_CHECK(status_ == 0 && status >= 200 && status <= 599);
  drop_body();
  if (connection_.home_->stopping) keep_alive_ = false;
  status_ = status;
  connection_.home_->shared->responses[status / 100]->add();

  const bool never_a_body = status == 204 || status == 304;
  bodyless_ = never_a_body || request_.head.method == "HEAD";
  std::string framing;
  if (never_a_body) {
    framing_ = {};
  } else if (length) {
    framing_ = {.kind = Framing::Kind::length, .length = *length};
    framing = "Content-Length: " + std::to_string(*length) + "\r\n";
  } else if (request_.head.version == Version::http11) {
    framing_ = {.kind = Framing::Kind::chunked, .length = 0};
    framing = "Transfer-Encoding: chunked\r\n";
  } else {
    framing_ = {.kind = Framing::Kind::until_close, .length = 0};
    keep_alive_ = false;
  }
  if (bodyless_) framing_ = {};
  left_ = framing_.length;
  if (!keep_alive_) framing += "Connection: close\r\n";
  head_ = response_head(status, fields, connection_.home_->date_now(), framing);
  return {};
}

Task<Expected<void>> ServerCall::write_pieces(std::span<const BytesView> pieces) {
  const auto written =
      co_await connection_.stream_.write(pieces, connection_.in(connection_.limits().write));
  head_.clear();
  if (!written.ok()) {
    cut();
    co_return std::unexpected(
        to_error(written, Errc::unavailable, "the client", "taking its response"));
  }
  co_return Expected<void>{};
}

Task<Expected<void>> ServerCall::write(BytesView piece) {
  WRIT_CHECK(status_ != 0 && !finished_);
  if (bodyless_ || piece.empty()) co_return Expected<void>{};
  if (framing_.kind == Framing::Kind::length) {
    if (piece.size() > left_) {
      cut();
      co_return fail(Errc::internal, "more was written than the response declared");
    }
    left_ -= piece.size();
  }
  if (framing_.kind == Framing::Kind::chunked) {
    std::array<char, 18> size{};
    auto* end = std::to_chars(size.data(), size.data() + 16, piece.size(), 16).ptr;
    *end++ = '\r';
    *end++ = '\n';
    const std::string_view size_line(size.data(), end);
    if (piece.size() <= kJoined) {
      head_.append(size_line).append(as_text(piece)).append("\r\n");
      const BytesView joined[] = {as_bytes(head_)};
      co_return co_await write_pieces(joined);
    }
    const BytesView pieces[] = {as_bytes(head_), as_bytes(size_line), piece, as_bytes("\r\n")};
    co_return co_await write_pieces(pieces);
  }
  if (!head_.empty() && piece.size() <= kJoined) {
    head_.append(as_text(piece));
    const BytesView joined[] = {as_bytes(head_)};
    co_return co_await write_pieces(joined);
  }
  const BytesView pieces[] = {as_bytes(head_), piece};
  co_return co_await write_pieces(pieces);
}

Task<Expected<void>> ServerCall::flush() {
  if (head_.empty()) co_return Expected<void>{};
  const BytesView pieces[] = {as_bytes(head_)};
  co_return co_await write_pieces(pieces);
}

Task<Expected<void>> ServerCall::finish() {
  WRIT_CHECK(status_ != 0);
  if (finished_) co_return Expected<void>{};
  if (left_ != 0) {
    cut();
    co_return fail(Errc::internal, "less was written than the response declared");
  }
  if (framing_.kind == Framing::Kind::chunked) head_ += "0\r\n\r\n";
  WRIT_CO_TRY_VOID(co_await flush());
  finished_ = true;
  co_return Expected<void>{};
}

void ServerCall::cut() {
  keep_alive_ = false;
  connection_.stream_.reset();
}

const RequestHead& ServerRequest::head() const { return call_.request().head; }
const asio::ip::tcp::endpoint& ServerRequest::peer() const { return call_.peer(); }
bool ServerRequest::is_tls() const { return call_.is_tls(); }
Loop& ServerRequest::loop() const { return call_.loop(); }
bool ServerRequest::has_body() const {
  return call_.request().body.kind != Framing::Kind::none &&
         call_.request().body != Framing{.kind = Framing::Kind::length, .length = 0};
}
std::optional<std::uint64_t> ServerRequest::declared_length() const {
  if (!has_body()) return 0;
  const auto& body = call_.request().body;
  if (body.kind != Framing::Kind::length) return std::nullopt;
  return body.length;
}
Task<Expected<std::optional<BytesView>>> ServerRequest::read() { return call_.read(); }
Task<Expected<Bytes>> ServerRequest::read_all(std::size_t limit) { return call_.read_all(limit); }
void ServerRequest::refuse_body(Error why) { call_.refuse_body(std::move(why)); }
CancelToken ServerRequest::gone() { return call_.gone(); }
void ServerRequest::known() { call_.known(); }

Task<Expected<void>> ServerResponse::send(int status, Fields fields, BytesView body) {
  WRIT_CO_TRY_VOID(call_.begin(status, fields, body.size()));
  WRIT_CO_TRY_VOID(co_await call_.write(body));
  co_return co_await call_.finish();
}

Task<Expected<void>> ServerResponse::send_problem(int status, std::string_view detail) {
  Fields fields;
  WRIT_CO_TRY_VOID(fields.add("Content-Type", "application/problem+json"));
  const auto body = problem_json(status, detail);
  co_return co_await send(status, std::move(fields), as_bytes(body));
}

Task<Expected<void>> ServerResponse::begin(int status, Fields fields,
                                           std::optional<std::uint64_t> length) {
  co_return call_.begin(status, fields, length);
}
Task<Expected<void>> ServerResponse::write(BytesView piece) { return call_.write(piece); }
Task<Expected<void>> ServerResponse::flush() { return call_.flush(); }
Task<Expected<void>> ServerResponse::finish() { return call_.finish(); }
void ServerResponse::cut() { call_.cut(); }
bool ServerResponse::begun() const { return call_.status() != 0; }
int ServerResponse::status() const { return call_.status(); }

}  // namespace writ::net
