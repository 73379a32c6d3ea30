// SPDX-License-Identifier: Apache-2.0
// Loop: one io_context and the thread that runs it. LoopPool: one loop a core. A connection and all
// that belongs to it live on one loop, so they need no locks.
#pragma once

#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <future>
#include <memory>
#include <string>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/intrusive/list.hpp>

#include "async/task.h"
#include "async/timer.h"
#include "base/check.h"
#include "base/clock.h"

namespace writ {

// A suspended task, in the list of the loop that it belongs to; see park.h.
struct ParkedTask
    : boost::intrusive::list_base_hook<boost::intrusive::link_mode<boost::intrusive::auto_unlink>> {
  std::move_only_function<void()> resume;
};

// For tests: told after each turn of a loop, on its thread, how many steps of MeteredBudgets
// (base/metered_budget.h) were spent in it.
using TurnWatch = std::function<void(std::uint64_t steps)>;

// The clock outlives the loop. Unless said otherwise a member is for the loop's own thread.
class Loop {
 public:
  explicit Loop(const Clock& clock, milliseconds tick = milliseconds(100), TurnWatch watch = {});
  // Stops, and then destroys what is still suspended on it, without resuming it.
  ~Loop();
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  // From the thread that owns the loop: start() once, with a name of at most 15 characters that
  // shows in ps and gdb; stop() returns when the thread has ended. What a task has not finished by
  // then it never will: let it finish first.
  void start(const std::string& name);
  void stop();

  // The loop whose thread this is; calling it elsewhere is a bug.
  static Loop& current();
  // Any thread.
  bool is_current() const;

  // Any thread: runs `function` on the loop, never before returning.
  template <typename Function>
  void post(Function&& function) {
    asio::post(context_, std::forward<Function>(function));
  }
  // Any thread.
  Executor executor() { return context_.get_executor(); }
  asio::io_context& context() { return context_; }
  const Clock& clock() const { return clock_; }
  SteadyPoint now() const { return clock_.steady_now(); }

  TimerWheel& timers() { return wheel_; }

 private:
  friend class Parked;
  void run();
  void start_ticking();

  // The context is destroyed before the wheel and the list, because that destroys suspended
  // coroutines, which unlink themselves from both.
  const Clock& clock_;
  const TurnWatch watch_;
  TimerWheel wheel_;
  boost::intrusive::list<ParkedTask, boost::intrusive::constant_time_size<false>> parked_;
  asio::io_context context_;
  asio::executor_work_guard<Executor> work_;
  asio::basic_waitable_timer<std::chrono::steady_clock,
                             asio::wait_traits<std::chrono::steady_clock>, Executor>
      ticker_;
  std::thread thread_;
};

// Any thread: starts a task on the loop. On the loop itself it runs at once up to its first wait.
// An exception that leaves the task is a bug and ends the process.
inline void spawn(Loop& loop, Task<void> task) {
  asio::co_spawn(loop.executor(), std::move(task),
                 [](const std::exception_ptr& thrown) { WRIT_CHECK(thrown == nullptr); });
}

// For threads that are not a loop's, such as the command line's and a test's: runs the task on the
// loop and waits for its result. The loop runs meanwhile.
template <typename T>
T run_on(Loop& loop, Task<T> task) {
  WRIT_CHECK(!loop.is_current());
  std::promise<T> promise;
  auto future = promise.get_future();
  spawn(loop, [](Task<T> inner, std::promise<T> out) -> Task<void> {
    if constexpr (std::is_void_v<T>) {
      co_await std::move(inner);
      out.set_value();
    } else {
      out.set_value(co_await std::move(inner));
    }
  }(std::move(task), std::move(promise)));
  return future.get();
}

class LoopPool {
 public:
  // `size` 0 is one a core.
  explicit LoopPool(const Clock& clock, std::size_t size = 0, const TurnWatch& watch = {});

  void start();
  void stop();
  std::size_t size() const { return loops_.size(); }
  Loop& at(std::size_t index) { return *loops_.at(index); }

 private:
  std::vector<std::unique_ptr<Loop>> loops_;
};

}  // namespace writ
