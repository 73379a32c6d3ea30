// SPDX-License-Identifier: Apache-2.0
#include "store/sqlite_ledger.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include "audit/tree.h"
#include "store/log_keys.h"
#include "store/sqlite_inventory.h"

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

// Nothing is written where something is wrong already. What it is, sound() says.
Verdict<void> shut() {
  return refuse(Errc::unavailable,
                "nothing can be written here: what is stored is not what this server wrote",
                "store");
}

Verdict<void> pass() { return Expected<void>(); }

}  // namespace

Expected<void> SqliteLedger::begin(TimePoint now) {
  now_ = to_unix_millis(now);
  return statements_->begin.run();
}

Verdict<KnownRecord> SqliteLedger::known(SqliteWorkspace& workspace, RecordKind kind,
                                         const std::string& id, const std::string& key) {
  if (const auto found = cache_.find(key)) return Expected<KnownRecord>(*found);
  KnownRecord out;
  bool ours = true;
  WRIT_TRY_VOID(statements_->get_record.each(
      [&](const Row& row) {
        out.revision = static_cast<std::uint64_t>(row.integer(0));
        const auto mac = record_mac(workspace.key, kind, id, out.revision, row.text(1));
        ours = same(mac.tag, row.blob(2));
        out.weight = mac.weight;
      },
      workspace.next_number, name(kind), std::string_view(id)));
  if (!ours) {
    auto error = not_ours(kind, id);
    workspace.records_damaged(error);
    return Expected<KnownRecord>(std::unexpected(std::move(error)));
  }
  // What is absent is not kept: it is asked about once, before it is made.
  if (out.revision != 0) cache_.set(key, out);
  return Expected<KnownRecord>(out);
}

Verdict<void> SqliteLedger::revisions(SqliteWorkspace& workspace, const Unit& unit,
                                      Overlay& overlay, bool checks) {
  const auto differs = [&](RecordKind kind, const std::string& id, std::uint64_t expected,
                           std::optional<std::uint64_t> next) -> Verdict<bool> {
    const auto key = RevisionCache::key(workspace.next_number, kind, id);
    const auto written = overlay.find(key);
    std::uint64_t actual = 0;
    if (written != overlay.end()) {
      actual = written->second;
    } else {
      WRIT_TRY(const auto found, known(workspace, kind, id, key));
      if (!found) return Expected<bool>(std::unexpected(found.error()));
      actual = found->revision;
    }
    if (actual != expected) return Expected<bool>(true);
    if (next) overlay.insert_or_assign(key, *next);
    return Expected<bool>(false);
  };
  const auto all = [&](const auto& conditions, auto expected, auto next) -> Verdict<void> {
    for (const auto& one : conditions) {
      WRIT_TRY(const auto moved, differs(one.kind, one.id, expected(one), next(one)));
      if (!moved) return Expected<void>(std::unexpected(moved.error()));
      if (*moved) {
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

Verdict<void> SqliteLedger::conditions(SqliteWorkspace& workspace, const Unit& unit) {
  if (!workspace.sound()) return shut();
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
    workspace.next_records.tally.add(once_weight(workspace.key, once.digest, expires));
  }
  WRIT_TRY_VOID(write_records(workspace, unit));
  const auto first = unit.appends.empty() ? 0 : workspace.next_size;
  WRIT_TRY_VOID(append(workspace, unit.appends));
  return Expected<Committed>(Committed{.first_index = first});
}

Expected<void> SqliteLedger::append_later(SqliteWorkspace& workspace,
                                          std::span<const Append> appends) {
  // They tell of what has happened already, and there is no place left to say it.
  if (!workspace.sound()) return {};
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

// A record that is there goes: as the unit's conditions found it, or as the unit itself wrote it.
Expected<void> SqliteLedger::replaced(SqliteWorkspace& workspace, RecordKind kind,
                                      const std::string& id, const std::string& key) {
  WRIT_TRY(const auto before, known(workspace, kind, id, key));
  if (!before) return std::unexpected(before.error());
  workspace.next_records.tally.subtract(before->weight);
  return {};
}

Expected<void> SqliteLedger::write_records(SqliteWorkspace& workspace, const Unit& unit) {
  const auto number = workspace.next_number;
  for (const auto& put : unit.puts) {
    const auto next = put.expected + 1;
    const auto key = RevisionCache::key(number, put.kind, put.id);
    const auto mac = record_mac(workspace.key, put.kind, put.id, next, put.value);
    if (put.expected == 0) {
      WRIT_TRY_VOID(statements_->insert_record.run(number, name(put.kind), std::string_view(put.id),
                                                   std::string_view(put.value),
                                                   BytesView(mac.tag)));
    } else {
      WRIT_TRY_VOID(replaced(workspace, put.kind, put.id, key));
      WRIT_TRY_VOID(statements_->update_record.run(number, name(put.kind), std::string_view(put.id),
                                                   integer(next), std::string_view(put.value),
                                                   BytesView(mac.tag)));
    }
    workspace.next_records.tally.add(mac.weight);
    cache_.set(key, {.revision = next, .weight = mac.weight});
  }
  for (const auto& erase : unit.erases) {
    const auto key = RevisionCache::key(number, erase.kind, erase.id);
    if (erase.expected != 0) {
      WRIT_TRY_VOID(replaced(workspace, erase.kind, erase.id, key));
    }
    WRIT_TRY_VOID(
        statements_->erase_record.run(number, name(erase.kind), std::string_view(erase.id)));
    cache_.set(key, {});
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
    const auto mac = log_mac(workspace.key, index, append.entry, leaf, proof.value_or(BytesView()),
                             expires, append.sealed);
    WRIT_TRY_VOID(statements_->append.run(log_key(number, index), BytesView(leaf), proof, expires,
                                          std::string_view(append.entry), BytesView(append.sealed),
                                          BytesView(mac.tag)));
    workspace.next_log.tally.add(mac.weight);
    for (const auto& subject : append.subjects) subjects_.push_back({&workspace, index, subject});
    ++workspace.next_size;
  }
  return {};
}

Verdict<void> SqliteLedger::publish(SqliteWorkspace& workspace, const Publication& publication) {
  if (!workspace.sound()) return shut();
  const auto number = workspace.next_number;
  if (publication.size > workspace.next_size)
    return refuse(Errc::conflict, "the checkpoint is of entries that are not in the log");
  std::int64_t latest = 0;
  WRIT_TRY_VOID(statements_->latest_checkpoint.each(
      [&](const Row& row) { latest = row.integer(0); }, number));
  if (integer(publication.size) < latest)
    return refuse(Errc::conflict, "a later checkpoint was published already");
  std::vector<bool> there(publication.tiles.size());
  for (std::size_t i = 0; i < there.size(); ++i) {
    const auto& tile = publication.tiles[i];
    bool other = false;
    WRIT_TRY_VOID(statements_->get_tile.each(
        [&](const Row& row) {
          there[i] = true;
          other = row.blob(0) != tile.hashes;
        },
        number, std::int64_t{tile.level}, integer(tile.index)));
    if (other) return refuse(Errc::conflict, "another tile was published in its place");
  }
  WRIT_TRY_VOID(this->number(workspace));
  auto& tally = workspace.next_log.tally;
  for (std::size_t i = 0; i < there.size(); ++i) {
    if (there[i]) continue;
    const auto& tile = publication.tiles[i];
    WRIT_TRY_VOID(statements_->put_tile.run(workspace.next_number, std::int64_t{tile.level},
                                            integer(tile.index), BytesView(tile.hashes)));
    tally.add(tile_weight(workspace.key, tile.level, tile.index, tile.hashes));
  }
  WRIT_TRY_VOID(statements_->get_checkpoint.each(
      [&](const Row& row) {
        tally.subtract(checkpoint_weight(workspace.key, publication.size, row.text(0)));
      },
      workspace.next_number, integer(publication.size)));
  WRIT_TRY_VOID(statements_->put_checkpoint.run(workspace.next_number, integer(publication.size),
                                                std::string_view(publication.checkpoint)));
  tally.add(checkpoint_weight(workspace.key, publication.size, publication.checkpoint));
  return pass();
}

Verdict<void> SqliteLedger::erase_sealed(SqliteWorkspace& workspace, std::uint64_t index) {
  if (index >= workspace.next_size) return refuse(Errc::not_found, "the log has no such entry");
  if (!workspace.sound()) return shut();
  const auto key = log_key(workspace.next_number, index);
  std::optional<vault::RowMac> before;
  vault::RowMac after;
  WRIT_TRY_VOID(statements_->get_row.each(
      [&](const Row& row) {
        const auto entry = row.text(0);
        const auto leaf = row.blob(1);
        const auto proof = row.blob(2);
        const auto mac = [&](BytesView sealed) {
          return log_mac(workspace.key, index, entry, leaf, proof, row.integer(3), sealed);
        };
        const auto found = mac(row.blob(4));
        if (!same(found.tag, row.blob(5))) return;
        before = found;
        after = mac({});
      },
      key));
  if (!before) {
    auto error = not_ours_row(index);
    workspace.log_damaged(error);
    return Expected<void>(std::unexpected(std::move(error)));
  }
  touch(workspace);
  WRIT_TRY_VOID(statements_->erase_sealed.run(key, BytesView(after.tag)));
  workspace.next_log.tally.subtract(before->weight);
  workspace.next_log.tally.add(after.weight);
  return pass();
}

Expected<void> SqliteLedger::forget_expired() {
  replay_.forget(now_, kForgetAtOnce);
  const auto through = replay_.forgotten_through();
  if (through != forgotten_stored_) {
    WRIT_TRY_VOID(statements_->set_forgotten.run(through));
    forgotten_stored_ = through;
    auto& server = *workspaces_.get(WorkspaceId());
    touch(server);
    server.next_records.forgotten = through;
  }
  WRIT_TRY_VOID(forget_once(through));
  for (const auto& workspace : workspaces_.all()) {
    if (workspace->next_number == 0) continue;
    if (const auto floor = workspace->floor.rise(through, workspace->next_size)) {
      touch(*workspace);
      workspace->next_records.replay_floor = *floor;
      WRIT_TRY_VOID(statements_->set_floor.run(workspace->next_number, integer(*floor)));
    }
  }
  return {};
}

Expected<void> SqliteLedger::forget_once(std::int64_t through) {
  std::unordered_map<std::int64_t, SqliteWorkspace*> by_number;
  return statements_->forget_once.each(
      [&](const Row& row) {
        if (by_number.empty()) {
          for (const auto& workspace : workspaces_.all())
            by_number.emplace(workspace->next_number, workspace.get());
        }
        const auto found = by_number.find(row.integer(0));
        if (found == by_number.end()) return;
        auto& workspace = *found->second;
        touch(workspace);
        workspace.next_records.tally.subtract(
            once_weight(workspace.key, row.blob(1), row.integer(2)));
      },
      through, integer(kForgetAtOnce));
}

Expected<void> SqliteLedger::probe() {
  WRIT_TRY_VOID(statements_->fill.run(kProbeBytes));
  return statements_->clear.run();
}

Expected<void> SqliteLedger::write_subjects() {
  // In the order of their table, so that neighbours are written together.
  const auto place = [](const Subject& subject) {
    return std::tuple(subject.workspace->next_number, subject.name, subject.position);
  };
  std::ranges::sort(subjects_, {}, place);
  const auto repeated = std::ranges::unique(subjects_, {}, place);
  subjects_.erase(repeated.begin(), repeated.end());
  for (const auto& [workspace, position, name] : subjects_) {
    WRIT_TRY_VOID(statements_->add_subject.run(workspace->next_number, name, integer(position)));
    workspace->next_log.tally.add(subject_weight(workspace->key, name, position));
  }
  return {};
}

Expected<void> SqliteLedger::write_states() {
  for (auto* workspace : touched_) {
    if (!workspace->counted) continue;
    workspace->next_log.size = workspace->next_size;
    if (workspace->next_records == workspace->records && workspace->next_log == workspace->log &&
        workspace->number != 0)
      continue;
    const auto records = state_mac(workspace->key, workspace->next_records);
    const auto log = state_mac(workspace->key, workspace->next_log);
    WRIT_TRY_VOID(
        statements_->put_state.run(workspace->next_number, BytesView(records), BytesView(log)));
  }
  return {};
}

Expected<void> SqliteLedger::commit() {
  WRIT_TRY_VOID(write_subjects());
  WRIT_TRY_VOID(write_states());
  WRIT_TRY_VOID(statements_->commit.run());
  for (auto* workspace : touched_) {
    workspace->number = workspace->next_number;
    workspace->size = workspace->next_size;
    workspace->records = workspace->next_records;
    workspace->log = workspace->next_log;
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
    workspace->next_records = workspace->records;
    workspace->next_log = workspace->log;
  }
  cache_.clear();
  replay_.roll_back();
  replay_restart_.reset();
  forgotten_stored_ = -1;  // unknown: to be written again
  subjects_.clear();
  touched_.clear();
}

}  // namespace writ::store
