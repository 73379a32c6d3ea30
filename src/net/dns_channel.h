// SPDX-License-Identifier: Apache-2.0
// DnsChannel: c-ares on one loop. Its sockets and its timer are Asio's, so that asking never waits.
#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/posix/basic_stream_descriptor.hpp>

#include "async/loop.h"
#include "base/error.h"

struct ares_channeldata;
struct ares_addrinfo;

namespace writ::net {

class DnsChannel : public std::enable_shared_from_this<DnsChannel> {
 public:
  struct Options {
    std::filesystem::path configuration;
    std::string servers;
    milliseconds first_try;
    int tries;
  };
  using Answer = std::function<void(Expected<std::vector<asio::ip::address>>)>;

  // Any thread; reads the configuration's file. It lives until its last question is answered, or
  // end().
  static Expected<std::shared_ptr<DnsChannel>> create(Loop& loop, const Options& options);
  explicit DnsChannel(Loop& loop);
  ~DnsChannel();
  DnsChannel(const DnsChannel&) = delete;
  DnsChannel& operator=(const DnsChannel&) = delete;

  // On the loop. `answer` is called once, perhaps before ask() returns: unavailable where there is
  // no address. Addresses are in DNS's order, each once.
  void ask(const std::string& host, Answer answer);
  // When the loop has stopped: each open question is answered, with unavailable.
  void end();

 private:
  using Timer = asio::basic_waitable_timer<std::chrono::steady_clock,
                                           asio::wait_traits<std::chrono::steady_clock>, Executor>;
  struct Socket;
  struct Question;

  static void on_socket(void* channel, int socket, int reads, int writes);
  static void on_answer(void* question, int status, int timeouts, ares_addrinfo* result);
  void watch(int socket, bool reads, bool writes);
  void wait(const std::shared_ptr<Socket>& socket, bool writes);
  void process(int readable, int writable);
  void after_work();

  Loop& loop_;
  Timer timer_;
  ares_channeldata* channel_ = nullptr;
  std::map<int, std::shared_ptr<Socket>> sockets_;
};

}  // namespace writ::net
