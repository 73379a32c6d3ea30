// SPDX-License-Identifier: Apache-2.0
// The embedded store: SQLite in a data directory of one server.
//
// Units of many callers share a transaction and its fsync (sqlite_writer.h). What the store knows
// by heart, it answers at once; other reads go to worker threads, so that no loop waits for a disk.
#pragma once

#include <cstddef>
#include <memory>
#include <string>

#include "base/clock.h"
#include "broker/store.h"
#include "observe/log.h"
#include "observe/metrics.h"
#include "store/commit_queue.h"
#include "store/sqlite_checkpoint.h"
#include "vault/row_keys.h"

namespace writ::store {

struct SqliteOptions {
  std::string directory = {};  // made with mode 0700 where it is absent; its parent exists
  bool create = true;          // a store that is not there; else not_found
  std::size_t readers = 2;
  std::size_t waiting_reads = 1024;  // more are unavailable
  // After these a call ends: a read as unavailable; a unit likewise if it has not been begun, else
  // as unknown_outcome.
  seconds read_timeout{10};
  seconds commit_timeout{30};
  milliseconds housekeeping{10'000};  // how often what has expired is dropped
  CommitQueue::Limits queue = {};
  Checkpointer::Limits log = {};
  observe::Metrics* metrics = nullptr;  // outlives the store; none: nothing is measured
  std::string vfs = {};                 // a SQLite VFS that tests registered; empty is SQLite's own
};

// A single unit or publication has this many bytes at most, else too_large.
inline constexpr std::size_t kMaxUnitBytes = std::size_t{32} << 20;

// Opens the database, made where it is absent and brought up to date where it is old, and holds
// each of its rows against the MACs that `keys` give (row_macs.h). A workspace whose rows are not
// what was written is damaged (WorkspaceStore::sound()); the rest goes on. Errors: conflict where
// another server has the directory; denied where others may read it, or where the server's own rows
// are not what was written or the keys are others; invalid_input where the file is no database of
// Writ's; unsupported where a newer Writ wrote it, or release 0.1 (sqlite_upgrade.h); not_found. In
// all of these nothing was changed.
//
// The store outlives nothing: on its destruction what was accepted is written, and then calls
// through handles that are left are unavailable. `clock` and `log` outlive the store and its
// handles. Destroy it on a thread that is not a loop's.
Expected<std::unique_ptr<broker::Store>> open_sqlite(SqliteOptions options, vault::RowKeys keys,
                                                     const Clock& clock, observe::Log& log);

}  // namespace writ::store
