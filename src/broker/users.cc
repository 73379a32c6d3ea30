// SPDX-License-Identifier: Apache-2.0
#include "broker/users.h"

#include "base/check.h"
#include "broker/live_records.h"
#include "broker/stopping.h"
#include "wire/time_text.h"

namespace writ::broker {
namespace {

// How often disabling is written anew because the operator's standing or the workspace moved.
constexpr int kAttempts = 4;

bool is_admin(const identity::User& user) { return user.has_role(identity::Role::admin); }

// Whether a commit failed because the operator, the user or the workspace moved.
bool standing_has_moved(const Error& error) {
  return is_revision_conflict(error, RecordKind::user) ||
         is_revision_conflict(error, RecordKind::session) ||
         is_revision_conflict(error, RecordKind::workspace);
}

Error changed() {
  return fail(Errc::conflict, "the workspace or the user changed at the same moment", {},
              "look again, and repeat it if it is still needed")
      .error();
}

}  // namespace

std::optional<Check> remaining_admin(const LiveWorkspace& workspace,
                                     const workspace::Version& version,
                                     std::optional<UserId> without) {
  for (const auto& user : version.users()) {
    const auto standing = workspace.standing(user->id);
    if (user->has_role(identity::Role::admin) && standing.key && !standing.disabled &&
        user->id != without)
      return Check{RecordKind::user, user->id.to_string(), standing.revision};
  }
  return std::nullopt;
}

std::vector<Check> standing_checks(const LiveWorkspace& workspace,
                                   const workspace::Version& version) {
  std::vector<Check> out;
  for (const auto& user : version.users())
    out.push_back({RecordKind::user, user->id.to_string(), workspace.standing(user->id).revision});
  return out;
}

Task<Expected<void>> Users::write(LiveWorkspace& workspace, const identity::User& user,
                                  bool disabled, const Authority& by,
                                  const KeySignature* signature) {
  const auto version = workspace.version();
  if (version->user(user.id) == nullptr)
    co_return fail(Errc::not_found, "the workspace has no such user");
  auto standing = workspace.recorded_standing(user.id);
  if (standing.disabled == disabled) co_return Expected<void>();
  const auto admin = remaining_admin(workspace, *version, user.id);
  if (disabled && !admin && is_admin(user) && standing.key) {
    co_return fail(Errc::conflict, "nobody else could administer the workspace", {},
                   "give another user the role admin and a key first");
  }
  const auto before = standing.revision;
  standing.disabled = disabled;
  standing.revision = before + 1;
  const EntryWriter writer(workspace.id(), workspace.data_key(), clock_, random_);
  auto entry = writer.entry(disabled ? audit::Kind::user_disabled : audit::Kind::user_enabled);
  name_caller(entry, by.caller());
  if (signature != nullptr) signature->describe(entry);
  entry.set("user", user.id.to_string()).set("user_name", user.name);
  Unit unit;
  by.bind(disabled ? Operation::disable_user : Operation::enable_user, unit);
  unit.checks.push_back({RecordKind::workspace, workspace.id().to_string(), version->number()});
  if (disabled && admin) unit.checks.push_back(*admin);
  if (signature != nullptr) signature->bind(unit);
  unit.puts = {{RecordKind::user, user.id.to_string(), before, to_record(standing)}};
  unit.appends = {EntryWriter::append(entry, {user.id.to_string()})};
  WRIT_CO_TRY_VOID(co_await workspace.store().commit(std::move(unit)));
  workspace.set_standing(user.id, std::move(standing));
  co_return Expected<void>();
}

// An apply or another operator at the same moment must not lose a stop: it is decided again.
Task<Expected<void>> Users::write_disabled(LiveWorkspace& workspace, const identity::User& user,
                                           Authority by) {
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    auto written = co_await write(workspace, user, true, by, nullptr);
    if (written || !standing_has_moved(written.error())) co_return written;
    WRIT_CO_TRY(by, by.again());
  }
  co_return std::unexpected(changed());
}

Task<Expected<std::vector<RunId>>> Users::disable(LiveWorkspace& workspace, std::string user_name,
                                                  Authority by) {
  const auto user = workspace.version()->user(user_name);
  if (user == nullptr) co_return fail(Errc::not_found, "the workspace has no such user");
  RevocationCause cause{.by = by.user().id.to_string(),
                        .by_name = by.user().name,
                        .reason = "user " + user->name + " was disabled"};
  const auto is_theirs = [id = user->id](const delegation::Run& run) { return run.user == id; };

  // In memory first: from here on nothing of theirs begins, and what is under way has stopped.
  workspace.hold_user(user->id);
  co_await sessions_.cut(workspace, user->id);
  const auto runs = workspace.runs().select(is_theirs);
  const OneShot<bool> halted;
  workspace.runs().hold(runs, [halted] { halted.set(true); });
  (void)co_await halted.wait();

  auto written = co_await write_disabled(workspace, *user, std::move(by));
  if (!written && !store_refused(written.error())) {
    workspace.runs().release(runs);
    workspace.release_user(user->id);
    co_return std::unexpected(std::move(written).error());
  }
  std::optional<Error> owed;
  if (written) {
    // Their records matter no more: no session holds under another standing.
    (void)co_await sessions_.end_all(workspace, user->id);
    workspace.release_user(user->id);
  } else {
    const Stop stop{.kind = RecordKind::user,
                    .id = user->id.to_string(),
                    .revision = workspace.recorded_standing(user->id).revision,
                    .at = clock_.now(),
                    .cause = cause};
    bool first = false;
    {
      const std::lock_guard lock(mutex_);
      first = owed_[workspace.id()].insert_or_assign(user->id, stop).second;
    }
    if (!first) workspace.release_user(user->id);  // held by the one before
    const auto kept = co_await stops_.keep(workspace, {stop});
    owed = stop_not_recorded("user " + user->name + " is stopped", kept, written.error());
  }
  // Also where the user was disabled before: who asks again is told when it is so.
  // A stop of the user in the file stops these too, at a restart.
  const auto keep = owed ? Revocations::Keep::elsewhere : Revocations::Keep::here;
  auto revoked = co_await revocations_.revoke_where(workspace, is_theirs, std::move(cause), keep);
  workspace.runs().release(runs);
  if (owed) co_return std::unexpected(std::move(*owed));
  co_return revoked;
}

Task<Expected<void>> Users::enable(LiveWorkspace& workspace, std::string user_name, Authority by,
                                   KeySignature signature) {
  const auto user = workspace.version()->user(user_name);
  if (user == nullptr) co_return fail(Errc::not_found, "the workspace has no such user");
  // A stop that is owed is in the log before it is lifted.
  WRIT_CO_TRY_VOID(co_await settle(workspace));
  auto written = co_await write(workspace, *user, false, by, &signature);
  if (!written && standing_has_moved(written.error())) co_return std::unexpected(changed());
  co_return written;
}

std::vector<Stop> Users::owed(const LiveWorkspace& workspace) {
  const std::lock_guard lock(mutex_);
  std::vector<Stop> out;
  if (const auto found = owed_.find(workspace.id()); found != owed_.end()) {
    for (const auto& [user, stop] : found->second) out.push_back(stop);
  }
  return out;
}

void Users::resume(LiveWorkspace& workspace, Stop stop) {
  const auto user = UserId::parse(stop.id);
  WRIT_CHECK(user.has_value());
  const std::lock_guard lock(mutex_);
  if (owed_[workspace.id()].insert_or_assign(*user, std::move(stop)).second)
    workspace.hold_user(*user);
}

Task<Expected<void>> Users::settle(LiveWorkspace& workspace) {
  for (const auto& stop : owed(workspace)) {
    const auto user = UserId::parse(stop.id);
    WRIT_CHECK(user.has_value());
    auto standing = workspace.recorded_standing(*user);
    if (!standing.disabled) {
      const auto before = standing.revision;
      standing.disabled = true;
      standing.revision = before + 1;
      const auto known = workspace.version()->user(*user);
      const EntryWriter writer(workspace.id(), workspace.data_key(), clock_, random_);
      auto entry = writer.entry(audit::Kind::user_disabled);
      entry.set("by", stop.cause.by)
          .set("by_name", stop.cause.by_name)
          .set("user", stop.id)
          .set("user_name", known == nullptr ? "" : known->name)
          .set("stopped", format_time(stop.at));
      Unit unit;
      unit.puts = {{RecordKind::user, stop.id, before, to_record(standing)}};
      unit.appends = {EntryWriter::append(entry, {stop.id})};
      auto committed = co_await workspace.store().commit(std::move(unit));
      if (!committed && committed.error().code == Errc::conflict) {
        // Written by a commit of which nobody knew whether it was done.
        WRIT_CO_TRY(const auto record, co_await workspace.store().get(RecordKind::user, stop.id));
        if (record) {
          WRIT_CO_TRY(auto recorded, parse_standing_record(*record));
          if (recorded.disabled) committed = Committed{};
          standing = std::move(recorded);
        }
      }
      if (!committed) co_return std::unexpected(std::move(committed).error());
      workspace.set_standing(*user, std::move(standing));
    }
    (void)co_await sessions_.end_all(workspace, *user);
    {
      const std::lock_guard lock(mutex_);
      if (owed_[workspace.id()].erase(*user) == 0) continue;
    }
    workspace.release_user(*user);
    co_await stops_.drop(workspace, stop.key());
  }
  co_return Expected<void>();
}

}  // namespace writ::broker
