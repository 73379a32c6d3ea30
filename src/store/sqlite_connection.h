// SPDX-License-Identifier: Apache-2.0
// Connection: one handle on a SQLite database. Statement: one prepared statement of it, which is
// never left half-read, because a forgotten reset would pin the write-ahead log.
//
// Failures of SQLite are unavailable where trying again may help (the disk is full, busy), else
// internal; take_failure() says which kind. A message never holds a bound value. Not
// thread-safe: one thread at a time.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "base/bytes.h"
#include "base/error.h"

struct sqlite3;
struct sqlite3_stmt;

namespace writ::store {

// What went wrong, as far as a caller acts on it.
enum class Failure : std::uint8_t { none, full, busy, io, other };

class Connection;

// The columns of a row, by number from 0; valid within the call that gets it.
class Row {
 public:
  explicit Row(sqlite3_stmt* statement) : statement_(statement) {}
  std::int64_t integer(int column) const;
  std::string text(int column) const;
  Bytes blob(int column) const;
  std::optional<Digest> digest(int column) const;  // nullopt where NULL or of another size

 private:
  sqlite3_stmt* statement_;
};

class Statement {
 public:
  Statement() = default;

  // Binds the arguments to ?1, ?2…, calls on_row(const Row&) for each row, resets. Arguments are
  // integers, std::string_view (TEXT), BytesView (BLOB) and std::optional<BytesView>.
  template <typename OnRow, typename... Args>
  Expected<void> each(OnRow on_row, const Args&... args) {
    const Reset reset(*this);
    int place = 0;
    (bind(++place, args), ...);
    for (;;) {
      WRIT_TRY(const bool more, step());
      if (!more) return {};
      on_row(Row(statement_.get()));
    }
  }
  template <typename... Args>
  Expected<void> run(const Args&... args) {
    return each([](const Row&) {}, args...);
  }

 private:
  friend Connection;
  struct Finalize {
    void operator()(sqlite3_stmt* statement) const noexcept;
  };
  class Reset {
   public:
    explicit Reset(Statement& statement) : statement_(statement) {}
    Reset(const Reset&) = delete;
    Reset& operator=(const Reset&) = delete;
    ~Reset() { statement_.reset(); }

   private:
    Statement& statement_;
  };

  void bind(int place, std::int64_t value);
  void bind(int place, std::string_view text);
  void bind(int place, BytesView blob);
  void bind(int place, const std::optional<BytesView>& blob);
  Expected<bool> step();
  void reset() noexcept;

  Connection* connection_ = nullptr;
  std::unique_ptr<sqlite3_stmt, Finalize> statement_;
};

class Connection {
 public:
  enum class Mode : std::uint8_t { read_only, read_write, create };

  // `vfs` empty is SQLite's own. What a connection of this house needs is set: synchronous=FULL,
  // nothing temporary on disk, what is deleted is overwritten, no checkpoint but when asked for.
  static Expected<std::unique_ptr<Connection>> open(const std::string& path, Mode mode,
                                                    const std::string& vfs);
  // To read what is in the file itself, as if it could not change: no lock, no write-ahead log.
  static Expected<std::unique_ptr<Connection>> open_unchanging(const std::string& path);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // Lives no longer than the connection.
  Expected<Statement> prepare(std::string_view sql);
  // Any number of statements, without rows.
  Expected<void> execute(const std::string& sql);
  Expected<std::int64_t> integer(std::string_view sql);  // the first column of the only row
  Expected<std::string> text(std::string_view sql);

  // Whether closing the last connection moves the write-ahead log into the database; true at first.
  void checkpoint_on_close(bool wanted);
  void set_busy_timeout(int milliseconds);
  // Pages in the write-ahead log after the latest commit of this connection; 0 where there was none
  // since this was asked last.
  int take_log_pages() { return std::exchange(log_pages_, 0); }

  // Moves what no reader holds back into the database; never waits.
  Expected<void> checkpoint_passive();
  // Moves everything and empties the log's file; busy where a reader or writer is in the way for
  // longer than the busy timeout.
  Expected<void> checkpoint_truncate();
  // A copy of this database, as of one moment, over the empty database of `target`.
  Expected<void> copy_to(Connection& target);

  // Of the latest call that failed since it was taken.
  Failure take_failure() { return std::exchange(failure_, Failure::none); }

 private:
  friend Statement;
  struct Close {
    void operator()(sqlite3* database) const noexcept;
  };
  explicit Connection(sqlite3* database) : database_(database) {}
  std::unexpected<Error> failed(int code);

  std::unique_ptr<sqlite3, Close> database_;
  Failure failure_ = Failure::none;
  int log_pages_ = 0;
};

}  // namespace writ::store
