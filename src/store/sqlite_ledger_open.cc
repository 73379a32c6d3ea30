// SPDX-License-Identifier: Apache-2.0
// What a ledger does once: its statements, and what has to be resident.
#include <algorithm>
#include <utility>

#include "store/log_keys.h"
#include "store/sqlite_inventory.h"
#include "store/sqlite_ledger.h"

namespace writ::store {

Expected<std::unique_ptr<SqliteLedger>> SqliteLedger::open(std::unique_ptr<Connection> connection,
                                                           SqliteWorkspaces& workspaces) {
  std::unique_ptr<SqliteLedger> ledger(new SqliteLedger(std::move(connection), workspaces));
  WRIT_TRY_VOID(ledger->prepare());
  WRIT_TRY_VOID(ledger->load());
  return ledger;
}

Expected<void> SqliteLedger::prepare() {
  auto& s = statements_.emplace();
  const std::pair<Statement*, std::string_view> all[] = {
      {&s.begin, "BEGIN IMMEDIATE"},
      {&s.commit, "COMMIT"},
      {&s.roll_back, "ROLLBACK"},
      {&s.add_workspace, "INSERT INTO workspace (number, id) VALUES (?1, ?2)"},
      {&s.set_floor, "UPDATE workspace SET replay_floor = ?2 WHERE number = ?1"},
      {&s.put_state, "INSERT OR REPLACE INTO state VALUES (?1, ?2, ?3)"},
      {&s.get_record,
       "SELECT revision, value, mac FROM record WHERE workspace = ?1 AND kind = ?2 AND id = ?3"},
      {&s.insert_record,
       "INSERT INTO record (workspace, kind, id, revision, value, mac)"
       " VALUES (?1, ?2, ?3, 1, ?4, ?5)"},
      {&s.update_record,
       "UPDATE record SET revision = ?4, value = ?5, mac = ?6"
       " WHERE workspace = ?1 AND kind = ?2 AND id = ?3"},
      {&s.erase_record, "DELETE FROM record WHERE workspace = ?1 AND kind = ?2 AND id = ?3"},
      {&s.append,
       "INSERT INTO log (key, leaf, proof, proof_expires, entry, sealed, mac)"
       " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)"},
      {&s.add_subject, "INSERT OR IGNORE INTO subject VALUES (?1, ?2, ?3)"},
      {&s.get_row, "SELECT entry, leaf, proof, proof_expires, sealed, mac FROM log WHERE key = ?1"},
      {&s.erase_sealed, "UPDATE log SET sealed = x'', mac = ?2 WHERE key = ?1"},
      {&s.add_once, "INSERT OR IGNORE INTO once VALUES (?1, ?2, ?3)"},
      {&s.forget_once,
       "DELETE FROM once WHERE (expires, workspace, digest) IN"
       " (SELECT expires, workspace, digest FROM once WHERE expires <= ?1 LIMIT ?2)"
       " RETURNING workspace, digest, expires"},
      {&s.set_forgotten, "UPDATE forgotten SET through = ?1"},
      {&s.latest_checkpoint, "SELECT max(size) FROM checkpoint WHERE workspace = ?1"},
      {&s.get_checkpoint, "SELECT note FROM checkpoint WHERE workspace = ?1 AND size = ?2"},
      {&s.put_checkpoint, "INSERT OR REPLACE INTO checkpoint VALUES (?1, ?2, ?3)"},
      {&s.get_tile,
       "SELECT hashes FROM tile WHERE workspace = ?1 AND level = ?2 AND position = ?3"},
      {&s.put_tile, "INSERT OR IGNORE INTO tile VALUES (?1, ?2, ?3, ?4)"},
      {&s.fill, "INSERT OR REPLACE INTO tile VALUES (0, 0, 0, zeroblob(?1))"},
      {&s.clear, "DELETE FROM tile WHERE workspace = 0"},
  };
  for (const auto& [statement, sql] : all) {
    WRIT_TRY(*statement, connection_->prepare(sql));
  }
  return {};
}

Expected<void> SqliteLedger::load() {
  WRIT_TRY(forgotten_stored_, connection_->integer("SELECT through FROM forgotten"));
  replay_ = ReplayMemory(forgotten_stored_);

  struct Found {
    std::shared_ptr<SqliteWorkspace> workspace;
    std::uint64_t floor;
  };
  std::vector<Found> found;
  WRIT_TRY(auto list, connection_->prepare("SELECT number, id, replay_floor FROM workspace"));
  bool sound = true;
  bool server = false;
  WRIT_TRY_VOID(list.each([&](const Row& row) {
    const auto id = row.blob(1);
    id_detail::Raw raw{};
    sound = sound && id.size() == raw.size();
    if (!sound) return;
    std::ranges::copy(id, raw.begin());
    server = server || WorkspaceId(raw).is_nil();
    auto workspace = workspaces_.get(WorkspaceId(raw));
    workspace->number = workspace->next_number = row.integer(0);
    last_number_ = std::max(last_number_, row.integer(0));
    found.push_back({std::move(workspace), static_cast<std::uint64_t>(row.integer(2))});
  }));
  if (!sound) return fail(Errc::conflict, "the database is damaged: a workspace without an id");
  if (!server) return not_ours_server("it is not there");

  WRIT_TRY(auto inventory, Inventory::create(*connection_));
  for (const auto& [workspace, floor] : found) {
    WRIT_TRY_VOID(
        inventory.take(*workspace, {.tally = {},
                                    .replay_floor = floor,
                                    .forgotten = workspace->id.is_nil() ? forgotten_stored_ : 0}));
    workspace->size = workspace->next_size;
    workspace->floor = ReplayFloor(floor);
    WRIT_TRY_VOID(load_proofs(*workspace, floor));
    if (const auto fit = workspace->sound(); workspace->id.is_nil() && !fit)
      return not_ours_server(fit.error().message);
  }

  WRIT_TRY(auto once, connection_->prepare("SELECT workspace, digest, expires FROM once"));
  WRIT_TRY_VOID(once.each([&](const Row& row) {
    if (const auto digest = row.digest(1)) replay_.add(row.integer(0), *digest, row.integer(2));
  }));
  replay_.commit();
  return {};
}

Expected<void> SqliteLedger::load_proofs(SqliteWorkspace& workspace, std::uint64_t floor) {
  const auto range = log_range(workspace.next_number, floor);
  WRIT_TRY(auto proofs, connection_->prepare(
                            "SELECT key, proof, proof_expires FROM log"
                            " WHERE key >= ?1 AND key < ?2 AND proof IS NOT NULL ORDER BY key"));
  return proofs.each(
      [&](const Row& row) {
        const auto digest = row.digest(1);
        const auto expires = row.integer(2);
        if (!digest || expires <= replay_.forgotten_through()) return;
        replay_.add(workspace.next_number, *digest, expires);
        workspace.floor.add(log_index(row.integer(0)), expires);
      },
      range.first, range.end);
}

}  // namespace writ::store
