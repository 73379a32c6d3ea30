// SPDX-License-Identifier: Apache-2.0
// Stopping: cancelling what is under way, and knowing when it has stopped.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <vector>

#include "async/cancel.h"
#include "async/event.h"
#include "async/task.h"

namespace writ::broker {

// Cancels all of them. `acknowledged` runs once every callback that was registered with one of them
// has run; on some thread, perhaps before this returns.
inline void cancel_all(std::vector<CancelSource> sources, std::function<void()> acknowledged) {
  // The last of them acknowledges for all; one more than there are, so that none is last too early.
  auto left = std::make_shared<std::atomic<std::size_t>>(sources.size() + 1);
  auto done = std::make_shared<std::function<void()>>(std::move(acknowledged));
  const auto one = [left, done] {
    if (left->fetch_sub(1) == 1 && *done) (*done)();
  };
  for (auto& source : sources) source.cancel(one);
  one();
}

// The same; returns when it is acknowledged.
inline Task<void> cancel_all(std::vector<CancelSource> sources) {
  const OneShot<bool> stopped;
  cancel_all(std::move(sources), [stopped] { stopped.set(true); });
  (void)co_await stopped.wait();
}

}  // namespace writ::broker
