// SPDX-License-Identifier: Apache-2.0
#include "gateway/escape.h"

#include <algorithm>
#include <array>
#include <string>
#include <string_view>

namespace writ::gateway {
namespace {

constexpr std::uint16_t kHighest = 0xFF;

int hex_value(std::uint8_t c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

int short_escape(std::uint8_t c) {
  switch (c) {
    case 'b':
      return '\b';
    case 'f':
      return '\f';
    case 'n':
      return '\n';
    case 'r':
      return '\r';
    case 't':
      return '\t';
    default:
      return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ? -1 : c;
  }
}

// The named character references of HTML that stand for ASCII, in order.
struct Named {
  std::string_view name;
  char value;
  bool bare = false;  // read without a semicolon too
};
constexpr auto kNames = std::to_array<Named>({
    {"AMP", '&', true},  {"DiacriticalGrave", '`'},
    {"GT", '>', true},   {"Hat", '^'},
    {"LT", '<', true},   {"NewLine", '\n'},
    {"QUOT", '"', true}, {"Tab", '\t'},
    {"UnderBar", '_'},   {"VerticalLine", '|'},
    {"amp", '&', true},  {"apos", '\''},
    {"ast", '*'},        {"bsol", '\\'},
    {"colon", ':'},      {"comma", ','},
    {"commat", '@'},     {"dollar", '$'},
    {"equals", '='},     {"excl", '!'},
    {"grave", '`'},      {"gt", '>', true},
    {"lbrace", '{'},     {"lbrack", '['},
    {"lcub", '{'},       {"lowbar", '_'},
    {"lpar", '('},       {"lsqb", '['},
    {"lt", '<', true},   {"midast", '*'},
    {"num", '#'},        {"percnt", '%'},
    {"period", '.'},     {"plus", '+'},
    {"quest", '?'},      {"quot", '"', true},
    {"rbrace", '}'},     {"rbrack", ']'},
    {"rcub", '}'},       {"rpar", ')'},
    {"rsqb", ']'},       {"semi", ';'},
    {"sol", '/'},        {"verbar", '|'},
    {"vert", '|'},
});
static_assert(std::ranges::is_sorted(kNames, {}, &Named::name));

// By its first letter, the first of kNames; their number where none begins so.
constexpr auto kByLetter = [] {
  std::array<std::uint8_t, 256> first{};
  first.fill(kNames.size());
  for (std::size_t i = kNames.size(); i-- > 0;) {
    first[static_cast<std::uint8_t>(kNames[i].name[0])] = static_cast<std::uint8_t>(i);
  }
  return first;
}();

}  // namespace

Escape Escape::begin(std::uint8_t lead) {
  switch (lead) {
    case '%':
      return {Kind::percent, 0, 0};
    case '=':
      return {Kind::equals, 0, 0};
    case '\\':
      return {Kind::backslash, 0, 0};
    default:
      return {Kind::ampersand, 0, 0};
  }
}

// One of exactly `digits` hexadecimal digits.
Escape::Step Escape::digit_of(std::uint8_t byte, std::uint8_t digits) const {
  const int digit = hex_value(byte);
  if (digit < 0) return {};
  const auto value = static_cast<std::uint16_t>(value_ * 16 + digit);
  const auto read = static_cast<std::uint8_t>(digits_ + 1);
  if (read == digits) return {.value = value, .next = {}};
  // What is above 0xFF at the end has more than two digits that count.
  if (read + 2 <= digits && value != 0) return {};
  return {.value = -1, .next = {kind_, read, value}};
}

void Escape::beginnings(std::uint8_t lead, std::uint8_t value, For what, const Beginning& use) {
  const auto each = [&](std::uint8_t second, std::string_view thirds) {
    for (const char third : thirds) use(second, static_cast<std::uint8_t>(third));
  };
  constexpr std::string_view kLower = "0123456789abcdef";
  constexpr std::string_view kUpper = "0123456789ABCDEF";
  const auto high = static_cast<std::size_t>(value >> 4);
  const auto low = static_cast<std::size_t>(value & 15);
  const std::string highs = {kLower[high], kUpper[high]};
  const std::string lows = {kLower[low], kUpper[low]};
  switch (lead) {
    case '%':
    case '=':
      for (const char digit : highs) each(static_cast<std::uint8_t>(digit), lows);
      if (lead == '%') each('u', "0");
      return;
    case '\\':
      each('u', "0{");
      each('U', "0");
      each('x', highs + "{");
      each('0', "01234567");
      each(static_cast<std::uint8_t>('0' + (value >> 6)), "01234567");
      if (value < 64) each(static_cast<std::uint8_t>('0' + (value >> 3)), "01234567");
      if (short_escape(value) != value) return;
      if (what == For::lead) {
        each(value, "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ#\\");
        return;
      }
      // Whatever follows the character; and after a backslash that was escaped itself.
      for (int third = 0; third < 256; ++third) use(value, static_cast<std::uint8_t>(third));
      use('\\', value);
      return;
    default:
      each('#', "0123456789xX");
      for (const auto& [name, stands_for, bare] : kNames) {
        if (static_cast<std::uint8_t>(stands_for) == value &&
            (what == For::character || value == '&')) {
          each(static_cast<std::uint8_t>(name[0]), name.substr(1, 1));
        }
      }
  }
}

Escape::Step Escape::step_name(std::uint8_t byte) const {
  const auto letters = std::size_t{digits_};
  const auto begun = kNames[value_].name.substr(0, letters);
  if (byte == ';') {
    return kNames[value_].name.size() == letters ? Step{.value = kNames[value_].value, .next = {}}
                                                 : Step{};
  }
  for (std::size_t i = letters == 0 ? kByLetter[byte] : value_;
       i < kNames.size() && kNames[i].name.starts_with(begun); ++i) {
    const auto& [name, value, bare] = kNames[i];
    if (name.size() == letters || static_cast<std::uint8_t>(name[letters]) != byte) continue;
    Step step{.value = -1,
              .next = {Kind::name, static_cast<std::uint8_t>(letters + 1),
                       static_cast<std::uint16_t>(i)}};
    if (bare && name.size() == letters + 1) step.value = value;
    return step;
  }
  return {};
}

Escape::Step Escape::step(std::uint8_t byte) const {
  auto step = read(byte);
  // Of the names, only &amp; is what an encoder makes of an escape.
  step.lead = kind_ == Kind::name ? step.value == '&' : is_lead(step.value);
  return step;
}

Escape::Step Escape::read(std::uint8_t byte) const {
  switch (kind_) {
    case Kind::none:
      return {};
    case Kind::percent:
      if (digits_ == 0 && byte == 'u') return {.value = -1, .next = {Kind::hex4, 0, 0}};
      return digit_of(byte, 2);
    case Kind::equals:
      return digit_of(byte, 2);
    case Kind::backslash:
      if (byte == 'u') return {.value = -1, .next = {Kind::hex4, 0, 0}};
      if (byte == 'U') return {.value = -1, .next = {Kind::hex8, 0, 0}};
      if (byte == 'x') return {.value = -1, .next = {Kind::hex2, 0, 0}};
      if (byte >= '0' && byte <= '7') {
        return Escape(Kind::octal, 0, 0).read(byte);
      }
      return {.value = short_escape(byte), .next = {}};
    case Kind::hex2:
    case Kind::hex4:
      if (digits_ == 0 && byte == '{') return {.value = -1, .next = {Kind::braces, 0, 0}};
      return digit_of(byte, kind_ == Kind::hex2 ? 2 : 4);
    case Kind::hex8:
      return digit_of(byte, 8);
    case Kind::braces:
      if (byte == '}' && digits_ > 0) return {.value = value_, .next = {}};
      [[fallthrough]];
    case Kind::hexadecimal: {
      if (byte == ';' && digits_ > 0 && kind_ == Kind::hexadecimal) {
        return {.value = value_, .next = {}};
      }
      const int digit = hex_value(byte);
      const int value = value_ * 16 + digit;
      if (digit < 0 || value > kHighest) return {};
      return {.value = kind_ == Kind::hexadecimal && value > 0 ? value : -1,
              .next = {kind_, 1, static_cast<std::uint16_t>(value)}};
    }
    case Kind::octal: {
      if (byte < '0' || byte > '7' || digits_ == 3) return {};
      const int value = value_ * 8 + (byte - '0');
      if (value > kHighest) return {};
      return {.value = value > 0 ? value : -1,
              .next = {Kind::octal, static_cast<std::uint8_t>(digits_ + 1),
                       static_cast<std::uint16_t>(value)}};
    }
    case Kind::ampersand:
      if (byte == '#') return {.value = -1, .next = {Kind::decimal, 0, 0}};
      return Escape(Kind::name, 0, 0).step_name(byte);
    case Kind::decimal: {
      if (digits_ == 0 && (byte == 'x' || byte == 'X')) {
        return {.value = -1, .next = {Kind::hexadecimal, 0, 0}};
      }
      if (byte == ';' && digits_ > 0) return {.value = value_, .next = {}};
      const int value = value_ * 10 + (byte - '0');
      if (byte < '0' || byte > '9' || value > kHighest) return {};
      return {.value = value > 0 ? value : -1,
              .next = {Kind::decimal, 1, static_cast<std::uint16_t>(value)}};
    }
    case Kind::name:
      return step_name(byte);
  }
  return {};
}

}  // namespace writ::gateway
