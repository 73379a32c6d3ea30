// SPDX-License-Identifier: Apache-2.0
#include "cedar/decimal.h"

#include <algorithm>

#include <fmt/format.h>

#include "cedar/digits.h"

namespace writ::cedar {

std::optional<Decimal> Decimal::parse(std::string_view text) {
  const bool negative = text.starts_with('-');
  if (negative) text.remove_prefix(1);
  const auto point = text.find('.');
  if (point == std::string_view::npos || point == 0) return std::nullopt;
  const auto fraction = text.substr(point + 1);
  if (fraction.empty() || fraction.size() > 4) return std::nullopt;

  CheckedNumber number(negative);
  if (!number.append(text.substr(0, point)) || !number.append(fraction)) return std::nullopt;
  constexpr std::string_view kZeros = "0000";
  if (!number.append(kZeros.substr(fraction.size()))) return std::nullopt;
  return Decimal{number.value()};
}

std::string Decimal::to_string() const {
  // The magnitude as unsigned, since the least number has no positive counterpart.
  const auto bits = static_cast<std::uint64_t>(ten_thousandths);
  const std::uint64_t magnitude = ten_thousandths < 0 ? 0 - bits : bits;
  return fmt::format("{}{}.{:04}", ten_thousandths < 0 ? "-" : "", magnitude / 10'000,
                     magnitude % 10'000);
}

}  // namespace writ::cedar
