// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <cerrno>
#include <system_error>

#include <sys/socket.h>
#include <sys/uio.h>

#include "net/stream.h"

namespace writ::net {
namespace {

class PlainTransport final : public Transport {
 public:
  explicit PlainTransport(int socket) : socket_(socket) {}

  Result handshake() override { return {}; }

  Result read(std::span<std::uint8_t> into) override {
    return received(recv(socket_, into.data(), into.size(), 0));
  }

  Result write(std::span<const BytesView> pieces) override {
    std::array<iovec, 8> vectors;
    const auto count = std::min(pieces.size(), vectors.size());
    for (std::size_t i = 0; i < count; ++i) {
      // sendmsg does not write through this pointer.
      vectors[i] = {.iov_base = const_cast<std::uint8_t*>(pieces[i].data()),
                    .iov_len = pieces[i].size()};
    }
    msghdr message{};
    message.msg_iov = vectors.data();
    message.msg_iovlen = count;
    const auto sent = sendmsg(socket_, &message, MSG_NOSIGNAL);
    if (sent >= 0) return {.step = Step::done, .bytes = static_cast<std::size_t>(sent)};
    return failed(Step::want_write);
  }

  Result peek() override {
    std::uint8_t byte = 0;
    return received(recv(socket_, &byte, 1, MSG_PEEK));
  }

  void shut_write() override { shutdown(socket_, SHUT_WR); }
  std::string failure() const override { return std::generic_category().message(error_); }

 private:
  Result received(ssize_t size) {
    if (size > 0) return {.step = Step::done, .bytes = static_cast<std::size_t>(size)};
    if (size == 0) return {.step = Step::closed, .bytes = 0};
    return failed(Step::want_read);
  }

  Result failed(Step would_block) {
    if (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR) {
      return {.step = would_block, .bytes = 0};
    }
    error_ = errno;
    return {.step = Step::failed, .bytes = 0};
  }

  int socket_;
  int error_ = 0;
};

}  // namespace

std::unique_ptr<Transport> plain_transport(int socket) {
  return std::make_unique<PlainTransport>(socket);
}

}  // namespace writ::net
