// SPDX-License-Identifier: Apache-2.0
// print: the text of parsed policies. parse(print(x)) equals x.
#pragma once

#include <string>

#include "cedar/expr.h"
#include "cedar/policy.h"
#include "cedar/policy_set.h"

namespace writ::cedar {

std::string print(const Expr& expr);
std::string print(const Template& policy);
// Policies and templates that came of texts, not links; in no promised order between the two, so
// ids that come of a place in the text are written out as @id.
std::string print(const PolicySet& policies);

}  // namespace writ::cedar
