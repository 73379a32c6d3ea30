// SPDX-License-Identifier: Apache-2.0
// Recover: a way back into a workspace whose admin has lost the key, for who has the server's files
// and its seal key: a one-time code, as an invitation is, for a person whom the current version
// names admin, or who is of the group that decides applies. The log says so, and doctor does for
// kRecoveryShown.
#pragma once

#include <string>
#include <vector>

#include "broker/enrolments.h"

namespace writ::broker {

inline constexpr std::chrono::days kRecoveryShown{30};

// Whether the version gives this user what nobody else could give back.
bool is_recoverable(const workspace::Version& version, const identity::User& user);

// A code for this user, durable before it is returned; earlier ones of the same user end with it.
// Errors: not_found where the workspace has no such user, denied where they are not recoverable or
// disabled.
Task<Expected<IssuedCode>> recover_admin(LiveWorkspace& workspace, std::string user_name,
                                         const Clock& clock, Random& random);

struct AdminRecovery {
  std::string user_name;
  TimePoint at;
};
// Those of the last kRecoveryShown, the oldest first.
Task<Expected<std::vector<AdminRecovery>>> recent_recoveries(WorkspaceStore& store, TimePoint now);

}  // namespace writ::broker
