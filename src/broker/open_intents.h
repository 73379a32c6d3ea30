// SPDX-License-Identifier: Apache-2.0
// OpenIntents: the log indexes of intents without an outcome yet, so that a restart needs to look
// for unfinished actions only from the oldest of them on. Thread-safe.
#pragma once

#include <cstdint>
#include <mutex>
#include <optional>
#include <set>

namespace writ::broker {

class OpenIntents {
 public:
  void add(std::uint64_t index) {
    const std::lock_guard lock(mutex_);
    open_.insert(index);
  }
  void remove(std::uint64_t index) {
    const std::lock_guard lock(mutex_);
    open_.erase(index);
  }
  // An intent may be in the log, and nobody knows where: until a restart has looked, all from where
  // the last look ended may be open.
  void lose_one() {
    const std::lock_guard lock(mutex_);
    lost_ = true;
  }
  std::optional<std::uint64_t> oldest() const {
    const std::lock_guard lock(mutex_);
    if (lost_) return 0;
    return open_.empty() ? std::nullopt : std::optional(*open_.begin());
  }

 private:
  mutable std::mutex mutex_;
  std::set<std::uint64_t> open_;
  bool lost_ = false;
};

}  // namespace writ::broker
