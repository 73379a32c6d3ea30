// SPDX-License-Identifier: Apache-2.0
// TimeGuard: what keeps a clock that was set back from bringing to life what has expired (P24).
//
// The latest time that this server has seen is durable, as a setting record of the nil workspace
// ("time", {"at":milliseconds,"v":1}). While the wall clock is more than kTolerance behind it the
// server is not ready: no grant is made and no call goes on. It comes back by itself as soon as the
// clock has caught up. Deadlines do not depend on this: they use the monotonic clock.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>

#include "broker/store.h"

namespace writ::broker {

// Thread-safe. The clock outlives it.
class TimeGuard {
 public:
  static constexpr seconds kTolerance{30};

  // `server` is the store's handle of the nil workspace.
  TimeGuard(const Clock& clock, std::shared_ptr<WorkspaceStore> server)
      : clock_(clock), server_(std::move(server)) {}

  // unavailable while the clock is behind, and until advance() has once read the durable mark.
  // Cheap: asked on every call and grant.
  Expected<void> check() const;

  // Reads the mark the first time, raises it to now and makes that durable. Called once before the
  // server is ready, and then every kTolerance / 3 or so: what a crash can lose of it is that much.
  // Errors: as check(), and those of the store; then the mark stays where it was.
  Task<Expected<void>> advance();

 private:
  struct Mark {
    std::int64_t at = 0;  // milliseconds since the epoch
    std::uint64_t revision = 0;
  };
  Task<Expected<Mark>> read() const;
  void see(std::int64_t at) const;

  const Clock& clock_;
  const std::shared_ptr<WorkspaceStore> server_;
  mutable std::atomic<std::int64_t> seen_ = 0;  // the latest time seen or read; only rises
  std::atomic<bool> loaded_ = false;
  std::mutex mutex_;
  Mark durable_;  // under mutex_
};

}  // namespace writ::broker
