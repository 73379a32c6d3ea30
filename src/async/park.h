// SPDX-License-Identifier: Apache-2.0
// Parked: the one way in which a task of ours is suspended other than in an Asio operation. It
// lives in the task's frame; whoever has a reference resumes it, once, on the loop.
#pragma once

#include <functional>
#include <utility>

#include <boost/asio/async_result.hpp>
#include <boost/intrusive/list.hpp>

#include "async/loop.h"
#include "async/task.h"

namespace writ {

class Parked {
 public:
  explicit Parked(Loop& loop) : loop_(loop) {}
  Parked(const Parked&) = delete;
  Parked& operator=(const Parked&) = delete;

  Loop& loop() const { return loop_; }
  bool waiting() const { return static_cast<bool>(task_.resume); }

  // Suspends until resume(). The loop holds the suspended task meanwhile, so that it is destroyed
  // with the loop if nobody resumes it.
  Task<void> wait() {
    auto token = use_task;
    return asio::async_initiate<asio::use_awaitable_t<Executor>, void()>(
        [this](auto handler) {
          task_.resume = std::move(handler);
          loop_.parked_.push_back(task_);
        },
        token);
  }

  // Runs the task, up to its next suspension, before returning; this may be gone then. Does nothing
  // unless waiting.
  void resume() {
    if (!task_.resume) return;
    task_.unlink();
    auto resume = std::exchange(task_.resume, nullptr);
    resume();
  }

 private:
  Loop& loop_;
  ParkedTask task_;
};

}  // namespace writ
