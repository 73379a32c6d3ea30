// SPDX-License-Identifier: Apache-2.0
// KnownFacts: the ids of facts (facts.h) that are known to be durable, so that a call whose
// operation `requires` another need not read the store for them. A fact is written once and never
// again, so its revision is kFactRevision for ever; what is not known here is looked up in the
// store. Thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <mutex>
#include <string>
#include <unordered_set>

namespace writ::broker {

inline constexpr std::uint64_t kFactRevision = 1;

class KnownFacts {
 public:
  // Forgetting is harmless: the store knows. So a full set makes room by beginning anew.
  static constexpr std::size_t kCapacity = std::size_t{1} << 16;

  bool contains(const std::string& id) const {
    const std::lock_guard lock(mutex_);
    return ids_.contains(id);
  }
  void add(std::string id) {
    const std::lock_guard lock(mutex_);
    if (ids_.size() >= kCapacity) ids_.clear();
    ids_.insert(std::move(id));
  }

 private:
  mutable std::mutex mutex_;
  std::unordered_set<std::string> ids_;
};

}  // namespace writ::broker
