// SPDX-License-Identifier: Apache-2.0
// SqliteLedger: the writer's side of the database: groups of units in one transaction each.
//
//   begin(); for each unit: apply(…) → its verdict; commit() or roll_back()
//
// All conditions of a unit are looked at before its first write, so a unit that fails has written
// nothing and takes no other along, without a savepoint. What is kept in memory (revisions,
// digests, sizes) follows the transaction: visible to later units of the group at once, to others
// after commit(), gone after roll_back(). Of one thread.
//
// Each row that is written gets its MAC, each that goes is taken from its workspace's tally, and
// the workspaces of a group get their new state rows with it (row_macs.h). A record that is not
// what this server wrote refuses the unit that meets it, and from then on everything of its
// workspace.
//
// A verdict within a result: the outer error is the database's and ends the whole group, the inner
// one is the unit's own.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/clock.h"
#include "broker/store.h"
#include "store/replay_memory.h"
#include "store/revision_cache.h"
#include "store/sqlite_connection.h"
#include "store/sqlite_workspace.h"

namespace writ::store {

template <typename T>
using Verdict = Expected<Expected<T>>;

class SqliteLedger {
 public:
  // Reads what has to be resident, the workspaces and what can still be replayed, and holds every
  // row against its workspace's state (sqlite_inventory.h). A workspace that fails this is damaged;
  // denied where the server's own part of the store does.
  static Expected<std::unique_ptr<SqliteLedger>> open(std::unique_ptr<Connection> connection,
                                                      SqliteWorkspaces& workspaces);

  Expected<void> begin(TimePoint now);
  Verdict<broker::Committed> apply(SqliteWorkspace& workspace, const broker::Unit& unit);
  Expected<void> append_later(SqliteWorkspace& workspace, std::span<const broker::Append> appends);
  Verdict<void> publish(SqliteWorkspace& workspace, const broker::Publication& publication);
  Verdict<void> erase_sealed(SqliteWorkspace& workspace, std::uint64_t index);
  // Forgets what has expired, here and in the tables; a bounded piece of it.
  Expected<void> forget_expired();
  // Room for a page or more, and gives it back: whether the disk is still full.
  Expected<void> probe();
  // Durable when it returns. After an error: roll_back().
  Expected<void> commit();
  void roll_back();

  // To be asked after an error, and for checkpoints between groups.
  Connection& connection() { return *connection_; }

 private:
  struct Statements {
    Statement begin, commit, roll_back;
    Statement add_workspace, set_floor;
    Statement put_state;
    Statement get_record, insert_record, update_record, erase_record;
    Statement append, add_subject, get_row, erase_sealed;
    Statement add_once, forget_once, set_forgotten;
    Statement latest_checkpoint, get_checkpoint, put_checkpoint, get_tile, put_tile;
    Statement fill, clear;
  };
  struct Subject {
    SqliteWorkspace* workspace;
    std::uint64_t position;
    std::string_view name;  // of the unit, which lives until the group's end
  };
  // Revisions that writes of the unit itself will make, before any of them is made.
  using Overlay = std::unordered_map<std::string, std::uint64_t>;

  SqliteLedger(std::unique_ptr<Connection> connection, SqliteWorkspaces& workspaces)
      : connection_(std::move(connection)), workspaces_(workspaces) {}
  Expected<void> prepare();
  Expected<void> load();
  Expected<void> load_proofs(SqliteWorkspace& workspace, std::uint64_t floor);

  Verdict<KnownRecord> known(SqliteWorkspace& workspace, broker::RecordKind kind,
                             const std::string& id, const std::string& key);
  Verdict<void> conditions(SqliteWorkspace& workspace, const broker::Unit& unit);
  Verdict<void> revisions(SqliteWorkspace& workspace, const broker::Unit& unit, Overlay& overlay,
                          bool checks);
  Expected<void> number(SqliteWorkspace& workspace);
  Expected<void> write_records(SqliteWorkspace& workspace, const broker::Unit& unit);
  Expected<void> replaced(SqliteWorkspace& workspace, broker::RecordKind kind,
                          const std::string& id, const std::string& key);
  Expected<void> append(SqliteWorkspace& workspace, std::span<const broker::Append> appends);
  void touch(SqliteWorkspace& workspace);
  Expected<void> forget_once(std::int64_t through);
  Expected<void> write_subjects();
  Expected<void> write_states();

  std::unique_ptr<Connection> connection_;
  SqliteWorkspaces& workspaces_;
  std::optional<Statements> statements_;
  RevisionCache cache_{std::size_t{1} << 17};
  ReplayMemory replay_;
  std::int64_t now_ = 0;
  std::int64_t last_number_ = 0;
  std::int64_t forgotten_stored_ = 0;
  std::optional<std::int64_t> replay_restart_;  // with the transaction
  std::vector<Subject> subjects_;
  std::vector<SqliteWorkspace*> touched_;
};

}  // namespace writ::store
