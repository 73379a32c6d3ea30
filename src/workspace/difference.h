// SPDX-License-Identifier: Apache-2.0
// difference: what an apply would change, for `writ apply --dry-run` and for the log. Pure.
#pragma once

#include <string>
#include <vector>

#include "workspace/version.h"

namespace writ::workspace {

// One line for a person to read.
struct Change {
  enum class Kind : std::uint8_t { added, changed, removed };
  Kind kind = Kind::changed;
  std::string what;    // "agent billing", "policies/refund.cedar"
  std::string detail;  // "may use billing.refund.execute now"; may be empty
  friend bool operator==(const Change&, const Change&) = default;
};

// `before` may be null: then everything is added. What widens an agent's or step's authority says
// so. Ordered by kind of object and name.
std::vector<Change> difference(const Version* before, const Version& after);

}  // namespace writ::workspace
