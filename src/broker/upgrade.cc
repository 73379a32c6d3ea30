// SPDX-License-Identifier: Apache-2.0
#include "broker/upgrade.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "audit/entry.h"
#include "base/encoding.h"
#include "broker/entries.h"
#include "broker/live_records.h"
#include "broker/log_check.h"
#include "broker/server_keys.h"
#include "broker/upgrade_digests.h"
#include "crypto/hash.h"
#include "wire/canonical.h"

namespace writ::broker {
namespace {

constexpr std::string_view kNotUpgraded =
    "nothing was changed; restore the newest data and anchor together, and start again";

std::unexpected<Error> stripped(const std::string& origin) {
  return contradicted("the store has no MACs, and its log says that it had: they were taken away",
                      origin,
                      "restore the newest backup that was made since the upgrade, with the anchor");
}

// Whoever can write to the store can put entries behind the last checkpoint, and none of them is
// signed: they are the log's from now on, and vouch for nothing (P36).
std::unexpected<Error> never_signed(const audit::Entry& entry, const std::string& origin) {
  return contradicted("the entry " + std::string(audit::name(entry.kind())) +
                          " is in the log behind its last checkpoint, so nobody has signed it",
                      origin,
                      "start release 0.1 once more on this data, if you trust it, and stop it, so "
                      "that it signs its log; then start again");
}

// As release 0.1 made it of a version.
Digest digest_of(const workspace::Documents& documents) {
  JsonObject all;
  for (const auto& [path, text] : documents) all[path] = std::string_view(text);
  return crypto::sha256(canonical_json(all));
}

struct ToldKey {
  std::string thumbprint;
  TimePoint enrolled;
};

// What a log says of what has to be true of the records beside it.
struct Told {
  std::map<std::string, ToldKey> keys;  // that each user enrolled last
  std::map<std::string, bool> disabled;
  std::string digest;  // of the version that was applied last, in hex
};

Expected<void> hear(const audit::Entry& entry, bool is_signed, const std::string& origin,
                    Told& told) {
  const auto of_interest =
      entry.kind() == audit::Kind::log_opened || entry.kind() == audit::Kind::store_upgraded ||
      entry.kind() == audit::Kind::workspace_applied ||
      entry.kind() == audit::Kind::user_enrolled || entry.kind() == audit::Kind::user_disabled ||
      entry.kind() == audit::Kind::user_enabled;
  if (!of_interest) return {};
  if (!is_signed) return never_signed(entry, origin);
  WRIT_TRY(const auto json, parse_json(entry.text()));
  ObjectReader r(json);
  r.allow_unknown();
  const auto user = r.optional_string("user").value_or("");
  switch (entry.kind()) {
    case audit::Kind::log_opened:
      if (r.has("store")) return stripped(origin);
      break;
    case audit::Kind::store_upgraded:
      return stripped(origin);
    case audit::Kind::workspace_applied:
      told.digest = r.string("digest");
      break;
    case audit::Kind::user_enrolled:
      told.keys[user] = {.thumbprint = r.string("key"), .enrolled = entry.at()};
      break;
    default:
      told.disabled[user] = entry.kind() == audit::Kind::user_disabled;
  }
  return r.finish();
}

// `signed_size` is how many entries the latest checkpoint covers.
Task<Expected<Told>> read_told(WorkspaceStore& store, std::uint64_t signed_size,
                               const std::string& origin) {
  Told told;
  for (std::uint64_t from = 0;;) {
    WRIT_CO_TRY(const auto rows, co_await store.read_log(from, kMaxList));
    if (rows.empty()) co_return told;
    for (const auto& row : rows) {
      WRIT_CO_TRY(const auto entry, audit::Entry::parse(as_bytes(row.entry)));
      WRIT_CO_TRY_VOID(hear(entry, row.index < signed_size, origin, told));
    }
    from = rows.back().index + 1;
  }
}

Task<Expected<void>> check_people(WorkspaceStore& store, const std::string& origin,
                                  const Told& told) {
  for (std::string after;;) {
    WRIT_CO_TRY(const auto page, co_await store.list(RecordKind::user, after, kMaxList));
    for (const auto& record : page) {
      WRIT_CO_TRY(const auto standing, parse_standing_record(record));
      const auto key = told.keys.find(record.id);
      const auto enrolled = standing.key && (key == told.keys.end() ||
                                             standing.key->thumbprint() != key->second.thumbprint);
      const auto disabled = told.disabled.find(record.id);
      const bool was = disabled != told.disabled.end() && disabled->second;
      if (enrolled || (was && !standing.disabled)) {
        co_return contradicted(
            "the record of user " + record.id + " has " +
                (enrolled ? "another key than was enrolled" : "a standing that nobody gave") +
                ", by the log",
            origin, kNotUpgraded);
      }
    }
    if (page.size() < kMaxList) co_return Expected<void>();
    after = page.back().id;
  }
}

struct Checked {
  Append mark;
  SignedLog signed_log;
  vault::SealingKey data_key;
  std::map<std::string, ToldKey> keys;
};

// Release 0.1 did not keep when a key was enrolled (P40); the log says it.
Expected<void> say_when_enrolled(const std::map<std::string, ToldKey>& keys, Record& user) {
  WRIT_TRY(auto standing, parse_standing_record(user));
  const auto told = keys.find(user.id);
  if (!standing.key || told == keys.end()) return {};
  standing.enrolled = told->second.enrolled;
  user.value = to_record(standing);
  return {};
}

// Step 4 for the contents of rows. One-time codes and sessions end here: nothing in a log of
// release 0.1 vouches for them, and people can sign in again.
class RewriteContents final : public Rewrite {
 public:
  RewriteContents(const Clock& clock, Random& random) : clock_(clock), random_(random) {}

  void add(WorkspaceId workspace, vault::SealingKey data_key, std::map<std::string, ToldKey> keys) {
    workspaces_.try_emplace(workspace, workspace, std::move(data_key), std::move(keys), clock_,
                            random_);
  }
  Expected<Rewritten> record(WorkspaceId workspace, Record old) const override {
    if (old.kind == RecordKind::enrolment || old.kind == RecordKind::session) return Rewritten{};
    const auto found = workspaces_.find(workspace);
    // The server's own have nothing of any content.
    if (found == workspaces_.end()) return Rewritten{.record = std::move(old), .entry = {}};
    if (old.kind == RecordKind::user) {
      WRIT_TRY_VOID(say_when_enrolled(found->second.keys, old));
      return Rewritten{.record = std::move(old), .entry = {}};
    }
    WRIT_TRY(auto upgraded, found->second.digests.record(std::move(old)));
    return Rewritten{.record = std::move(upgraded.record), .entry = std::move(upgraded.entry)};
  }
  Expected<std::string> subject(WorkspaceId workspace, std::string old) const override {
    const auto found = workspaces_.find(workspace);
    if (found == workspaces_.end()) return old;
    return found->second.digests.subject(std::move(old));
  }

 private:
  struct OfWorkspace {
    OfWorkspace(WorkspaceId workspace, vault::SealingKey key, std::map<std::string, ToldKey> told,
                const Clock& clock, Random& random)
        : data_key(std::move(key)),
          keys(std::move(told)),
          digests(workspace, data_key, clock, random) {}
    OfWorkspace(const OfWorkspace&) = delete;
    OfWorkspace& operator=(const OfWorkspace&) = delete;

    const vault::SealingKey data_key;
    const std::map<std::string, ToldKey> keys;
    const DigestUpgrade digests;  // refers to the key
  };

  const Clock& clock_;
  Random& random_;
  std::map<WorkspaceId, OfWorkspace> workspaces_;
};

// Steps 1 to 3 of a workspace.
Task<Expected<Checked>> check(const UpgradeParts& parts, WorkspaceId id) {
  const auto store = parts.store.workspace(id);
  const auto text = id.to_string();
  WRIT_CO_TRY(const auto log_key,
              co_await store->get(RecordKind::signing_key, std::string(kLogKeyRecord)));
  WRIT_CO_TRY(const auto data_key, co_await store->get(RecordKind::data_key, text));
  WRIT_CO_TRY(const auto version, co_await store->get(RecordKind::workspace, text));
  if (!log_key || !data_key || !version) {
    co_return contradicted(std::string("the workspace's ") +
                               (!log_key    ? "log key"
                                : !data_key ? "data key"
                                            : "record") +
                               " is missing",
                           text, kNotUpgraded);
  }
  WRIT_CO_TRY(const auto signer, read_log_signer(parts.seal_key, id, *log_key));
  const auto& origin = signer->name();
  WRIT_CO_TRY(const auto heads, co_await read_heads(*store, parts.anchor, id, signer->verifier()));
  if (!heads.stored && !heads.anchored) {
    co_return contradicted("neither the store nor the anchor has a checkpoint of the log", origin,
                           kNotUpgraded);
  }
  // Release 0.1 kept no record of what was signed: the checkpoints are all there is.
  const auto& latest =
      heads.anchored_size() > heads.stored_size() ? *heads.anchored : *heads.stored;
  const SignedLog signed_log{.size = latest.size(), .root = latest.root()};
  WRIT_CO_TRY_VOID(check_heads(heads, signed_log, id, origin, parts.accept_anchor));
  WRIT_CO_TRY_VOID(co_await check_log(*store, heads, signer->verifier()));
  WRIT_CO_TRY(const auto told, co_await read_told(*store, signed_log.size, origin));
  WRIT_CO_TRY_VOID(co_await check_people(*store, origin, told));
  WRIT_CO_TRY(const auto stored, parse_workspace_record(version->value));
  if (hex_encode(digest_of(stored.documents)) != told.digest) {
    co_return contradicted("the current version is not the one that was applied last, by the log",
                           origin, kNotUpgraded);
  }

  WRIT_CO_TRY(const auto wrapped, parse_data_key_record(data_key->value));
  auto key = parts.seal_key.unwrap_data_key(wrapped, id);
  if (!key) {
    co_return fail(Errc::denied, "the seal key does not open the data key of this workspace",
                   "seal key", "start with the seal key that was made together with this data");
  }
  const EntryWriter writer(id, *key, parts.clock, parts.random);
  auto mark = writer.entry(audit::Kind::store_upgraded);
  mark.set("from", "0.1").set("store", kStoreOfLog).set("size", heads.size);
  co_return Checked{.mark = EntryWriter::append(mark, {text}),
                    .signed_log = signed_log,
                    .data_key = std::move(*key),
                    .keys = told.keys};
}

}  // namespace

Task<Expected<void>> upgrade(UpgradeParts parts) {
  WRIT_CO_TRY(const auto ids, co_await parts.store.workspaces());
  WRIT_CO_TRY(const auto anchored, co_await parts.anchor.logs());
  for (const auto id : anchored) {
    if (std::ranges::find(ids, id) != ids.end()) continue;
    co_return contradicted("the anchor has a checkpoint of workspace " + id.to_string() +
                               ", which is not in the store",
                           "anchor", kNotUpgraded);
  }
  std::map<WorkspaceId, Append> marks;
  SignedLogs signed_logs;
  RewriteContents rewrite(parts.clock, parts.random);
  for (const auto id : ids) {
    WRIT_CO_TRY(auto checked, co_await check(parts, id));
    rewrite.add(id, std::move(checked.data_key), std::move(checked.keys));
    marks.emplace(id, std::move(checked.mark));
    signed_logs.logs.emplace(id, checked.signed_log);
  }
  auto recorded = to_put(signed_logs);
  const Record record{.kind = recorded.kind,
                      .id = std::move(recorded.id),
                      .revision = 1,
                      .value = std::move(recorded.value)};
  parts.log.info("store.upgrading", {{"workspaces", marks.size()}});
  WRIT_CO_TRY_VOID(parts.store.seal(rewrite, marks, record));
  parts.log.info("store.upgraded");
  co_return Expected<void>();
}

}  // namespace writ::broker
