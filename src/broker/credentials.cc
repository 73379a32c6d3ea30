// SPDX-License-Identifier: Apache-2.0
#include "broker/credentials.h"

#include <algorithm>

#include "wire/canonical.h"
#include "wire/time_text.h"

namespace writ::broker {
namespace {

StoredSecret stored(const vault::Credential& credential) {
  return {.name = credential.name,
          .version = credential.current().number,
          .generation = credential.generation,
          .origin = credential.origin.to_string(),
          .superseded = {}};
}

audit::EntryBuilder about(const EntryWriter& writer, audit::Kind kind,
                          const vault::Credential& credential) {
  auto entry = writer.entry(kind);
  entry.set("credential", credential.id.to_string())
      .set("credential_name", credential.name)
      .set("origin", credential.origin.to_string())
      .set("generation", credential.generation);
  return entry;
}

// One entry for each version whose sealed bytes are in `before` and not in `after` any more.
void add_destroyed(const EntryWriter& writer, const vault::Credential& before,
                   const vault::Credential& after, std::vector<Append>& entries) {
  for (const auto& old : before.versions) {
    if (old.destroyed()) continue;
    const bool kept = std::ranges::any_of(after.versions, [&](const auto& version) {
      return version.number == old.number && !version.destroyed();
    });
    if (kept) continue;
    auto entry = about(writer, audit::Kind::credential_destroyed, after);
    entry.set("version", old.number);
    entries.push_back(EntryWriter::append(entry, {after.id.to_string()}));
  }
}

Error moved() {
  return fail(Errc::conflict, "the credential changed at the same moment", {},
              "look at its version, and repeat this if it is still needed")
      .error();
}

}  // namespace

Task<Expected<void>> Credentials::write(LiveWorkspace& workspace, const vault::Credential& next,
                                        std::uint64_t revision, std::vector<Append> entries,
                                        const Authority* by, const KeySignature* signature) {
  Unit unit;
  if (by != nullptr) by->bind(Operation::keep_credentials, unit);
  if (signature != nullptr) signature->bind(unit);
  unit.puts = {
      {RecordKind::credential, next.id.to_string(), revision, canonical_json(next.to_json())}};
  // A name is one credential's: two who add it at once meet here.
  if (revision == 0) {
    unit.puts.push_back({RecordKind::setting, "credential-name/" + next.name, 0,
                         canonical_json(JsonObject{{"v", 1}, {"id", next.id.to_string()}})});
  }
  unit.appends = std::move(entries);
  auto committed = co_await workspace.store().commit(std::move(unit));
  if (!committed) {
    if (by != nullptr && by->is_moved(committed.error()))
      co_return std::unexpected(Authority::moved());
    if (committed.error().code == Errc::conflict) co_return std::unexpected(moved());
    co_return std::unexpected(std::move(committed).error());
  }
  workspace.set_credential(next, revision + 1);
  co_return Expected<void>();
}

Task<Expected<StoredSecret>> Credentials::add(LiveWorkspace& workspace, std::string name,
                                              std::string server_name, SecretBytes value,
                                              Authority by, KeySignature signature) {
  const auto server = workspace.version()->server(server_name);
  if (server == nullptr) co_return fail(Errc::not_found, "the workspace has no such tool server");
  if (server->credential_name() != name) {
    co_return fail(Errc::invalid_input,
                   "tool server " + server->name() + " does not ask for a credential of this name",
                   "name", "its document says which: credential = { name = … }");
  }
  if (workspace.credential(name).credential != nullptr) {
    co_return fail(Errc::conflict, "there is a credential " + name + " already", {},
                   "give it a new value with: writ credential rotate " + name);
  }
  const auto id = CredentialId::make(parts_.clock, parts_.random);
  WRIT_CO_TRY(const auto credential,
              vault::new_credential(workspace.data_key(), parts_.random, workspace.id(), id, name,
                                    vault::Origin::of(server->url()), value, parts_.clock.now()));
  auto entry = about(writer(workspace), audit::Kind::credential_added, credential);
  name_caller(entry, by.caller());
  signature.describe(entry);
  entry.set("version", credential.current().number);
  std::vector<Append> entries;
  entries.push_back(EntryWriter::append(entry, {credential.id.to_string()}));
  WRIT_CO_TRY_VOID(co_await write(workspace, credential, 0, std::move(entries), &by, &signature));
  co_return stored(credential);
}

Task<Expected<StoredSecret>> Credentials::rotate(LiveWorkspace& workspace, std::string name,
                                                 SecretBytes value, seconds grace,
                                                 bool same_account, Authority by,
                                                 KeySignature signature) {
  const auto before = workspace.credential(name);
  if (before.credential == nullptr)
    co_return fail(Errc::not_found, "the workspace has no such credential");
  WRIT_CO_TRY(const auto next,
              vault::rotate(workspace.data_key(), parts_.random, workspace.id(), *before.credential,
                            value, grace, same_account, parts_.clock.now()));
  auto entry = about(writer(workspace), audit::Kind::credential_rotated, next);
  name_caller(entry, by.caller());
  signature.describe(entry);
  entry.set("version", next.current().number)
      .set("account", same_account ? "same" : "other")
      .set("previous_until", format_time(parts_.clock.now() + grace));
  std::vector<Append> entries;
  entries.push_back(EntryWriter::append(entry, {next.id.to_string()}));
  add_destroyed(writer(workspace), *before.credential, next, entries);
  const bool erased = entries.size() > 1;
  const auto open = parts_.approvals.open(workspace);
  WRIT_CO_TRY_VOID(
      co_await write(workspace, next, before.revision, std::move(entries), &by, &signature));
  if (erased) {
    scrub_owed_ = true;
    co_await scrub();
  }

  auto out = stored(next);
  if (!same_account) {
    // Where it cannot be written now, they are refused at the claim all the same.
    (void)co_await parts_.approvals.settle(workspace);
    for (const auto& approval : open) {
      const auto now = parts_.approvals.find(workspace, approval->id);
      if (now != nullptr && now->state == approval::State::superseded)
        out.superseded.push_back(now->id);
    }
  }
  co_return out;
}

Task<Expected<void>> Credentials::destroy_expired(LiveWorkspace& workspace, TimePoint now) {
  for (const auto& [credential, revision] : workspace.credentials()) {
    const auto next = vault::destroy_expired(*credential, now);
    std::vector<Append> entries;
    add_destroyed(writer(workspace), *credential, next, entries);
    if (entries.empty()) continue;
    // A rotation at the same moment destroys it too, or the next call here does.
    auto written = co_await write(workspace, next, revision, std::move(entries), nullptr, nullptr);
    if (written) scrub_owed_ = true;
    if (!written && written.error().code != Errc::conflict)
      co_return std::unexpected(std::move(written).error());
  }
  co_return Expected<void>();
}

Task<void> Credentials::tick(TimePoint now) {
  for (const auto& workspace : parts_.live.all()) {
    if (auto done = co_await destroy_expired(*workspace, now); !done)
      parts_.log.warning("credential.not_destroyed", {{"error", done.error().message}});
  }
  co_await scrub();
}

Task<void> Credentials::scrub() {
  if (!scrub_owed_.exchange(false)) co_return;
  if (auto scrubbed = co_await parts_.store.scrub(); !scrubbed) {
    scrub_owed_ = true;
    parts_.log.warning("credential.not_scrubbed", {{"error", scrubbed.error().message}});
  }
}

}  // namespace writ::broker
