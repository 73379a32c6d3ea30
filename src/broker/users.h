// SPDX-License-Identifier: Apache-2.0
// Users: their standing, which an operator changes beside what the documents say. Who is disabled
// has no session, approves nothing, and every run made for that user is revoked (P9).
#pragma once

#include <string>
#include <vector>

#include "broker/control.h"
#include "broker/revocations.h"
#include "broker/sessions.h"

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
  Users(Sessions& sessions, Revocations& revocations, const Clock& clock, Random& random)
      : sessions_(sessions), revocations_(revocations), clock_(clock), random_(random) {}

  // Returns the runs that were revoked. Idempotent. not_found where the workspace has no such user;
  // conflict where nobody could administer the workspace any more.
  Task<Expected<std::vector<RunId>>> disable(LiveWorkspace& workspace, std::string user_name,
                                             Caller caller);
  // The key stays; sessions from before do not come back. Idempotent.
  Task<Expected<void>> enable(LiveWorkspace& workspace, std::string user_name, Caller caller);

 private:
  Task<Expected<std::shared_ptr<const identity::User>>> set(LiveWorkspace& workspace,
                                                            std::string user_name, bool disabled,
                                                            Caller caller);

  Sessions& sessions_;
  Revocations& revocations_;
  const Clock& clock_;
  Random& random_;
};

}  // namespace writ::broker
