// SPDX-License-Identifier: Apache-2.0
// PolicySet: policies and templates under distinct ids, indexed for the authorizer.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "cedar/policy.h"
#include "cedar/source.h"

namespace writ::cedar {

class PolicyIndex;

// A policy made of a template.
struct TemplateLink {
  std::string template_id;
  std::string id;  // of the policy that it makes
  std::optional<EntityUid> principal;
  std::optional<EntityUid> resource;
};

// Immutable, and so thread-safe; a copy shares everything. Pointers to policies are valid as long
// as any set that has them lives.
class PolicySet {
 public:
  PolicySet();

  // The policies of several texts. Refuses an id that appears twice.
  static Expected<PolicySet> combine(std::span<const PolicySet> sets);

  // This with policies linked. Refuses an unknown template, a slot left open or filled without
  // need, and an id that is taken; all or none.
  Expected<PolicySet> link(std::span<const TemplateLink> links) const;

  // In the order of the texts; links after those.
  const std::vector<std::shared_ptr<const Policy>>& policies() const { return policies_; }
  const std::vector<std::shared_ptr<const Template>>& templates() const { return templates_; }
  // Null if there is none.
  const Policy* find(std::string_view id) const;

  // For the authorizer.
  const PolicyIndex& index() const { return *index_; }

 private:
  friend Expected<PolicySet> parse_policies(std::string_view, std::string_view,
                                            const ParserLimits&);
  using Policies = std::vector<std::shared_ptr<const Policy>>;
  using Templates = std::vector<std::shared_ptr<const Template>>;
  static Expected<PolicySet> create(Policies policies, Templates templates);

  Policies policies_;
  Templates templates_;
  std::shared_ptr<const PolicyIndex> index_;
};

// Parses a text of policies. `file` is what errors name as the place ("policies/refund.cedar:3:7").
// A policy's id is its @id annotation, else "policy" and its index in the text; an id that appears
// twice is refused.
Expected<PolicySet> parse_policies(std::string_view text, std::string_view file,
                                   const ParserLimits& limits = {});

}  // namespace writ::cedar
