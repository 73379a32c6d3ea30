// SPDX-License-Identifier: Apache-2.0
// Resolution: an operator, who has looked at the upstream, settles an action whose outcome is
// unknown (P16).
#pragma once

#include <string>

#include "broker/action_state.h"
#include "broker/authority.h"

namespace writ::broker {

struct ActionResolution {
  bool done = false;   // else failed
  std::string detail;  // how the operator knows; UTF-8, 1 to 1000 bytes
};

// The action's state afterwards, in one commit with the entry action.resolved. Errors: not_found
// where there is no write or money action of this id; conflict where its outcome is known, or was
// settled already; invalid_input for the detail.
Task<Expected<ActionState>> resolve(LiveWorkspace& workspace, ActionId id,
                                    ActionResolution resolution, Authority by, const Clock& clock,
                                    Random& random);

}  // namespace writ::broker
