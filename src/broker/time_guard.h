// SPDX-License-Identifier: Apache-2.0
// TimeGuard: what keeps a clock that was set back from bringing to life what has expired (P24).
//
// The latest time that this server has seen is durable, as a setting record of the nil workspace
// ("time", {"at":ms,"epoch"?:{"number":n,"since":ms},"v":1}). While the wall clock is more than
// kTolerance behind it the server is not ready: no grant is made and no call goes on. It comes back
// by itself as soon as the clock has caught up. Deadlines do not depend on this: they use the
// monotonic clock. Looking, reading the log and stopping do not either (needs_clock() in
// control.h).
//
// Where the clock was once too far ahead, it does not catch up for a long time. Then an operator
// signs a reset of the mark (clock_reset.h), and an epoch begins: what was made before it is
// refused, because the memory of what was used before it is gone. It begins kEpochDelay after the
// reset, so that nothing that was made before can look as if it were made in it.
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

  // The same, and unauthenticated for what was made before the present epoch.
  Expected<void> check(TimePoint made) const;
  // Whether the clock is too far behind; nothing is said of an epoch that is about to begin.
  bool is_behind() const;

  struct Epoch {
    std::uint64_t number = 0;  // 0: the clock was never reset
    TimePoint since;
    friend bool operator==(const Epoch&, const Epoch&) = default;
  };
  struct View {
    TimePoint latest;  // the latest time seen
    Epoch epoch;
  };
  View view() const;
  static constexpr seconds kEpochDelay{61};  // longer than a proof may be ahead of the clock
  // Takes the mark back to now and begins an epoch, in one commit. conflict where the clock is not
  // behind, or `from` is not the present view: then nothing is changed.
  Task<Expected<Epoch>> begin_epoch(View from);

  // Reads the mark the first time, raises it to now and makes that durable. Called once before the
  // server is ready, and then every kTolerance / 3 or so: what a crash can lose of it is that much.
  // Errors: as check(), and those of the store; then the mark stays where it was.
  Task<Expected<void>> advance();

 private:
  struct Mark {
    std::int64_t at = 0;  // milliseconds of Unix time
    Epoch epoch;
    std::uint64_t revision = 0;
    std::string to_text() const;
  };
  Task<Expected<Mark>> read() const;
  void take(const Mark& mark);  // what is durable
  milliseconds behind() const;
  void see(std::int64_t at) const;

  const Clock& clock_;
  const std::shared_ptr<WorkspaceStore> server_;
  // The latest time seen or read. It rises, and an epoch takes it back.
  mutable std::atomic<std::int64_t> seen_ = 0;
  std::atomic<std::int64_t> since_ = 0;  // of the present epoch
  std::atomic<bool> loaded_ = false;
  mutable std::mutex mutex_;
  Mark durable_;  // under mutex_
};

}  // namespace writ::broker
