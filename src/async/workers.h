// SPDX-License-Identifier: Apache-2.0
// Workers: a few threads for calls that block, such as resolving a name, so that no loop does.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

#include "async/event.h"
#include "base/error.h"

namespace writ {

// Thread-safe. The destructor waits for the calls that have begun; those that wait in the queue are
// dropped, and their tasks resume by their deadline alone.
class Workers {
 public:
  Workers(std::size_t threads, std::size_t queue_limit);
  ~Workers();
  Workers(const Workers&) = delete;
  Workers& operator=(const Workers&) = delete;

  // Awaited on a loop: the result of `function`, which lets no exception out. unavailable where the
  // queue is full or the wait ends first; the call then runs on without anyone to hear it, so it
  // owns what it uses.
  template <typename Function>
  Task<Expected<std::invoke_result_t<Function>>> run(Function function, WaitOptions options = {}) {
    OneShot<std::invoke_result_t<Function>> done;
    if (!submit([done, function = std::move(function)]() mutable { done.set(function()); })) {
      co_return fail(Errc::unavailable, "too many blocking calls wait already");
    }
    auto result = co_await done.wait(std::move(options));
    if (!result) {
      co_return fail(Errc::unavailable, result.error() == WaitEnd::timed_out
                                            ? "a blocking call took too long"
                                            : "cancelled while waiting for a blocking call");
    }
    co_return std::move(*result);
  }

  // Without anybody to wait for it: false, and the job is destroyed, where the queue is full. One
  // that waits when the workers end is destroyed too.
  bool submit(std::move_only_function<void()> job);

 private:
  void work();

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::move_only_function<void()>> queue_;
  std::size_t queue_limit_;
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace writ
