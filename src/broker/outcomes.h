// SPDX-License-Identifier: Apache-2.0
// Outcomes: how what a call came to is made durable, at once or, where the store refuses, as soon
// as it does not (I6): a known outcome is lost by a stop of the process alone.
#pragma once

#include "broker/live.h"
#include "broker/unwritten.h"

namespace writ::broker {

// A write's is durable when this returns, with what it makes true; a read's rides the next group.
// Errors: those of the store. After unavailable and unknown_outcome it is kept for
// write_unwritten(), and its intent stays open until then.
Task<Expected<void>> write_outcome(LiveWorkspace& workspace, KnownOutcome outcome);

// Tries again what is kept, for the janitor to call. Errors: the first one; what is left is for the
// next time.
Task<Expected<void>> write_unwritten(LiveWorkspace& workspace);

}  // namespace writ::broker
