// SPDX-License-Identifier: Apache-2.0
// PolicyIndex: which policies of a set a request can concern, by what their scopes demand. For the
// authorizer.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <unordered_map>
#include <vector>

#include "cedar/entities.h"
#include "cedar/policy.h"
#include "cedar/request.h"

namespace writ::cedar {

// A scope cannot fail, so a policy whose scope does not match has neither effect nor error, and to
// leave it out changes nothing. The index leaves out only such; that a candidate's scope matches is
// still to be checked. Immutable and thread-safe.
class PolicyIndex {
 public:
  PolicyIndex() = default;
  explicit PolicyIndex(std::span<const std::shared_ptr<const Policy>> policies);

  // The places of the candidates in the span given above, in order, each once.
  std::vector<std::uint32_t> candidates(const Request& request, const Entities& entities) const;

 private:
  using Buckets = std::unordered_map<EntityUid, std::vector<std::uint32_t>, EntityUidHash>;

  // Each policy is under the first of these that bounds it.
  Buckets by_principal_;
  Buckets by_resource_;
  Buckets by_action_;  // under each action of its list
  std::vector<std::uint32_t> unbounded_;
};

}  // namespace writ::cedar
