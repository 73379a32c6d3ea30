// SPDX-License-Identifier: Apache-2.0
#include "store/sqlite_writer.h"

#include <algorithm>
#include <iterator>
#include <type_traits>
#include <utility>

#include <pthread.h>

#include "store/last_words.h"

namespace writ::store {
namespace {

constexpr milliseconds kProbe{500};
constexpr double kUnitBounds[] = {1, 2, 4, 8, 16, 32, 64, 128, 256, 512};
constexpr double kSecondBounds[] = {.0001, .00025, .0005, .001, .0025, .005, .01, .025, .1, .5, 2};
// A commit that takes longer than this is not one that a server can be ready on.
constexpr seconds kHung{10};

observe::Metrics& metrics_of(const SqliteWriter::Options& options, observe::Metrics& otherwise) {
  return options.metrics == nullptr ? otherwise : *options.metrics;
}

template <typename... Ts>
struct Overloaded : Ts... {
  using Ts::operator()...;
};

Expected<broker::Committed> nothing_appended(Expected<void> done) {
  if (!done) return std::unexpected(std::move(done).error());
  return broker::Committed{};
}

Verdict<broker::Committed> nothing_appended(Verdict<void> verdict) {
  WRIT_TRY(auto done, std::move(verdict));
  return nothing_appended(std::move(done));
}

}  // namespace

SqliteWriter::SqliteWriter(std::unique_ptr<SqliteLedger> ledger,
                           std::unique_ptr<Checkpointer> checkpointer, Options options,
                           CommitQueue& queue, const Clock& clock, observe::Log& log)
    : ledger_(std::move(ledger)),
      checkpointer_(std::move(checkpointer)),
      housekeeping_(options.housekeeping),
      group_units_(
          metrics_of(options, unmeasured_)
              .histogram("writ_store_group_units", "Units that shared one commit", kUnitBounds)),
      group_seconds_(metrics_of(options, unmeasured_)
                         .histogram("writ_store_commit_seconds",
                                    "Time from taking a group to its durability", kSecondBounds)),
      failed_groups_(
          metrics_of(options, unmeasured_)
              .counter("writ_store_failed_commits_total", "Groups that could not be written")),
      queue_(queue),
      clock_(clock),
      log_(log) {
  for (auto& path : options.files) {
    auto identity = identify(path);
    files_.push_back({std::move(path), identity});
  }
  thread_ = std::thread([this] { work(); });
  pthread_setname_np(thread_.native_handle(), "store-commit");
}

SqliteWriter::~SqliteWriter() { thread_.join(); }

Expected<void> SqliteWriter::health() const {
  const std::lock_guard lock(mutex_);
  if (unhealthy_) return std::unexpected(*unhealthy_);
  if (busy_since_ && clock_.steady_now() - *busy_since_ > kHung)
    return fail(Errc::unavailable, "a commit has not come back from the disk", "store");
  return {};
}

void SqliteWriter::report(std::optional<Error> error) {
  const std::lock_guard lock(mutex_);
  if (error && (!unhealthy_ || *unhealthy_ != *error))
    log_.error("store.unhealthy", {{"error", error->to_string()}});
  if (!error && unhealthy_) log_.info("store.healthy");
  unhealthy_ = std::move(error);
}

void SqliteWriter::work() {
  auto next_housekeeping = std::chrono::steady_clock::now() + housekeeping_;
  for (;;) {
    auto group = queue_.take(troubled_ ? kProbe : housekeeping_);
    if (!group) break;
    {
      const std::lock_guard lock(mutex_);
      busy_since_ = clock_.steady_now();
    }
    if (!group->empty()) write(std::move(*group));
    const auto now = std::chrono::steady_clock::now();
    if (troubled_ || now >= next_housekeeping) {
      keep_house();
      next_housekeeping = now + housekeeping_;
    }
    const std::lock_guard lock(mutex_);
    busy_since_.reset();
  }
  // For a short start, and so that a backup of the files alone is whole; best effort.
  static_cast<void>(checkpointer_->truncate());
}

void SqliteWriter::write(std::vector<Job> group) {
  // A caller that has given up was told that nothing was done.
  std::erase_if(group, [](const Job& job) { return job.ticket && !job.ticket->claim(); });
  const auto begun = clock_.steady_now();
  auto verdicts = write_all(group);
  if (!verdicts) return refuse(std::move(group), verdicts.error());
  group_units_.observe(static_cast<double>(group.size()));
  group_seconds_.observe(std::chrono::duration<double>(clock_.steady_now() - begun).count());
  recover_if_written();
  for (std::size_t i = 0; i < group.size(); ++i) {
    if (std::holds_alternative<EmptyLog>(group[i].what)) {
      (*verdicts)[i] = nothing_appended(checkpointer_->truncate());
    }
    if (group[i].ticket) group[i].ticket->done.set(std::move((*verdicts)[i]));
  }
}

// A group of conflicts and checks alone wrote nothing, and proves nothing about the disk.
void SqliteWriter::recover_if_written() {
  const auto pages = ledger_->connection().take_log_pages();
  if (pages == 0) return;
  troubled_ = false;
  report(std::nullopt);
  checkpointer_->after_commit(pages);
}

Expected<SqliteWriter::Verdicts> SqliteWriter::write_all(const std::vector<Job>& group) {
  WRIT_TRY_VOID(in_place());
  WRIT_TRY_VOID(ledger_->begin(clock_.now()));
  Verdicts verdicts;
  verdicts.reserve(group.size());
  for (const auto& job : group) {
    WRIT_TRY(auto verdict, decide(job));
    verdicts.push_back(std::move(verdict));
  }
  WRIT_TRY_VOID(ledger_->commit());
  return verdicts;
}

Verdict<broker::Committed> SqliteWriter::decide(const Job& job) {
  return std::visit(
      Overloaded{
          [&](const broker::Unit& unit) { return ledger_->apply(*job.workspace, unit); },
          [&](const Later& later) -> Verdict<broker::Committed> {
            WRIT_TRY_VOID(ledger_->append_later(*job.workspace, later.appends));
            return Expected<broker::Committed>(broker::Committed{});
          },
          [&](const broker::Publication& publication) {
            return nothing_appended(ledger_->publish(*job.workspace, publication));
          },
          [&](const EraseSealed& erase) {
            return nothing_appended(ledger_->erase_sealed(*job.workspace, erase.index));
          },
          // After the transaction.
          [&](EmptyLog) -> Verdict<broker::Committed> {
            return Expected<broker::Committed>(broker::Committed{});
          },
      },
      job.what);
}

// Nothing of the group is done.
void SqliteWriter::refuse(std::vector<Job> group, const Error& error) {
  const auto failure = ledger_->connection().take_failure();
  if (error.code == Errc::internal && failure == Failure::io)
    end_for_failed_disk(log_, error.message);
  ledger_->roll_back();
  troubled_ = true;
  failed_groups_.add();
  report(error);
  // What is broken is for the log and for health() alone.
  const auto told = error.code == Errc::unavailable
                        ? error
                        : Error{.code = Errc::unavailable,
                                .message = "the store cannot write at present",
                                .where = "store",
                                .hint = {}};
  for (const auto& job : group) {
    if (job.ticket) job.ticket->done.set(std::unexpected(told));
  }
  // What nobody waits for is kept until it can be written, in its order.
  std::erase_if(group, [](const Job& job) { return job.ticket != nullptr; });
  if (!queue_.give_back(std::move(group)))
    log_.error("store.entries_lost", {{"error", error.to_string()}});
}

void SqliteWriter::keep_house() {
  const auto done = [&]() -> Expected<void> {
    WRIT_TRY_VOID(in_place());
    WRIT_TRY_VOID(ledger_->begin(clock_.now()));
    WRIT_TRY_VOID(ledger_->forget_expired());
    if (troubled_) {
      WRIT_TRY_VOID(ledger_->probe());
    }
    return ledger_->commit();
  }();
  if (!done) return refuse({}, done.error());
  recover_if_written();
}

Expected<void> SqliteWriter::in_place() const {
  for (const auto& file : files_) {
    if (identify(file.path) == file.identity) continue;
    return fail(Errc::internal, "the file was deleted or replaced while in use", file.path,
                "restore it from a backup and restart the server");
  }
  return {};
}

}  // namespace writ::store
