// SPDX-License-Identifier: Apache-2.0
// room: base
// An upstream that costs next to nothing: answers every request on 127.0.0.1:PORT with the same
// invoice of about 1 KB, so that a benchmark measures what stands before it. It looks for the empty
// line that ends a head and reads no bodies: for GET alone.
//
// Usage: constant_upstream_tool PORT
#include <array>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <unordered_map>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace {

std::string make_response() {
  std::string body = R"({"amount":12000,"currency":"EUR","id":"inv_1001","note":")";
  body.append(1024 - body.size() - 2, 'x');
  body += "\"}";
  return "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: " +
         std::to_string(body.size()) + "\r\n\r\n" + body;
}

[[noreturn]] void die(const char* what) {
  std::perror(what);
  std::exit(1);
}

int listen_on(std::uint16_t port) {
  const int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int on = 1;
  ::setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast): the sockets interface asks for it
  if (::bind(listener, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
      ::listen(listener, 128) != 0)
    die("listen");
  return listener;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fputs("usage: constant_upstream_tool PORT\n", stderr);
    return 2;
  }
  std::signal(SIGPIPE, SIG_IGN);
  const auto response = make_response();
  const int listener = listen_on(static_cast<std::uint16_t>(std::atoi(argv[1])));
  const int poll = ::epoll_create1(EPOLL_CLOEXEC);
  epoll_event event{.events = EPOLLIN, .data = {.fd = listener}};
  ::epoll_ctl(poll, EPOLL_CTL_ADD, listener, &event);
  std::unordered_map<int, std::string> heads;  // what came of each connection's next request
  std::array<epoll_event, 64> events{};
  std::array<char, 16384> buffer{};
  for (;;) {
    const int ready = ::epoll_wait(poll, events.data(), static_cast<int>(events.size()), -1);
    for (int i = 0; i < ready; ++i) {
      const int fd = events.at(static_cast<std::size_t>(i)).data.fd;
      if (fd == listener) {
        const int client = ::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
        if (client < 0) continue;
        const int on = 1;
        ::setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        epoll_event added{.events = EPOLLIN, .data = {.fd = client}};
        ::epoll_ctl(poll, EPOLL_CTL_ADD, client, &added);
        continue;
      }
      const auto got = ::read(fd, buffer.data(), buffer.size());
      if (got <= 0) {
        heads.erase(fd);
        ::close(fd);
        continue;
      }
      auto& head = heads[fd];
      head.append(buffer.data(), static_cast<std::size_t>(got));
      for (auto end = head.find("\r\n\r\n"); end != std::string::npos;
           end = head.find("\r\n\r\n")) {
        head.erase(0, end + 4);
        // The socket's buffer holds far more than one response.
        if (::write(fd, response.data(), response.size()) < 0) break;
      }
    }
  }
}
