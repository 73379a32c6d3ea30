// SPDX-License-Identifier: Apache-2.0
#include "broker/enrolments.h"

#include "broker/one_time_code.h"
#include "broker/second_person.h"
#include "wire/canonical.h"
#include "wire/time_text.h"

namespace writ::broker {
namespace {

constexpr std::int64_t kVersion = 1;

}  // namespace

std::string Enrolment::to_record() const {
  JsonObject out{{"v", kVersion}, {"expires", to_unix_millis(expires)}};
  if (user) {
    out["user"] = user->to_string();
    out["by"] = by->to_string();
    if (standing) out["standing"] = *standing;
  } else {
    out["founding"] = true;
    if (taken) {
      out["taken"] = JsonObject{{"workspace", taken->workspace.to_string()},
                                {"name", taken->name},
                                {"user", taken->user},
                                {"key", taken->key}};
    }
  }
  return canonical_json(out);
}

Expected<Enrolment> Enrolment::parse(const Record& record) {
  WRIT_TRY(const auto json, parse_json(record.value, {.bytes = 4096, .depth = 3}));
  ObjectReader r(json);
  r.integer("v", {.min = kVersion, .max = kVersion});
  Enrolment out;
  out.expires = from_unix_millis(r.integer("expires", {.min = 0}));
  out.revision = record.revision;
  const auto founding = r.optional_boolean("founding").value_or(false);
  const auto user = r.optional_string("user", {.max = 64});
  const auto by = r.optional_string("by", {.max = 64});
  const auto standing = r.optional_integer("standing", {.min = 0});
  const auto* taken = r.optional_object("taken");
  if (founding == user.has_value() || user.has_value() != by.has_value())
    r.refuse("user", "neither an invitation nor a founding code");
  WRIT_TRY_VOID(r.finish());
  if (user) {
    WRIT_TRY(out.user, UserId::parse(*user));
    WRIT_TRY(out.by, UserId::parse(*by));
    if (standing) out.standing = static_cast<std::uint64_t>(*standing);
  }
  if (taken != nullptr) {
    ObjectReader t(*taken, "/taken");
    const auto workspace = t.string("workspace", {.max = 64});
    Founder founder{.workspace = {},
                    .name = t.string("name", {.max = 64}),
                    .user = t.string("user", {.max = 64}),
                    .key = t.string("key", {.max = 64})};
    WRIT_TRY_VOID(t.finish());
    WRIT_TRY(founder.workspace, WorkspaceId::parse(workspace));
    out.taken = std::move(founder);
  }
  return out;
}

Task<Expected<std::optional<Enrolment>>> find_enrolment(WorkspaceStore& store,
                                                        const SecretBytes& code, TimePoint now) {
  WRIT_CO_TRY(const auto record, co_await store.get(RecordKind::enrolment, code_id(code)));
  if (!record) co_return std::optional<Enrolment>();
  WRIT_CO_TRY(auto enrolment, Enrolment::parse(*record));
  if (enrolment.expires <= now) co_return std::optional<Enrolment>();
  co_return std::optional(std::move(enrolment));
}

Task<Expected<IssuedCode>> invite(LiveWorkspace& workspace, std::string user_name, Authority by,
                                  KeySignature signature, const Clock& clock, Random& random) {
  const auto version = workspace.version();
  const auto user = version->user(user_name);
  if (user == nullptr) co_return fail(Errc::not_found, "the workspace has no such user");
  const auto now = clock.now();
  IssuedCode issued{.code = make_code(random), .expires = now + kEnrolmentLife};
  const auto standing = workspace.standing(user->id);
  WRIT_CO_TRY_VOID(check_new_key(*version, *user, standing));
  Unit unit;
  by.bind(Operation::invite, unit);
  // A user who is removed meanwhile is not invited with the standing of afterwards.
  unit.checks.push_back({RecordKind::workspace, workspace.id().to_string(), version->number()});
  signature.bind(unit);
  WRIT_CO_TRY(const auto others,
              co_await workspace.store().list(RecordKind::enrolment, "", kMaxList));
  for (const auto& record : others) {
    WRIT_CO_TRY(const auto other, Enrolment::parse(record));
    if (other.user == user->id || other.expires <= now)
      unit.erases.push_back({RecordKind::enrolment, record.id, record.revision});
  }
  const Enrolment enrolment{.expires = issued.expires,
                            .user = user->id,
                            .by = by.user().id,
                            .standing = standing.revision,
                            .taken = std::nullopt,
                            .revision = 0};
  unit.puts.push_back({RecordKind::enrolment, code_id(issued.code), 0, enrolment.to_record()});
  const EntryWriter writer(workspace.id(), workspace.data_key(), clock, random);
  auto entry = writer.entry(audit::Kind::user_invited);
  name_caller(entry, by.caller());
  signature.describe(entry);
  entry.set("user", user->id.to_string())
      .set("user_name", user->name)
      .set("expires", format_time(issued.expires));
  unit.appends.push_back(EntryWriter::append(entry, {user->id.to_string()}));
  auto committed = co_await workspace.store().commit(std::move(unit));
  if (!committed && by.is_moved(committed.error())) co_return std::unexpected(Authority::moved());
  if (!committed) co_return std::unexpected(std::move(committed).error());
  co_return issued;
}

Task<Expected<IssuedCode>> issue_founding_code(WorkspaceStore& server, const Clock& clock,
                                               Random& random) {
  IssuedCode issued{.code = make_code(random), .expires = clock.now() + kEnrolmentLife};
  const Enrolment enrolment{.expires = issued.expires,
                            .user = std::nullopt,
                            .by = std::nullopt,
                            .standing = std::nullopt,
                            .taken = std::nullopt,
                            .revision = 0};
  Unit unit;
  unit.puts.push_back({RecordKind::enrolment, code_id(issued.code), 0, enrolment.to_record()});
  WRIT_CO_TRY_VOID(co_await server.commit(std::move(unit)));
  co_return issued;
}

}  // namespace writ::broker
