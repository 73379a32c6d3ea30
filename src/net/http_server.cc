// SPDX-License-Identifier: Apache-2.0
#include "net/http_server.h"

#include <array>
#include <future>
#include <utility>

#include <boost/asio/basic_socket_acceptor.hpp>
#include <sys/socket.h>

#include "base/check.h"
#include "net/server_call.h"

namespace writ::net {
namespace {

using Acceptor = asio::basic_socket_acceptor<asio::ip::tcp, Executor>;
using Endpoint = asio::ip::tcp::endpoint;
using ReusePort = asio::detail::socket_option::boolean<SOL_SOCKET, SO_REUSEPORT>;

constexpr milliseconds kAcceptPause{100};
constexpr std::string_view kOverloaded =
    "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nRetry-After: 1\r\n"
    "Connection: close\r\n\r\n";

boost::system::error_code listen_at(Acceptor& acceptor, const Endpoint& endpoint,
                                    bool shared_port) {
  boost::system::error_code error;
  acceptor.open(endpoint.protocol(), error);
  if (!error) acceptor.set_option(asio::socket_base::reuse_address(true), error);
  if (!error && shared_port) acceptor.set_option(ReusePort(true), error);
  if (!error && endpoint.address().is_v6()) acceptor.set_option(asio::ip::v6_only(true), error);
  if (!error) acceptor.non_blocking(true, error);
  if (!error) acceptor.bind(endpoint, error);
  if (!error) acceptor.listen(asio::socket_base::max_listen_connections, error);
  return error;
}

// Sharing a port among our loops would share it with another server of the same user too, in
// silence. Whether nobody listens there is tried on a context that no thread runs: epoll_wait holds
// a socket that it reports, so on a running loop this one could outlive its closing.
boost::system::error_code try_alone(const Endpoint& endpoint) {
  asio::io_context context;
  Acceptor acceptor(context.get_executor());
  return listen_at(acceptor, endpoint, false);
}

}  // namespace

// Accepts on one loop, and knows the connections there.
class HttpServer::Listener : public std::enable_shared_from_this<Listener> {
 public:
  Listener(Loop& loop, std::shared_ptr<ServerShared> shared)
      : acceptor_(loop.executor()),
        pause_(loop.timers(), [this] { accept(); }),
        home_(std::make_shared<ServerLoop>(ServerLoop{.loop = loop,
                                                      .shared = std::move(shared),
                                                      .blocks = {},
                                                      .connections = {},
                                                      .stopping = false,
                                                      .date_second = 0,
                                                      .date = {}})) {}

  boost::system::error_code open(const Endpoint& endpoint) {
    return listen_at(acceptor_, endpoint, true);
  }
  Endpoint endpoint() const {
    boost::system::error_code ignored;
    return acceptor_.local_endpoint(ignored);
  }
  Loop& loop() { return home_->loop; }

  // The rest is of the loop's thread.
  void accept() {
    if (home_->stopping || !acceptor_.is_open()) return;
    acceptor_.async_accept(
        [self = shared_from_this()](const boost::system::error_code& error, Socket socket) {
          if (error == asio::error::operation_aborted) return;
          if (error) {
            // Out of descriptors, most likely: a pause, else the loop would spin.
            self->home_->shared->log.error("http.accept_failed", {{"why", error.message()}});
            self->pause_.arm(self->loop().now() + kAcceptPause);
            return;
          }
          self->accepted(std::move(socket));
          self->accept();
        });
  }

  void stop_accepting() {
    home_->stopping = true;
    boost::system::error_code ignored;
    acceptor_.close(ignored);
    for_each([](ServerConnection& connection) { connection.end_when_idle(); });
  }

  void cut() {
    for_each([](ServerConnection& connection) { connection.cut(); });
  }

 private:
  // Any connection may go while one of them is told something.
  template <typename Function>
  void for_each(Function function) {
    auto& list = home_->connections;
    decltype(home_->connections) pending;
    pending.swap(list);
    while (!pending.empty()) {
      auto& connection = pending.front();
      pending.pop_front();
      list.push_back(connection);
      function(connection);
    }
  }

  void accepted(Socket socket) {
    auto& shared = *home_->shared;
    boost::system::error_code error;
    const auto peer = socket.remote_endpoint(error);
    if (!error) socket.non_blocking(true, error);
    if (!error) socket.set_option(asio::ip::tcp::no_delay(true), error);
    if (error) return;  // gone already
    if (const auto& from = shared.options.only_from; from && !any_contains(*from, peer.address())) {
      shared.turned_away.add();
      return;
    }
    std::shared_ptr<const TlsServerContext> tls;
    {
      const std::lock_guard lock(shared.mutex);
      tls = shared.tls;
      if (shared.count >= shared.options.limits.connections) {
        shared.overflowed.add();
        if (!shared.options.tls) {
          socket.send(asio::buffer(kOverloaded), 0, error);
        }
        return;
      }
      ++shared.count;
    }
    shared.open.add(1);
    const int descriptor = socket.native_handle();
    auto transport = tls ? tls->transport(descriptor) : plain_transport(descriptor);
    spawn(home_->loop,
          serve(home_, Stream(home_->loop, std::move(socket), peer, std::move(transport))));
  }

  static Task<void> serve(std::shared_ptr<ServerLoop> home, Stream stream) {
    {
      ServerConnection connection(home, std::move(stream));
      co_await connection.run();
    }
    home->shared->open.add(-1);
    const std::lock_guard lock(home->shared->mutex);
    --home->shared->count;
    home->shared->ended.notify_all();
  }

  Acceptor acceptor_;
  Deadline pause_;
  std::shared_ptr<ServerLoop> home_;
};

Expected<std::unique_ptr<HttpServer>> HttpServer::create(LoopPool& loops, ServerOptions options,
                                                         Handler handler, observe::Log& log,
                                                         observe::Metrics& metrics) {
  Endpoint endpoint(options.address, options.port);
  const auto text = [&] {
    return endpoint.address().to_string() + ":" + std::to_string(endpoint.port());
  };
  const auto responses = [&](const char* kind) {
    return &metrics.counter("writ_http_responses_total", "Responses by their status's first digit",
                            {{"status", kind}});
  };
  auto* informational = responses("1xx");
  const auto strangers = options.limits.strangers;
  std::shared_ptr<ServerShared> shared(new ServerShared{
      .options = std::move(options),
      .handler = std::move(handler),
      .log = log,
      .refused = metrics.counter("writ_http_refused_total", "Malformed or too slow requests"),
      .overflowed =
          metrics.counter("writ_http_overflowed_total", "Connections over the limit, turned away"),
      .turned_away = metrics.counter("writ_http_turned_away_total",
                                     "Connections from others than the trusted proxies, closed"),
      .open = metrics.gauge("writ_http_connections", "Open connections"),
      .responses = {informational, informational, responses("2xx"), responses("3xx"),
                    responses("4xx"), responses("5xx")},
      .mutex = {},
      .ended = {},
      .count = 0,
      .tls = {},
      .strangers = Strangers(strangers)});
  shared->tls = shared->options.tls;

  if (endpoint.port() != 0) {
    if (const auto error = try_alone(endpoint)) {
      return fail(Errc::unavailable, "cannot listen: " + error.message(), text(),
                  "another process may listen there already");
    }
  }
  std::unique_ptr<HttpServer> server(new HttpServer(shared));
  for (std::size_t i = 0; i < loops.size(); ++i) {
    auto listener = std::make_shared<Listener>(loops.at(i), shared);
    if (const auto error = listener->open(endpoint)) {
      return fail(Errc::unavailable, "cannot listen: " + error.message(), text());
    }
    endpoint = listener->endpoint();
    server->listeners_.push_back(std::move(listener));
  }
  for (const auto& listener : server->listeners_) {
    listener->loop().post([listener] { listener->accept(); });
  }
  return server;
}

HttpServer::HttpServer(std::shared_ptr<ServerShared> shared) : shared_(std::move(shared)) {}

HttpServer::~HttpServer() {
  stop(milliseconds(0));
  // A listener belongs to its loop's thread, where a last handler may still hold it.
  for (auto& listener : listeners_) {
    auto& loop = listener->loop();
    loop.post([last = std::move(listener)] {});
  }
}

std::uint16_t HttpServer::port() const { return listeners_.at(0)->endpoint().port(); }

void HttpServer::replace_tls(std::shared_ptr<const TlsServerContext> tls) {
  WRIT_CHECK(tls != nullptr && shared_->options.tls != nullptr);
  const std::lock_guard lock(shared_->mutex);
  shared_->tls = std::move(tls);
}

std::size_t HttpServer::connections() const {
  const std::lock_guard lock(shared_->mutex);
  return shared_->count;
}

void HttpServer::stop(milliseconds grace, const std::function<void()>& cut) {
  std::vector<std::future<void>> told;
  const auto tell = [&](void (Listener::*what)()) {
    for (const auto& listener : listeners_) {
      auto done = std::make_shared<std::promise<void>>();
      told.push_back(done->get_future());
      listener->loop().post([listener, what, done] {
        ((*listener).*what)();
        done->set_value();
      });
    }
    for (auto& future : std::exchange(told, {})) future.get();
  };
  tell(&Listener::stop_accepting);
  const auto idle = [&] { return shared_->count == 0; };
  {
    std::unique_lock lock(shared_->mutex);
    if (shared_->ended.wait_for(lock, grace, idle)) return;
  }
  if (cut) {
    cut();
    std::unique_lock lock(shared_->mutex);
    if (shared_->ended.wait_for(lock, kLastWords, idle)) return;
  }
  tell(&Listener::cut);
  std::unique_lock lock(shared_->mutex);
  shared_->ended.wait(lock, idle);
}

int status_of(const Error& error) {
  switch (error.code) {
    case Errc::invalid_input:
      return 400;
    case Errc::too_large:
      return 413;
    case Errc::unavailable:
      return 408;
    default:
      return 500;
  }
}

Expected<void> validate_listener(const asio::ip::address& address, bool has_tls,
                                 const std::vector<std::string>& trusted_proxies) {
  if (address.is_loopback() || has_tls || !trusted_proxies.empty()) return {};
  return fail(Errc::invalid_input, "would serve plaintext beyond this machine", address.to_string(),
              "give the listener a certificate, name the trusted proxy before it, or listen on "
              "127.0.0.1");
}

}  // namespace writ::net
