// SPDX-License-Identifier: Apache-2.0
// SqliteWorkspace: what is known of a workspace without reading. SqliteWorkspaces finds it.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/id.h"
#include "store/replay_memory.h"
#include "store/row_macs.h"
#include "vault/row_keys.h"

namespace writ::store {

struct SqliteWorkspace {
  SqliteWorkspace(WorkspaceId the_id, vault::RowKey its_key)
      : id(the_id), key(std::move(its_key)) {}

  const WorkspaceId id;
  const vault::RowKey key;
  // As of the latest commit, for any thread. A workspace has no number until something is committed
  // to it: then it is empty.
  std::atomic<std::int64_t> number = 0;
  std::atomic<std::uint64_t> size = 0;

  // The writer's alone: with what the open group adds, and without it.
  std::int64_t next_number = 0;
  std::uint64_t next_size = 0;
  RecordsState next_records, records;
  LogState next_log, log;
  ReplayFloor floor;
  // Whether the tallies are those of the state row: not where the workspace was found damaged at
  // the start. Its state row then stays as it is, so that no later commit vouches for the damage.
  bool counted = true;

  // A row was found that is not what this server wrote, or one is missing. From then on nothing is
  // written here, and where it is a record nothing is read: the next start finds the same. Any
  // thread; the first finding stays.
  void records_damaged(Error error) { set(records_damage_, std::move(error)); }
  void log_damaged(Error error) { set(log_damage_, std::move(error)); }
  Expected<void> records_sound() const { return get(records_damage_); }
  Expected<void> sound() const {
    WRIT_TRY_VOID(get(records_damage_));
    return get(log_damage_);
  }

 private:
  void set(std::optional<Error>& damage, Error error) {
    const std::lock_guard lock(mutex_);
    if (!damage) damage = std::move(error);
    damaged_.store(true, std::memory_order_release);
  }
  Expected<void> get(const std::optional<Error>& damage) const {
    if (!damaged_.load(std::memory_order_acquire)) return {};
    const std::lock_guard lock(mutex_);
    if (damage) return std::unexpected(*damage);
    return {};
  }

  std::atomic<bool> damaged_ = false;
  mutable std::mutex mutex_;
  std::optional<Error> records_damage_;  // under mutex_
  std::optional<Error> log_damage_;      // under mutex_
};

// Thread-safe; what it returns lives as long as its holder.
class SqliteWorkspaces {
 public:
  explicit SqliteWorkspaces(vault::RowKeys keys) : keys_(std::move(keys)) {}

  std::shared_ptr<SqliteWorkspace> get(WorkspaceId id) {
    const std::lock_guard lock(mutex_);
    auto& found = by_id_[id];
    if (!found) found = std::make_shared<SqliteWorkspace>(id, keys_.of(id));
    return found;
  }
  // In order of id.
  std::vector<std::shared_ptr<SqliteWorkspace>> all() const {
    const std::lock_guard lock(mutex_);
    std::vector<std::shared_ptr<SqliteWorkspace>> out;
    out.reserve(by_id_.size());
    for (const auto& [id, workspace] : by_id_) out.push_back(workspace);
    return out;
  }

 private:
  const vault::RowKeys keys_;
  mutable std::mutex mutex_;
  std::map<WorkspaceId, std::shared_ptr<SqliteWorkspace>> by_id_;
};

}  // namespace writ::store
