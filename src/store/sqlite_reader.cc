// SPDX-License-Identifier: Apache-2.0
#include "store/sqlite_reader.h"

#include <algorithm>
#include <limits>

#include "store/log_keys.h"

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

// Of key, leaf, entry, sealed. A leaf that is no digest is no leaf of anything: all zeros, which
// whoever compares it with the entry finds.
LogRow log_row(const Row& row) {
  return {.index = log_index(row.integer(0)),
          .entry = row.text(2),
          .leaf = row.digest(1).value_or(Digest{}),
          .sealed = row.blob(3)};
}

// Of revision, value, id.
Expected<std::vector<Record>> records(Statement& statement, std::int64_t workspace, RecordKind kind,
                                      const std::string& from, std::size_t limit) {
  std::vector<Record> out;
  WRIT_TRY_VOID(statement.each(
      [&](const Row& row) {
        out.push_back({.kind = kind,
                       .id = row.text(2),
                       .revision = static_cast<std::uint64_t>(row.integer(0)),
                       .value = row.text(1)});
      },
      workspace, name(kind), std::string_view(from), clamped(limit)));
  return out;
}

}  // namespace

Expected<std::unique_ptr<SqliteReader>> SqliteReader::open(const std::string& path,
                                                           const std::string& vfs) {
  WRIT_TRY(auto connection, Connection::open(path, Connection::Mode::read_only, vfs));
  std::unique_ptr<SqliteReader> reader(new SqliteReader(std::move(connection)));
  auto& s = reader->statements_;
  const std::pair<Statement*, std::string_view> all[] = {
      {&s.get, "SELECT revision, value FROM record WHERE workspace = ?1 AND kind = ?2 AND id = ?3"},
      {&s.list,
       "SELECT revision, value, id FROM record WHERE workspace = ?1 AND kind = ?2 AND id > ?3"
       " ORDER BY id LIMIT ?4"},
      {&s.list_back,
       "SELECT revision, value, id FROM record WHERE workspace = ?1 AND kind = ?2 AND id < ?3"
       " ORDER BY id DESC LIMIT ?4"},
      {&s.read_log,
       "SELECT key, leaf, entry, sealed FROM log WHERE key >= ?1 AND key < ?2 ORDER BY key"
       " LIMIT ?3"},
      // log_keys.h's log_key(), of the workspace that the subject's row is of.
      {&s.find_log,
       "SELECT log.key, leaf, entry, sealed FROM subject CROSS JOIN log"
       " ON log.key = (subject.workspace << 40 | position)"
       " WHERE subject.workspace = ?1 AND subject = ?2 AND position >= ?3 ORDER BY position"
       " LIMIT ?4"},
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

Expected<std::optional<Record>> SqliteReader::get(std::int64_t workspace, RecordKind kind,
                                                  const std::string& id) {
  std::optional<Record> found;
  WRIT_TRY_VOID(statements_.get.each(
      [&](const Row& row) {
        found = Record{.kind = kind,
                       .id = id,
                       .revision = static_cast<std::uint64_t>(row.integer(0)),
                       .value = row.text(1)};
      },
      workspace, name(kind), std::string_view(id)));
  return found;
}

Expected<std::vector<Record>> SqliteReader::list(std::int64_t workspace, RecordKind kind,
                                                 const std::string& after, std::size_t limit) {
  return records(statements_.list, workspace, kind, after, limit);
}

Expected<std::vector<Record>> SqliteReader::list_back(std::int64_t workspace, RecordKind kind,
                                                      const std::string& before,
                                                      std::size_t limit) {
  return records(statements_.list_back, workspace, kind, before, limit);
}

Expected<std::vector<LogRow>> SqliteReader::read_log(std::int64_t workspace, std::uint64_t from,
                                                     std::size_t limit) {
  std::vector<LogRow> out;
  const auto range = log_range(workspace, from);
  WRIT_TRY_VOID(statements_.read_log.each([&](const Row& row) { out.push_back(log_row(row)); },
                                          range.first, range.end, clamped(limit)));
  return out;
}

Expected<std::vector<LogRow>> SqliteReader::find_log(std::int64_t workspace,
                                                     const std::string& subject, std::uint64_t from,
                                                     std::size_t limit) {
  std::vector<LogRow> out;
  WRIT_TRY_VOID(statements_.find_log.each([&](const Row& row) { out.push_back(log_row(row)); },
                                          workspace, std::string_view(subject), clamped(from),
                                          clamped(limit)));
  return out;
}

Expected<std::optional<Publication>> SqliteReader::latest_checkpoint(std::int64_t workspace) {
  std::optional<Publication> found;
  WRIT_TRY_VOID(statements_.latest_checkpoint.each(
      [&](const Row& row) {
        found = Publication{.size = static_cast<std::uint64_t>(row.integer(0)),
                            .checkpoint = row.text(1),
                            .tiles = {}};
      },
      workspace));
  return found;
}

Expected<std::vector<std::string>> SqliteReader::checkpoints(std::int64_t workspace,
                                                             std::uint64_t from_size,
                                                             std::size_t limit) {
  std::vector<std::string> out;
  WRIT_TRY_VOID(statements_.checkpoints.each([&](const Row& row) { out.push_back(row.text(0)); },
                                             workspace, clamped(from_size), clamped(limit)));
  return out;
}

Expected<std::optional<Bytes>> SqliteReader::tile(std::int64_t workspace, unsigned level,
                                                  std::uint64_t index) {
  std::optional<Bytes> found;
  WRIT_TRY_VOID(statements_.tile.each([&](const Row& row) { found = row.blob(0); }, workspace,
                                      std::int64_t{level}, clamped(index)));
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
