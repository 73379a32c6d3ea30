// SPDX-License-Identifier: Apache-2.0
#include "store/sqlite_checkpoint.h"

#include <pthread.h>

#include "store/last_words.h"

namespace writ::store {
namespace {

// How long the writer waits for readers to finish what they read.
constexpr int kPatience = 50;
constexpr int kStepPages = 1024;

}  // namespace

Checkpointer::Checkpointer(std::unique_ptr<Connection> connection, Limits limits, observe::Log& log)
    : limits_(limits),
      log_(log),
      connection_(std::move(connection)),
      try_again_at_(limits.truncate_pages) {
  connection_->set_busy_timeout(kPatience);
  thread_ = std::thread([this] { work(); });
  pthread_setname_np(thread_.native_handle(), "store-ckpt");
}

Checkpointer::~Checkpointer() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_one();
  thread_.join();
}

void Checkpointer::after_commit(int pages) {
  if (pages >= try_again_at_) {
    // Where a reader, such as a backup, is in the way: again when the log has grown some more.
    try_again_at_ = truncate() ? limits_.truncate_pages : pages + kStepPages;
    return;
  }
  if (pages < limits_.truncate_pages) try_again_at_ = limits_.truncate_pages;
  if (pages < limits_.passive_pages) return;
  {
    const std::lock_guard lock(mutex_);
    wanted_ = true;
  }
  changed_.notify_one();
}

Expected<void> Checkpointer::truncate() {
  const std::lock_guard lock(running_);
  auto done = connection_->checkpoint_truncate();
  if (done) return {};
  const auto failure = connection_->take_failure();
  if (failure == Failure::io) end_for_failed_disk(log_, done.error().message);
  if (failure != Failure::busy)
    log_.warning("store.checkpoint_failed", {{"error", done.error().message}});
  return done;
}

void Checkpointer::work() {
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [this] { return wanted_ || stopping_; });
    if (stopping_) return;
    wanted_ = false;
    lock.unlock();
    {
      const std::lock_guard running(running_);
      if (const auto done = connection_->checkpoint_passive(); !done) {
        if (connection_->take_failure() == Failure::io)
          end_for_failed_disk(log_, done.error().message);
        log_.warning("store.checkpoint_failed", {{"error", done.error().message}});
      }
    }
    lock.lock();
  }
}

}  // namespace writ::store
