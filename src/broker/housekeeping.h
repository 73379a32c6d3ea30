// SPDX-License-Identifier: Apache-2.0
// Housekeeping: what has to be written down because time went by, one function each, for the
// janitor to call.
#pragma once

#include <cstddef>
#include <map>
#include <optional>

#include "broker/approvals.h"
#include "broker/live.h"
#include "broker/resume_point.h"

namespace writ::broker {

// Records the end of each run whose time is over (run.ended, and revision 2 of its record), stops
// what it has in flight as a revocation does, and then forgets it: no byte of a run that is
// forgotten can follow (I4). It had no authority from the moment of its end on, recorded or not.
// Returns how many ended. Errors: those of the store; what is left is for the next time, and a
// revocation still stops it.
Task<Expected<std::size_t>> end_runs_past_their_end(LiveWorkspace& workspace, const Clock& clock,
                                                    Random& random);

// ResumePoints: moves each workspace's ResumePoint on. Of one task.
//
// An intent counts as open in OpenIntents from before its commit on, so none that is in the log is
// passed. What is written is what held at the call before, with what is open now beside it: a point
// that is only late, and safe against who might say so too late.
class ResumePoints {
 public:
  ResumePoints(const Approvals& approvals, const Clock& clock)
      : approvals_(approvals), clock_(clock) {}

  // Ids are made somewhat before their records are written, and clocks are set back a little.
  static constexpr std::chrono::hours kMargin{1};

  Task<Expected<void>> move_on(LiveWorkspace& workspace);

 private:
  const Approvals& approvals_;
  const Clock& clock_;
  std::map<WorkspaceId, std::uint64_t> closed_before_;  // as of the call before
};

}  // namespace writ::broker
