// SPDX-License-Identifier: Apache-2.0
#include "net/dns_channel.h"

#include <algorithm>
#include <mutex>
#include <utility>

#include <ares.h>
#include <boost/asio/ip/tcp.hpp>

#include "base/check.h"

namespace writ::net {
namespace {

using Address = asio::ip::address;

std::string reason(int status) { return std::string("DNS: ") + ares_strerror(status); }

Expected<std::vector<Address>> addresses_of(const ares_addrinfo* result, const std::string& host) {
  std::vector<Address> out;
  for (const auto* at = result->nodes; at != nullptr; at = at->ai_next) {
    asio::ip::tcp::endpoint endpoint;
    if (at->ai_addrlen > endpoint.capacity()) continue;
    std::copy_n(reinterpret_cast<const char*>(at->ai_addr), at->ai_addrlen,
                reinterpret_cast<char*>(endpoint.data()));
    // An answer may hold thousands, and who gives it may be hostile: no more are compared.
    constexpr std::size_t kMost = 64;
    if (out.size() == kMost) break;
    if (std::ranges::find(out, endpoint.address()) == out.end()) out.push_back(endpoint.address());
  }
  if (out.empty()) return fail(Errc::unavailable, "the name has no addresses", host);
  return out;
}

}  // namespace

// A socket of c-ares, which opens and closes it.
struct DnsChannel::Socket {
  Socket(Loop& loop, int number) : descriptor(loop.executor(), number) {}
  ~Socket() {
    if (descriptor.is_open()) descriptor.release();
  }

  asio::posix::basic_stream_descriptor<Executor> descriptor;
  bool reads = false;
  bool writes = false;
  bool awaits_read = false;
  bool awaits_write = false;
};

struct DnsChannel::Question {
  std::shared_ptr<DnsChannel> channel;
  std::string host;
  Answer answer;
};

DnsChannel::DnsChannel(Loop& loop) : loop_(loop), timer_(loop.executor()) {}

DnsChannel::~DnsChannel() { end(); }

Expected<std::shared_ptr<DnsChannel>> DnsChannel::create(Loop& loop, const Options& options) {
  static std::once_flag once;
  std::call_once(once, [] { WRIT_CHECK(ares_library_init(ARES_LIB_INIT_ALL) == ARES_SUCCESS); });
  auto out = std::make_shared<DnsChannel>(loop);
  auto file = options.configuration.string();
  char lookups[] = "b";  // DNS alone: the table of hosts would be read at every question
  ares_options given{};
  // Without aliases: their file, which the environment names, would be read at every question.
  given.flags = ARES_FLAG_NOALIASES;
  given.timeout = static_cast<int>(options.first_try.count());
  given.tries = options.tries;
  given.lookups = lookups;
  given.resolvconf_path = file.data();
  given.sock_state_cb = on_socket;
  given.sock_state_cb_data = out.get();
  int status =
      ares_init_options(&out->channel_, &given,
                        ARES_OPT_FLAGS | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_LOOKUPS |
                            ARES_OPT_RESOLVCONF | ARES_OPT_SOCK_STATE_CB);
  if (status != ARES_SUCCESS) {
    out->channel_ = nullptr;
    return fail(Errc::unavailable, reason(status), file);
  }
  if (!options.servers.empty()) {
    status = ares_set_servers_ports_csv(out->channel_, options.servers.c_str());
    if (status != ARES_SUCCESS) return fail(Errc::invalid_input, reason(status), options.servers);
  }
  return out;
}

void DnsChannel::ask(const std::string& host, Answer answer) {
  WRIT_CHECK(channel_ != nullptr && loop_.is_current());
  ares_addrinfo_hints hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  // Sorting would open a socket for each address of a hostile answer.
  hints.ai_flags = ARES_AI_NOSORT;
  auto question = std::make_unique<Question>(
      Question{.channel = shared_from_this(), .host = host, .answer = std::move(answer)});
  ares_getaddrinfo(channel_, question->host.c_str(), nullptr, &hints, on_answer,
                   question.release());
  after_work();
}

void DnsChannel::on_answer(void* question, int status, int, ares_addrinfo* result) {
  const std::unique_ptr<Question> asked(static_cast<Question*>(question));
  const std::unique_ptr<ares_addrinfo, void (*)(ares_addrinfo*)> owned(result, ares_freeaddrinfo);
  asked->answer(
      status == ARES_SUCCESS
          ? addresses_of(result, asked->host)
          : Expected<std::vector<Address>>(fail(
                Errc::unavailable, "the name cannot be resolved: " + reason(status), asked->host)));
  // c-ares is not to be destroyed from within its own call.
  asked->channel->loop_.post([last = std::move(asked->channel)] {});
}

void DnsChannel::end() {
  // Answers may come to hold this for the last time.
  if (auto* channel = std::exchange(channel_, nullptr)) ares_destroy(channel);
  sockets_.clear();
}

void DnsChannel::on_socket(void* channel, int socket, int reads, int writes) {
  static_cast<DnsChannel*>(channel)->watch(socket, reads != 0, writes != 0);
}

void DnsChannel::watch(int socket, bool reads, bool writes) {
  if (!reads && !writes) {
    const auto found = sockets_.find(socket);
    if (found == sockets_.end()) return;
    // Before c-ares closes it: the number may be another's at once.
    found->second->reads = found->second->writes = false;
    found->second->descriptor.release();
    sockets_.erase(found);
    return;
  }
  auto& watched = sockets_[socket];
  if (watched == nullptr) watched = std::make_shared<Socket>(loop_, socket);
  watched->reads = reads;
  watched->writes = writes;
}

void DnsChannel::wait(const std::shared_ptr<Socket>& socket, bool writes) {
  auto& awaits = writes ? socket->awaits_write : socket->awaits_read;
  if (awaits || !(writes ? socket->writes : socket->reads)) return;
  awaits = true;
  using Descriptor = asio::posix::basic_stream_descriptor<Executor>;
  socket->descriptor.async_wait(
      writes ? Descriptor::wait_write : Descriptor::wait_read,
      [self = shared_from_this(), socket, writes](const boost::system::error_code& error) {
        (writes ? socket->awaits_write : socket->awaits_read) = false;
        if (error || !socket->descriptor.is_open()) return;
        const int number = socket->descriptor.native_handle();
        self->process(writes ? ARES_SOCKET_BAD : number, writes ? number : ARES_SOCKET_BAD);
      });
}

void DnsChannel::process(int readable, int writable) {
  if (channel_ == nullptr) return;
  ares_process_fd(channel_, readable, writable);
  after_work();
}

// What c-ares waits for next.
void DnsChannel::after_work() {
  for (const auto& [number, socket] : sockets_) {
    wait(socket, false);
    wait(socket, true);
  }
  timeval until{};
  if (ares_timeout(channel_, nullptr, &until) == nullptr) {
    timer_.cancel();
    return;
  }
  timer_.expires_after(std::chrono::seconds(until.tv_sec) +
                       std::chrono::microseconds(until.tv_usec) + std::chrono::milliseconds(1));
  timer_.async_wait([self = shared_from_this()](const boost::system::error_code& error) {
    if (!error) self->process(ARES_SOCKET_BAD, ARES_SOCKET_BAD);
  });
}

}  // namespace writ::net
