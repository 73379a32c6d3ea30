// SPDX-License-Identifier: Apache-2.0
#include "net/egress.h"

#include <algorithm>
#include <cerrno>
#include <system_error>

#include <boost/asio/connect.hpp>
#include <sys/socket.h>

namespace writ::net {
namespace {

using Endpoint = asio::ip::tcp::endpoint;

std::string unbracketed(const std::string& host) {
  return host.starts_with('[') && host.ends_with(']') ? host.substr(1, host.size() - 2) : host;
}

// The step that connects a socket; the stream's deadline and interruption apply to its wait.
class Connecting final : public Transport {
 public:
  Connecting(int socket, Endpoint endpoint) : socket_(socket), endpoint_(std::move(endpoint)) {}

  Result handshake() override {
    if (!begun_) {
      begun_ = true;
      if (connect(socket_, endpoint_.data(), static_cast<socklen_t>(endpoint_.size())) == 0) {
        return {};
      }
      error_ = errno;
      return {.step = error_ == EINPROGRESS ? Step::want_write : Step::failed, .bytes = 0};
    }
    socklen_t size = sizeof error_;
    if (getsockopt(socket_, SOL_SOCKET, SO_ERROR, &error_, &size) != 0) error_ = errno;
    return {.step = error_ == 0 ? Step::done : Step::failed, .bytes = 0};
  }
  Result read(std::span<std::uint8_t>) override { WRIT_UNREACHABLE(); }
  Result write(std::span<const BytesView>) override { WRIT_UNREACHABLE(); }
  Result peek() override { return {.step = Step::want_read, .bytes = 0}; }
  void shut_write() override {}
  std::string failure() const override { return std::generic_category().message(error_); }

 private:
  int socket_;
  Endpoint endpoint_;
  bool begun_ = false;
  int error_ = 0;
};

std::string place(const Upstream& upstream, const Endpoint& endpoint) {
  return upstream.host + ":" + std::to_string(upstream.port) + " at " +
         endpoint.address().to_string();
}

// To one judged address, TLS included.
Task<Expected<Stream>> connect_to(const Upstream& upstream, Endpoint endpoint, SteadyPoint deadline,
                                  CancelToken cancel) {
  auto& loop = Loop::current();
  Socket socket(loop.executor());
  boost::system::error_code error;
  socket.open(endpoint.protocol(), error);
  if (!error) socket.non_blocking(true, error);
  if (!error) socket.set_option(asio::ip::tcp::no_delay(true), error);
  if (error) {
    co_return fail(Errc::unavailable, "no socket: " + error.message(), place(upstream, endpoint));
  }
  const int descriptor = socket.native_handle();
  Stream stream(loop, std::move(socket), endpoint,
                std::make_unique<Connecting>(descriptor, endpoint));
  const CancelRegistration cancelled(cancel, loop, [&] { stream.interrupt(); });

  if (const auto connected = co_await stream.handshake(deadline); !connected.ok()) {
    co_return std::unexpected(
        to_error(connected, Errc::unavailable, place(upstream, endpoint), "connecting"));
  }
  if (upstream.scheme != "https") {
    stream.replace_transport(plain_transport(descriptor));
    co_return stream;
  }
  WRIT_CHECK(upstream.tls != nullptr);
  WRIT_CO_TRY(auto tls, upstream.tls->transport(descriptor, unbracketed(upstream.host)));
  stream.replace_transport(std::move(tls));
  if (const auto secured = co_await stream.handshake(deadline); !secured.ok()) {
    co_return std::unexpected(
        to_error(secured, Errc::unavailable, place(upstream, endpoint), "agreeing on TLS"));
  }
  co_return stream;
}

}  // namespace

Task<Expected<Stream>> Dialer::dial(const Upstream& upstream, WaitOptions options) {
  WRIT_CHECK(upstream.rules != nullptr);
  std::vector<Address> addresses;
  const auto host = unbracketed(upstream.host);
  boost::system::error_code not_an_address;
  if (const auto literal = asio::ip::make_address(host, not_an_address); !not_an_address) {
    addresses.push_back(literal);
  } else {
    WRIT_CO_TRY(addresses, co_await resolver_.resolve(host, upstream.owner, options));
  }

  // What is judged here is what is dialled below; the name is not asked again.
  auto refused = Error{.code = Errc::unavailable,
                       .message = "the name has no addresses",
                       .where = upstream.host,
                       .hint = {}};
  std::erase_if(addresses, [&](const Address& address) {
    auto checked = upstream.rules->check(address);
    if (checked) return false;
    refused = std::move(checked).error();
    refused.where = upstream.host;
    return true;
  });
  if (addresses.empty()) co_return std::unexpected(std::move(refused));

  auto& loop = Loop::current();
  for (std::size_t i = 0; i < addresses.size(); ++i) {
    // Each address gets its share of what time is left, so that a silent one does not take all.
    auto deadline = options.deadline;
    if (deadline != Deadline::kNever) {
      const auto now = loop.now();
      deadline = now + (deadline - now) / static_cast<int>(addresses.size() - i);
    }
    auto connected = co_await connect_to(upstream, Endpoint(addresses[i], upstream.port), deadline,
                                         options.cancel);
    const bool last = i + 1 == addresses.size() || options.cancel.cancelled();
    if (connected || last) co_return connected;
  }
  WRIT_UNREACHABLE();
}

}  // namespace writ::net
