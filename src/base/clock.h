// SPDX-License-Identifier: Apache-2.0
// Clock: the only source of time. Production has one SystemClock; tests move a FakeClock
// (fake_clock.h).
#pragma once

#include <chrono>
#include <cstdint>

namespace writ {

using std::chrono::milliseconds;
using std::chrono::seconds;

// Wall-clock time in milliseconds since the Unix epoch, UTC.
using TimePoint = std::chrono::sys_time<milliseconds>;
// Time that never goes back: for deadlines and durations only.
using SteadyPoint = std::chrono::steady_clock::time_point;

// Thread-safe.
class Clock {
 public:
  virtual ~Clock() = default;
  virtual TimePoint now() const = 0;
  virtual SteadyPoint steady_now() const = 0;
};

class SystemClock final : public Clock {
 public:
  TimePoint now() const override {
    return std::chrono::floor<milliseconds>(std::chrono::system_clock::now());
  }
  SteadyPoint steady_now() const override { return std::chrono::steady_clock::now(); }
};

// Seconds since the epoch, as JWT's NumericDate wants it (RFC 7519 section 2).
inline std::int64_t to_unix_seconds(TimePoint at) {
  return std::chrono::floor<seconds>(at).time_since_epoch().count();
}
inline std::int64_t to_unix_millis(TimePoint at) { return at.time_since_epoch().count(); }
inline TimePoint from_unix_seconds(std::int64_t value) { return TimePoint(seconds(value)); }
inline TimePoint from_unix_millis(std::int64_t value) { return TimePoint(milliseconds(value)); }

}  // namespace writ
