// SPDX-License-Identifier: Apache-2.0
#include "cedar/datetime.h"

#include <array>
#include <chrono>
#include <utility>

#include <fmt/format.h>

#include "cedar/digits.h"

namespace writ::cedar {
namespace {

constexpr std::int64_t kMillisPerMinute = 60'000;
constexpr std::int64_t kMillisPerDay = 86'400'000;

bool take(std::string_view& text, char c) {
  if (!text.starts_with(c)) return false;
  text.remove_prefix(1);
  return true;
}

// YYYY-MM-DD, as milliseconds.
std::optional<std::int64_t> take_date(std::string_view& text) {
  const auto year = take_digits(text, 4);
  if (!year || !take(text, '-')) return std::nullopt;
  const auto month = take_digits(text, 2);
  if (!month || !take(text, '-')) return std::nullopt;
  const auto day = take_digits(text, 2);
  if (!day) return std::nullopt;
  const std::chrono::year_month_day date(std::chrono::year(*year),
                                         std::chrono::month(static_cast<unsigned>(*month)),
                                         std::chrono::day(static_cast<unsigned>(*day)));
  if (!date.ok()) return std::nullopt;
  return std::chrono::sys_days(date).time_since_epoch().count() * kMillisPerDay;
}

// hh:mm:ss and perhaps .SSS, as milliseconds.
std::optional<std::int64_t> take_time(std::string_view& text) {
  const auto hour = take_digits(text, 2);
  if (!hour || *hour > 23 || !take(text, ':')) return std::nullopt;
  const auto minute = take_digits(text, 2);
  if (!minute || *minute > 59 || !take(text, ':')) return std::nullopt;
  const auto second = take_digits(text, 2);
  if (!second || *second > 59) return std::nullopt;
  int millis = 0;
  if (take(text, '.')) {
    const auto digits = take_digits(text, 3);
    if (!digits) return std::nullopt;
    millis = *digits;
  }
  return (*hour * 60 + *minute) * kMillisPerMinute + *second * 1000 + millis;
}

// Z, or +hhmm or -hhmm, as milliseconds.
std::optional<std::int64_t> take_zone(std::string_view& text) {
  if (take(text, 'Z')) return 0;
  const bool west = text.starts_with('-');
  if (!west && !text.starts_with('+')) return std::nullopt;
  text.remove_prefix(1);
  const auto hours = take_digits(text, 2);
  const auto minutes = hours ? take_digits(text, 2) : std::nullopt;
  if (!minutes || *hours > 23 || *minutes > 59) return std::nullopt;
  const std::int64_t offset = (*hours * 60 + *minutes) * kMillisPerMinute;
  return west ? -offset : offset;
}

}  // namespace

std::optional<Duration> Duration::parse(std::string_view text) {
  const bool negative = take(text, '-');
  if (text.empty()) return std::nullopt;
  constexpr std::array<std::pair<std::string_view, std::int64_t>, 5> kUnits = {
      {{"d", kMillisPerDay}, {"h", 3'600'000}, {"m", kMillisPerMinute}, {"s", 1000}, {"ms", 1}}};
  // Kept wide, so that only the sum has to be in range.
  __int128 total = 0;
  auto unit = kUnits.begin();
  while (!text.empty()) {
    std::size_t digits = 0;
    while (digits < text.size() && is_ascii_digit(text[digits])) ++digits;
    CheckedNumber number(negative);
    if (digits == 0 || !number.append(text.substr(0, digits))) return std::nullopt;
    text.remove_prefix(digits);
    std::size_t letters = 0;
    while (letters < text.size() && !is_ascii_digit(text[letters])) ++letters;
    const auto name = text.substr(0, letters);
    text.remove_prefix(letters);
    while (unit != kUnits.end() && unit->first != name) ++unit;
    if (unit == kUnits.end()) return std::nullopt;
    total += static_cast<__int128>(number.value()) * unit->second;
    ++unit;  // the units come in order, each once
  }
  const auto millis = static_cast<std::int64_t>(total);
  if (millis != total) return std::nullopt;
  return Duration{millis};
}

std::string Duration::to_string() const { return fmt::format("{}ms", millis); }

std::optional<Datetime> Datetime::parse(std::string_view text) {
  const auto date = take_date(text);
  if (!date) return std::nullopt;
  if (text.empty()) return Datetime{*date};
  if (!take(text, 'T')) return std::nullopt;
  const auto time = take_time(text);
  const auto zone = time ? take_zone(text) : std::nullopt;
  if (!zone || !text.empty()) return std::nullopt;
  return Datetime{*date + *time - *zone};
}

std::string Datetime::to_string() const {
  const auto day = to_date();
  if (day) {
    const std::chrono::sys_days days(std::chrono::days(day->millis / kMillisPerDay));
    const std::chrono::sys_days least(std::chrono::year(0) / 1 / 1);
    const std::chrono::sys_days most(std::chrono::year(9999) / 12 / 31);
    if (days >= least && days <= most) {
      const std::chrono::year_month_day date(days);
      const std::int64_t time = to_time().millis;
      return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z",
                         static_cast<int>(date.year()), static_cast<unsigned>(date.month()),
                         static_cast<unsigned>(date.day()), time / 3'600'000,
                         time / kMillisPerMinute % 60, time / 1000 % 60, time % 1000);
    }
  }
  return fmt::format("1970-01-01 + {}ms", millis);
}

std::optional<Datetime> Datetime::offset(Duration by) const {
  Datetime out;
  if (__builtin_add_overflow(millis, by.millis, &out.millis)) return std::nullopt;
  return out;
}

std::optional<Duration> Datetime::duration_since(Datetime earlier) const {
  Duration out;
  if (__builtin_sub_overflow(millis, earlier.millis, &out.millis)) return std::nullopt;
  return out;
}

std::optional<Datetime> Datetime::to_date() const {
  Datetime out;
  if (__builtin_sub_overflow(millis, to_time().millis, &out.millis)) return std::nullopt;
  return out;
}

Duration Datetime::to_time() const {
  const std::int64_t rest = millis % kMillisPerDay;
  return Duration{rest < 0 ? rest + kMillisPerDay : rest};
}

}  // namespace writ::cedar
