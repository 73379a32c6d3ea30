// SPDX-License-Identifier: Apache-2.0
// Network: a set of addresses in CIDR notation, as documents name them. What may be dialled is
// net/egress.h's to say; here is the grammar, for rooms that never dial. Plain values, thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace writ {

class Network {
 public:
  // "10.1.0.0/16", "2001:db8::/32". Nothing for any other text, or one with bits set beyond its
  // prefix: what is written is what is meant.
  static std::optional<Network> parse(std::string_view text);
  // One address, as the host of a canonical URL has it, with or without brackets.
  static std::optional<Network> of_host(std::string_view host);

  bool contains(const Network& other) const;

 private:
  std::vector<std::uint8_t> address_;
  std::size_t bits_ = 0;
};

}  // namespace writ
