// SPDX-License-Identifier: Apache-2.0
#include "store/sqlite_ledger.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include "audit/tree.h"
#include "store/log_keys.h"

namespace writ::store {
namespace {

using broker::Append;
using broker::Committed;
using broker::Publication;
using broker::RecordKind;
using broker::Unit;

constexpr std::size_t kForgetAtOnce = 4096;

// What a full disk has to have again before units are taken.
constexpr std::int64_t kProbeBytes = 256 * 1024;

std::int64_t integer(std::uint64_t value) { return static_cast<std::int64_t>(value); }

// A unit's own failure, as a verdict.
template <typename T = void>
Verdict<T> refuse(Errc code, std::string message, std::string where = {}) {
  return Expected<T>(fail(code, std::move(message), std::move(where)));
}

Verdict<void> pass() { return Expected<void>(); }

}  // namespace

Expected<void> SqliteLedger::begin(TimePoint now) {
  now_ = to_unix_millis(now);
  return statements_->begin.run();
}

Expected<std::uint64_t> SqliteLedger::revision(const SqliteWorkspace& workspace, RecordKind kind,
                                               const std::string& id, const std::string& key) {
  if (const auto known = cache_.find(key)) return *known;
  std::uint64_t revision = 0;
  WRIT_TRY_VOID(statements_->revision.each(
      [&](const Row& row) { revision = static_cast<std::uint64_t>(row.integer(0)); },
      workspace.next_number, name(kind), std::string_view(id)));
  // What is absent is not kept: it is asked about once, before it is made.
  if (revision != 0) cache_.set(key, revision);
  return revision;
}

Verdict<void> SqliteLedger::revisions(const SqliteWorkspace& workspace, const Unit& unit,
                                      Overlay& overlay, bool checks) {
  const auto differs = [&](RecordKind kind, const std::string& id, std::uint64_t expected,
                           std::optional<std::uint64_t> next) -> Expected<bool> {
    const auto key = RevisionCache::key(workspace.next_number, kind, id);
    const auto written = overlay.find(key);
    std::uint64_t actual = 0;
    if (written != overlay.end()) {
      actual = written->second;
    } else {
      WRIT_TRY(actual, revision(workspace, kind, id, key));
    }
    if (actual != expected) return true;
    if (next) overlay.insert_or_assign(key, *next);
    return false;
  };
  const auto all = [&](const auto& conditions, auto expected, auto next) -> Verdict<void> {
    for (const auto& one : conditions) {
      WRIT_TRY(const bool moved, differs(one.kind, one.id, expected(one), next(one)));
      if (moved) {
        return refuse(Errc::conflict, "the record is at another revision",
                      broker::revision_conflict(one.kind, one.id));
      }
    }
    return pass();
  };
  using Next = std::optional<std::uint64_t>;
  if (checks) {
    return all(
        unit.checks, [](const auto& check) { return check.revision; },
        [](const auto&) { return Next(); });
  }
  const auto expected = [](const auto& write) { return write.expected; };
  WRIT_TRY(const auto puts,
           all(unit.puts, expected, [](const auto& put) { return Next(put.expected + 1); }));
  if (!puts) return puts;
  return all(unit.erases, expected, [](const auto&) { return Next(0); });
}

Verdict<void> SqliteLedger::conditions(const SqliteWorkspace& workspace, const Unit& unit) {
  std::vector<Digest> consumed;
  const auto consume = [&](const broker::Once& once) {
    if (!replay_.fresh(workspace.next_number, once.digest, to_unix_millis(once.expires), now_))
      return false;
    if (std::ranges::find(consumed, once.digest) != consumed.end()) return false;
    consumed.push_back(once.digest);
    return true;
  };
  Overlay overlay;
  WRIT_TRY(const auto checked, revisions(workspace, unit, overlay, true));
  if (!checked) return checked;
  for (const auto& once : unit.once) {
    if (!consume(once))
      return refuse(Errc::conflict, "consumed already", std::string(broker::kOnceConflict));
  }
  WRIT_TRY(const auto writable, revisions(workspace, unit, overlay, false));
  if (!writable) return writable;
  for (const auto& append : unit.appends) {
    if (append.proof && !consume(*append.proof)) {
      return refuse(Errc::conflict, "the proof was used already",
                    std::string(broker::kProofConflict));
    }
  }
  if (workspace.next_size + unit.appends.size() > kMaxLogSize)
    return refuse(Errc::too_large, "the workspace's log is full");
  return pass();
}

Verdict<Committed> SqliteLedger::apply(SqliteWorkspace& workspace, const Unit& unit) {
  WRIT_TRY(const auto held, conditions(workspace, unit));
  if (!held) return Expected<Committed>(std::unexpected(held.error()));
  const bool writes =
      !unit.once.empty() || !unit.puts.empty() || !unit.erases.empty() || !unit.appends.empty();
  if (unit.forget_replays && writes) {
    const auto time = to_unix_millis(*unit.forget_replays);
    WRIT_TRY_VOID(statements_->set_forgotten.run(time));
    replay_restart_ = time;
  }
  if (!writes) return Expected<Committed>(Committed{});
  WRIT_TRY_VOID(number(workspace));
  for (const auto& once : unit.once) {
    const auto expires = to_unix_millis(once.expires);
    replay_.add(workspace.next_number, once.digest, expires);
    WRIT_TRY_VOID(
        statements_->add_once.run(expires, workspace.next_number, BytesView(once.digest)));
  }
  WRIT_TRY_VOID(write_records(workspace, unit));
  const auto first = unit.appends.empty() ? 0 : workspace.next_size;
  WRIT_TRY_VOID(append(workspace, unit.appends));
  return Expected<Committed>(Committed{.first_index = first});
}

Expected<void> SqliteLedger::append_later(SqliteWorkspace& workspace,
                                          std::span<const Append> appends) {
  WRIT_TRY_VOID(number(workspace));
  return append(workspace, appends);
}

// A workspace has a row as soon as something is committed to it.
Expected<void> SqliteLedger::number(SqliteWorkspace& workspace) {
  touch(workspace);
  if (workspace.next_number != 0) return {};
  if (last_number_ >= kMaxWorkspaces)
    return fail(Errc::internal, "the database holds as many workspaces as it can");
  WRIT_TRY_VOID(statements_->add_workspace.run(last_number_ + 1, BytesView(workspace.id.raw())));
  workspace.next_number = ++last_number_;
  return {};
}

void SqliteLedger::touch(SqliteWorkspace& workspace) {
  if (std::ranges::find(touched_, &workspace) == touched_.end()) touched_.push_back(&workspace);
}

Expected<void> SqliteLedger::write_records(SqliteWorkspace& workspace, const Unit& unit) {
  const auto number = workspace.next_number;
  for (const auto& put : unit.puts) {
    const auto next = put.expected + 1;
    if (put.expected == 0) {
      WRIT_TRY_VOID(statements_->insert_record.run(number, name(put.kind), std::string_view(put.id),
                                                   std::string_view(put.value)));
    } else {
      WRIT_TRY_VOID(statements_->update_record.run(number, name(put.kind), std::string_view(put.id),
                                                   integer(next), std::string_view(put.value)));
    }
    cache_.set(RevisionCache::key(number, put.kind, put.id), next);
  }
  for (const auto& erase : unit.erases) {
    WRIT_TRY_VOID(
        statements_->erase_record.run(number, name(erase.kind), std::string_view(erase.id)));
    cache_.set(RevisionCache::key(number, erase.kind, erase.id), 0);
  }
  return {};
}

Expected<void> SqliteLedger::append(SqliteWorkspace& workspace, std::span<const Append> appends) {
  const auto number = workspace.next_number;
  if (workspace.next_size + appends.size() > kMaxLogSize)
    return fail(Errc::internal, "the workspace's log is full");
  for (const auto& append : appends) {
    const auto index = workspace.next_size;
    const auto leaf = audit::leaf_hash(as_bytes(append.entry));
    std::optional<BytesView> proof;
    std::int64_t expires = 0;
    if (append.proof) {
      proof = BytesView(append.proof->digest);
      expires = to_unix_millis(append.proof->expires);
      replay_.add(number, append.proof->digest, expires);
      workspace.floor.add(index, expires);
    }
    WRIT_TRY_VOID(statements_->append.run(log_key(number, index), BytesView(leaf), proof, expires,
                                          std::string_view(append.entry),
                                          BytesView(append.sealed)));
    for (const auto& subject : append.subjects) subjects_.push_back({number, index, subject});
    ++workspace.next_size;
  }
  return {};
}

Verdict<void> SqliteLedger::publish(SqliteWorkspace& workspace, const Publication& publication) {
  const auto number = workspace.next_number;
  if (publication.size > workspace.next_size)
    return refuse(Errc::conflict, "the checkpoint is of entries that are not in the log");
  std::int64_t latest = 0;
  WRIT_TRY_VOID(statements_->latest_checkpoint.each(
      [&](const Row& row) { latest = row.integer(0); }, number));
  if (integer(publication.size) < latest)
    return refuse(Errc::conflict, "a later checkpoint was published already");
  for (const auto& tile : publication.tiles) {
    bool other = false;
    WRIT_TRY_VOID(
        statements_->get_tile.each([&](const Row& row) { other = row.blob(0) != tile.hashes; },
                                   number, std::int64_t{tile.level}, integer(tile.index)));
    if (other) return refuse(Errc::conflict, "another tile was published in its place");
  }
  WRIT_TRY_VOID(this->number(workspace));
  for (const auto& tile : publication.tiles) {
    WRIT_TRY_VOID(statements_->put_tile.run(workspace.next_number, std::int64_t{tile.level},
                                            integer(tile.index), BytesView(tile.hashes)));
  }
  WRIT_TRY_VOID(statements_->put_checkpoint.run(workspace.next_number, integer(publication.size),
                                                std::string_view(publication.checkpoint)));
  return pass();
}

Verdict<void> SqliteLedger::erase_sealed(SqliteWorkspace& workspace, std::uint64_t index) {
  if (index >= workspace.next_size) return refuse(Errc::not_found, "the log has no such entry");
  WRIT_TRY_VOID(statements_->erase_sealed.run(log_key(workspace.next_number, index)));
  return pass();
}

Expected<void> SqliteLedger::forget_expired() {
  replay_.forget(now_, kForgetAtOnce);
  const auto through = replay_.forgotten_through();
  if (through != forgotten_stored_) {
    WRIT_TRY_VOID(statements_->set_forgotten.run(through));
    forgotten_stored_ = through;
  }
  WRIT_TRY_VOID(statements_->forget_once.run(through, integer(kForgetAtOnce)));
  for (const auto& workspace : workspaces_.all()) {
    if (workspace->next_number == 0) continue;
    if (const auto floor = workspace->floor.rise(through, workspace->next_size)) {
      WRIT_TRY_VOID(statements_->set_floor.run(workspace->next_number, integer(*floor)));
    }
  }
  return {};
}

Expected<void> SqliteLedger::probe() {
  WRIT_TRY_VOID(statements_->fill.run(kProbeBytes));
  return statements_->clear.run();
}

Expected<void> SqliteLedger::commit() {
  // In the order of their table, so that neighbours are written together.
  std::ranges::sort(subjects_, {}, [](const Subject& subject) {
    return std::tuple(subject.workspace, subject.name, subject.position);
  });
  for (const auto& subject : subjects_) {
    WRIT_TRY_VOID(
        statements_->add_subject.run(subject.workspace, subject.name, integer(subject.position)));
  }
  WRIT_TRY_VOID(statements_->commit.run());
  for (auto* workspace : touched_) {
    workspace->number = workspace->next_number;
    workspace->size = workspace->next_size;
  }
  replay_.commit();
  if (replay_restart_) {
    forgotten_stored_ = *replay_restart_;
    replay_.restart(*std::exchange(replay_restart_, std::nullopt));
  }
  subjects_.clear();
  touched_.clear();
  return {};
}

void SqliteLedger::roll_back() {
  // Fails where SQLite has rolled back by itself already, which is as good.
  const auto rolled_back = statements_->roll_back.run();
  static_cast<void>(rolled_back);
  for (auto* workspace : touched_) {
    if (workspace->number == 0 && workspace->next_number != 0) --last_number_;
    workspace->next_number = workspace->number;
    workspace->next_size = workspace->size;
  }
  cache_.clear();
  replay_.roll_back();
  replay_restart_.reset();
  forgotten_stored_ = -1;  // unknown: to be written again
  subjects_.clear();
  touched_.clear();
}

}  // namespace writ::store
