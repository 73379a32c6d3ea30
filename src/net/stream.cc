// SPDX-License-Identifier: Apache-2.0
#include "net/stream.h"

#include <utility>

#include "async/park.h"

namespace writ::net {

Error to_error(const IoResult& result, Errc code, std::string_view peer, std::string_view doing) {
  std::string message(peer);
  switch (result.end) {
    case IoEnd::ok:
    case IoEnd::failed:
      message += " failed";
      break;
    case IoEnd::closed:
      message += " closed the connection";
      break;
    case IoEnd::timed_out:
      message += " took too long";
      break;
    case IoEnd::interrupted:
      message += " was cut off by cancellation";
      break;
  }
  message += " while ";
  message += doing;
  if (!result.detail.empty()) message += ": " + result.detail;
  return Error{.code = code, .message = std::move(message), .where = {}, .hint = {}};
}

// Shared with the pending readiness wait, so that this may complete after the stream is gone.
class Stream::Core : public std::enable_shared_from_this<Core> {
 public:
  Core(Loop& loop, Socket socket, const asio::ip::tcp::endpoint& peer,
       std::unique_ptr<Transport> transport)
      : loop_(loop),
        socket_(std::move(socket)),
        transport_(std::move(transport)),
        peer_(peer),
        deadline_(loop.timers(), [this] { end_wait(IoEnd::timed_out); }) {}

  Transport& transport() { return *transport_; }
  void replace_transport(std::unique_ptr<Transport> transport) {
    transport_ = std::move(transport);
  }
  int socket() { return socket_.native_handle(); }
  const asio::ip::tcp::endpoint& peer() const { return peer_; }
  bool interrupted() const { return interrupted_; }
  bool open() const { return socket_.is_open(); }
  bool is_quiet() {
    const auto step = transport_->peek().step;
    return step == Transport::Step::want_read || step == Transport::Step::want_write;
  }

  // The result of a step that is not to wait.
  IoResult ended(const Transport::Result& result) const {
    switch (result.step) {
      case Transport::Step::done:
        return {.end = IoEnd::ok, .bytes = result.bytes};
      case Transport::Step::closed:
        return {.end = IoEnd::closed, .bytes = 0};
      default:
        return {.end = IoEnd::failed, .bytes = 0, .detail = transport_->failure()};
    }
  }

  // A peer that is always ready would keep the loop from all others.
  bool turn_is_over() { return ++turn_ % 64 == 0; }
  Task<void> next_turn() { return asio::post(loop_.executor(), use_task); }

  Task<IoEnd> wait(Transport::Step direction, SteadyPoint deadline) {
    if (interrupted_ || !open()) co_return IoEnd::interrupted;
    WRIT_CHECK(waiter_ == nullptr);
    Parked parked(loop_);
    const Waiting waiting(*this, parked);
    wait_end_ = IoEnd::ok;
    waits_for_write_ = direction == Transport::Step::want_write;
    arm(waits_for_write_);
    deadline_.arm(deadline);
    co_await parked.wait();
    co_return wait_end_;
  }

  void end_wait(IoEnd end) {
    if (waiter_ == nullptr) return;
    wait_end_ = end;
    deadline_.disarm();
    std::exchange(waiter_, nullptr)->resume();
  }

  void watch_hangup(std::function<void()> gone) {
    gone_ = std::move(gone);
    check_hangup();
  }
  void stop_watching() { gone_ = nullptr; }

  void interrupt() {
    interrupted_ = true;
    end_wait(IoEnd::interrupted);
  }

  void end_read() {
    if (!waits_for_write_) end_wait(IoEnd::interrupted);
  }

  void reset() {
    boost::system::error_code ignored;
    if (open()) socket_.set_option(asio::socket_base::linger(true, 0), ignored);
    close();
  }

  void close() {
    interrupted_ = true;
    gone_ = nullptr;
    boost::system::error_code ignored;
    socket_.close(ignored);
    end_wait(IoEnd::interrupted);
  }

 private:
  // Forgets the waiter also where the loop destroys its task.
  class Waiting {
   public:
    Waiting(Core& core, Parked& parked) : core_(core) { core_.waiter_ = &parked; }
    Waiting(const Waiting&) = delete;
    Waiting& operator=(const Waiting&) = delete;
    ~Waiting() { core_.waiter_ = nullptr; }

   private:
    Core& core_;
  };

  // At most one wait a direction is pending in the reactor; it stays there when its deadline
  // passes, and serves whoever waits when it completes.
  void arm(bool write) {
    auto& armed = write ? write_armed_ : read_armed_;
    if (armed) return;
    armed = true;
    socket_.async_wait(write ? Socket::wait_write : Socket::wait_read,
                       [self = shared_from_this(), write](const boost::system::error_code& error) {
                         (write ? self->write_armed_ : self->read_armed_) = false;
                         if (error) return self->end_wait(IoEnd::interrupted);
                         self->ready(write);
                       });
  }

  void ready(bool write) {
    if (waiter_ != nullptr && waits_for_write_ == write) {
      end_wait(IoEnd::ok);
    } else if (!write) {
      check_hangup();
    }
  }

  void check_hangup() {
    if (!gone_ || !open()) return;
    switch (transport_->peek().step) {
      case Transport::Step::want_read:
      case Transport::Step::want_write:
        arm(false);
        break;
      case Transport::Step::done:
        break;
      case Transport::Step::closed:
      case Transport::Step::failed:
        std::exchange(gone_, nullptr)();
        break;
    }
  }

  Loop& loop_;
  Socket socket_;
  std::unique_ptr<Transport> transport_;
  asio::ip::tcp::endpoint peer_;
  Deadline deadline_;
  std::function<void()> gone_;
  Parked* waiter_ = nullptr;
  unsigned turn_ = 0;
  IoEnd wait_end_ = IoEnd::ok;
  bool waits_for_write_ = false;
  bool read_armed_ = false;
  bool write_armed_ = false;
  bool interrupted_ = false;
};

Stream::Stream(Loop& loop, Socket socket, const asio::ip::tcp::endpoint& peer,
               std::unique_ptr<Transport> transport)
    : core_(std::make_shared<Core>(loop, std::move(socket), peer, std::move(transport))) {}

Stream& Stream::operator=(Stream&& other) noexcept {
  if (this != &other) {
    close();
    core_ = std::move(other.core_);
  }
  return *this;
}

Stream::~Stream() { close(); }

Task<IoResult> Stream::handshake(SteadyPoint deadline) {
  const auto core = core_;
  for (;;) {
    if (core->interrupted()) co_return IoResult{.end = IoEnd::interrupted, .bytes = 0};
    const auto result = core->transport().handshake();
    if (result.step != Transport::Step::want_read && result.step != Transport::Step::want_write) {
      co_return core->ended(result);
    }
    const auto end = co_await core->wait(result.step, deadline);
    if (end != IoEnd::ok) co_return IoResult{.end = end, .bytes = 0};
  }
}

Task<IoResult> Stream::read(std::span<std::uint8_t> into, SteadyPoint deadline, bool eager) {
  const auto core = core_;
  auto result = Transport::Result{.step = Transport::Step::want_read, .bytes = 0};
  for (;;) {
    if (eager && core->turn_is_over()) co_await core->next_turn();
    // After every wait: by now the descriptor may be closed, and another connection's.
    if (core->interrupted()) co_return IoResult{.end = IoEnd::interrupted, .bytes = 0};
    if (eager) {
      result = core->transport().read(into);
      if (result.step != Transport::Step::want_read && result.step != Transport::Step::want_write) {
        co_return core->ended(result);
      }
    }
    eager = true;
    const auto end = co_await core->wait(result.step, deadline);
    if (end != IoEnd::ok) co_return IoResult{.end = end, .bytes = 0};
  }
}

Task<IoResult> Stream::wait_readable(SteadyPoint deadline) {
  const auto core = core_;
  const auto end = co_await core->wait(Transport::Step::want_read, deadline);
  co_return IoResult{.end = end, .bytes = 0};
}

Task<IoResult> Stream::write(std::span<const BytesView> pieces, SteadyPoint deadline,
                             bool* answered) {
  const auto core = core_;
  std::vector<BytesView> left(pieces.begin(), pieces.end());
  std::size_t written = 0;
  for (bool begun = false;; begun = true) {
    std::erase_if(left, [](BytesView piece) { return piece.empty(); });
    if (left.empty()) co_return IoResult{.end = IoEnd::ok, .bytes = written};
    if (core->turn_is_over()) co_await core->next_turn();
    // After every wait: no byte may follow an interruption, and a descriptor that was closed may be
    // another connection's by now.
    if (core->interrupted()) {
      co_return IoResult{.end = IoEnd::interrupted, .bytes = written};
    }
    if (answered != nullptr && begun && !*answered) *answered = !core->is_quiet();
    const auto result = core->transport().write(left);
    if (result.step == Transport::Step::done) {
      written += result.bytes;
      auto taken = result.bytes;
      for (auto& piece : left) {
        const auto part = std::min(taken, piece.size());
        piece = piece.subspan(part);
        taken -= part;
      }
      continue;
    }
    if (result.step == Transport::Step::closed || result.step == Transport::Step::failed) {
      auto ended = core->ended(result);
      ended.bytes = written;
      co_return ended;
    }
    const auto end = co_await core->wait(result.step, deadline);
    if (end != IoEnd::ok) co_return IoResult{.end = end, .bytes = written};
  }
}

void Stream::replace_transport(std::unique_ptr<Transport> transport) {
  core_->replace_transport(std::move(transport));
}
int Stream::socket() const { return core_->socket(); }

bool Stream::is_quiet() { return core_ && core_->open() && core_->is_quiet(); }

void Stream::watch_hangup(std::function<void()> gone) { core_->watch_hangup(std::move(gone)); }
void Stream::stop_watching() { core_->stop_watching(); }
void Stream::interrupt() { core_->interrupt(); }
void Stream::end_read() { core_->end_read(); }
bool Stream::interrupted() const { return core_->interrupted(); }
void Stream::shut_write() {
  // A descriptor that was closed may be another's by now.
  if (core_->open()) core_->transport().shut_write();
}
void Stream::close() {
  // The core may be what runs now, and lives until it returns.
  if (const auto core = core_) core->close();
}
void Stream::reset() {
  if (const auto core = core_) core->reset();
}
const asio::ip::tcp::endpoint& Stream::peer() const { return core_->peer(); }

}  // namespace writ::net
