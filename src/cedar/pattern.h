// SPDX-License-Identifier: Apache-2.0
// Pattern: the right side of `like`: code points, and wildcards that match any run of them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace writ::cedar {

class Pattern {
 public:
  // Not a code point.
  static constexpr char32_t kWildcard = 0xFFFF'FFFF;

  Pattern() = default;
  explicit Pattern(std::vector<char32_t> elements);

  // `text` is UTF-8. Takes at most some size(text) + size(pattern) steps and no stack.
  bool matches(std::string_view text) const;

  const std::vector<char32_t>& elements() const { return elements_; }
  // As policies spell it, quoted.
  std::string to_string() const;

  friend bool operator==(const Pattern&, const Pattern&) = default;

 private:
  std::vector<char32_t> elements_;
  // For each element, how many elements of its run's beginning end there, short of itself.
  std::vector<std::uint32_t> borders_;
};

}  // namespace writ::cedar
