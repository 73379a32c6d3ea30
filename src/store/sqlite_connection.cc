// SPDX-License-Identifier: Apache-2.0
#include "store/sqlite_connection.h"

#include <algorithm>
#include <cctype>

#include <sqlite3.h>

#include "base/check.h"

namespace writ::store {
namespace {

Failure failure_of(int code) {
  switch (code & 0xff) {
    case SQLITE_FULL:
      return Failure::full;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return Failure::busy;
    case SQLITE_IOERR:
      return Failure::io;
    default:
      return Failure::other;
  }
}

Error error_of(int code, const char* message) {
  switch (failure_of(code)) {
    case Failure::full:
      return {.code = Errc::unavailable,
              .message = "the disk is full; nothing was written",
              .where = "store",
              .hint = "free some space on the data directory's disk"};
    case Failure::busy:
      return {.code = Errc::unavailable,
              .message = "the database is busy",
              .where = "store",
              .hint = {}};
    case Failure::io:
    case Failure::other:
    case Failure::none:
      break;
  }
  return {.code = Errc::internal,
          .message = std::string("SQLite: ") + message + " (" + std::to_string(code) + ")",
          .where = "store",
          .hint = {}};
}

constexpr std::string_view kSettings =
    "PRAGMA synchronous=FULL;"
    "PRAGMA temp_store=MEMORY;"
    "PRAGMA secure_delete=ON;"
    "PRAGMA wal_autocheckpoint=0;"
    "PRAGMA trusted_schema=OFF;"
    "PRAGMA cell_size_check=ON;"
    "PRAGMA cache_size=-32768;";

}  // namespace

std::int64_t Row::integer(int column) const { return sqlite3_column_int64(statement_, column); }

std::string Row::text(int column) const {
  const auto* text = sqlite3_column_text(statement_, column);
  if (text == nullptr) return {};
  const auto size = static_cast<std::size_t>(sqlite3_column_bytes(statement_, column));
  return to_text(BytesView(text, size));
}

Bytes Row::blob(int column) const {
  const auto* bytes = static_cast<const std::uint8_t*>(sqlite3_column_blob(statement_, column));
  if (bytes == nullptr) return {};
  const auto size = static_cast<std::size_t>(sqlite3_column_bytes(statement_, column));
  return to_bytes(BytesView(bytes, size));
}

std::optional<Digest> Row::digest(int column) const {
  const auto bytes = blob(column);
  Digest out;
  if (bytes.size() != out.size()) return std::nullopt;
  std::ranges::copy(bytes, out.begin());
  return out;
}

void Statement::Finalize::operator()(sqlite3_stmt* statement) const noexcept {
  sqlite3_finalize(statement);
}

// Bound values live until the reset, which ends each(): so SQLite need not copy them. A bind fails
// only where the place or the size is wrong, which is a bug of this folder.
void Statement::bind(int place, std::int64_t value) {
  WRIT_CHECK(sqlite3_bind_int64(statement_.get(), place, value) == SQLITE_OK);
}

void Statement::bind(int place, std::string_view text) {
  // A null pointer would bind NULL.
  const char* data = text.data() == nullptr ? "" : text.data();
  WRIT_CHECK(sqlite3_bind_text64(statement_.get(), place, data, text.size(), SQLITE_STATIC,
                                 SQLITE_UTF8) == SQLITE_OK);
}

void Statement::bind(int place, BytesView blob) {
  const void* data = blob.data() == nullptr ? static_cast<const void*>("") : blob.data();
  WRIT_CHECK(sqlite3_bind_blob64(statement_.get(), place, data, blob.size(), SQLITE_STATIC) ==
             SQLITE_OK);
}

void Statement::bind(int place, const std::optional<BytesView>& blob) {
  if (blob) return bind(place, *blob);
  WRIT_CHECK(sqlite3_bind_null(statement_.get(), place) == SQLITE_OK);
}

Expected<bool> Statement::step() {
  const int code = sqlite3_step(statement_.get());
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) return false;
  return connection_->failed(code);
}

void Statement::reset() noexcept {
  sqlite3_reset(statement_.get());
  sqlite3_clear_bindings(statement_.get());
}

void Connection::Close::operator()(sqlite3* database) const noexcept { sqlite3_close_v2(database); }

Connection::~Connection() = default;

std::unexpected<Error> Connection::failed(int code) {
  failure_ = failure_of(code);
  return std::unexpected(error_of(code, sqlite3_errmsg(database_.get())));
}

Expected<std::unique_ptr<Connection>> Connection::open(const std::string& path, Mode mode,
                                                       const std::string& vfs) {
  int flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
  switch (mode) {
    case Mode::read_only:
      flags |= SQLITE_OPEN_READONLY;
      break;
    case Mode::read_write:
      flags |= SQLITE_OPEN_READWRITE;
      break;
    case Mode::create:
      flags |= SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
      break;
  }
  sqlite3* database = nullptr;
  const int code =
      sqlite3_open_v2(path.c_str(), &database, flags, vfs.empty() ? nullptr : vfs.c_str());
  // Also a handle that could not open has to be closed.
  std::unique_ptr<Connection> connection(new Connection(database));
  if (code != SQLITE_OK) return connection->failed(code);
  sqlite3_db_config(database, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  connection->set_busy_timeout(5000);
  WRIT_TRY_VOID(connection->execute(std::string(kSettings)));
  sqlite3_wal_hook(
      database,
      [](void* pages, sqlite3*, const char*, int count) {
        *static_cast<int*>(pages) = count;
        return SQLITE_OK;
      },
      &connection->log_pages_);
  return connection;
}

Expected<std::unique_ptr<Connection>> Connection::open_unchanging(const std::string& path) {
  std::string uri = "file:";
  for (const char c : path) {
    constexpr std::string_view kHex = "0123456789ABCDEF";
    const auto byte = static_cast<unsigned char>(c);
    const bool plain =
        c == '/' || c == '.' || c == '-' || c == '_' || (byte < 128 && std::isalnum(byte) != 0);
    if (plain) {
      uri += c;
    } else {
      uri += {'%', kHex[byte >> 4U], kHex[byte & 15U]};
    }
  }
  sqlite3* database = nullptr;
  const int code = sqlite3_open_v2(
      (uri + "?immutable=1").c_str(), &database,
      SQLITE_OPEN_READONLY | SQLITE_OPEN_URI | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE,
      nullptr);
  std::unique_ptr<Connection> connection(new Connection(database));
  if (code != SQLITE_OK) return connection->failed(code);
  return connection;
}

Expected<Statement> Connection::prepare(std::string_view sql) {
  sqlite3_stmt* prepared = nullptr;
  const int code = sqlite3_prepare_v3(database_.get(), sql.data(), static_cast<int>(sql.size()),
                                      SQLITE_PREPARE_PERSISTENT, &prepared, nullptr);
  Statement statement;
  statement.connection_ = this;
  statement.statement_.reset(prepared);
  if (code != SQLITE_OK) return failed(code);
  return statement;
}

Expected<void> Connection::execute(const std::string& sql) {
  const int code = sqlite3_exec(database_.get(), sql.c_str(), nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) return failed(code);
  return {};
}

Expected<std::int64_t> Connection::integer(std::string_view sql) {
  WRIT_TRY(auto statement, prepare(sql));
  std::int64_t value = 0;
  WRIT_TRY_VOID(statement.each([&](const Row& row) { value = row.integer(0); }));
  return value;
}

Expected<std::string> Connection::text(std::string_view sql) {
  WRIT_TRY(auto statement, prepare(sql));
  std::string value;
  WRIT_TRY_VOID(statement.each([&](const Row& row) { value = row.text(0); }));
  return value;
}

void Connection::checkpoint_on_close(bool wanted) {
  sqlite3_db_config(database_.get(), SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, wanted ? 0 : 1, nullptr);
}

void Connection::set_busy_timeout(int milliseconds) {
  sqlite3_busy_timeout(database_.get(), milliseconds);
}

Expected<void> Connection::checkpoint_passive() {
  const int code = sqlite3_wal_checkpoint_v2(database_.get(), nullptr, SQLITE_CHECKPOINT_PASSIVE,
                                             nullptr, nullptr);
  if (code != SQLITE_OK && (code & 0xff) != SQLITE_BUSY) return failed(code);
  return {};
}

Expected<void> Connection::checkpoint_truncate() {
  const int code = sqlite3_wal_checkpoint_v2(database_.get(), nullptr, SQLITE_CHECKPOINT_TRUNCATE,
                                             nullptr, nullptr);
  if (code != SQLITE_OK) return failed(code);
  return {};
}

Expected<void> Connection::copy_to(Connection& target) {
  auto* backup = sqlite3_backup_init(target.database_.get(), "main", database_.get(), "main");
  if (backup == nullptr) return target.failed(sqlite3_extended_errcode(target.database_.get()));
  // All in one step, under one read transaction: a copy in parts would begin anew with each commit.
  const int stepped = sqlite3_backup_step(backup, -1);
  const int finished = sqlite3_backup_finish(backup);
  if (stepped != SQLITE_DONE) return target.failed(stepped);
  if (finished != SQLITE_OK) return target.failed(finished);
  return {};
}

}  // namespace writ::store
