// SPDX-License-Identifier: Apache-2.0
#include "store/sqlite_schema.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <system_error>

namespace writ::store {
namespace {

// Keys are in order of time as far as ids are, so that a commit writes to few pages. A workspace
// has a short number, which begins every key: log rows have it in the upper bits of theirs
// (log_keys.h), so that they are appended without a second tree.
constexpr std::string_view kFirst = R"sql(
CREATE TABLE workspace (
  number INTEGER PRIMARY KEY,
  id BLOB NOT NULL UNIQUE,
  replay_floor INTEGER NOT NULL DEFAULT 0  -- no proof before this index can still be replayed
) STRICT;
CREATE TABLE record (
  workspace INTEGER NOT NULL,
  kind TEXT NOT NULL,
  id TEXT NOT NULL,
  revision INTEGER NOT NULL,
  value TEXT NOT NULL,
  PRIMARY KEY (workspace, kind, id)
) STRICT, WITHOUT ROWID;
CREATE TABLE log (
  key INTEGER PRIMARY KEY,
  leaf BLOB NOT NULL,
  proof BLOB,
  proof_expires INTEGER,
  entry TEXT NOT NULL,
  sealed BLOB NOT NULL
) STRICT;
CREATE TABLE subject (
  workspace INTEGER NOT NULL,
  subject TEXT NOT NULL,
  position INTEGER NOT NULL,
  PRIMARY KEY (workspace, subject, position)
) STRICT, WITHOUT ROWID;
CREATE TABLE once (
  expires INTEGER NOT NULL,
  workspace INTEGER NOT NULL,
  digest BLOB NOT NULL,
  PRIMARY KEY (expires, workspace, digest)
) STRICT, WITHOUT ROWID;
CREATE TABLE forgotten (
  one INTEGER PRIMARY KEY CHECK (one = 1),
  through INTEGER NOT NULL  -- digests that expired up to then may have been dropped
) STRICT;
INSERT INTO forgotten VALUES (1, 0);
CREATE TABLE checkpoint (
  workspace INTEGER NOT NULL,
  size INTEGER NOT NULL,
  note TEXT NOT NULL,
  PRIMARY KEY (workspace, size)
) STRICT, WITHOUT ROWID;
CREATE TABLE tile (
  workspace INTEGER NOT NULL,
  level INTEGER NOT NULL,
  position INTEGER NOT NULL,
  hashes BLOB NOT NULL,
  PRIMARY KEY (workspace, level, position)
) STRICT, WITHOUT ROWID;
)sql";

// Rows that the seal key vouches for (row_macs.h). The name in `release` is for an older release
// that finds a store which it cannot read.
#define WRIT_BEGIN_SEALING \
  R"sql(
ALTER TABLE record RENAME TO record_unsealed;
ALTER TABLE log RENAME TO log_unsealed;
CREATE TABLE record (
  workspace INTEGER NOT NULL,
  kind TEXT NOT NULL,
  id TEXT NOT NULL,
  revision INTEGER NOT NULL,
  value TEXT NOT NULL,
  mac BLOB NOT NULL,
  PRIMARY KEY (workspace, kind, id)
) STRICT, WITHOUT ROWID;
CREATE TABLE log (
  key INTEGER PRIMARY KEY,
  leaf BLOB NOT NULL,
  proof BLOB,
  proof_expires INTEGER,
  entry TEXT NOT NULL,
  sealed BLOB NOT NULL,
  mac BLOB NOT NULL
) STRICT;
CREATE TABLE state (
  workspace INTEGER PRIMARY KEY,
  records BLOB NOT NULL,
  log BLOB NOT NULL
) STRICT;
CREATE TABLE release (
  one INTEGER PRIMARY KEY CHECK (one = 1),
  name TEXT NOT NULL
) STRICT;
INSERT INTO release VALUES (1, '0.2');
)sql"
#define WRIT_END_SEALING \
  R"sql(
DROP TABLE record_unsealed;
DROP TABLE log_unsealed;
)sql"
constexpr std::string_view kBeginSealing = WRIT_BEGIN_SEALING;
constexpr std::string_view kEndSealing = WRIT_END_SEALING;
constexpr std::string_view kSealed = WRIT_BEGIN_SEALING WRIT_END_SEALING;
#undef WRIT_BEGIN_SEALING
#undef WRIT_END_SEALING

constexpr std::array kMigrations{kFirst, kSealed};

// https://www.sqlite.org/fileformat2.html section 1.3
constexpr std::size_t kHeaderSize = 100;
constexpr std::string_view kMagic("SQLite format 3\0", 16);
constexpr std::size_t kUserVersionAt = 60;
constexpr std::size_t kApplicationIdAt = 68;

std::int64_t big_endian(std::string_view bytes, std::size_t at) {
  std::int64_t value = 0;
  for (const auto byte : as_bytes(bytes.substr(at, 4))) value = value << 8 | byte;
  return value;
}

std::unexpected<Error> not_ours(const std::string& path, std::string what) {
  return fail(Errc::invalid_input, std::move(what), path,
              "name another data directory, or move the file away");
}

// The name that a newer release left. Read without a lock and without the write-ahead log, so that
// nothing of the file changes; empty where it cannot be.
std::string newer_release(const std::string& path) {
  const auto connection = Connection::open_unchanging(path);
  if (!connection) return {};
  auto name = (*connection)->text("SELECT name FROM release");
  if (!name || name->size() > 32) return {};
  return std::ranges::all_of(*name, [](char c) { return c > ' ' && c < 127; }) ? *name : "";
}

Expected<void> check_version(std::int64_t version, std::size_t known, const std::string& path) {
  if (version > static_cast<std::int64_t>(known)) {
    const auto release = newer_release(path);
    return fail(Errc::unsupported,
                "the store was written by " +
                    (release.empty() ? "a newer Writ" : "Writ " + release) + " and is of version " +
                    std::to_string(version) + "; this is Writ " + std::string(kRelease) +
                    ", which knows version " + std::to_string(known),
                path, "run the newer Writ that wrote it, or restore a backup from before");
  }
  if (version < 1) return not_ours(path, "the database has no version");
  return {};
}

// Reads the header alone: opening the file with SQLite might already change it.
Expected<void> check_header(const std::string& path, std::size_t known) {
  std::ifstream file(path, std::ios::binary);
  std::string header(kHeaderSize, '\0');
  if (!file.read(header.data(), kHeaderSize) || !header.starts_with(kMagic))
    return not_ours(path, "the file is no SQLite database");
  if (big_endian(header, kApplicationIdAt) != kApplicationId)
    return not_ours(path, "the database is not one of Writ's");
  return check_version(big_endian(header, kUserVersionAt), known, path);
}

Expected<void> migrate(Connection& connection, std::int64_t version,
                       std::span<const std::string_view> steps) {
  for (auto next = static_cast<std::size_t>(version); next < steps.size(); ++next) {
    WRIT_TRY_VOID(connection.execute("BEGIN IMMEDIATE;" + std::string(steps[next]) +
                                     ";PRAGMA user_version=" + std::to_string(next + 1) +
                                     ";COMMIT"));
  }
  return {};
}

// Made under another name and then moved: so the file is there whole or not at all.
Expected<void> create(const DataDirectory& directory, const std::string& path,
                      const OpenDatabase& how) {
  const auto unfinished = path + ".new";
  std::error_code ignored;
  for (const auto* rest : {"", "-journal", "-wal", "-shm"})
    std::filesystem::remove(unfinished + rest, ignored);
  WRIT_TRY_VOID(create_private_file(unfinished));
  {
    WRIT_TRY(const auto connection,
             Connection::open(unfinished, Connection::Mode::read_write, how.vfs));
    WRIT_TRY_VOID(connection->execute("PRAGMA application_id=" + std::to_string(kApplicationId)));
    WRIT_TRY_VOID(migrate(*connection, 0, how.steps));
    if (how.begin) {
      WRIT_TRY_VOID(how.begin(*connection));
    }
    WRIT_TRY(const auto mode, connection->text("PRAGMA journal_mode=WAL"));
    if (mode != "wal")
      return fail(Errc::unsupported, "SQLite keeps no write-ahead log on this file system", path);
  }
  WRIT_TRY_VOID(sync_file(unfinished));
  if (std::rename(unfinished.c_str(), path.c_str()) != 0) {
    return fail(
        Errc::unavailable,
        std::string("cannot be created: ") + std::strerror(errno),  // NOLINT(concurrency-mt-unsafe)
        path);
  }
  return directory.sync();
}

// A trigger or a view would do or show what no statement of ours says.
Expected<void> check_schema(Connection& connection, const std::string& path) {
  WRIT_TRY(const auto foreign, connection.integer("SELECT count(*) FROM sqlite_schema"
                                                  " WHERE type NOT IN ('table', 'index')"));
  if (foreign != 0) return not_ours(path, "the database has triggers or views");
  return {};
}

}  // namespace

std::span<const std::string_view> migrations() { return kMigrations; }
std::string_view begin_sealing() { return kBeginSealing; }
std::string_view end_sealing() { return kEndSealing; }

Expected<StoreAge> age_of_store(const std::string& data) {
  const auto path = data + "/" + std::string(kDatabaseFile);
  if (!identify(path)) return StoreAge::absent;
  WRIT_TRY_VOID(check_header(path, kMigrations.size()));
  // What the header says may be older than what the write-ahead log holds.
  WRIT_TRY(const auto connection, Connection::open(path, Connection::Mode::read_only, {}));
  WRIT_TRY(const auto version, connection->integer("PRAGMA user_version"));
  WRIT_TRY_VOID(check_version(version, kMigrations.size(), path));
  return version < kSealedVersion ? StoreAge::unsealed : StoreAge::current;
}

Expected<std::unique_ptr<Connection>> open_database(const DataDirectory& directory,
                                                    const OpenDatabase& how) {
  const auto path = directory.file(std::string(kDatabaseFile));
  if (!identify(path)) {
    if (!how.create) {
      return fail(Errc::not_found, "there is no store", path,
                  "restore it from a backup; a new server is made with: writ init");
    }
    WRIT_TRY_VOID(create(directory, path, how));
  }
  WRIT_TRY_VOID(check_header(path, how.steps.size()));
  WRIT_TRY(auto connection, Connection::open(path, Connection::Mode::read_write, how.vfs));
  // The header may be older than what the write-ahead log holds; and while it may turn out that the
  // database is not for us, closing must not change it.
  connection->checkpoint_on_close(false);
  WRIT_TRY(const auto version, connection->integer("PRAGMA user_version"));
  WRIT_TRY_VOID(check_version(version, how.steps.size(), path));
  if (version < how.oldest) {
    return fail(Errc::unsupported, "the store was written by Writ 0.1", path,
                "start the server once, which upgrades it: writ serve");
  }
  WRIT_TRY(const auto mode, connection->text("PRAGMA journal_mode"));
  if (mode != "wal") return not_ours(path, "the database keeps no write-ahead log");
  WRIT_TRY_VOID(check_schema(*connection, path));
  connection->checkpoint_on_close(true);
  WRIT_TRY_VOID(migrate(*connection, version, how.steps));
  return connection;
}

}  // namespace writ::store
