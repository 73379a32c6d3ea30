// SPDX-License-Identifier: Apache-2.0
#include "broker/users.h"

#include "broker/live_records.h"

namespace writ::broker {

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

Task<Expected<std::shared_ptr<const identity::User>>> Users::set(LiveWorkspace& workspace,
                                                                 std::string user_name,
                                                                 bool disabled, Caller caller) {
  const auto version = workspace.version();
  auto user = version->user(user_name);
  if (user == nullptr) co_return fail(Errc::not_found, "the workspace has no such user");
  auto standing = workspace.standing(user->id);
  if (standing.disabled == disabled) co_return user;
  const auto admin = remaining_admin(workspace, *version, user->id);
  if (disabled && !admin && remaining_admin(workspace, *version)) {
    co_return fail(Errc::conflict, "nobody else could administer the workspace", {},
                   "give another user the role admin and a key first");
  }
  const auto before = standing.revision;
  standing.disabled = disabled;
  standing.revision = before + 1;
  const EntryWriter writer(workspace.id(), workspace.data_key(), clock_, random_);
  auto entry = writer.entry(disabled ? audit::Kind::user_disabled : audit::Kind::user_enabled);
  name_caller(entry, caller);
  entry.set("user", user->id.to_string()).set("user_name", user->name);
  Unit unit;
  unit.checks = {{RecordKind::workspace, workspace.id().to_string(), version->number()}};
  if (disabled && admin) unit.checks.push_back(*admin);
  unit.puts = {{RecordKind::user, user->id.to_string(), before, to_record(standing)}};
  unit.appends = {EntryWriter::append(entry, {user->id.to_string()})};
  auto committed = co_await workspace.store().commit(std::move(unit));
  if (!committed) {
    if (committed.error().code == Errc::conflict) {
      co_return fail(Errc::conflict, "the workspace or the user changed at the same moment", {},
                     "look again, and repeat it if it is still needed");
    }
    co_return std::unexpected(std::move(committed).error());
  }
  workspace.set_standing(user->id, std::move(standing));
  co_return user;
}

Task<Expected<std::vector<RunId>>> Users::disable(LiveWorkspace& workspace, std::string user_name,
                                                  Caller caller) {
  RevocationCause cause{.by = caller.user->id.to_string(),
                        .by_name = caller.user->name,
                        .reason = "user " + user_name + " was disabled"};
  WRIT_CO_TRY(const auto user,
              co_await set(workspace, std::move(user_name), true, std::move(caller)));
  // Their records matter no more: no session holds under another standing.
  (void)co_await sessions_.end_all(workspace, user->id);
  // Also where the user was disabled before: who asks again is told when it is so.
  co_return co_await revocations_.revoke_where(
      workspace, [id = user->id](const delegation::Run& run) { return run.user == id; },
      std::move(cause));
}

Task<Expected<void>> Users::enable(LiveWorkspace& workspace, std::string user_name, Caller caller) {
  WRIT_CO_TRY_VOID(co_await set(workspace, std::move(user_name), false, std::move(caller)));
  co_return Expected<void>();
}

}  // namespace writ::broker
