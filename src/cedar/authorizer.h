// SPDX-License-Identifier: Apache-2.0
// authorize: what a set of policies says to a request.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/step_budget.h"
#include "cedar/entities.h"
#include "cedar/policy_set.h"
#include "cedar/request.h"

namespace writ::cedar {

enum class Decision : std::uint8_t { deny, allow };

struct PolicyError {
  const Policy* policy = nullptr;
  std::string message;
};

// The pointers are valid as long as the policy set.
struct Response {
  // Allow if a permit is satisfied and no forbid is. An error does not change it, as the language
  // has it: a caller to whom an error is a denial looks at `errors`.
  Decision decision = Decision::deny;
  // All that are satisfied, each in the set's order.
  std::vector<const Policy*> permits;
  std::vector<const Policy*> forbids;
  // All whose evaluation failed; these are in neither list above.
  std::vector<PolicyError> errors;

  // The reasons for the decision: the forbids if there are any, else the permits.
  const std::vector<const Policy*>& determining() const {
    return forbids.empty() ? permits : forbids;
  }
};

// What one decision may cost on a loop's thread: some tens of milliseconds. A usual one takes some
// hundred steps.
inline constexpr std::uint64_t kDecisionSteps = 4'000'000;

// Evaluates every policy whose scope can match; the result is the same as if it evaluated all.
// Where the budget does not suffice the decision is deny, the last of `errors` says so, and what
// was not evaluated is in no list: then `budget` is exhausted. Thread-safe but for the budget.
Response authorize(const Request& request, const PolicySet& policies, const Entities& entities,
                   StepBudget& budget);
// With kDecisionSteps of its own.
Response authorize(const Request& request, const PolicySet& policies, const Entities& entities);

}  // namespace writ::cedar
