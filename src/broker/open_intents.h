// SPDX-License-Identifier: Apache-2.0
// OpenIntents: the log indexes of intents without an outcome yet, so that a restart needs to look
// for unfinished actions only from the oldest of them on. Thread-safe.
#pragma once

#include <algorithm>
#include <cstdint>
#include <mutex>
#include <optional>
#include <set>

namespace writ::broker {

class OpenIntents {
 public:
  // Before an intent's commit: it counts as open from here on, at an index that it cannot be
  // before, since the log only grows. Returns what ends that.
  std::uint64_t begin() {
    const std::lock_guard lock(mutex_);
    coming_.insert(end_);
    return end_;
  }
  // After its commit: where it is, nothing where it was refused. A begin() without this, as of a
  // task that ended in between, stays open until a restart has looked.
  void recorded(std::uint64_t begun, std::optional<std::uint64_t> index) {
    const std::lock_guard lock(mutex_);
    if (const auto mine = coming_.find(begun); mine != coming_.end()) coming_.erase(mine);
    if (!index) return;
    open_.insert(*index);
    end_ = std::max(end_, *index + 1);
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
    if (open_.empty() && coming_.empty()) return std::nullopt;
    if (open_.empty()) return *coming_.begin();
    return coming_.empty() ? *open_.begin() : std::min(*open_.begin(), *coming_.begin());
  }

 private:
  mutable std::mutex mutex_;
  std::set<std::uint64_t> open_;
  std::multiset<std::uint64_t> coming_;
  std::uint64_t end_ = 0;  // past the last index that was heard of here
  bool lost_ = false;
};

}  // namespace writ::broker
