// SPDX-License-Identifier: Apache-2.0
#include "async/event.h"

namespace writ {
namespace event_detail {
namespace {

// Takes the waiter out of the list however its task ends, also when the loop destroys it.
class Leave {
 public:
  Leave(Waiters& waiters, std::mutex& mutex, Waiters::Waiter& waiter)
      : waiters_(waiters), mutex_(mutex), waiter_(waiter) {}
  Leave(const Leave&) = delete;
  Leave& operator=(const Leave&) = delete;
  ~Leave() {
    const std::lock_guard lock(mutex_);
    waiters_.remove(waiter_);
  }

 private:
  Waiters& waiters_;
  std::mutex& mutex_;
  Waiters::Waiter& waiter_;
};

}  // namespace

void Waiters::wake_all() {
  while (!list_.empty()) {
    auto& waiter = list_.front();
    list_.pop_front();
    // The waiter outlives this post: once off the list it is resumed by nothing else. And its loop
    // is there, because a loop that ends takes its waiters off first.
    waiter.parked.loop().post([&waiter] { waiter.parked.resume(); });
  }
}

Task<std::optional<WaitEnd>> Waiters::suspend(Waiters& waiters, std::mutex& mutex, Waiter& waiter,
                                              WaitOptions options) {
  const Leave leave(waiters, mutex, waiter);
  auto& loop = waiter.parked.loop();
  const auto give_up = [&](WaitEnd end) {
    {
      const std::lock_guard lock(mutex);
      // Not on the list: the wake is on its way, and two would resume one task twice.
      if (!waiter.is_linked()) return;
      waiters.remove(waiter);
    }
    waiter.ended = end;
    waiter.parked.resume();
  };
  std::optional<Deadline> deadline;
  if (options.deadline != Deadline::kNever) {
    deadline.emplace(loop.timers(), [&] { give_up(WaitEnd::timed_out); });
    deadline->arm(options.deadline);
  }
  const CancelRegistration cancelled(options.cancel, loop, [&] { give_up(WaitEnd::cancelled); });
  co_await waiter.parked.wait();
  co_return waiter.ended;
}

}  // namespace event_detail

struct Broadcast::State {
  std::mutex mutex;
  std::uint64_t version = 0;
  event_detail::Waiters waiters;
};

Broadcast::Broadcast() : state_(std::make_shared<State>()) {}

std::uint64_t Broadcast::version() const {
  const std::lock_guard lock(state_->mutex);
  return state_->version;
}

void Broadcast::notify() const {
  const std::lock_guard lock(state_->mutex);
  ++state_->version;
  state_->waiters.wake_all();
}

Task<std::expected<std::uint64_t, WaitEnd>> Broadcast::wait_past(std::uint64_t seen,
                                                                 WaitOptions options) const {
  const auto state = state_;
  event_detail::Waiters::Waiter waiter(Loop::current());
  {
    const std::lock_guard lock(state->mutex);
    if (state->version != seen) co_return state->version;
    state->waiters.add(waiter);
  }
  const auto end = co_await event_detail::Waiters::suspend(state->waiters, state->mutex, waiter,
                                                           std::move(options));
  if (end) co_return std::unexpected(*end);
  const std::lock_guard lock(state->mutex);
  co_return state->version;
}

Task<WaitEnd> sleep_until(WaitOptions options) {
  const OneShot<bool> never;
  const auto end = co_await never.wait(std::move(options));
  co_return end ? WaitEnd::timed_out : end.error();
}

Task<void> sleep_precisely(std::chrono::microseconds duration) {
  asio::basic_waitable_timer<std::chrono::steady_clock,
                             asio::wait_traits<std::chrono::steady_clock>, Executor>
      timer(Loop::current().executor(), duration);
  co_await timer.async_wait(use_task);
}

}  // namespace writ
