// SPDX-License-Identifier: Apache-2.0
#include <array>
#include <cstdio>

#include "net/server_call.h"
#include "wire/canonical.h"
#include "wire/json.h"

namespace writ::net {

std::string http_date(std::int64_t unix_seconds) {
  static constexpr std::array<const char*, 7> kDays = {"Sun", "Mon", "Tue", "Wed",
                                                       "Thu", "Fri", "Sat"};
  static constexpr std::array<const char*, 12> kMonths = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                          "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const std::chrono::sys_seconds at{seconds(unix_seconds)};
  const auto day = std::chrono::floor<std::chrono::days>(at);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss time(at - day);
  std::array<char, 64> text{};
  const int size = std::snprintf(
      text.data(), text.size(), "%s, %02u %s %04d %02d:%02d:%02d GMT",
      kDays[std::chrono::weekday(day).c_encoding()], static_cast<unsigned>(date.day()),
      kMonths[static_cast<unsigned>(date.month()) - 1], static_cast<int>(date.year()),
      static_cast<int>(time.hours().count()), static_cast<int>(time.minutes().count()),
      static_cast<int>(time.seconds().count()));
  return {text.data(), static_cast<std::size_t>(size)};
}

std::string problem_json(int status, std::string_view detail) {
  JsonObject problem;
  if (!detail.empty()) problem["detail"] = visible_text(detail);
  problem["status"] = status;
  problem["title"] = reason_phrase(status);
  problem["type"] = "about:blank";
  return canonical_json(problem);
}

std::string response_head(int status, const Fields& fields, std::string_view date,
                          std::string_view connection_fields) {
  std::string head = "HTTP/1.1 ";
  head.append(std::to_string(status)).append(" ").append(reason_phrase(status)).append("\r\n");
  for (const auto field : fields) {
    if (is_connection_field(field.name) || equal_ignoring_case(field.name, "Date")) continue;
    head.append(field.name).append(": ").append(field.value).append("\r\n");
  }
  head.append("Date: ").append(date).append("\r\n");
  head.append(connection_fields).append("\r\n");
  return head;
}

}  // namespace writ::net
