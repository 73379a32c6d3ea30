// SPDX-License-Identifier: Apache-2.0
// A call as Cedar sees it: the Run entity, and the context with the session and the call's
// arguments. Pure functions.
#pragma once

#include "action/call.h"
#include "base/step_budget.h"
#include "cedar/entities.h"
#include "cedar/value.h"

namespace writ::policy {

cedar::EntityUid run_uid(const delegation::Run& run);

// With the attributes agent, workspace, depth, ends, name, role, and for a run on behalf of a user:
// user and grant.
cedar::Entity run_entity(const action::AuthenticatedCall& call, std::string_view workspace);

// {session: {now, workflow, step, depth}, input: {the arguments by name}}
// Errors: unsupported where an argument has no exact form in Cedar (null, or a number that is
// neither an integer nor a decimal of at most four digits): what policy cannot see it must not be
// asked to allow; too_large where the budget does not suffice.
Expected<cedar::Record> call_context(const action::ProposedAction& proposed, TimePoint now,
                                     StepBudget& budget);

}  // namespace writ::policy
