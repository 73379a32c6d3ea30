// SPDX-License-Identifier: Apache-2.0
// For tests: raw sockets on 127.0.0.1, to say to a server or an upstream what no proper peer would.
// Blocking, with a limit of ten seconds on every wait. For a test's own thread.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/check.h"
#include "net/egress.h"

namespace writ::net::testing {

class RawSocket {
 public:
  explicit RawSocket(int socket) : socket_(socket) {
    const timeval limit{.tv_sec = 10, .tv_usec = 0};
    setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    setsockopt(socket_, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    const int on = 1;
    setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  }
  // To 127.0.0.1.
  static RawSocket connect_to(std::uint16_t port) {
    RawSocket raw(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    WRIT_CHECK(raw.connects(port));
    return raw;
  }
  static bool can_connect_to(std::uint16_t port) {
    return RawSocket(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)).connects(port);
  }
  RawSocket(RawSocket&& other) noexcept
      : socket_(std::exchange(other.socket_, -1)), read_(std::move(other.read_)) {}
  RawSocket& operator=(RawSocket&&) = delete;
  ~RawSocket() { close(); }

  void close() {
    if (socket_ >= 0) ::close(std::exchange(socket_, -1));
  }
  void shut_write() { shutdown(socket_, SHUT_WR); }

  // False if the peer takes no more.
  bool send(std::string_view text) {
    while (!text.empty()) {
      const auto sent = ::send(socket_, text.data(), text.size(), MSG_NOSIGNAL);
      if (sent <= 0) return false;
      text.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
  }

  // Everything up to and with `end`; less if the connection ends first.
  std::string read_through(std::string_view end) {
    for (;;) {
      if (const auto at = read_.find(end); at != std::string::npos) return take(at + end.size());
      if (!more()) return take(read_.size());
    }
  }
  std::string read_bytes(std::size_t size) {
    while (read_.size() < size && more()) {
    }
    return take(std::min(size, read_.size()));
  }
  // Everything to the end of the connection.
  std::string read_all() {
    while (more()) {
    }
    return take(read_.size());
  }
  // Whether the peer has sent nothing so far.
  bool is_silent() {
    char byte = 0;
    return read_.empty() && recv(socket_, &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0;
  }

  // A response with Content-Length, or without a body.
  std::string read_response() {
    auto head = read_through("\r\n\r\n");
    const auto at = head.find("Content-Length: ");
    if (at != std::string::npos) head += read_bytes(std::stoul(head.substr(at + 16)));
    return head;
  }

 private:
  bool connects(std::uint16_t port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return connect(socket_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
  }
  std::string take(std::size_t size) {
    auto taken = read_.substr(0, size);
    read_.erase(0, size);
    return taken;
  }
  bool more() {
    char block[4096];
    const auto size = recv(socket_, block, sizeof block, 0);
    if (size <= 0) return false;
    read_.append(block, static_cast<std::size_t>(size));
    return true;
  }

  int socket_;
  std::string read_;
};

// Listens on a port of its own.
class RawListener {
 public:
  RawListener() : socket_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    const timeval limit{.tv_sec = 10, .tv_usec = 0};
    setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    WRIT_CHECK(bind(socket_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
    WRIT_CHECK(listen(socket_, 64) == 0);
    socklen_t size = sizeof address;
    getsockname(socket_, reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
  }
  RawListener(const RawListener&) = delete;
  RawListener& operator=(const RawListener&) = delete;
  ~RawListener() { close(); }

  std::uint16_t port() const { return port_; }
  RawSocket accept() { return RawSocket(::accept4(socket_, nullptr, nullptr, SOCK_CLOEXEC)); }
  void close() {
    if (socket_ >= 0) ::close(std::exchange(socket_, -1));
  }

 private:
  int socket_;
  std::uint16_t port_ = 0;
};

// Names and their addresses; each answer is given once, the last for ever, so that a name can
// change its mind.
class FakeResolver final : public Resolver {
 public:
  void answer(const std::string& host, const std::vector<std::string>& addresses) {
    auto& list = answers_[host].emplace_back();
    for (const auto& text : addresses) list.push_back(asio::ip::make_address(text));
  }
  int asked() const { return asked_; }
  // Whose share the last question took.
  const std::string& owner() const { return owner_; }

  Task<Expected<std::vector<Address>>> resolve(std::string host, std::string owner,
                                               WaitOptions) override {
    ++asked_;
    owner_ = std::move(owner);
    auto& list = answers_[host];
    if (list.empty()) co_return fail(Errc::unavailable, "no such name", host);
    auto answer = list.front();
    if (list.size() > 1) list.erase(list.begin());
    co_return answer;
  }

 private:
  std::map<std::string, std::vector<std::vector<Address>>> answers_;
  int asked_ = 0;
  std::string owner_;
};

}  // namespace writ::net::testing
