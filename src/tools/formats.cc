// SPDX-License-Identifier: Apache-2.0
#include "tools/formats.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <string_view>
#include <utility>

namespace writ::tools {
namespace {

struct Names {
  Format format;
  std::string_view name;
  std::string_view words;
};
constexpr auto kFormats = std::to_array<Names>({
    {Format::date_time, "date-time", "an RFC 3339 date and time"},
    {Format::date, "date", "a date as YYYY-MM-DD"},
    {Format::email, "email", "an email address"},
    {Format::uri, "uri", "an absolute URI"},
    {Format::uuid, "uuid", "a UUID"},
});

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_hex(char c) { return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }
bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool is_alnum(char c) { return is_digit(c) || is_letter(c); }
bool is_one_of(char c, std::string_view set) { return set.find(c) != std::string_view::npos; }

// Takes fixed pieces from the front of a text; once one does not fit, ok is false for good.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : rest_(text) {}

  int number(std::size_t digits) {
    int value = 0;
    for (std::size_t i = 0; i < digits; ++i) {
      if (rest_.empty() || !is_digit(rest_.front())) {
        ok = false;
        return 0;
      }
      value = value * 10 + (rest_.front() - '0');
      rest_.remove_prefix(1);
    }
    return value;
  }
  bool take(std::string_view any_of) {
    if (rest_.empty() || !is_one_of(rest_.front(), any_of)) return false;
    rest_.remove_prefix(1);
    return true;
  }
  void must_take(std::string_view any_of) { ok = take(any_of) && ok; }
  void skip_digits() {
    while (!rest_.empty() && is_digit(rest_.front())) rest_.remove_prefix(1);
  }
  char front() const { return rest_.empty() ? '\0' : rest_.front(); }
  bool whole() const { return ok && rest_.empty(); }

  bool ok = true;

 private:
  std::string_view rest_;
};

void scan_date(Scanner& scanner) {
  const int year = scanner.number(4);
  scanner.must_take("-");
  const int month = scanner.number(2);
  scanner.must_take("-");
  const int day = scanner.number(2);
  if (month < 1 || month > 12) {
    scanner.ok = false;
    return;
  }
  constexpr std::array<int, 12> kDays = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  const bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
  const int last = kDays[static_cast<std::size_t>(month - 1)] + (month == 2 && leap ? 1 : 0);
  if (day < 1 || day > last) scanner.ok = false;
}

bool is_date(std::string_view text) {
  Scanner scanner(text);
  scan_date(scanner);
  return scanner.whole();
}

// RFC 3339 section 5.6. Second 60 is a leap second only at 23:59 UTC (section 5.7).
bool is_date_time(std::string_view text) {
  Scanner scanner(text);
  scan_date(scanner);
  scanner.must_take("Tt");
  const int hour = scanner.number(2);
  scanner.must_take(":");
  const int minute = scanner.number(2);
  scanner.must_take(":");
  const int second = scanner.number(2);
  if (scanner.take(".")) {
    scanner.number(1);
    scanner.skip_digits();
  }
  int offset = 0;
  if (!scanner.take("Zz")) {
    const int sign = scanner.front() == '-' ? -1 : 1;
    scanner.must_take("+-");
    const int offset_hour = scanner.number(2);
    scanner.must_take(":");
    const int offset_minute = scanner.number(2);
    if (offset_hour > 23 || offset_minute > 59) return false;
    offset = sign * (offset_hour * 60 + offset_minute);
  }
  if (!scanner.whole() || hour > 23 || minute > 59 || second > 60) return false;
  constexpr int kDay = 24 * 60;
  return second < 60 || (hour * 60 + minute - offset + kDay) % kDay == kDay - 1;
}

// A dot-atom before the at sign and a host name after it: the addresses that mail is sent to, not
// the quoted and commented forms of RFC 5321.
bool is_email(std::string_view text) {
  const auto at = text.find('@');
  if (at == std::string_view::npos || at == 0 || at > 64 || text.size() > 254) return false;
  const auto local = text.substr(0, at);
  if (local.front() == '.' || local.back() == '.' || local.contains("..")) return false;
  if (!std::ranges::all_of(
          local, [](char c) { return is_alnum(c) || is_one_of(c, "!#$%&'*+-/=?^_`{|}~."); })) {
    return false;
  }
  std::size_t label = 0;
  char before = '.';
  for (const char c : text.substr(at + 1)) {
    if (c == '.') {
      if (label == 0 || before == '-') return false;
      label = 0;
    } else {
      if (!is_alnum(c) && (c != '-' || label == 0)) return false;
      if (++label > 63) return false;
    }
    before = c;
  }
  return label != 0 && before != '-';
}

// RFC 3986 section 3: a scheme, then only characters that a URI may hold.
bool is_uri(std::string_view text) {
  const auto colon = text.find(':');
  if (colon == std::string_view::npos || colon == 0 || !is_letter(text.front())) return false;
  if (!std::ranges::all_of(text.substr(0, colon),
                           [](char c) { return is_alnum(c) || is_one_of(c, "+-."); })) {
    return false;
  }
  const auto rest = text.substr(colon + 1);
  if (rest.empty() || std::ranges::count(rest, '#') > 1) return false;
  for (std::size_t i = 0; i < rest.size(); ++i) {
    if (rest[i] == '%') {
      if (i + 2 >= rest.size() || !is_hex(rest[i + 1]) || !is_hex(rest[i + 2])) return false;
      i += 2;
    } else if (!is_alnum(rest[i]) && !is_one_of(rest[i], "-._~:/?#[]@!$&'()*+,;=")) {
      return false;
    }
  }
  return true;
}

// RFC 9562 section 4.
bool is_uuid(std::string_view text) {
  if (text.size() != 36) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool dash = i == 8 || i == 13 || i == 18 || i == 23;
    if (dash ? text[i] != '-' : !is_hex(text[i])) return false;
  }
  return true;
}

}  // namespace

std::optional<Format> format_named(std::string_view name) {
  const auto found = std::ranges::find(kFormats, name, &Names::name);
  if (found == kFormats.end()) return std::nullopt;
  return found->format;
}

std::string_view in_words(Format format) {
  return std::ranges::find(kFormats, format, &Names::format)->words;
}

bool has_format(std::string_view text, Format format) {
  switch (format) {
    case Format::date_time:
      return is_date_time(text);
    case Format::date:
      return is_date(text);
    case Format::email:
      return is_email(text);
    case Format::uri:
      return is_uri(text);
    case Format::uuid:
      return is_uuid(text);
  }
  return false;
}

}  // namespace writ::tools
