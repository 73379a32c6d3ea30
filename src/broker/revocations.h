// SPDX-License-Identifier: Apache-2.0
// Revocations: ends runs before their time, with all their living descendants (P15, P23).
//
// In this order: the ends are durable (each run's record goes to revision 2, which every commit of
// a call and every grant of the run checks for), then what the runs have in flight is stopped, then
// their open questions end. When revoke() returns, no byte of theirs can follow.
//
// Where the store cannot commit, stopping comes first all the same: the runs are ended in memory,
// and the answer, unavailable, says that this holds until a restart. settle() writes down what is
// owed as soon as the store takes it.
#pragma once

#include <functional>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "broker/approvals.h"
#include "broker/entries.h"
#include "broker/live.h"
#include "broker/run_record.h"
#include "observe/log.h"

namespace writ::broker {

// Thread-safe. What the constructor takes outlives it.
class Revocations {
 public:
  Revocations(Approvals& approvals, const Clock& clock, Random& random, observe::Log& log)
      : approvals_(approvals), clock_(clock), random_(random), log_(log) {}

  // Returns the runs that this call ended, parents first; none where all had ended: also then what
  // they had in flight has stopped. Roots that are unknown are passed over. Errors: unavailable, as
  // said above.
  Task<Expected<std::vector<RunId>>> revoke(LiveWorkspace& workspace, std::vector<RunId> roots,
                                            RevocationCause cause);
  // The same for all living runs for which `test` holds, again until there is none: for a user or
  // an agent that is being disabled.
  Task<Expected<std::vector<RunId>>> revoke_where(LiveWorkspace& workspace,
                                                  std::function<bool(const delegation::Run&)> test,
                                                  RevocationCause cause);

  // Writes down revocations that the store could not take when they were made. Cheap where there
  // are none. For a timer.
  Task<Expected<void>> settle(LiveWorkspace& workspace);

 private:
  using SharedRun = std::shared_ptr<const delegation::Run>;
  // Ends of runs that are to be written, of one revocation.
  struct Endings {
    std::vector<SharedRun> runs;  // parents first
    RunEnding ending;
  };

  Task<Expected<std::vector<RunId>>> end(LiveWorkspace& workspace, std::vector<RunId> family,
                                         RevocationCause cause);
  // Takes out of `endings` what is durable, by this call or by another's; the rest is left where it
  // fails. The runs that this call wrote.
  Task<Expected<std::vector<RunId>>> write_down(LiveWorkspace& workspace, Endings& endings);
  std::vector<Endings> owed(const LiveWorkspace& workspace);
  void owe(const LiveWorkspace& workspace, Endings endings);
  void forget_owed(const LiveWorkspace& workspace, const std::set<RunId>& durable);

  Approvals& approvals_;
  const Clock& clock_;
  Random& random_;
  observe::Log& log_;
  std::mutex mutex_;
  std::map<WorkspaceId, std::vector<Endings>> owed_;  // in force in memory, not yet in the store
};

}  // namespace writ::broker
