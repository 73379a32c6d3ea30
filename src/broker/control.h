// SPDX-License-Identifier: Apache-2.0
// Control: who may do what to the workspace itself (P3). decide() is the one place that says so,
// for each operation of the API; nothing is allowed that has no line there. What is not the
// caller's to know of is hidden: the answer is then that of what does not exist (P10).
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "broker/entries.h"
#include "broker/live.h"

namespace writ::broker {

enum class Operation : std::uint8_t {
  see_self,        // one's own session, and its end
  get_user_token,  // a token of oneself for an agent
  see_workspace,
  apply,
  propose,
  list_proposals,  // each proposal of the list is then see_proposal's to decide
  see_proposal,
  decide_proposal,
  invite,
  disable_user,
  enable_user,
  keep_credentials,
  list_runs,  // each run of the list is then see_run's to decide
  see_run,
  trace,  // a run with all below it
  revoke,
  list_approvals,
  see_approval,
  decide_approval,
  see_action,
  explain,
  prove,  // a receipt
  resolve,
  read_log,
  see_clock,
  reset_clock,
};
std::string_view name(Operation operation);
// Whether the operation waits for a clock that is right (P24). Looking at who runs what, reading
// the log and stopping do not: a clock that was set back must not keep anybody from a stop.
bool needs_clock(Operation operation);

// Who asks, as of now: a person, or an agent in a run of its own. Exactly one of the two.
struct Caller {
  std::shared_ptr<const identity::User> user;
  std::shared_ptr<const delegation::Run> run;
};

// What the operation is about; all absent for the workspace as a whole.
struct ControlSubject {
  std::optional<RunId> run;
  std::optional<UserId> user;  // the run's, or who proposed
  // An approval's; of a proposal, the one that decides it, or none where an admin does.
  std::vector<std::string> groups;
};

enum class ControlVerdict : std::uint8_t { allowed, denied, hidden };

// Pure.
ControlVerdict decide(Operation operation, const Caller& caller, const ControlSubject& subject);

// control.refused: `about` is the id or name that the operation was asked for, as it came.
Append control_refused(const EntryWriter& writer, Operation operation, const Caller& caller,
                       std::string_view about, ControlVerdict why);
// The same for a person whose session has ended: recorded once per session (P35).
Append session_refused(const EntryWriter& writer, Operation operation, UserId user,
                       std::string_view user_name, std::string_view session);
// payload.read: what lies sealed beside the log about an action, or what an approval asks about, is
// shown to this caller (readings.h). It is not among the entries about that action.
Append payload_read(const EntryWriter& writer, const Caller& caller, std::string_view about,
                    std::string_view what);
// The members "by" and "by_name" of an entry about what this caller did.
void name_caller(audit::EntryBuilder& entry, const Caller& caller);

}  // namespace writ::broker
