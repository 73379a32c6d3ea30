// SPDX-License-Identifier: Apache-2.0
// Decimal digits of the extension types' texts: ASCII only, and never past the range.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace writ::cedar {

inline bool is_ascii_digit(char c) { return c >= '0' && c <= '9'; }

// A number that grows digit by digit in its sign's direction, so that the least one is reached too.
class CheckedNumber {
 public:
  explicit CheckedNumber(bool negative) : sign_(negative ? -1 : 1) {}

  // False if `digits` has something else, or the number would leave the range; it is then unusable.
  // No digits at all leave it as it is.
  bool append(std::string_view digits) {
    for (const char c : digits) {
      if (!is_ascii_digit(c) || __builtin_mul_overflow(value_, 10, &value_) ||
          __builtin_add_overflow(value_, sign_ * (c - '0'), &value_)) {
        return false;
      }
    }
    return true;
  }
  std::int64_t value() const { return value_; }

 private:
  std::int64_t value_ = 0;
  int sign_;
};

// Exactly `count` digits at the front of `text`, which is moved past them.
inline std::optional<int> take_digits(std::string_view& text, std::size_t count) {
  if (text.size() < count || count > 9) return std::nullopt;
  CheckedNumber number(false);
  if (!number.append(text.substr(0, count))) return std::nullopt;
  text.remove_prefix(count);
  return static_cast<int>(number.value());
}

}  // namespace writ::cedar
