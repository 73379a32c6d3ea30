// SPDX-License-Identifier: Apache-2.0
#include "broker/recover.h"

#include "audit/entry.h"
#include "broker/entries.h"
#include "broker/one_time_code.h"
#include "wire/json.h"
#include "wire/time_text.h"

namespace writ::broker {
namespace {

// What their entries are found by.
constexpr std::string_view kSubject = "user.recovered";

Task<Expected<std::vector<Erase>>> earlier_codes(WorkspaceStore& store, UserId user,
                                                 TimePoint now) {
  std::vector<Erase> out;
  WRIT_CO_TRY(const auto records, co_await store.list(RecordKind::enrolment, "", kMaxList));
  for (const auto& record : records) {
    WRIT_CO_TRY(const auto other, Enrolment::parse(record));
    if (other.user == user || other.expires <= now)
      out.push_back({RecordKind::enrolment, record.id, record.revision});
  }
  co_return out;
}

}  // namespace

bool is_recoverable(const workspace::Version& version, const identity::User& user) {
  const auto& group = version.approvals().apply;
  return user.has_role(identity::Role::admin) || (group && user.in_group(*group));
}

Task<Expected<IssuedCode>> recover_admin(LiveWorkspace& workspace, std::string user_name,
                                         const Clock& clock, Random& random) {
  const auto version = workspace.version();
  const auto user = version->user(user_name);
  if (user == nullptr) {
    co_return fail(Errc::not_found, "the workspace has no user of this name", user_name,
                   "name one of workspace.toml's users with the role admin");
  }
  const auto standing = workspace.standing(user->id);
  if (!is_recoverable(*version, *user) || standing.disabled) {
    co_return fail(Errc::denied,
                   standing.disabled ? "this user is disabled"
                                     : "the current version does not name this user admin",
                   user_name,
                   "only an admin who lost the key is helped here, or a member of the group that "
                   "decides applies");
  }
  const auto now = clock.now();
  IssuedCode issued{.code = make_code(random), .expires = now + kEnrolmentLife};
  Unit unit;
  unit.checks = {{RecordKind::workspace, workspace.id().to_string(), version->number()},
                 {RecordKind::user, user->id.to_string(), standing.revision}};
  WRIT_CO_TRY(unit.erases, co_await earlier_codes(workspace.store(), user->id, now));
  // An invitation is worth what the admin is who made it; here that is who comes back.
  const Enrolment enrolment{.expires = issued.expires,
                            .user = user->id,
                            .by = user->id,
                            .standing = standing.revision,
                            .taken = std::nullopt,
                            .revision = 0};
  unit.puts.push_back({RecordKind::enrolment, code_id(issued.code), 0, enrolment.to_record()});
  const EntryWriter writer(workspace.id(), workspace.data_key(), clock, random);
  auto entry = writer.entry(audit::Kind::user_recovered);
  entry.set("by", "server")
      .set("user", user->id.to_string())
      .set("user_name", user->name)
      .set("expires", format_time(issued.expires));
  unit.appends.push_back(EntryWriter::append(entry, {user->id.to_string(), std::string(kSubject)}));
  WRIT_CO_TRY_VOID(co_await workspace.store().commit(std::move(unit)));
  co_return issued;
}

Task<Expected<std::vector<AdminRecovery>>> recent_recoveries(WorkspaceStore& store, TimePoint now) {
  std::vector<AdminRecovery> out;
  for (std::uint64_t from = 0;;) {
    WRIT_CO_TRY(const auto rows, co_await store.find_log(std::string(kSubject), from, kMaxList));
    for (const auto& row : rows) {
      WRIT_CO_TRY(const auto entry, audit::Entry::parse(as_bytes(row.entry)));
      if (entry.kind() != audit::Kind::user_recovered || now - entry.at() > kRecoveryShown)
        continue;
      WRIT_CO_TRY(const auto json, parse_json(entry.text()));
      ObjectReader r(json);
      r.allow_unknown();
      out.push_back({.user_name = r.string("user_name"), .at = entry.at()});
      WRIT_CO_TRY_VOID(r.finish());
    }
    if (rows.size() < kMaxList) co_return out;
    from = rows.back().index + 1;
  }
}

}  // namespace writ::broker
