// SPDX-License-Identifier: Apache-2.0
// MeteredBudget: a StepBudget whose steps count for the thread that spends them. So a loop can end
// a turn that has cost much (async/turn.h), and a test can hold each turn to its bound (P48).
#pragma once

#include "base/step_budget.h"

namespace writ {

// What budgets of this thread have spent since it began. A budget counts when it ends.
inline std::uint64_t& steps_of_thread() {
  thread_local std::uint64_t steps = 0;
  return steps;
}

// Ends on the thread that made it.
class MeteredBudget : public StepBudget {
 public:
  explicit MeteredBudget(std::uint64_t steps) : StepBudget(steps) {}
  ~MeteredBudget() { steps_of_thread() += spent(); }
  MeteredBudget(const MeteredBudget&) = delete;
  MeteredBudget& operator=(const MeteredBudget&) = delete;
};

}  // namespace writ
