// SPDX-License-Identifier: Apache-2.0
#include "broker/control.h"

#include <algorithm>

#include "base/check.h"

namespace writ::broker {
namespace {

using identity::Role;

bool is_any_of(const identity::User& user, std::initializer_list<Role> roles) {
  return std::ranges::any_of(roles, [&](Role role) { return user.has_role(role); });
}

// A pipeline, say. Its key has no passphrase and lies in a file, so whoever reads that file gets a
// place among what waits for an admin, and nothing to look at or to act with.
bool only_proposes(const identity::User& user) {
  return user.groups.empty() && user.has_role(Role::proposer) &&
         !is_any_of(user, {Role::admin, Role::operator_, Role::auditor});
}

bool is_own(const identity::User& user, const ControlSubject& subject) {
  return subject.user && *subject.user == user.id;
}

bool shares_group(const identity::User& user, const ControlSubject& subject) {
  return std::ranges::any_of(subject.groups,
                             [&](const auto& group) { return user.in_group(group); });
}

bool may_see_run(const identity::User& user, const ControlSubject& subject) {
  return is_any_of(user, {Role::auditor, Role::operator_, Role::admin}) || is_own(user, subject);
}

bool may_see_proposal(const identity::User& user, const ControlSubject& subject) {
  return is_any_of(user, {Role::auditor, Role::admin}) || shares_group(user, subject) ||
         is_own(user, subject);
}

// An admin, their own too; where a group decides, its members, and never who proposed it (P40).
bool may_decide_proposal(const identity::User& user, const ControlSubject& subject) {
  if (subject.groups.empty()) return user.has_role(Role::admin);
  return shares_group(user, subject) && !is_own(user, subject);
}

bool may_see_approval(const identity::User& user, const ControlSubject& subject) {
  return is_any_of(user, {Role::auditor, Role::admin}) || shares_group(user, subject) ||
         is_own(user, subject);
}

ControlVerdict verdict(bool allowed, bool visible = true) {
  if (allowed) return ControlVerdict::allowed;
  return visible ? ControlVerdict::denied : ControlVerdict::hidden;
}

// An agent reaches what is about its own run and nothing else.
ControlVerdict decide_for_run(Operation operation, const delegation::Run& run,
                              const ControlSubject& subject) {
  switch (operation) {
    case Operation::see_run:
    case Operation::see_approval:
    case Operation::see_action:
      return verdict(subject.run && *subject.run == run.id, false);
    default:
      return ControlVerdict::denied;
  }
}

ControlVerdict decide_for_user(Operation operation, const identity::User& user,
                               const ControlSubject& subject) {
  switch (operation) {
    case Operation::see_self:
    case Operation::see_clock:
    case Operation::list_runs:
    case Operation::list_proposals:
      return ControlVerdict::allowed;
    case Operation::get_user_token:
    case Operation::see_workspace:
      return verdict(!only_proposes(user));
    case Operation::propose:
      return verdict(is_any_of(user, {Role::proposer, Role::admin}));
    case Operation::see_proposal:
      return verdict(may_see_proposal(user, subject), false);
    case Operation::decide_proposal:
      return verdict(may_decide_proposal(user, subject), may_see_proposal(user, subject));
    case Operation::apply:
    case Operation::invite:
      return verdict(user.has_role(Role::admin));
    case Operation::disable_user:
    case Operation::enable_user:
    case Operation::keep_credentials:
    case Operation::reset_clock:
      return verdict(user.has_role(Role::operator_));
    case Operation::see_run:
    case Operation::trace:
    case Operation::see_action:
    case Operation::explain:
      return verdict(may_see_run(user, subject), false);
    case Operation::revoke:
      return verdict(user.has_role(Role::operator_) || is_own(user, subject),
                     may_see_run(user, subject));
    case Operation::list_approvals:
      return verdict(is_any_of(user, {Role::auditor, Role::admin, Role::proposer}) ||
                     !user.groups.empty());
    case Operation::see_approval:
      return verdict(may_see_approval(user, subject), false);
    case Operation::decide_approval:
      return verdict(shares_group(user, subject), may_see_approval(user, subject));
    case Operation::prove:
      return verdict(is_any_of(user, {Role::auditor, Role::admin}) || is_own(user, subject),
                     may_see_run(user, subject));
    case Operation::resolve:
      return verdict(user.has_role(Role::operator_), may_see_run(user, subject));
    case Operation::read_log:
      return verdict(is_any_of(user, {Role::auditor, Role::admin}));
  }
  WRIT_UNREACHABLE();
}

}  // namespace

std::string_view name(Operation operation) {
  switch (operation) {
    case Operation::see_self:
      return "see_self";
    case Operation::get_user_token:
      return "get_user_token";
    case Operation::see_workspace:
      return "see_workspace";
    case Operation::apply:
      return "apply";
    case Operation::propose:
      return "propose";
    case Operation::list_proposals:
      return "list_proposals";
    case Operation::see_proposal:
      return "see_proposal";
    case Operation::decide_proposal:
      return "decide_proposal";
    case Operation::invite:
      return "invite";
    case Operation::disable_user:
      return "disable_user";
    case Operation::enable_user:
      return "enable_user";
    case Operation::keep_credentials:
      return "keep_credentials";
    case Operation::list_runs:
      return "list_runs";
    case Operation::see_run:
      return "see_run";
    case Operation::trace:
      return "trace";
    case Operation::revoke:
      return "revoke";
    case Operation::list_approvals:
      return "list_approvals";
    case Operation::see_approval:
      return "see_approval";
    case Operation::decide_approval:
      return "decide_approval";
    case Operation::see_action:
      return "see_action";
    case Operation::explain:
      return "explain";
    case Operation::prove:
      return "prove";
    case Operation::resolve:
      return "resolve";
    case Operation::read_log:
      return "read_log";
    case Operation::see_clock:
      return "see_clock";
    case Operation::reset_clock:
      return "reset_clock";
  }
  WRIT_UNREACHABLE();
}

ControlVerdict decide(Operation operation, const Caller& caller, const ControlSubject& subject) {
  WRIT_CHECK((caller.user == nullptr) != (caller.run == nullptr));
  return caller.run != nullptr ? decide_for_run(operation, *caller.run, subject)
                               : decide_for_user(operation, *caller.user, subject);
}

void name_caller(audit::EntryBuilder& entry, const Caller& caller) {
  if (caller.user != nullptr) {
    entry.set("by", caller.user->id.to_string()).set("by_name", caller.user->name);
  } else {
    entry.set("by", caller.run->agent.to_string()).set("by_name", caller.run->agent_name);
  }
}

bool needs_clock(Operation operation) {
  switch (operation) {
    case Operation::see_self:
    case Operation::see_workspace:
    case Operation::list_runs:
    case Operation::see_run:
    case Operation::trace:
    case Operation::revoke:
    case Operation::disable_user:
    case Operation::read_log:
    case Operation::see_clock:
    case Operation::reset_clock:
      return false;
    default:
      return true;
  }
}

Append control_refused(const EntryWriter& writer, Operation operation, const Caller& caller,
                       std::string_view about, ControlVerdict why) {
  constexpr std::size_t kMaxAbout = 200;
  auto entry = writer.entry(audit::Kind::control_refused);
  name_caller(entry, caller);
  entry.set("operation", name(operation))
      .set("about", visible_text(about.substr(0, kMaxAbout)))
      .set("why", why == ControlVerdict::hidden ? "hidden" : "denied");
  std::vector<std::string> subjects;
  if (caller.run != nullptr) {
    entry.run(caller.run->id);
    subjects.push_back(caller.run->id.to_string());
  }
  return EntryWriter::append(entry, std::move(subjects));
}

Append session_refused(const EntryWriter& writer, Operation operation, UserId user,
                       std::string_view user_name, std::string_view session) {
  auto entry = writer.entry(audit::Kind::control_refused);
  entry.set("by", user.to_string())
      .set("by_name", user_name)
      .set("operation", name(operation))
      .set("about", session)
      .set("why", "session ended");
  return EntryWriter::append(entry, {user.to_string()});
}

Append payload_read(const EntryWriter& writer, const Caller& caller, std::string_view about,
                    std::string_view what) {
  auto entry = writer.entry(audit::Kind::payload_read);
  name_caller(entry, caller);
  entry.set("about", about).set("what", what);
  return EntryWriter::append(entry, {});
}

}  // namespace writ::broker
