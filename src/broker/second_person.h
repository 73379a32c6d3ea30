// SPDX-License-Identifier: Apache-2.0
// Second person: `[approvals] apply = "GROUP"` in the version in force has a second person of that
// group decide each apply that widens, never the one who proposed it (P40). What removes or changes
// the setting widens too, so the group of before decides it. That nobody takes the place of a
// person of the group by a new key is in enrolments.h and sign_in.h.
#pragma once

#include <string>
#include <vector>

#include "broker/authority.h"
#include "broker/live.h"

namespace writ::broker {

// What is wrong with the group that `next` names, where it names one; each with its place.
// Everybody in it has enrolled a key: an admin's code for who has none would make the admin a
// second person. And somebody in it could decide what some admin applies, or nothing would ever
// widen any more, and the setting could not be removed. Counts on standing_checks().
std::vector<Error> check_second_person(const LiveWorkspace& workspace,
                                       const workspace::Version& next,
                                       const workspace::Documents& documents);

// Whether `by` may give, for the group, what this person has proposed.
bool is_second_person(const std::string& group, UserId proposer, const identity::User& by);

// Nobody but the group gives a key to who has one already: denied, with what to do instead.
Expected<void> check_new_key(const workspace::Version& version, const identity::User& user,
                             const Standing& standing);

}  // namespace writ::broker
