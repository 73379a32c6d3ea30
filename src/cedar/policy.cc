// SPDX-License-Identifier: Apache-2.0
#include "cedar/policy.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "base/check.h"

namespace writ::cedar {

const std::string* Template::annotation(std::string_view name) const {
  const auto found = std::ranges::find(annotations, name, &Annotation::name);
  return found != annotations.end() ? &found->value : nullptr;
}

std::string Template::place() const { return fmt::format("{}:{}:{}", file, at.line, at.column); }

bool operator==(const Template& a, const Template& b) {
  return a.effect == b.effect && a.annotations == b.annotations && a.principal == b.principal &&
         a.action == b.action && a.resource == b.resource && a.conditions == b.conditions;
}

Policy::Policy(std::shared_ptr<const Template> body)
    : id_(body->id),
      body_(std::move(body)),
      principal_(body_->principal),
      resource_(body_->resource) {
  WRIT_CHECK(!body_->has_slot());
}

Policy::Policy(std::string id, std::shared_ptr<const Template> body, ScopeConstraint principal,
               ScopeConstraint resource)
    : id_(std::move(id)),
      body_(std::move(body)),
      principal_(std::move(principal)),
      resource_(std::move(resource)) {
  WRIT_CHECK(!principal_.has_slot() && !resource_.has_slot());
}

}  // namespace writ::cedar
