// SPDX-License-Identifier: Apache-2.0
// SqliteWriter: the one thread that writes. It takes what waits, decides and writes it as one
// transaction, and tells each caller its verdict once that is durable. While it writes, the next
// group gathers: so no unit waits for company, and a commit serves all that came meanwhile.
//
// Where the disk is full every unit of the group is unavailable, and the writer looks by itself
// whether it can write again. Where the files were deleted or replaced under it nothing is written
// any more. Where the disk fails the process ends (last_words.h).
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "observe/log.h"
#include "observe/metrics.h"
#include "store/commit_queue.h"
#include "store/data_directory.h"
#include "store/sqlite_checkpoint.h"
#include "store/sqlite_ledger.h"

namespace writ::store {

class SqliteWriter {
 public:
  struct Options {
    std::vector<std::string> files;       // those that have to stay in their places
    milliseconds housekeeping{10'000};    // how often what has expired is dropped
    observe::Metrics* metrics = nullptr;  // none: nothing is measured
  };
  SqliteWriter(std::unique_ptr<SqliteLedger> ledger, std::unique_ptr<Checkpointer> checkpointer,
               Options options, CommitQueue& queue, const Clock& clock, observe::Log& log);
  // Close the queue first: what is in it is written, then the thread ends.
  ~SqliteWriter();
  SqliteWriter(const SqliteWriter&) = delete;
  SqliteWriter& operator=(const SqliteWriter&) = delete;

  // Any thread.
  Expected<void> health() const;

 private:
  struct File {
    std::string path;
    std::optional<FileIdentity> identity;
  };
  using Verdicts = std::vector<Expected<broker::Committed>>;

  void work();
  void write(std::vector<Job> group);
  Expected<Verdicts> write_all(const std::vector<Job>& group);
  Verdict<broker::Committed> decide(const Job& job);
  void refuse(std::vector<Job> group, const Error& error);
  void recover_if_written();
  void keep_house();
  Expected<void> in_place() const;
  void report(std::optional<Error> error);

  const std::unique_ptr<SqliteLedger> ledger_;
  const std::unique_ptr<Checkpointer> checkpointer_;
  std::vector<File> files_;
  const milliseconds housekeeping_;
  observe::NullMetrics unmeasured_;
  observe::Histogram& group_units_;
  observe::Histogram& group_seconds_;
  observe::Counter& failed_groups_;
  CommitQueue& queue_;
  const Clock& clock_;
  observe::Log& log_;
  bool troubled_ = false;  // the thread's; until something is written again

  mutable std::mutex mutex_;
  std::optional<Error> unhealthy_;
  std::optional<SteadyPoint> busy_since_;
  std::thread thread_;
};

}  // namespace writ::store
