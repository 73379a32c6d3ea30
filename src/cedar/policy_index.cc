// SPDX-License-Identifier: Apache-2.0
#include "cedar/policy_index.h"

#include <algorithm>

namespace writ::cedar {

PolicyIndex::PolicyIndex(std::span<const std::shared_ptr<const Policy>> policies) {
  for (std::uint32_t place = 0; place < policies.size(); ++place) {
    const Policy& policy = *policies[place];
    if (const EntityUid* principal = policy.principal().bound()) {
      by_principal_[*principal].push_back(place);
    } else if (const EntityUid* resource = policy.resource().bound()) {
      by_resource_[*resource].push_back(place);
    } else if (policy.action().op != ActionConstraint::Op::any) {
      for (const EntityUid& action : policy.action().entities) by_action_[action].push_back(place);
    } else {
      unbounded_.push_back(place);
    }
  }
}

std::vector<std::uint32_t> PolicyIndex::candidates(const Request& request,
                                                   const Entities& entities) const {
  std::vector<std::uint32_t> out = unbounded_;
  const auto collect = [&](const Buckets& buckets, const EntityUid& uid) {
    if (buckets.empty()) return;
    const auto take = [&](const EntityUid& bound) {
      const auto at = buckets.find(bound);
      if (at != buckets.end()) out.insert(out.end(), at->second.begin(), at->second.end());
    };
    take(uid);
    entities.for_each_ancestor(uid, take);
  };
  collect(by_principal_, request.principal);
  collect(by_resource_, request.resource);
  collect(by_action_, request.action);
  std::ranges::sort(out);
  const auto repeated = std::ranges::unique(out);
  out.erase(repeated.begin(), repeated.end());
  return out;
}

}  // namespace writ::cedar
