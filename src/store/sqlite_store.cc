// SPDX-License-Identifier: Apache-2.0
#include "store/sqlite_store.h"

#include <utility>
#include <vector>

#include "async/event.h"
#include "async/workers.h"
#include "store/data_directory.h"
#include "store/sqlite_backup.h"
#include "store/sqlite_inventory.h"
#include "store/sqlite_ledger.h"
#include "store/sqlite_reader.h"
#include "store/sqlite_schema.h"
#include "store/sqlite_workspace.h"
#include "store/sqlite_writer.h"

namespace writ::store {
namespace {

using broker::Committed;
using broker::LogRow;
using broker::Publication;
using broker::Record;
using broker::RecordKind;

// A copy of a large database takes a while.
constexpr std::chrono::hours kBackupTimeout{6};
constexpr int kScrubAttempts = 200;
constexpr milliseconds kScrubPause{50};

// What the store and its handles share; it lives as long as any of them or a call of theirs.
struct Shared {
  Shared(SqliteOptions the_options, vault::RowKeys keys, const Clock& the_clock,
         observe::Log& the_log)
      : options(std::move(the_options)),
        clock(the_clock),
        log(the_log),
        workspaces(std::move(keys)),
        queue(options.queue),
        workers(options.readers, options.waiting_reads),
        long_work(1, 4) {}

  const SqliteOptions options;
  const Clock& clock;
  observe::Log& log;
  SqliteWorkspaces workspaces;
  CommitQueue queue;
  const std::shared_ptr<SqliteReaders> readers = std::make_shared<SqliteReaders>();
  Workers workers;
  Workers long_work;
};

// Has the writer do it. The deadline is the caller's loop's.
Task<Expected<Committed>> submit(std::shared_ptr<Shared> shared, Job job) {
  if (job.bytes > kMaxUnitBytes)
    co_return fail(Errc::too_large, "the unit has more than 32 MiB", "store");
  const auto ticket = std::make_shared<Ticket>();
  job.ticket = ticket;
  WRIT_CO_TRY_VOID(shared->queue.push(std::move(job)));
  const auto deadline = Loop::current().now() + shared->options.commit_timeout;
  auto verdict = co_await ticket->done.wait({.deadline = deadline, .cancel = {}});
  if (verdict) co_return std::move(*verdict);
  if (ticket->claim())
    co_return fail(Errc::unavailable, "the store did not come to it in time", "store");
  co_return fail(Errc::unknown_outcome, "the disk does not answer; it may be done yet", "store");
}

Task<Expected<void>> submit_void(std::shared_ptr<Shared> shared, Job job) {
  WRIT_CO_TRY_VOID(co_await submit(std::move(shared), std::move(job)));
  co_return Expected<void>();
}

// Runs `read` with a reader on a worker. It owns what it uses: it may outlive this wait.
template <typename Read>
auto read_with(std::shared_ptr<Shared> shared, Read read)
    -> Task<decltype(read(std::declval<SqliteReader&>()))> {
  const auto deadline = Loop::current().now() + shared->options.read_timeout;
  auto result = co_await shared->workers.run(
      [readers = shared->readers, read = std::move(read)] { return readers->with(read); },
      {.deadline = deadline, .cancel = {}});
  if (!result) co_return std::unexpected(std::move(result).error());
  co_return std::move(*result);
}

class SqliteHandle final : public broker::WorkspaceStore {
 public:
  SqliteHandle(std::shared_ptr<Shared> shared, std::shared_ptr<SqliteWorkspace> workspace)
      : shared_(std::move(shared)), workspace_(std::move(workspace)) {}

  Task<Expected<Committed>> commit(broker::Unit unit) override {
    const auto bytes = size_of(unit);
    return submit(
        shared_,
        {.workspace = workspace_, .what = std::move(unit), .ticket = nullptr, .bytes = bytes});
  }

  void append_later(std::vector<broker::Append> appends) override {
    if (appends.empty()) return;
    const auto bytes = size_of(appends);
    if (!shared_->queue.push_later({.workspace = workspace_,
                                    .what = Later{std::move(appends)},
                                    .ticket = nullptr,
                                    .bytes = bytes}))
      shared_->log.error("store.entries_lost", {{"error", "the store is closed"}});
  }

  Task<Expected<std::optional<Record>>> get(RecordKind kind, std::string id) override {
    return read_with(shared_,
                     [workspace = workspace_, kind, id = std::move(id)](SqliteReader& reader) {
                       return reader.get(*workspace, kind, id);
                     });
  }

  Task<Expected<std::vector<Record>>> list(RecordKind kind, std::string after,
                                           std::size_t limit) override {
    return read_with(shared_,
                     [workspace = workspace_, kind, after = std::move(after),
                      limit](SqliteReader& reader) -> Expected<std::vector<Record>> {
                       if (limit < 1 || limit > broker::kMaxList)
                         return fail(Errc::invalid_input, "a list has 1 to 1000 records", "limit");
                       return reader.list(*workspace, kind, after, limit);
                     });
  }

  Task<Expected<std::vector<Record>>> list_back(RecordKind kind, std::string before,
                                                std::size_t limit) override {
    return read_with(shared_,
                     [workspace = workspace_, kind, before = std::move(before),
                      limit](SqliteReader& reader) -> Expected<std::vector<Record>> {
                       if (limit < 1 || limit > broker::kMaxList)
                         return fail(Errc::invalid_input, "a list has 1 to 1000 records", "limit");
                       return reader.list_back(*workspace, kind, before, limit);
                     });
  }

  Task<Expected<std::uint64_t>> log_size() override {
    return [](std::shared_ptr<SqliteWorkspace> workspace) -> Task<Expected<std::uint64_t>> {
      co_return workspace->size.load();
    }(workspace_);
  }

  Task<Expected<std::vector<LogRow>>> read_log(std::uint64_t from, std::size_t limit) override {
    return read_with(shared_, [workspace = workspace_, from, limit](SqliteReader& reader) {
      return reader.read_log(*workspace, from, limit);
    });
  }

  Task<Expected<std::vector<LogRow>>> find_log(std::string subject, std::uint64_t from,
                                               std::size_t limit) override {
    return read_with(shared_, [workspace = workspace_, subject = std::move(subject), from,
                               limit](SqliteReader& reader) {
      return reader.find_log(*workspace, subject, from, limit);
    });
  }

  Task<Expected<void>> erase_sealed(std::uint64_t index) override {
    return submit_void(
        shared_,
        {.workspace = workspace_, .what = EraseSealed{index}, .ticket = nullptr, .bytes = 0});
  }

  Task<Expected<void>> publish(Publication publication) override {
    const auto bytes = size_of(publication);
    return submit_void(shared_, {.workspace = workspace_,
                                 .what = std::move(publication),
                                 .ticket = nullptr,
                                 .bytes = bytes});
  }

  Task<Expected<std::optional<Publication>>> latest_checkpoint() override {
    return read_with(shared_, [workspace = workspace_](SqliteReader& reader) {
      return reader.latest_checkpoint(*workspace);
    });
  }

  Task<Expected<std::vector<std::string>>> checkpoints(std::uint64_t from_size,
                                                       std::size_t limit) override {
    return read_with(shared_, [workspace = workspace_, from_size, limit](SqliteReader& reader) {
      return reader.checkpoints(*workspace, from_size, limit);
    });
  }

  Task<Expected<std::optional<Bytes>>> tile(unsigned level, std::uint64_t index) override {
    return read_with(shared_, [workspace = workspace_, level, index](SqliteReader& reader) {
      return reader.tile(*workspace, level, index);
    });
  }

  Expected<void> sound() const override { return workspace_->sound(); }

 private:
  const std::shared_ptr<Shared> shared_;
  const std::shared_ptr<SqliteWorkspace> workspace_;
};

Task<Expected<void>> empty_log(std::shared_ptr<Shared> shared) {
  // Readers come and go; one that stays is a backup, which ends.
  for (int attempt = 0;; ++attempt) {
    auto done = co_await submit_void(
        shared, {.workspace = nullptr, .what = EmptyLog{}, .ticket = nullptr, .bytes = 0});
    if (done || attempt == kScrubAttempts) co_return done;
    co_await sleep_until({.deadline = Loop::current().now() + kScrubPause, .cancel = {}});
  }
}

class SqliteStore final : public broker::Store {
 public:
  SqliteStore(std::unique_ptr<DataDirectory> directory, std::shared_ptr<Shared> shared)
      : directory_(std::move(directory)), shared_(std::move(shared)) {}

  ~SqliteStore() override {
    shared_->queue.close();
    shared_->readers->close();
    writer_.reset();
  }
  SqliteStore(const SqliteStore&) = delete;
  SqliteStore& operator=(const SqliteStore&) = delete;

  Expected<void> start() {
    const auto path = directory_->file(std::string(kDatabaseFile));
    const auto& vfs = shared_->options.vfs;
    const auto server = shared_->workspaces.get(WorkspaceId());
    WRIT_TRY(auto connection, open_database(*directory_, {.vfs = vfs,
                                                          .create = shared_->options.create,
                                                          .oldest = kSealedVersion,
                                                          .begin = [&server](Connection& made) {
                                                            return begin_inventory(made,
                                                                                   server->key);
                                                          }}));
    WRIT_TRY(auto ledger, SqliteLedger::open(std::move(connection), shared_->workspaces));
    WRIT_TRY(auto checkpoints, Connection::open(path, Connection::Mode::read_write, vfs));
    WRIT_TRY_VOID(shared_->readers->open(path, vfs, shared_->options.readers));
    auto checkpointer =
        std::make_unique<Checkpointer>(std::move(checkpoints), shared_->options.log, shared_->log);
    SqliteWriter::Options writing{.files = {path, path + "-wal"},
                                  .housekeeping = shared_->options.housekeeping,
                                  .metrics = shared_->options.metrics};
    writer_ = std::make_unique<SqliteWriter>(std::move(ledger), std::move(checkpointer),
                                             std::move(writing), shared_->queue, shared_->clock,
                                             shared_->log);
    return {};
  }

  std::shared_ptr<broker::WorkspaceStore> workspace(WorkspaceId id) override {
    return std::make_shared<SqliteHandle>(shared_, shared_->workspaces.get(id));
  }

  Task<Expected<std::vector<WorkspaceId>>> workspaces() override {
    return [](std::shared_ptr<Shared> shared) -> Task<Expected<std::vector<WorkspaceId>>> {
      std::vector<WorkspaceId> out;
      for (const auto& workspace : shared->workspaces.all()) {
        if (workspace->number != 0 && !workspace->id.is_nil()) out.push_back(workspace->id);
      }
      co_return out;
    }(shared_);
  }

  Task<Expected<void>> backup(std::string path) override {
    return [](std::shared_ptr<Shared> shared, std::string database,
              std::string target) -> Task<Expected<void>> {
      const auto deadline = Loop::current().now() + kBackupTimeout;
      auto done = co_await shared->long_work.run(
          [database = std::move(database), vfs = shared->options.vfs, target = std::move(target)] {
            return back_up(database, vfs, target);
          },
          {.deadline = deadline, .cancel = {}});
      if (!done) co_return std::unexpected(std::move(done).error());
      co_return std::move(*done);
    }(shared_, directory_->file(std::string(kDatabaseFile)), std::move(path));
  }

  Task<Expected<void>> scrub() override { return empty_log(shared_); }

  Expected<void> health() const override { return writer_->health(); }

 private:
  // In the order of construction: the directory's lock is given up last.
  const std::unique_ptr<DataDirectory> directory_;
  const std::shared_ptr<Shared> shared_;
  std::unique_ptr<SqliteWriter> writer_;
};

}  // namespace

Expected<std::unique_ptr<broker::Store>> open_sqlite(SqliteOptions options, vault::RowKeys keys,
                                                     const Clock& clock, observe::Log& log) {
  WRIT_TRY(auto directory, DataDirectory::open(options.directory));
  auto store = std::make_unique<SqliteStore>(
      std::move(directory),
      std::make_shared<Shared>(std::move(options), std::move(keys), clock, log));
  WRIT_TRY_VOID(store->start());
  return store;
}

}  // namespace writ::store
