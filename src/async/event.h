// SPDX-License-Identifier: Apache-2.0
// OneShot and Broadcast: what a task awaits and any thread may bring about.
//
//   OneShot<Expected<Receipt>> committed;
//   journal.submit(unit, [committed](auto receipt) mutable { committed.set(std::move(receipt)); });
//   auto receipt = co_await committed.wait({.deadline = by, .cancel = call_alive});
//
// Deadlines are coarse (timer.h). Where the event and the deadline come together, either may win.
// A wait is for a loop's thread; everything else is thread-safe. Copies are the same event.
#pragma once

#include <cstdint>
#include <expected>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>

#include <boost/intrusive/list.hpp>

#include "async/cancel.h"
#include "async/loop.h"
#include "async/park.h"
#include "async/task.h"

namespace writ {

// Why a wait ended without what it waited for.
enum class WaitEnd : std::uint8_t { timed_out, cancelled };

struct WaitOptions {
  SteadyPoint deadline = Deadline::kNever;
  CancelToken cancel{};
};

namespace event_detail {

// The tasks that wait for one event. Every member is called with the event's mutex held, save
// suspend().
class Waiters {
 public:
  // Lives in the waiting task's frame.
  struct Waiter : boost::intrusive::list_base_hook<> {
    explicit Waiter(Loop& loop) : parked(loop) {}
    Parked parked;
    std::optional<WaitEnd> ended;
  };

  void add(Waiter& waiter) { list_.push_back(waiter); }
  void remove(Waiter& waiter) {
    if (waiter.is_linked()) list_.erase(list_.iterator_to(waiter));
  }
  void wake_all();

  // On the loop, after add(): returns when woken, or with the reason why not.
  static Task<std::optional<WaitEnd>> suspend(Waiters& waiters, std::mutex& mutex, Waiter& waiter,
                                              WaitOptions options);

 private:
  boost::intrusive::list<Waiter, boost::intrusive::constant_time_size<false>> list_;
};

}  // namespace event_detail

// A value that is set once and taken by one waiter. T is movable.
template <typename T>
class OneShot {
 public:
  OneShot() : state_(std::make_shared<State>()) {}

  // False, and nothing happens, if it was set before.
  bool set(T value) const {
    const std::lock_guard lock(state_->mutex);
    if (state_->set) return false;
    state_->set = true;
    state_->value.emplace(std::move(value));
    state_->waiters.wake_all();
    return true;
  }

  bool is_set() const {
    const std::lock_guard lock(state_->mutex);
    return state_->set;
  }

  // Moves the value out. One task waits, once.
  Task<std::expected<T, WaitEnd>> wait(WaitOptions options = {}) const {
    return wait_for(state_, std::move(options));
  }

 private:
  struct State {
    std::mutex mutex;
    bool set = false;
    std::optional<T> value;
    event_detail::Waiters waiters;
  };

  static Task<std::expected<T, WaitEnd>> wait_for(std::shared_ptr<State> state,
                                                  WaitOptions options) {
    event_detail::Waiters::Waiter waiter(Loop::current());
    {
      const std::lock_guard lock(state->mutex);
      if (state->value) co_return std::move(*state->value);
      state->waiters.add(waiter);
    }
    const auto end = co_await event_detail::Waiters::suspend(state->waiters, state->mutex, waiter,
                                                             std::move(options));
    if (end) co_return std::unexpected(*end);
    const std::lock_guard lock(state->mutex);
    co_return std::move(*state->value);
  }

  std::shared_ptr<State> state_;
};

// A version that goes up; any number of tasks wait for it to pass the one they have seen.
class Broadcast {
 public:
  Broadcast();

  std::uint64_t version() const;
  void notify() const;

  // Returns the version as soon as it differs from `seen`.
  Task<std::expected<std::uint64_t, WaitEnd>> wait_past(std::uint64_t seen,
                                                        WaitOptions options = {}) const;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

// Coarse, for pauses and back-offs; ends early only by cancellation.
Task<WaitEnd> sleep_until(WaitOptions options);
// Precise, and dearer.
Task<void> sleep_precisely(std::chrono::microseconds duration);

}  // namespace writ
