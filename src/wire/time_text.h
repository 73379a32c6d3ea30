// SPDX-License-Identifier: Apache-2.0
// Times and durations as text. Pure functions, thread-safe.
#pragma once

#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/error.h"

namespace writ {

// RFC 3339 in UTC with milliseconds, always the same shape: "2026-01-02T03:04:05.678Z". A time
// outside the years 0000 to 9999, which RFC 3339 cannot name, is written as the nearest that it
// can.
std::string format_time(TimePoint at);

// Upper-case T and Z, UTC alone, with no fraction or one of one to three digits: what
// format_time() writes, and the usual spelling without a fraction. No leap seconds.
Expected<TimePoint> parse_time(std::string_view text);

// Whether `text` fits RFC 3339's grammar and calendar with any offset (JSON Schema's formats
// "date-time" and "date").
bool is_date_time(std::string_view text);
bool is_date(std::string_view text);

// "90s", "10m", "1h30m", "7d", "250ms": numbers with the units d, h, m, s, ms, each at most once
// and in this order, no signs, no spaces, no leading zeros. At most 3650 days.
Expected<milliseconds> parse_duration(std::string_view text);

// The shortest such text: 90 s is "1m30s", nothing is "0s". `span` is not negative.
std::string format_duration(milliseconds span);

}  // namespace writ
