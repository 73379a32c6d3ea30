// SPDX-License-Identifier: Apache-2.0
// For tests: a server of DNS on 127.0.0.1, over UDP and TCP, that answers as the first label of the
// name asks for:
//
//   silent     never
//   held       when release() is called
//   forged     first under another id, with another address, then rightly
//   garbage    with bytes that are no message
//   truncated  over UDP with the TC bit alone, over TCP rightly
//   cut        over UDP with the TC bit alone, over TCP by closing
//   huge       likewise, and over TCP with 4000 addresses
//   others     with 127.0.0.1 (A), and no address of IPv6
#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/check.h"

namespace writ::net::testing {

class FakeDns {
 public:
  FakeDns() {
    // Both protocols on one port.
    for (int attempt = 0; attempt < 50 && !open(); ++attempt) {
    }
    WRIT_CHECK(tcp_ >= 0);
    thread_ = std::thread([this] { run(); });
  }
  FakeDns(const FakeDns&) = delete;
  FakeDns& operator=(const FakeDns&) = delete;
  ~FakeDns() {
    stopping_ = true;
    wake();
    thread_.join();
    for (const int each : {udp_, tcp_, wake_}) ::close(each);
  }

  // For DnsOptions::servers.
  std::string servers() const { return "127.0.0.1:" + std::to_string(port_); }
  // Messages that came over UDP; each name is asked for twice, by the kind of its address.
  int asked() const { return asked_; }
  void release() {
    released_ = true;
    wake();
  }

 private:
  using Message = std::vector<std::uint8_t>;
  struct Held {
    sockaddr_in peer;
    Message question;
  };

  bool open() {
    udp_ = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    tcp_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof at;
    WRIT_CHECK(::bind(udp_, reinterpret_cast<sockaddr*>(&at), size) == 0);
    ::getsockname(udp_, reinterpret_cast<sockaddr*>(&at), &size);
    port_ = ntohs(at.sin_port);
    if (::bind(tcp_, reinterpret_cast<sockaddr*>(&at), size) == 0 && ::listen(tcp_, 16) == 0)
      return true;
    ::close(udp_);
    ::close(std::exchange(tcp_, -1));
    return false;
  }

  void wake() {
    const std::uint64_t one = 1;
    WRIT_CHECK(::write(wake_, &one, sizeof one) == sizeof one);
  }

  void run() {
    std::vector<Held> held;
    while (!stopping_) {
      pollfd wanted[] = {{udp_, POLLIN, 0}, {tcp_, POLLIN, 0}, {wake_, POLLIN, 0}};
      ::poll(wanted, 3, -1);
      if ((wanted[2].revents & POLLIN) != 0) {
        std::uint64_t count = 0;
        (void)!::read(wake_, &count, sizeof count);
      }
      if (released_) {
        for (const auto& each : held) send(each.peer, answer(each.question, 1));
        held.clear();
      }
      if ((wanted[0].revents & POLLIN) != 0) {
        Held got{.peer = {}, .question = Message(4096)};
        socklen_t size = sizeof got.peer;
        const auto bytes = ::recvfrom(udp_, got.question.data(), got.question.size(), 0,
                                      reinterpret_cast<sockaddr*>(&got.peer), &size);
        if (bytes < 12) continue;
        got.question.resize(static_cast<std::size_t>(bytes));
        ++asked_;
        over_udp(got, held);
      }
      if ((wanted[1].revents & POLLIN) != 0) over_tcp();
    }
  }

  void over_udp(const Held& got, std::vector<Held>& held) {
    const auto label = first_label(got.question);
    if (label.starts_with("silent")) return;
    if (label == "held" && !released_) return held.push_back(got);
    if (label == "garbage") return send(got.peer, Message(40, 0xA5));
    if (label == "truncated" || label == "cut" || label == "huge") {
      auto out = answer(got.question, 0);
      out[2] |= 0x02;
      return send(got.peer, out);
    }
    if (label == "forged") {
      auto other = answer(got.question, 1);
      other[0] ^= 0x55;
      other.back() = 66;  // 127.0.0.66
      send(got.peer, other);
    }
    send(got.peer, answer(got.question, 1));
  }

  void over_tcp() {
    const int peer = ::accept4(tcp_, nullptr, nullptr, SOCK_CLOEXEC);
    // Questions of both kinds may come on one connection.
    std::uint8_t length[2];
    while (::recv(peer, length, 2, MSG_WAITALL) == 2) {
      Message question(std::size_t{length[0]} << 8 | length[1]);
      if (::recv(peer, question.data(), question.size(), MSG_WAITALL) < 12) break;
      const auto label = first_label(question);
      if (label == "cut") break;
      auto out = answer(question, label == "huge" ? 4000 : 1);
      const auto size = out.size();
      out.insert(out.begin(),
                 {static_cast<std::uint8_t>(size >> 8), static_cast<std::uint8_t>(size & 0xFF)});
      for (std::size_t sent = 0; sent < out.size();) {
        const auto some = ::send(peer, out.data() + sent, out.size() - sent, MSG_NOSIGNAL);
        if (some <= 0) break;
        sent += static_cast<std::size_t>(some);
      }
      if (label == "huge" && is_a(question)) break;
    }
    ::close(peer);
  }

  void send(const sockaddr_in& peer, const Message& message) {
    ::sendto(udp_, message.data(), message.size(), 0, reinterpret_cast<const sockaddr*>(&peer),
             sizeof peer);
  }

  static std::string first_label(const Message& question) {
    const std::size_t size = question[12];
    return {reinterpret_cast<const char*>(question.data()) + 13,
            std::min(size, question.size() - 13)};
  }
  static std::size_t question_end(const Message& question) {
    std::size_t at = 12;
    while (at < question.size() && question[at] != 0) at += question[at] + std::size_t{1};
    return at + 5;
  }
  static bool is_a(const Message& question) { return question.at(question_end(question) - 3) == 1; }

  // With this many addresses: 127.0.0.1, then 127.1.0.0 and on.
  static Message answer(const Message& question, std::size_t count) {
    const auto end = question_end(question);
    Message out(question.begin(), question.begin() + static_cast<std::ptrdiff_t>(end));
    if (!is_a(question)) count = 0;
    out[2] = 0x81;
    out[3] = 0x80;
    out[6] = static_cast<std::uint8_t>(count >> 8);
    out[7] = static_cast<std::uint8_t>(count & 0xFF);
    out[8] = out[9] = out[10] = out[11] = 0;
    for (std::size_t i = 0; i < count; ++i) {
      const auto high = static_cast<std::uint8_t>(i >> 8);
      const auto low = static_cast<std::uint8_t>(i & 0xFF);
      const bool first = i == 0;
      out.insert(out.end(), {0xC0, 0x0C, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 127,
                             static_cast<std::uint8_t>(first ? 0 : 1),
                             first ? std::uint8_t{0} : high, first ? std::uint8_t{1} : low});
    }
    return out;
  }

  int udp_ = -1;
  int tcp_ = -1;
  int wake_ = ::eventfd(0, EFD_CLOEXEC);
  std::uint16_t port_ = 0;
  std::atomic<bool> stopping_ = false;
  std::atomic<bool> released_ = false;
  std::atomic<int> asked_ = 0;
  std::thread thread_;
};

}  // namespace writ::net::testing
