// SPDX-License-Identifier: Apache-2.0
#include "wire/time_text.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cstdint>
#include <optional>

#include <fmt/format.h>

#include "base/check.h"

namespace writ {
namespace {

using std::chrono::days;
using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::sys_days;
using std::chrono::year_month_day;

// Reads fixed-width fields from the front of a text.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : rest_(text) {}

  std::optional<int> digits(std::size_t count) {
    if (rest_.size() < count) return std::nullopt;
    int value = 0;
    for (std::size_t i = 0; i < count; ++i) {
      const char c = rest_[i];
      if (c < '0' || c > '9') return std::nullopt;
      value = value * 10 + (c - '0');
    }
    rest_.remove_prefix(count);
    return value;
  }
  bool take(std::string_view one_of) {
    if (rest_.empty() || one_of.find(rest_.front()) == std::string_view::npos) return false;
    rest_.remove_prefix(1);
    return true;
  }
  std::string_view digit_run() {
    const std::size_t end = std::min(rest_.find_first_not_of("0123456789"), rest_.size());
    const auto run = rest_.substr(0, end);
    rest_.remove_prefix(end);
    return run;
  }
  bool at_end() const { return rest_.empty(); }

 private:
  std::string_view rest_;
};

std::optional<sys_days> scan_date(Scanner& in) {
  const auto year = in.digits(4);
  if (!year || !in.take("-")) return std::nullopt;
  const auto month = in.digits(2);
  if (!month || !in.take("-")) return std::nullopt;
  const auto day = in.digits(2);
  if (!day) return std::nullopt;
  const year_month_day date(std::chrono::year(*year),
                            std::chrono::month(static_cast<unsigned>(*month)),
                            std::chrono::day(static_cast<unsigned>(*day)));
  if (!date.ok()) return std::nullopt;
  return sys_days(date);
}

struct TimeOfDay {
  int hour;
  int minute;
  int second;
};

std::optional<TimeOfDay> scan_time(Scanner& in) {
  const auto hour = in.digits(2);
  if (!hour || *hour > 23 || !in.take(":")) return std::nullopt;
  const auto minute = in.digits(2);
  if (!minute || *minute > 59 || !in.take(":")) return std::nullopt;
  const auto second = in.digits(2);
  if (!second || *second > 60) return std::nullopt;
  return TimeOfDay{*hour, *minute, *second};
}

struct Unit {
  std::string_view name;
  std::int64_t millis;
};
constexpr auto kUnits = std::to_array<Unit>(
    {{"d", 86'400'000}, {"h", 3'600'000}, {"m", 60'000}, {"s", 1000}, {"ms", 1}});
constexpr std::int64_t kLongest = 3650 * kUnits[0].millis;

}  // namespace

std::string format_time(TimePoint at) {
  constexpr TimePoint kFirst =
      sys_days(year_month_day(std::chrono::year(0), std::chrono::January, std::chrono::day(1)));
  constexpr TimePoint kLast =
      TimePoint(sys_days(
          year_month_day(std::chrono::year(10000), std::chrono::January, std::chrono::day(1)))) -
      milliseconds(1);
  at = std::clamp(at, kFirst, kLast);
  const auto midnight = std::chrono::floor<days>(at);
  const year_month_day date(midnight);
  const std::chrono::hh_mm_ss time(at - midnight);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                     time.hours().count(), time.minutes().count(), time.seconds().count(),
                     time.subseconds().count());
}

Expected<TimePoint> parse_time(std::string_view text) {
  const auto refused = [] {
    return fail(Errc::invalid_input, "is not a time in UTC such as 2026-01-02T03:04:05Z");
  };
  Scanner in(text);
  const auto date = scan_date(in);
  if (!date || !in.take("T")) return refused();
  const auto time = scan_time(in);
  if (!time || time->second > 59) return refused();
  int millis = 0;
  if (in.take(".")) {
    const auto digits = in.digit_run();
    if (digits.empty() || digits.size() > 3) return refused();
    std::from_chars(digits.data(), digits.data() + digits.size(), millis);
    for (std::size_t i = digits.size(); i < 3; ++i) millis *= 10;
  }
  if (!in.take("Z") || !in.at_end()) return refused();
  return TimePoint(*date) + hours(time->hour) + minutes(time->minute) + seconds(time->second) +
         milliseconds(millis);
}

bool is_date_time(std::string_view text) {
  Scanner in(text);
  if (!scan_date(in) || !in.take("Tt")) return false;
  const auto time = scan_time(in);
  if (!time || (in.take(".") && in.digit_run().empty())) return false;
  int offset = 0;  // in minutes
  const bool minus = in.take("-");
  if (minus || in.take("+")) {
    const auto hour = in.digits(2);
    if (!hour || *hour > 23 || !in.take(":")) return false;
    const auto minute = in.digits(2);
    if (!minute || *minute > 59) return false;
    offset = (*hour * 60 + *minute) * (minus ? -1 : 1);
  } else if (!in.take("Zz")) {
    return false;
  }
  if (!in.at_end()) return false;
  // A leap second ends a day in UTC (RFC 3339 section 5.7).
  constexpr int kDay = 24 * 60;
  const int utc = (time->hour * 60 + time->minute - offset + 2 * kDay) % kDay;
  return time->second < 60 || utc == kDay - 1;
}

bool is_date(std::string_view text) {
  Scanner in(text);
  return scan_date(in) && in.at_end();
}

Expected<milliseconds> parse_duration(std::string_view text) {
  const auto refused = [] {
    return fail(Errc::invalid_input, "is not a duration such as 90s, 10m or 1h30m", "",
                "the units are d, h, m, s and ms, the largest first");
  };
  if (text == "0s") return milliseconds(0);
  std::int64_t total = 0;
  std::size_t next_unit = 0;
  Scanner in(text);
  if (in.at_end()) return refused();
  while (!in.at_end()) {
    const auto digits = in.digit_run();
    if (digits.empty() || digits.front() == '0' || digits.size() > 12) return refused();
    std::int64_t amount = 0;
    std::from_chars(digits.data(), digits.data() + digits.size(), amount);
    std::string_view name;
    if (in.take("d")) {
      name = "d";
    } else if (in.take("h")) {
      name = "h";
    } else if (in.take("m")) {
      name = in.take("s") ? "ms" : "m";
    } else if (in.take("s")) {
      name = "s";
    } else {
      return refused();
    }
    while (next_unit < kUnits.size() && kUnits[next_unit].name != name) ++next_unit;
    if (next_unit == kUnits.size()) return refused();
    const Unit& unit = kUnits[next_unit++];
    if (amount > kLongest / unit.millis || (total += amount * unit.millis) > kLongest) {
      return fail(Errc::invalid_input, "is longer than 3650 days");
    }
  }
  return milliseconds(total);
}

std::string format_duration(milliseconds span) {
  WRIT_CHECK(span.count() >= 0);
  if (span.count() == 0) return "0s";
  std::string out;
  std::int64_t rest = span.count();
  for (const Unit& unit : kUnits) {
    if (rest < unit.millis) continue;
    out += std::to_string(rest / unit.millis);
    out += unit.name;
    rest %= unit.millis;
  }
  return out;
}

}  // namespace writ
