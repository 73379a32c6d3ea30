// SPDX-License-Identifier: Apache-2.0
// SqliteReader: one read-only connection with what is read through it. SqliteReaders: a few of
// them, for worker threads.
//
// A read sees all that was committed before it began. Every statement names the workspace's number;
// 0 is a workspace that holds nothing. A record or log row whose MAC is not this server's is an
// error, internal, and its workspace is damaged from then on: nothing that was tampered with is
// ever told as absent. A reader is of one thread at a time.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "broker/store.h"
#include "store/sqlite_connection.h"
#include "store/sqlite_workspace.h"

namespace writ::store {

class SqliteReader {
 public:
  // `unsealed` reads a store of release 0.1, whose rows have no MACs (sqlite_upgrade.h).
  enum class Rows : std::uint8_t { sealed, unsealed };
  static Expected<std::unique_ptr<SqliteReader>> open(const std::string& path,
                                                      const std::string& vfs,
                                                      Rows rows = Rows::sealed);

  Expected<std::optional<broker::Record>> get(SqliteWorkspace& workspace, broker::RecordKind kind,
                                              const std::string& id);
  Expected<std::vector<broker::Record>> list(SqliteWorkspace& workspace, broker::RecordKind kind,
                                             const std::string& after, std::size_t limit);
  // In order of id, those before `before`, the last first; "" is after all.
  Expected<std::vector<broker::Record>> list_back(SqliteWorkspace& workspace,
                                                  broker::RecordKind kind,
                                                  const std::string& before, std::size_t limit);
  Expected<std::vector<broker::LogRow>> read_log(SqliteWorkspace& workspace, std::uint64_t from,
                                                 std::size_t limit);
  Expected<std::vector<broker::LogRow>> find_log(SqliteWorkspace& workspace,
                                                 const std::string& subject, std::uint64_t from,
                                                 std::size_t limit);
  Expected<std::optional<broker::Publication>> latest_checkpoint(SqliteWorkspace& workspace);
  Expected<std::vector<std::string>> checkpoints(SqliteWorkspace& workspace,
                                                 std::uint64_t from_size, std::size_t limit);
  Expected<std::optional<Bytes>> tile(SqliteWorkspace& workspace, unsigned level,
                                      std::uint64_t index);

  Connection& connection() { return *connection_; }

 private:
  class LogRows;
  struct Statements {
    Statement get, list, list_back, read_log, find_log, latest_checkpoint, checkpoints, tile;
  };
  SqliteReader(std::unique_ptr<Connection> connection, Rows rows)
      : connection_(std::move(connection)), rows_(rows) {}
  bool ours(const vault::RowTag& tag, const Row& row, int column) const;
  // By a statement of revision, value, mac, id.
  Expected<std::vector<broker::Record>> records(Statement& statement, SqliteWorkspace& workspace,
                                                broker::RecordKind kind, const std::string& from,
                                                std::size_t limit);

  std::unique_ptr<Connection> connection_;
  const Rows rows_;
  Statements statements_;
};

// Thread-safe.
class SqliteReaders {
 public:
  // Before any use.
  Expected<void> open(const std::string& path, const std::string& vfs, std::size_t count);

  // Calls `read(SqliteReader&)`, which returns an Expected, with a reader that nobody else has.
  // unavailable where all are in use or it is closed.
  template <typename Read>
  auto with(Read read) -> decltype(read(std::declval<SqliteReader&>())) {
    auto reader = take();
    if (!reader) return fail(Errc::unavailable, "the store cannot be read at present", "store");
    auto result = read(*reader);
    give_back(std::move(reader));
    return result;
  }
  // Closes them; one that is in use when it is given back.
  void close();

 private:
  std::unique_ptr<SqliteReader> take();
  void give_back(std::unique_ptr<SqliteReader> reader);

  std::mutex mutex_;
  std::vector<std::unique_ptr<SqliteReader>> idle_;
  bool closed_ = false;
};

}  // namespace writ::store
