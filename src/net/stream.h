// SPDX-License-Identifier: Apache-2.0
// Stream: a connected socket, plain or TLS, with deadlines and interruption. Of one loop; not
// thread-safe. One operation at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/ip/tcp.hpp>

#include "async/loop.h"
#include "async/task.h"
#include "base/bytes.h"
#include "base/error.h"

namespace writ::net {

using Socket = asio::basic_stream_socket<asio::ip::tcp, Executor>;

// How an operation on a stream ended.
enum class IoEnd : std::uint8_t {
  ok,
  closed,       // the peer's orderly end
  timed_out,    // the operation's deadline
  interrupted,  // interrupt(), by whoever cancelled or shut down
  failed,       // reset, unreachable, a TLS failure; a cut TLS stream without close_notify
};

struct IoResult {
  IoEnd end = IoEnd::ok;
  std::size_t bytes = 0;
  std::string detail{};  // of failed, for the log

  bool ok() const { return end == IoEnd::ok; }
};

// "the upstream closed the connection while ...", under the given code.
Error to_error(const IoResult& result, Errc code, std::string_view peer, std::string_view doing);

// What a Stream does bytes through: non-blocking steps on the socket. TLS is one (tls.h).
class Transport {
 public:
  enum class Step : std::uint8_t { done, want_read, want_write, closed, failed };
  struct Result {
    Step step = Step::done;
    std::size_t bytes = 0;
  };

  virtual ~Transport() = default;
  virtual Result handshake() = 0;
  virtual Result read(std::span<std::uint8_t> into) = 0;
  // Any number of bytes from the front; more than none unless it wants to wait.
  virtual Result write(std::span<const BytesView> pieces) = 0;
  // done: bytes are there to read. Takes none of them away.
  virtual Result peek() = 0;
  // Tells the peer that no more bytes follow.
  virtual void shut_write() = 0;
  // Of the last failed step.
  virtual std::string failure() const = 0;
};

std::unique_ptr<Transport> plain_transport(int socket);

// Movable; closes the socket when it goes.
class Stream {
 public:
  Stream() = default;
  // The socket is non-blocking; `transport` works on its descriptor.
  Stream(Loop& loop, Socket socket, const asio::ip::tcp::endpoint& peer,
         std::unique_ptr<Transport> transport);
  Stream(Stream&&) noexcept = default;
  Stream& operator=(Stream&& other) noexcept;
  ~Stream();

  explicit operator bool() const { return core_ != nullptr; }

  // What a transport has to do before its first byte: nothing, a TLS handshake.
  Task<IoResult> handshake(SteadyPoint deadline);
  // From here on through another transport, on the same socket: after a connect, TLS.
  void replace_transport(std::unique_ptr<Transport> transport);
  int socket() const;

  // At least one byte, unless it ended otherwise. `eager`: whether to try before waiting; pass
  // false where nothing can have come yet.
  Task<IoResult> read(std::span<std::uint8_t> into, SteadyPoint deadline, bool eager = true);
  // Waits until something has come, so that no buffer is needed meanwhile; with TLS it may turn out
  // to be nothing to read.
  Task<IoResult> wait_readable(SteadyPoint deadline);
  // All pieces, in their order. `pieces` and what they refer to live until it returns; so does
  // `answered`, which becomes true if bytes, or the end, came before the last byte was written. A
  // read after that is eager: TLS may have taken them from the socket.
  Task<IoResult> write(std::span<const BytesView> pieces, SteadyPoint deadline,
                       bool* answered = nullptr);

  // A read that waits ends with IoEnd::interrupted; nothing else changes. On the stream's loop.
  void end_read();

  // At once: an idle stream that may be used again has nothing to read and has not ended.
  bool is_quiet();
  // At once: whether bytes, or the end, are there to read.
  bool has_input() { return !is_quiet(); }

  // While no operation reads: calls back, once, when the peer goes. Bytes that come instead end the
  // watch, because nothing behind them can be seen.
  void watch_hangup(std::function<void()> gone);
  void stop_watching();

  // The pending operation and all later ones end with IoEnd::interrupted. Nothing is written any
  // more. On the stream's loop.
  void interrupt();
  bool interrupted() const;
  void shut_write();
  void close();
  // Closes so that the peer cannot take what it has for the whole.
  void reset();

  const asio::ip::tcp::endpoint& peer() const;

 private:
  class Core;
  std::shared_ptr<Core> core_;
};

}  // namespace writ::net
