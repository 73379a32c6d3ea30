// SPDX-License-Identifier: Apache-2.0
// SqliteWorkspace: what is known of a workspace without reading. SqliteWorkspaces finds it.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <vector>

#include "base/id.h"
#include "store/replay_memory.h"

namespace writ::store {

struct SqliteWorkspace {
  explicit SqliteWorkspace(WorkspaceId the_id) : id(the_id) {}

  const WorkspaceId id;
  // As of the latest commit, for any thread. A workspace has no number until something is committed
  // to it: then it is empty.
  std::atomic<std::int64_t> number = 0;
  std::atomic<std::uint64_t> size = 0;

  // The writer's alone: with what the open group adds.
  std::int64_t next_number = 0;
  std::uint64_t next_size = 0;
  ReplayFloor floor;
};

// Thread-safe; what it returns lives as long as its holder.
class SqliteWorkspaces {
 public:
  std::shared_ptr<SqliteWorkspace> get(WorkspaceId id) {
    const std::lock_guard lock(mutex_);
    auto& found = by_id_[id];
    if (!found) found = std::make_shared<SqliteWorkspace>(id);
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
  mutable std::mutex mutex_;
  std::map<WorkspaceId, std::shared_ptr<SqliteWorkspace>> by_id_;
};

}  // namespace writ::store
