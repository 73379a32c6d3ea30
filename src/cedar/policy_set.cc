// SPDX-License-Identifier: Apache-2.0
#include "cedar/policy_set.h"

#include <algorithm>
#include <map>
#include <utility>

#include <fmt/format.h>

#include "cedar/parser.h"
#include "cedar/policy_index.h"
#include "cedar/text.h"

namespace writ::cedar {
namespace {

// The ids that are taken, and where.
class Ids {
 public:
  Expected<void> add(const std::string& id, const Template& body) {
    const auto [at, is_new] = places_.try_emplace(id, body.place());
    if (is_new) return {};
    return fail(Errc::conflict,
                fmt::format("the policy id {} is taken by {}", quote(id), at->second), body.place(),
                "give each policy an @id(\"...\") of its own");
  }

 private:
  std::map<std::string, std::string> places_;
};

Expected<ScopeConstraint> fill(const ScopeConstraint& scope, const std::optional<EntityUid>& entity,
                               std::string_view slot, const TemplateLink& link) {
  const auto refuse = [&](std::string_view what) {
    return fail(Errc::invalid_input,
                fmt::format("the link {} of the template {} {} {}", quote(link.id),
                            quote(link.template_id), what, slot));
  };
  ScopeConstraint filled = scope;
  if (scope.has_slot() && !entity) return refuse("leaves open");
  if (!scope.has_slot() && entity) return refuse("fills a slot that the template lacks,");
  if (entity) filled.entity = *entity;
  return filled;
}

}  // namespace

PolicySet::PolicySet() : index_(std::make_shared<const PolicyIndex>()) {}

Expected<PolicySet> PolicySet::create(Policies policies, Templates templates) {
  Ids ids;
  for (const auto& policy : policies) {
    WRIT_TRY_VOID(ids.add(policy->id(), policy->body()));
  }
  for (const auto& body : templates) {
    WRIT_TRY_VOID(ids.add(body->id, *body));
  }
  PolicySet set;
  set.policies_ = std::move(policies);
  set.templates_ = std::move(templates);
  set.index_ = std::make_shared<const PolicyIndex>(set.policies_);
  return set;
}

Expected<PolicySet> PolicySet::combine(std::span<const PolicySet> sets) {
  Policies policies;
  Templates templates;
  for (const PolicySet& set : sets) {
    policies.insert(policies.end(), set.policies_.begin(), set.policies_.end());
    templates.insert(templates.end(), set.templates_.begin(), set.templates_.end());
  }
  return create(std::move(policies), std::move(templates));
}

Expected<PolicySet> PolicySet::link(std::span<const TemplateLink> links) const {
  Policies policies = policies_;
  for (const TemplateLink& link : links) {
    const auto found = std::ranges::find_if(
        templates_, [&](const auto& body) { return body->id == link.template_id; });
    if (found == templates_.end()) {
      return fail(Errc::not_found, fmt::format("there is no template {}", quote(link.template_id)));
    }
    const Template& body = **found;
    WRIT_TRY(auto principal, fill(body.principal, link.principal, "?principal", link));
    WRIT_TRY(auto resource, fill(body.resource, link.resource, "?resource", link));
    policies.push_back(
        std::make_shared<const Policy>(link.id, *found, std::move(principal), std::move(resource)));
  }
  return create(std::move(policies), templates_);
}

const Policy* PolicySet::find(std::string_view id) const {
  const auto at =
      std::ranges::find_if(policies_, [&](const auto& policy) { return policy->id() == id; });
  return at != policies_.end() ? at->get() : nullptr;
}

Expected<PolicySet> parse_policies(std::string_view text, std::string_view file,
                                   const ParserLimits& limits) {
  WRIT_TRY(auto parser, Parser::create(text, file, limits));
  WRIT_TRY(auto parsed, parser.parse_text());
  PolicySet::Policies policies;
  PolicySet::Templates templates;
  for (Template& one : parsed) {
    auto body = std::make_shared<const Template>(std::move(one));
    if (body->has_slot()) {
      templates.push_back(std::move(body));
    } else {
      policies.push_back(std::make_shared<const Policy>(std::move(body)));
    }
  }
  return PolicySet::create(std::move(policies), std::move(templates));
}

}  // namespace writ::cedar
