// SPDX-License-Identifier: Apache-2.0
// HttpServer: HTTP/1.1 over plain sockets or TLS. Every loop accepts; a connection stays on its
// loop, and its requests are served one after the other.
//
//   Task<void> hello(ServerRequest& request, ServerResponse& response) {
//     auto body = co_await request.read_all(64 * 1024);
//     if (!body) co_return co_await response.send_problem(status_of(body.error()), "...");
//     Fields fields;
//     (void)fields.add("Content-Type", "text/plain");
//     co_await response.send(200, std::move(fields), as_bytes("hello"));
//   }
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <boost/asio/ip/tcp.hpp>

#include "async/cancel.h"
#include "async/loop.h"
#include "async/task.h"
#include "base/bytes.h"
#include "base/error.h"
#include "net/egress.h"
#include "net/http_message.h"
#include "net/http_parser.h"
#include "net/strangers.h"
#include "net/tls.h"
#include "observe/log.h"
#include "observe/metrics.h"

namespace writ::net {

class ServerCall;
struct ServerShared;

// A request whose head is valid by http_parser.h. Lives as long as its handler runs; of the
// handler's loop.
class ServerRequest {
 public:
  const RequestHead& head() const;
  const std::string& method() const { return head().method; }
  const std::string& target() const { return head().target; }
  const Fields& fields() const { return head().fields; }

  const asio::ip::tcp::endpoint& peer() const;
  bool is_tls() const;
  Loop& loop() const;

  bool has_body() const;
  // What the head says of the body's length, 0 where there is none; nothing for one in chunks.
  std::optional<std::uint64_t> declared_length() const;
  // The next piece of the body, valid until the next call; nothing at its end. invalid_input for a
  // body that is malformed or cut, too_large beyond ServerLimits::body. After an error no more is
  // read, and the connection closes after the response.
  Task<Expected<std::optional<BytesView>>> read();
  // The rest of the body, too_large beyond `limit`.
  Task<Expected<Bytes>> read_all(std::size_t limit);
  // What is left of the body is not wanted any more: the read that waits and all later ones fail
  // with `why`. The response can still be sent, and ends the connection. On the request's loop.
  void refuse_body(Error why);

  // Cancelled when the client goes away or the server cuts what still runs. Asking for it starts
  // the watch, which sees nothing before the body is read, nor behind a pipelined request.
  CancelToken gone();

  // Its sender has proved who it is: until it is answered, the connection is none of the pool of
  // strangers, and what is read of the body is the caller's to bound (P37).
  void known();

 private:
  friend class ServerCall;
  struct ServerShared;
  explicit ServerRequest(ServerCall& call) : call_(call) {}
  ServerCall& call_;
};

// The response to one request. Framing is made here; fields of the connection among `fields` are
// skipped. An error (unavailable) means that the client is gone: nothing is left to do. A handler
// that returns without a response makes a 500, one that returns in mid-body cuts the connection, so
// that the client sees that something is missing.
class ServerResponse {
 public:
  // All at once.
  Task<Expected<void>> send(int status, Fields fields, BytesView body);
  // A problem document (RFC 9457) with nothing but its status, title and detail.
  Task<Expected<void>> send_problem(int status, std::string_view detail);

  // Or piece by piece. `length` where it is known, else chunked. The head leaves with the first
  // piece, or with flush(). What is unread of the request's body is dropped.
  Task<Expected<void>> begin(int status, Fields fields,
                             std::optional<std::uint64_t> length = std::nullopt);
  Task<Expected<void>> write(BytesView piece);
  Task<Expected<void>> flush();
  Task<Expected<void>> finish();
  // Ends the connection without a proper end of the response.
  void cut();

  bool begun() const;
  // The status sent, 0 before.
  int status() const;

 private:
  friend class ServerCall;
  struct ServerShared;
  explicit ServerResponse(ServerCall& call) : call_(call) {}
  ServerCall& call_;
};

using Handler = std::function<Task<void>(ServerRequest&, ServerResponse&)>;

struct ServerLimits {
  HeadLimits head{};
  std::uint64_t body = std::uint64_t{64} << 20;
  std::size_t connections = 10'000;   // of all loops; further ones get a 503
  milliseconds head_timeout{10'000};  // from a request's first byte (or TLS's) to its head's last
  milliseconds keep_alive{60'000};    // between two requests
  milliseconds body_idle{30'000};     // between two pieces of a request's body
  milliseconds body_total{600'000};   // for the whole of it
  // What a body brings at least while it is waited for, counted over each window. One that is read
  // slowly is not slow.
  std::uint64_t body_bytes_per_second = 512;
  milliseconds body_window{10'000};
  milliseconds write{30'000};  // until the client has taken a piece of a response
  StrangerLimits strangers{};
};

struct ServerOptions {
  asio::ip::address address{};
  std::uint16_t port = 0;                         // 0: any
  std::shared_ptr<const TlsServerContext> tls{};  // null: plaintext; see validate_listener()
  ServerLimits limits{};
  // Who may connect, where not everybody may: a connection from elsewhere is closed unread.
  std::optional<std::vector<Cidr>> only_from{};
  // Addresses that stand for many clients, as a proxy's does: the bounds for strangers of one
  // address do not hold for them.
  std::vector<Cidr> proxies{};
};

// Made, stopped and destroyed by the thread that owns the loops, while these run. Loops, log and
// metrics outlive it.
class HttpServer {
 public:
  // Listens at once. unavailable where the address cannot be bound.
  static Expected<std::unique_ptr<HttpServer>> create(LoopPool& loops, ServerOptions options,
                                                      Handler handler, observe::Log& log,
                                                      observe::Metrics& metrics);
  // Stops at once.
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  std::uint16_t port() const;
  std::size_t connections() const;

  // New connections get this certificate; of a server that has TLS.
  void replace_tls(std::shared_ptr<const TlsServerContext> tls);

  // For what a handler that was cut has to record and to answer.
  static constexpr milliseconds kLastWords{1'000};
  // Accepts no more, closes what is idle, and lets running requests finish for `grace`. Then it
  // calls `cut`, which is to end what handlers wait for, gives them kLastWords for their answers,
  // cuts the connections, and returns when every handler has returned. Idempotent.
  void stop(milliseconds grace, const std::function<void()>& cut = {});

 private:
  class Listener;
  explicit HttpServer(std::shared_ptr<ServerShared> shared);

  std::shared_ptr<ServerShared> shared_;
  std::vector<std::shared_ptr<Listener>> listeners_;
};

// The status for a foreseeable error of net itself, such as a body's: 400, 413, 408, 503.
int status_of(const Error& error);

// What Writ may listen on (protocol.md P28): plaintext on loopback; elsewhere TLS, or plaintext
// behind at least one declared proxy. invalid_input otherwise.
Expected<void> validate_listener(const asio::ip::address& address, bool has_tls,
                                 const std::vector<std::string>& trusted_proxies);

}  // namespace writ::net
