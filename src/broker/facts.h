// SPDX-License-Identifier: Apache-2.0
// Facts: that an operation which others require (tools::Requirement) is done, for the bound
// arguments, in one run (P2). A fact is a record whose id any later claim can name, so the claim
// checks it in its own commit.
#pragma once

#include <string>
#include <vector>

#include "action/call.h"
#include "broker/store.h"

namespace writ::broker {

// The ids of the facts that `action`, once done, makes true: one for each way in which an operation
// of its server requires it.
std::vector<std::string> facts_made(const action::ProposedAction& action);

// The ids that would satisfy `requirement` for `action`: one for the run and each of its ancestors.
std::vector<std::string> facts_wanted(const action::ProposedAction& action,
                                      const tools::Requirement& requirement);

}  // namespace writ::broker
