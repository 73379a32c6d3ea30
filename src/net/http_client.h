// SPDX-License-Identifier: Apache-2.0
// HttpClient: HTTP/1.1 requests to upstreams, over connections that are kept.
//
// The phases are separate (protocol.md P15): connect() returns when a connection is ready, without
// one application byte; between it and send() the caller records what it is about to do. Nothing is
// ever sent twice: not even on a kept connection that turns out to be dead.
//
//   WRIT_CO_TRY(auto exchange, co_await client.connect(upstream, {.timeouts = {}, .cancel =
//   alive})); OutgoingRequest request{.method = "POST", .target = "/v1/refunds", ...};
//   request.secret_fields.push_back({"Authorization", std::move(bearer)});
//   WRIT_CO_TRY_VOID(co_await exchange.send(std::move(request), body));
//   WRIT_CO_TRY(auto head, co_await exchange.receive_head());
//   for (;;) {
//     WRIT_CO_TRY(auto chunk, co_await exchange.receive());
//     if (!chunk) break;  // complete, by the framing
//     ...
//   }
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "async/cancel.h"
#include "async/loop.h"
#include "async/task.h"
#include "base/bytes.h"
#include "base/error.h"
#include "base/secret_bytes.h"
#include "net/egress.h"
#include "net/http_message.h"
#include "net/http_parser.h"

namespace writ::net {

struct SecretField {
  std::string name;
  SecretBytes value;
};

// The head as it leaves is assembled in secret memory and wiped.
struct OutgoingRequest {
  std::string method{};
  std::string target{};  // origin-form
  // Appended to the target as it is: "?key=..." or "&key=...", percent-encoded already.
  SecretBytes secret_target{};
  std::string host{};  // the Host field
  // Fields of a connection and Host are made here; those among `fields` are skipped.
  Fields fields{};
  // Follow the others. A value that could end its line is refused, and so is a name that stands
  // among `fields` too.
  std::vector<SecretField> secret_fields{};
};

struct ClientTimeouts {
  milliseconds connect{5'000};  // resolve, connect, TLS
  milliseconds head{30'000};    // from the request's last byte to the end of the response's head
  milliseconds idle{30'000};    // between two pieces of a body, either way
  milliseconds total{120'000};  // from connect() on
};

struct ExchangeOptions {
  ClientTimeouts timeouts{};
  // Interrupts the exchange at once, wherever it is; after the callback no byte leaves.
  CancelToken cancel{};
};

struct HttpClientOptions {
  HeadLimits response{};
  std::size_t kept_per_upstream = 32;  // idle connections, each loop
  std::size_t kept = 512;              // idle connections in all, each loop
  milliseconds keep_for{30'000};
};

// One request and its response on one connection. Movable; of one loop. Its errors are unavailable
// while no byte can have reached the upstream, unknown_outcome from then on. When it goes, the
// connection is kept only if request and response both ended cleanly, in this order.
class Exchange {
 public:
  Exchange(Exchange&&) noexcept;
  Exchange& operator=(Exchange&&) noexcept;
  ~Exchange();

  const Address& peer() const;
  bool reused() const;
  // Whether any application byte may have left.
  bool sent() const;

  // The whole request at once; a body brings its Content-Length.
  Task<Expected<void>> send(OutgoingRequest request, BytesView body);
  // Or piece by piece: `length` where it is known, else chunked. finish_body() is an error if fewer
  // bytes were sent than declared, send_body() if more.
  Task<Expected<void>> send_head(OutgoingRequest request, std::optional<std::uint64_t> length);
  Task<Expected<void>> send_body(BytesView piece);
  Task<Expected<void>> finish_body();

  // The final response's head; 1xx are passed over.
  Task<Expected<ResponseHead>> receive_head();
  // The next piece of the body, valid until the next call; nothing at its end. A body that is cut
  // is an error, never an end.
  Task<Expected<std::optional<BytesView>>> receive();
  // The rest of the body, too_large beyond `limit`.
  Task<Expected<Bytes>> receive_all(std::size_t limit);
  // Whether the whole response was received.
  bool complete() const;

  // On its loop: closes the connection now.
  void abort();

 private:
  friend class HttpClient;
  class State;
  explicit Exchange(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

// Used from the tasks of the loops it was made for; each loop has connections of its own. Destroyed
// after its exchanges, when those loops have stopped. The dialer outlives it.
class HttpClient {
 public:
  HttpClient(LoopPool& loops, Dialer& dialer, HttpClientOptions options = {});
  HttpClient(Loop& loop, Dialer& dialer, HttpClientOptions options = {});
  ~HttpClient();
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;

  // A kept connection that is still quiet, else a new one. denied by the egress guard, else
  // unavailable.
  Task<Expected<Exchange>> connect(Upstream upstream, ExchangeOptions options);

  // Any thread: idle connections end, and those in use are not kept after their exchange: what was
  // trusted when they were made may not be any more.
  void forget_connections();
  // Any thread, for a stop: each exchange and each dial is interrupted as by its cancellation, and
  // from now on there are no new ones.
  void cut();

 private:
  friend class Exchange;
  class Pool;
  Dialer& dialer_;
  HttpClientOptions options_;
  std::unordered_map<const Loop*, std::unique_ptr<Pool>> pools_;
};

}  // namespace writ::net
