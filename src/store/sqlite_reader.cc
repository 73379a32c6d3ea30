// SPDX-License-Identifier: Apache-2.0
#include "store/sqlite_reader.h"

#include <algorithm>
#include <limits>

#include "store/log_keys.h"
#include "store/sqlite_inventory.h"

namespace writ::store {
namespace {

using broker::LogRow;
using broker::Publication;
using broker::Record;
using broker::RecordKind;

// A number as SQLite has them: what is over its range is over every row's.
std::int64_t clamped(std::uint64_t value) {
  constexpr auto kMax = std::numeric_limits<std::int64_t>::max();
  return static_cast<std::int64_t>(std::min(value, static_cast<std::uint64_t>(kMax)));
}

}  // namespace

Expected<std::unique_ptr<SqliteReader>> SqliteReader::open(const std::string& path,
                                                           const std::string& vfs, Rows rows) {
  WRIT_TRY(auto connection, Connection::open(path, Connection::Mode::read_only, vfs));
  std::unique_ptr<SqliteReader> reader(new SqliteReader(std::move(connection), rows));
  const std::string mac = rows == Rows::sealed ? "mac" : "NULL";
  const auto row = "SELECT log.key, leaf, entry, sealed, proof, proof_expires, " + mac;
  auto& s = reader->statements_;
  const std::pair<Statement*, std::string> all[] = {
      {&s.get, "SELECT revision, value, " + mac +
                   " FROM record WHERE workspace = ?1 AND kind = ?2 AND id = ?3"},
      {&s.list, "SELECT revision, value, " + mac +
                    ", id FROM record WHERE workspace = ?1 AND kind = ?2 AND id > ?3"
                    " ORDER BY id LIMIT ?4"},
      {&s.list_back, "SELECT revision, value, " + mac +
                         ", id FROM record WHERE workspace = ?1 AND kind = ?2 AND id < ?3"
                         " ORDER BY id DESC LIMIT ?4"},
      {&s.read_log, row + " FROM log WHERE key >= ?1 AND key < ?2 ORDER BY key LIMIT ?3"},
      // log_keys.h's log_key(), of the workspace that the subject's row is of.
      {&s.find_log, row + " FROM subject CROSS JOIN log"
                          " ON log.key = (subject.workspace << 40 | position)"
                          " WHERE subject.workspace = ?1 AND subject = ?2 AND position >= ?3"
                          " ORDER BY position LIMIT ?4"},
      {&s.latest_checkpoint,
       "SELECT size, note FROM checkpoint WHERE workspace = ?1 ORDER BY size DESC LIMIT 1"},
      {&s.checkpoints,
       "SELECT note FROM checkpoint WHERE workspace = ?1 AND size >= ?2 ORDER BY size LIMIT ?3"},
      {&s.tile, "SELECT hashes FROM tile WHERE workspace = ?1 AND level = ?2 AND position = ?3"},
  };
  static_assert(kIndexBits == 40);
  for (const auto& [statement, sql] : all) {
    WRIT_TRY(*statement, reader->connection_->prepare(sql));
  }
  return reader;
}

bool SqliteReader::ours(const vault::RowTag& tag, const Row& row, int column) const {
  return rows_ == Rows::unsealed || same(tag, row.blob(column));
}

Expected<std::optional<Record>> SqliteReader::get(SqliteWorkspace& workspace, RecordKind kind,
                                                  const std::string& id) {
  WRIT_TRY_VOID(workspace.records_sound());
  std::optional<Record> found;
  bool sound = true;
  WRIT_TRY_VOID(statements_.get.each(
      [&](const Row& row) {
        found = Record{.kind = kind,
                       .id = id,
                       .revision = static_cast<std::uint64_t>(row.integer(0)),
                       .value = row.text(1)};
        sound =
            ours(record_mac(workspace.key, kind, id, found->revision, found->value).tag, row, 2);
      },
      workspace.number.load(), name(kind), std::string_view(id)));
  if (!sound) {
    workspace.records_damaged(not_ours(kind, id));
    return std::unexpected(not_ours(kind, id));
  }
  return found;
}

Expected<std::vector<Record>> SqliteReader::list(SqliteWorkspace& workspace, RecordKind kind,
                                                 const std::string& after, std::size_t limit) {
  return records(statements_.list, workspace, kind, after, limit);
}

Expected<std::vector<Record>> SqliteReader::list_back(SqliteWorkspace& workspace, RecordKind kind,
                                                      const std::string& before,
                                                      std::size_t limit) {
  return records(statements_.list_back, workspace, kind, before, limit);
}

Expected<std::vector<Record>> SqliteReader::records(Statement& statement,
                                                    SqliteWorkspace& workspace, RecordKind kind,
                                                    const std::string& from, std::size_t limit) {
  WRIT_TRY_VOID(workspace.records_sound());
  std::vector<Record> out;
  std::optional<Error> damage;
  WRIT_TRY_VOID(statement.each(
      [&](const Row& row) {
        out.push_back({.kind = kind,
                       .id = row.text(3),
                       .revision = static_cast<std::uint64_t>(row.integer(0)),
                       .value = row.text(1)});
        const auto& last = out.back();
        const auto mac = record_mac(workspace.key, kind, last.id, last.revision, last.value);
        if (!damage && !ours(mac.tag, row, 2)) damage = not_ours(kind, last.id);
      },
      workspace.number.load(), name(kind), std::string_view(from), clamped(limit)));
  if (damage) {
    workspace.records_damaged(*damage);
    return std::unexpected(std::move(*damage));
  }
  return out;
}

// Collects rows of key, leaf, entry, sealed, proof, proof_expires, mac. A leaf that is no digest
// is no leaf of anything: all zeros, which whoever compares it with the entry finds.
class SqliteReader::LogRows {
 public:
  LogRows(const SqliteReader& reader, SqliteWorkspace& workspace)
      : reader_(reader), workspace_(workspace) {}

  void operator()(const Row& row) {
    const auto index = log_index(row.integer(0));
    rows_.push_back({.index = index,
                     .entry = row.text(2),
                     .leaf = row.digest(1).value_or(Digest{}),
                     .sealed = row.blob(3)});
    if (damage_ || reader_.rows_ == Rows::unsealed) return;
    const auto& last = rows_.back();
    const auto mac = log_mac(workspace_.key, index, last.entry, last.leaf, row.blob(4),
                             row.integer(5), last.sealed);
    if (!same(mac.tag, row.blob(6))) damage_ = not_ours_row(index);
  }
  Expected<std::vector<LogRow>> finish() {
    if (!damage_) return std::move(rows_);
    workspace_.log_damaged(*damage_);
    return std::unexpected(*damage_);
  }

 private:
  const SqliteReader& reader_;
  SqliteWorkspace& workspace_;
  std::vector<LogRow> rows_;
  std::optional<Error> damage_;
};

Expected<std::vector<LogRow>> SqliteReader::read_log(SqliteWorkspace& workspace, std::uint64_t from,
                                                     std::size_t limit) {
  LogRows rows(*this, workspace);
  const auto range = log_range(workspace.number, from);
  WRIT_TRY_VOID(statements_.read_log.each([&](const Row& row) { rows(row); }, range.first,
                                          range.end, clamped(limit)));
  return rows.finish();
}

Expected<std::vector<LogRow>> SqliteReader::find_log(SqliteWorkspace& workspace,
                                                     const std::string& subject, std::uint64_t from,
                                                     std::size_t limit) {
  LogRows rows(*this, workspace);
  WRIT_TRY_VOID(statements_.find_log.each([&](const Row& row) { rows(row); },
                                          workspace.number.load(), std::string_view(subject),
                                          clamped(from), clamped(limit)));
  return rows.finish();
}

Expected<std::optional<Publication>> SqliteReader::latest_checkpoint(SqliteWorkspace& workspace) {
  std::optional<Publication> found;
  WRIT_TRY_VOID(statements_.latest_checkpoint.each(
      [&](const Row& row) {
        found = Publication{.size = static_cast<std::uint64_t>(row.integer(0)),
                            .checkpoint = row.text(1),
                            .tiles = {}};
      },
      workspace.number.load()));
  return found;
}

Expected<std::vector<std::string>> SqliteReader::checkpoints(SqliteWorkspace& workspace,
                                                             std::uint64_t from_size,
                                                             std::size_t limit) {
  std::vector<std::string> out;
  WRIT_TRY_VOID(statements_.checkpoints.each([&](const Row& row) { out.push_back(row.text(0)); },
                                             workspace.number.load(), clamped(from_size),
                                             clamped(limit)));
  return out;
}

Expected<std::optional<Bytes>> SqliteReader::tile(SqliteWorkspace& workspace, unsigned level,
                                                  std::uint64_t index) {
  std::optional<Bytes> found;
  WRIT_TRY_VOID(statements_.tile.each([&](const Row& row) { found = row.blob(0); },
                                      workspace.number.load(), std::int64_t{level},
                                      clamped(index)));
  return found;
}

Expected<void> SqliteReaders::open(const std::string& path, const std::string& vfs,
                                   std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) {
    WRIT_TRY(auto reader, SqliteReader::open(path, vfs));
    const std::lock_guard lock(mutex_);
    idle_.push_back(std::move(reader));
  }
  return {};
}

std::unique_ptr<SqliteReader> SqliteReaders::take() {
  const std::lock_guard lock(mutex_);
  if (idle_.empty()) return nullptr;
  auto reader = std::move(idle_.back());
  idle_.pop_back();
  return reader;
}

void SqliteReaders::give_back(std::unique_ptr<SqliteReader> reader) {
  const std::lock_guard lock(mutex_);
  if (!closed_) idle_.push_back(std::move(reader));
}

void SqliteReaders::close() {
  const std::lock_guard lock(mutex_);
  closed_ = true;
  idle_.clear();
}

}  // namespace writ::store
