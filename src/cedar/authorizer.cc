// SPDX-License-Identifier: Apache-2.0
#include "cedar/authorizer.h"

#include "cedar/evaluator.h"
#include "cedar/policy_index.h"

namespace writ::cedar {

Response authorize(const Request& request, const PolicySet& policies, const Entities& entities,
                   StepBudget& budget) {
  Response response;
  Evaluator evaluator(request, entities, budget);
  for (const std::uint32_t place : policies.index().candidates(request, entities)) {
    const Policy& policy = *policies.policies()[place];
    const auto satisfied = evaluator.satisfied(policy);
    if (!satisfied) {
      response.errors.push_back({.policy = &policy, .message = satisfied.error().message});
      if (budget.exhausted()) return response;
    } else if (*satisfied) {
      auto& list = policy.effect() == Effect::permit ? response.permits : response.forbids;
      list.push_back(&policy);
    }
  }
  if (response.forbids.empty() && !response.permits.empty()) response.decision = Decision::allow;
  return response;
}

Response authorize(const Request& request, const PolicySet& policies, const Entities& entities) {
  StepBudget budget(kDecisionSteps);
  return authorize(request, policies, entities, budget);
}

}  // namespace writ::cedar
