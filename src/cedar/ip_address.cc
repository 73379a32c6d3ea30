// SPDX-License-Identifier: Apache-2.0
#include "cedar/ip_address.h"

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <vector>

#include <fmt/format.h>

#include "cedar/digits.h"

namespace writ::cedar {
namespace {

// A number without leading zeros and of at most `max_digits` digits.
std::optional<int> small_number(std::string_view text, std::size_t max_digits, int max) {
  if (text.empty() || text.size() > max_digits || (text.size() > 1 && text.front() == '0')) {
    return std::nullopt;
  }
  const auto value = take_digits(text, text.size());
  return value && *value <= max ? value : std::nullopt;
}

std::vector<std::string_view> split(std::string_view text, char at) {
  std::vector<std::string_view> parts;
  for (;;) {
    const auto end = text.find(at);
    parts.push_back(text.substr(0, end));
    if (end == std::string_view::npos) return parts;
    text.remove_prefix(end + 1);
  }
}

bool parse_v4(std::string_view text, std::array<std::uint8_t, 16>& out) {
  const auto parts = split(text, '.');
  if (parts.size() != 4) return false;
  for (std::size_t i = 0; i < 4; ++i) {
    const auto part = small_number(parts[i], 3, 255);
    if (!part) return false;
    out[i] = static_cast<std::uint8_t>(*part);
  }
  return true;
}

// Groups of one to four hexadecimal digits; none in an empty text.
std::optional<std::vector<std::uint8_t>> groups(std::string_view text) {
  std::vector<std::uint8_t> out;
  if (text.empty()) return out;
  for (const auto group : split(text, ':')) {
    if (group.empty() || group.size() > 4 || out.size() >= 16) return std::nullopt;
    unsigned value = 0;
    for (const char c : group) {
      const char lower = static_cast<char>(c | 0x20);
      if (is_ascii_digit(c)) {
        value = value * 16 + static_cast<unsigned>(c - '0');
      } else if (lower >= 'a' && lower <= 'f') {
        value = value * 16 + static_cast<unsigned>(lower - 'a' + 10);
      } else {
        return std::nullopt;
      }
    }
    out.push_back(static_cast<std::uint8_t>(value >> 8));
    out.push_back(static_cast<std::uint8_t>(value & 0xFF));
  }
  return out;
}

bool parse_v6(std::string_view text, std::array<std::uint8_t, 16>& out) {
  const auto gap = text.find("::");
  const auto head = groups(text.substr(0, gap));
  if (!head) return false;
  if (gap == std::string_view::npos) {
    if (head->size() != 16) return false;
    std::ranges::copy(*head, out.begin());
    return true;
  }
  // The gap stands for one group of zeros at least; a second one leaves an empty group in the tail.
  const auto tail = groups(text.substr(gap + 2));
  if (!tail || head->size() + tail->size() > 14) return false;
  std::ranges::copy(*head, out.begin());
  std::ranges::copy(*tail, out.end() - std::ssize(*tail));
  return true;
}

// Whether the first `bits` bits are the same.
bool same_prefix(const IpAddress& a, const IpAddress& b, unsigned bits) {
  const std::size_t whole = bits / 8;
  if (!std::equal(a.bytes.begin(), a.bytes.begin() + whole, b.bytes.begin())) return false;
  const unsigned rest = bits % 8;
  if (rest == 0) return true;
  const unsigned mask = 0xFF00U >> rest & 0xFFU;
  return ((a.bytes[whole] ^ b.bytes[whole]) & mask) == 0;
}

}  // namespace

std::optional<IpAddress> IpAddress::parse(std::string_view text) {
  // The longest form: eight groups of four, a slash and three digits.
  if (text.size() > 43) return std::nullopt;
  const auto slash = text.find('/');
  const auto address = text.substr(0, slash);
  IpAddress out;
  out.v6 = address.find(':') != std::string_view::npos;
  if (!(out.v6 ? parse_v6(address, out.bytes) : parse_v4(address, out.bytes))) return std::nullopt;
  const int bits = out.v6 ? 128 : 32;
  out.prefix = static_cast<std::uint8_t>(bits);
  if (slash != std::string_view::npos) {
    const auto prefix = small_number(text.substr(slash + 1), out.v6 ? 3 : 2, bits);
    if (!prefix) return std::nullopt;
    out.prefix = static_cast<std::uint8_t>(*prefix);
  }
  return out;
}

std::string IpAddress::to_string() const {
  if (!v6) return fmt::format("{}.{}.{}.{}/{}", bytes[0], bytes[1], bytes[2], bytes[3], prefix);
  std::string out;
  for (std::size_t i = 0; i < 16; i += 2) {
    fmt::format_to(std::back_inserter(out), "{}{:02x}{:02x}", i == 0 ? "" : ":", bytes[i],
                   bytes[i + 1]);
  }
  return out + fmt::format("/{}", prefix);
}

bool IpAddress::is_loopback() const {
  IpAddress loopback{.v6 = v6};
  if (v6) {
    loopback.bytes[15] = 1;
    loopback.prefix = 128;
  } else {
    loopback.bytes[0] = 127;
    loopback.prefix = 8;
  }
  return is_in_range(loopback);
}

bool IpAddress::is_multicast() const {
  IpAddress multicast{.v6 = v6};
  multicast.bytes[0] = v6 ? 0xFF : 224;
  multicast.prefix = v6 ? 8 : 4;
  return is_in_range(multicast);
}

bool IpAddress::is_in_range(const IpAddress& other) const {
  return v6 == other.v6 && prefix >= other.prefix && same_prefix(*this, other, other.prefix);
}

}  // namespace writ::cedar
