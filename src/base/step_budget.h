// SPDX-License-Identifier: Apache-2.0
// StepBudget: how much work one decision, validation or compilation may do. A loop serves many
// callers, so what it does for one of them is counted and ends (protocol.md P48).
//
// A step is a small, constant amount of work: one node of an expression, one comparison, or up to
// kBytesPerStep bytes that are read, compared or copied. It takes some nanoseconds. Counting steps
// instead of time gives the same answer on every machine and under every load.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>

namespace writ {

// Not thread-safe; one per decision, validation or compilation.
class StepBudget {
 public:
  static constexpr std::size_t kBytesPerStep = 16;

  explicit constexpr StepBudget(std::uint64_t steps) : limit_(steps), left_(steps) {}

  // False where more was asked for than was left. It then stays exhausted, so a caller that
  // overlooks one answer is told by the next.
  [[nodiscard]] constexpr bool spend(std::uint64_t steps) {
    if (steps > left_ || exhausted_) {
      exhausted_ = true;
      return false;
    }
    left_ -= steps;
    return true;
  }

  constexpr bool exhausted() const { return exhausted_; }
  constexpr std::uint64_t limit() const { return limit_; }
  constexpr std::uint64_t spent() const { return limit_ - left_; }

 private:
  std::uint64_t limit_;
  std::uint64_t left_;
  bool exhausted_ = false;
};

// Steps to read, compare or copy that many bytes.
constexpr std::uint64_t steps_for_bytes(std::size_t bytes) {
  return 1 + bytes / StepBudget::kBytesPerStep;
}

// Comparisons to find a place among `count` sorted elements.
constexpr std::uint64_t steps_to_find(std::size_t count) {
  return static_cast<std::uint64_t>(std::bit_width(count)) + 1;
}

}  // namespace writ
