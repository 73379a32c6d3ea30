// SPDX-License-Identifier: Apache-2.0
// Decimal: the extension type `decimal`, a number with four fraction digits kept as an integer of
// ten-thousandths, so that it is exact.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace writ::cedar {

struct Decimal {
  std::int64_t ten_thousandths = 0;

  // "-"? digits "." one to four digits, within the range of 64 bits; nothing otherwise.
  static std::optional<Decimal> parse(std::string_view text);
  std::string to_string() const;

  friend auto operator<=>(const Decimal&, const Decimal&) = default;
};

}  // namespace writ::cedar
