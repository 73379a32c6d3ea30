// SPDX-License-Identifier: Apache-2.0
// StopLimit: a stop that does not end by itself is ended (protocol.md P48): by a disk that hangs,
// say. What is cut so, the next start finds.
#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <stop_token>
#include <thread>

#include "base/clock.h"

namespace writ::app {

// While it lives, `over` is called once, on a thread of its own, if it lives longer than `limit`.
class StopLimit {
 public:
  StopLimit(milliseconds limit, std::function<void()> over)
      : thread_([this, limit, over = std::move(over)](const std::stop_token& ended) {
          std::unique_lock lock(mutex_);
          if (!changed_.wait_for(lock, ended, limit, [&] { return ended.stop_requested(); }))
            over();
        }) {}
  StopLimit(const StopLimit&) = delete;
  StopLimit& operator=(const StopLimit&) = delete;

 private:
  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::jthread thread_;  // the last member: it is joined before the others go
};

}  // namespace writ::app
