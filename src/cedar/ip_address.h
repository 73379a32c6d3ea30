// SPDX-License-Identifier: Apache-2.0
// IpAddress: the extension type `ipaddr`, an IPv4 or IPv6 address with a prefix length. The bits
// past the prefix are kept: 127.0.0.1/8 and 127.0.0.0/8 are different values and the same range.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace writ::cedar {

struct IpAddress {
  bool v6 = false;
  // In network order; IPv4 uses the first four and leaves the rest zero.
  std::array<std::uint8_t, 16> bytes{};
  std::uint8_t prefix = 32;  // at most 32 or 128

  // Strict: no leading zeros, no IPv4 within IPv6, no zone; nothing if malformed.
  static std::optional<IpAddress> parse(std::string_view text);
  // The address in full, always with its prefix.
  std::string to_string() const;

  bool is_loopback() const;
  bool is_multicast() const;
  // Whether every address of this range is one of `other`'s. False across families.
  bool is_in_range(const IpAddress& other) const;

  friend auto operator<=>(const IpAddress&, const IpAddress&) = default;
};

}  // namespace writ::cedar
