// SPDX-License-Identifier: Apache-2.0
// Recovery: what was under way when the server stopped. An intent without an outcome in the log
// gets one: recovery.unknown, and its action's record says unknown; nobody repeats it blindly
// (I6, failures.md 25).
#pragma once

#include <cstddef>

#include "broker/live.h"
#include "observe/log.h"

namespace writ::broker {

// Once, after the workspace was loaded and its log was checked, before anybody is answered: every
// open intent is then one of a process that is gone. Looks at the log from the workspace's
// ResumePoint on. Returns how many intents had no outcome; they have one, durably, when this
// returns. Errors: those of the store; then it may be run again.
Task<Expected<std::size_t>> recover(LiveWorkspace& workspace, const Clock& clock, Random& random,
                                    observe::Log& log);

}  // namespace writ::broker
