// SPDX-License-Identifier: Apache-2.0
// UnwrittenOutcomes: outcomes that are known and that the store has refused to write, until it does
// (write_unwritten() in outcomes.h). Their intents stay open meanwhile. Not more than the calls
// that were under way when the store failed: without it no other begins. Thread-safe.
#pragma once

#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "broker/store.h"

namespace writ::broker {

struct KnownOutcome {
  std::uint64_t intent = 0;        // where that stands in the log
  std::optional<Put> state;        // of the action's record; a read has none
  std::vector<std::string> facts;  // that it makes true (P2)
  Append entry;
  bool may_be_written = false;  // an attempt ended without the store saying which
};

class UnwrittenOutcomes {
 public:
  void add(KnownOutcome outcome) {
    const std::lock_guard lock(mutex_);
    outcomes_.push_back(std::move(outcome));
  }
  std::vector<KnownOutcome> take() {
    const std::lock_guard lock(mutex_);
    return std::exchange(outcomes_, {});
  }

 private:
  std::mutex mutex_;
  std::vector<KnownOutcome> outcomes_;
};

}  // namespace writ::broker
