// SPDX-License-Identifier: Apache-2.0
// ClockReset: the way out for a server whose clock was once too far ahead (P24). An operator signs,
// with the enrolled key, that the clock is right now; the latest time seen is taken back to it, and
// an epoch of the clock begins (time_guard.h). What came before is of no use in it: one-time codes
// and refresh tokens are erased and open approvals end, in every workspace, before it begins;
// proofs and assertions from before are refused by their time.
#pragma once

#include <string>
#include <string_view>

#include "approval/clock_statement.h"
#include "broker/approvals.h"
#include "broker/authority.h"
#include "broker/time_guard.h"

namespace writ::broker {

struct SignedReset {
  TimeGuard::View of;  // what the clock was found to be
  TimePoint time;      // what the operator's own clock says
  Bytes signature;     // of the approval::ClockStatement that these make
};

struct ClockResetParts {
  Store& store;
  Live& live;
  Approvals& approvals;
  TimeGuard& time;
  const Clock& clock;
  Random& random;
};

// Thread-safe. What the constructor takes outlives it.
class ClockReset {
 public:
  ClockReset(ClockResetParts parts, std::string public_url)
      : parts_(parts), public_url_(std::move(public_url)) {}

  // How far the operator's clock and the server's may differ.
  static constexpr seconds kMaxDifference{60};

  // Errors: unauthenticated for the signature; invalid_input where the server's clock is not what
  // the operator says; conflict where the clock is not behind or has moved on since. Where it
  // cannot be finished the clock is as before, and what was ended stays so.
  Task<Expected<TimeGuard::Epoch>> reset(LiveWorkspace& workspace, SignedReset reset, Authority by);

 private:
  // Erases the records of a kind that are of no use in the new epoch: `counts` says which.
  Task<Expected<void>> erase(WorkspaceStore& store, RecordKind kind,
                             bool (*counts)(const Record& record));
  Append entry(const LiveWorkspace& workspace, const SignedReset& reset, const Authority* by) const;

  ClockResetParts parts_;
  const std::string public_url_;
};

}  // namespace writ::broker
