// SPDX-License-Identifier: Apache-2.0
// Users: their standing, which an operator changes beside what the documents say. Who is disabled
// has no session, approves nothing, and every run made for that user is revoked (P9).
//
// Disabling acts in memory before it is committed (P35). Where the operator may not do it any more
// at the commit, it is taken back; where the store cannot write, it holds, is kept in the file of
// stops (stops.h) and is recorded as soon as the store can.
#pragma once

#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "broker/authority.h"
#include "broker/key_signature.h"
#include "broker/revocations.h"
#include "broker/sessions.h"
#include "broker/stops.h"

namespace writ::broker {

// Someone who could still administer the workspace: a user with the role admin, an enrolled key and
// not disabled, where `version` is the one that will be and `without` is out; nothing where there
// is nobody. A unit that counts on it has this check, so that two who each count on the other do
// not both go.
std::optional<Check> remaining_admin(const LiveWorkspace& workspace,
                                     const workspace::Version& version,
                                     std::optional<UserId> without = std::nullopt);

// That nobody's standing is another at the commit: for a unit that counts on whose the keys are.
// Taken before the standings are looked at, so that what changes in between is met too.
std::vector<Check> standing_checks(const LiveWorkspace& workspace,
                                   const workspace::Version& version);

// Thread-safe. What the constructor takes outlives it.
class Users {
 public:
  Users(Sessions& sessions, Revocations& revocations, Stops& stops, const Clock& clock,
        Random& random)
      : sessions_(sessions),
        revocations_(revocations),
        stops_(stops),
        clock_(clock),
        random_(random) {}

  // Returns the runs that were revoked. Idempotent. not_found where the workspace has no such user;
  // conflict where nobody could administer the workspace any more, and then nobody is stopped;
  // unavailable at kStopInFile or kStopInMemory where the user is stopped and the store has not
  // taken it.
  Task<Expected<std::vector<RunId>>> disable(LiveWorkspace& workspace, std::string user_name,
                                             Authority by);
  // The key stays; sessions from before do not come back. Idempotent.
  // Given by the caller's signature (P40).
  Task<Expected<void>> enable(LiveWorkspace& workspace, std::string user_name, Authority by,
                              KeySignature signature);

  // Records what is owed. Cheap where nothing is. For a timer.
  Task<Expected<void>> settle(LiveWorkspace& workspace);
  // At start, before anybody is answered: a stop that the process before could not record.
  void resume(LiveWorkspace& workspace, Stop stop);

 private:
  // The record, written with its entry.
  Task<Expected<void>> write(LiveWorkspace& workspace, const identity::User& user, bool disabled,
                             const Authority& by, const KeySignature* signature);
  Task<Expected<void>> write_disabled(LiveWorkspace& workspace, const identity::User& user,
                                      Authority by);
  std::vector<Stop> owed(const LiveWorkspace& workspace);

  Sessions& sessions_;
  Revocations& revocations_;
  Stops& stops_;
  const Clock& clock_;
  Random& random_;
  std::mutex mutex_;
  std::map<WorkspaceId, std::map<UserId, Stop>> owed_;  // in force in memory, not in the store
};

}  // namespace writ::broker
