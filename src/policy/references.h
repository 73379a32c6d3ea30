// SPDX-License-Identifier: Apache-2.0
// Whether what policies name is there. Cedar lets a policy name anything: one with a mistyped
// action matches nothing and says nothing, and a forbid so written is a hole.
#pragma once

#include "base/error.h"
#include "cedar/entities.h"
#include "cedar/policy_set.h"

namespace writ::policy {

// invalid_input, with file, line and column, for the first entity or type, in a scope or a
// condition, that is not among `declared`; a Writ::Run, which comes and goes, may have any id.
Expected<void> check_references(const cedar::PolicySet& policies, const cedar::Entities& declared);

}  // namespace writ::policy
