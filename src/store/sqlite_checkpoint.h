// SPDX-License-Identifier: Apache-2.0
// Checkpointer: keeps the write-ahead log short. A thread moves what is committed into the database
// beside the writer; that never waits, and never reaches the end while commits go on. So where the
// log has grown over its bound all the same, the writer pauses for the rest and the file is
// truncated. A failing disk ends the process, as for a commit.
#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <thread>

#include "observe/log.h"
#include "store/sqlite_connection.h"

namespace writ::store {

class Checkpointer {
 public:
  struct Limits {
    int passive_pages = 1000;
    int truncate_pages = 16'384;  // 64 MiB
  };
  Checkpointer(std::unique_ptr<Connection> connection, Limits limits, observe::Log& log);
  ~Checkpointer();
  Checkpointer(const Checkpointer&) = delete;
  Checkpointer& operator=(const Checkpointer&) = delete;

  // From the writer, after a commit that left the log at `pages`.
  void after_commit(int pages);
  // From the writer, between groups. unavailable where a reader was in the way.
  Expected<void> truncate();

 private:
  void work();

  const Limits limits_;
  observe::Log& log_;
  std::mutex running_;  // held over a checkpoint: there is one at a time
  const std::unique_ptr<Connection> connection_;
  int try_again_at_ = 0;  // the writer's

  std::mutex mutex_;
  std::condition_variable changed_;
  bool wanted_ = false;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace writ::store
