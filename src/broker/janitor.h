// SPDX-License-Identifier: Apache-2.0
// Janitor: what a server does again and again beside answering: each duty on a task of its own, so
// that a slow one delays no other. A duty that fails is said once, and tried again the next time.
//
//   Janitor janitor(log);
//   janitor.add("notary", milliseconds(500), [&] { return round(notary); });
//   janitor.start(loops.at(0));
//   …
//   janitor.stop();
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <functional>
#include <mutex>
#include <string>
#include <vector>

#include "async/cancel.h"
#include "async/loop.h"
#include "async/task.h"
#include "base/error.h"
#include "observe/log.h"

namespace writ::broker {

// add(), start() and stop() are for the thread that owns the loops. What the constructor takes
// outlives it.
class Janitor {
 public:
  using Duty = std::function<Task<Expected<void>>()>;

  explicit Janitor(observe::Log& log) : log_(log) {}
  ~Janitor();
  Janitor(const Janitor&) = delete;
  Janitor& operator=(const Janitor&) = delete;

  // Before start(). The duty is done first after `interval`, and then `interval` after it ended.
  void add(std::string name, milliseconds interval, Duty duty);
  void start(Loop& loop);
  // Returns when no duty runs any more; the loop runs meanwhile. Idempotent.
  void stop();

 private:
  struct Entry {
    std::string name;
    milliseconds interval;
    Duty duty;
    std::string said{};  // the error that is in the log already
  };
  Task<void> repeat(Entry& entry);

  observe::Log& log_;
  std::vector<Entry> duties_;
  CancelSource stopping_;
  std::mutex mutex_;
  std::condition_variable idle_;
  std::size_t running_ = 0;  // under mutex_
};

}  // namespace writ::broker
