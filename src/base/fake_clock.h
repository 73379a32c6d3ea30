// SPDX-License-Identifier: Apache-2.0
// FakeClock: time stands still until a test moves it. Thread-safe.
#pragma once

#include <atomic>

#include "base/clock.h"

namespace writ {

class FakeClock final : public Clock {
 public:
  // 2026-01-02T03:04:05Z unless told.
  explicit FakeClock(TimePoint start = from_unix_seconds(1767323045))
      : now_(to_unix_millis(start)) {}

  TimePoint now() const override { return from_unix_millis(now_); }
  SteadyPoint steady_now() const override { return SteadyPoint(milliseconds(steady_)); }

  // Both clocks go forward together.
  void advance(milliseconds by) {
    now_ += by.count();
    steady_ += by.count();
  }
  // The wall clock alone jumps, as an operator or NTP may make it.
  void set_wall(TimePoint to) { now_ = to_unix_millis(to); }

 private:
  std::atomic<std::int64_t> now_;
  std::atomic<std::int64_t> steady_ = 1'000'000;
};

}  // namespace writ
