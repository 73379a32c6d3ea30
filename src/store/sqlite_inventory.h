// SPDX-License-Identifier: Apache-2.0
// Inventory: every row of a workspace, counted and held against its state row, when the store is
// opened (P36). One pass over the database, in the order of its tables; nothing of it is kept but
// sums.
#pragma once

#include <map>
#include <string_view>

#include "broker/store.h"
#include "store/sqlite_connection.h"
#include "store/sqlite_workspace.h"

namespace writ::store {

// A row with a wrong MAC, or none. internal.
Error not_ours(broker::RecordKind kind, std::string_view id);
Error not_ours_row(std::uint64_t index);
// What the server itself keeps is not as it was left, or the seal key is another one. denied.
std::unexpected<Error> not_ours_server(std::string_view why);

class Inventory {
 public:
  static Expected<Inventory> create(Connection& connection);

  // Fills in the workspace's size and tallies, and marks it as damaged where they do not fit.
  // `rest` is what the state of the records holds beside their tally. Errors: the database's.
  Expected<void> take(SqliteWorkspace& workspace, RecordsState rest);

 private:
  struct Statements {
    Statement state, records, log, subjects, checkpoints, tiles;
  };
  Inventory() = default;
  Expected<void> count_once(Connection& connection);
  Expected<void> count_records(SqliteWorkspace& workspace, RecordsState& into);
  Expected<void> count_log(SqliteWorkspace& workspace, LogState& into);
  Expected<void> count_rest(SqliteWorkspace& workspace, LogState& into);

  Statements statements_;
  struct Consumed {
    Digest digest{};
    std::int64_t expires = 0;
  };
  // What was consumed and has not expired, which is resident anyway.
  std::map<std::int64_t, std::vector<Consumed>> once_;
};

// The server's own part of a new store, which has nothing in it yet.
Expected<void> begin_inventory(Connection& connection, const vault::RowKey& server);

}  // namespace writ::store
