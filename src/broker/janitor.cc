// SPDX-License-Identifier: Apache-2.0
#include "broker/janitor.h"

#include "async/event.h"
#include "base/check.h"

namespace writ::broker {

Janitor::~Janitor() { stop(); }

void Janitor::add(std::string name, milliseconds interval, Duty duty) {
  WRIT_CHECK(running_ == 0 && interval.count() > 0);
  duties_.push_back({.name = std::move(name), .interval = interval, .duty = std::move(duty)});
}

void Janitor::start(Loop& loop) {
  {
    const std::lock_guard lock(mutex_);
    running_ = duties_.size();
  }
  for (auto& entry : duties_) spawn(loop, repeat(entry));
}

void Janitor::stop() {
  stopping_.cancel();
  std::unique_lock lock(mutex_);
  idle_.wait(lock, [this] { return running_ == 0; });
}

Task<void> Janitor::repeat(Entry& entry) {
  const auto& clock = Loop::current().clock();
  for (;;) {
    const auto end = co_await sleep_until(
        {.deadline = clock.steady_now() + entry.interval, .cancel = stopping_.token()});
    if (end == WaitEnd::cancelled) break;
    const auto done = co_await entry.duty();
    auto text = done ? std::string() : done.error().to_string();
    if (!text.empty() && text != entry.said)
      log_.error("janitor.failed", {{"duty", entry.name}, {"error", text}});
    if (text.empty() && !entry.said.empty())
      log_.info("janitor.well_again", {{"duty", entry.name}});
    entry.said = std::move(text);
  }
  const std::lock_guard lock(mutex_);
  // With the mutex held: stop() may destroy this as soon as it can take it.
  if (--running_ == 0) idle_.notify_all();
}

}  // namespace writ::broker
