// SPDX-License-Identifier: Apache-2.0
// Revocations: ends runs before their time, with all their living descendants (P15, P23).
//
// In this order (P35): the runs and what they have in flight are stopped in memory, then the ends
// are durable (each run's record goes to revision 2, which every commit of a call and every grant
// of the run checks for), then their open questions end. When revoke() returns, no byte of theirs
// can follow. Where the person who asks may not do it any more at the commit, the runs go on; what
// was in flight stays cut.
//
// Where the store cannot commit, the stop holds and is kept in the file of stops (stops.h); the
// answer, unavailable at kStopInFile or kStopInMemory, says whether a restart keeps it. settle()
// writes down what is owed as soon as the store takes it.
#pragma once

#include <functional>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "broker/approvals.h"
#include "broker/authority.h"
#include "broker/entries.h"
#include "broker/live.h"
#include "broker/run_record.h"
#include "broker/stops.h"
#include "observe/log.h"

namespace writ::broker {

// Thread-safe. What the constructor takes outlives it.
class Revocations {
 public:
  Revocations(Approvals& approvals, Stops& stops, const Clock& clock, Random& random,
              observe::Log& log)
      : approvals_(approvals), stops_(stops), clock_(clock), random_(random), log_(log) {}

  // Where a stop that the store does not take is kept: in the file by this class, or by whoever
  // calls, as a stop of the user whose runs they are.
  enum class Keep : std::uint8_t { here, elsewhere };

  // Returns the runs that this call ended, parents first; none where all had ended: also then what
  // they had in flight has stopped. Roots that are unknown are passed over. Errors: unavailable, as
  // said above.
  Task<Expected<std::vector<RunId>>> revoke(LiveWorkspace& workspace, std::vector<RunId> roots,
                                            RevocationCause cause);
  // The same by a person, for a run of that person's or by an operator. conflict where the person
  // may not do it any more at the commit; then nothing is ended.
  Task<Expected<std::vector<RunId>>> revoke(LiveWorkspace& workspace, RunId root,
                                            std::string reason, Authority by);
  // The same for all living runs for which `test` holds, again until there is none: for a user or
  // an agent that is being disabled.
  Task<Expected<std::vector<RunId>>> revoke_where(LiveWorkspace& workspace,
                                                  std::function<bool(const delegation::Run&)> test,
                                                  RevocationCause cause, Keep keep = Keep::here);

  // Writes down revocations that the store could not take when they were made. Cheap where there
  // are none. For a timer.
  Task<Expected<void>> settle(LiveWorkspace& workspace);
  // At start, before anybody is answered: a stop that the process before could not record. False
  // where the run does not live any more.
  bool resume(LiveWorkspace& workspace, const Stop& stop);

 private:
  using SharedRun = std::shared_ptr<const delegation::Run>;
  // Ends of runs that are to be written, of one revocation.
  struct Endings {
    std::vector<SharedRun> runs;  // parents first
    RunEnding ending;
    Keep keep = Keep::here;
  };
  static std::vector<Stop> stops_of(const Endings& endings);

  Task<Expected<std::vector<RunId>>> revoke(LiveWorkspace& workspace, std::vector<RunId> roots,
                                            RevocationCause cause, const Authority* by, Keep keep);
  Task<Expected<std::vector<RunId>>> end(LiveWorkspace& workspace, std::vector<RunId> family,
                                         RevocationCause cause, const Authority* by, Keep keep);
  // Takes out of `endings` what is durable, by this call or by another's; the rest is left where it
  // fails. The runs that this call wrote.
  // The first commit, which has the roots, is on the authority of `by` where that is given.
  Task<Expected<std::vector<RunId>>> write_down(LiveWorkspace& workspace, Endings& endings,
                                                const Authority* by);
  // Where what is owed is kept: in the file, or some of it in memory alone.
  Kept kept(const LiveWorkspace& workspace);
  std::vector<Endings> owed(const LiveWorkspace& workspace);
  void owe(const LiveWorkspace& workspace, Endings endings);
  void forget_owed(const LiveWorkspace& workspace, const std::set<RunId>& durable);

  Approvals& approvals_;
  Stops& stops_;
  const Clock& clock_;
  Random& random_;
  observe::Log& log_;
  std::mutex mutex_;
  std::map<WorkspaceId, std::vector<Endings>> owed_;  // in force in memory, not yet in the store
};

}  // namespace writ::broker
