// SPDX-License-Identifier: Apache-2.0
// ClockStatement: what an operator signs to reset the latest time that a server has seen (P24),
// with the key that is enrolled, over these canonical bytes (RFC 8785):
//
//   {"epoch":N,"latest":RFC3339,"server":URL,"tag":"writ-clock-v1","time":RFC3339,
//    "workspace":"wsp_…"}
//
// It is of one server, workspace and view of the clock, so it is of use once. Pure.
#pragma once

#include <cstdint>
#include <string>

#include "base/clock.h"
#include "base/id.h"

namespace writ::approval {

struct ClockStatement {
  std::string server;  // its public URL
  WorkspaceId workspace;
  std::uint64_t epoch = 0;  // the present one, 0 where the clock was never reset
  TimePoint latest;         // that the server has seen
  TimePoint time;           // what the operator's own clock says
};

std::string canonical_clock_statement(const ClockStatement& statement);

}  // namespace writ::approval
