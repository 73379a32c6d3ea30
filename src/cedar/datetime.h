// SPDX-License-Identifier: Apache-2.0
// Datetime and Duration: the extension types of these names, in milliseconds.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace writ::cedar {

// A span of milliseconds, perhaps negative.
struct Duration {
  std::int64_t millis = 0;

  // "-"? then numbers with d, h, m, s, ms, each at most once, in that order; nothing if malformed
  // or out of range.
  static std::optional<Duration> parse(std::string_view text);
  std::string to_string() const;  // always in ms

  // Truncating towards zero.
  std::int64_t to_seconds() const { return millis / 1000; }
  std::int64_t to_minutes() const { return to_seconds() / 60; }
  std::int64_t to_hours() const { return to_minutes() / 60; }
  std::int64_t to_days() const { return to_hours() / 24; }

  friend auto operator<=>(const Duration&, const Duration&) = default;
};

// Milliseconds since the Unix epoch, UTC.
struct Datetime {
  std::int64_t millis = 0;

  // YYYY-MM-DD, or that with Thh:mm:ss, perhaps .SSS, and Z or an offset +hhmm or -hhmm; nothing if
  // malformed. No leap second; the offset is below 24 hours.
  static std::optional<Datetime> parse(std::string_view text);
  // A form that parse() reads where the year has four digits, else a sum of an epoch and a
  // duration.
  std::string to_string() const;

  std::optional<Datetime> offset(Duration by) const;               // nothing on overflow
  std::optional<Duration> duration_since(Datetime earlier) const;  // nothing on overflow
  std::optional<Datetime> to_date() const;  // the day's start, flooring; nothing on overflow
  Duration to_time() const;                 // since the day's start, never negative

  friend auto operator<=>(const Datetime&, const Datetime&) = default;
};

}  // namespace writ::cedar
