// SPDX-License-Identifier: Apache-2.0
// Position: a place in a source text.
#pragma once

#include <cstddef>
#include <cstdint>

namespace writ::cedar {

// Both count from 1, columns in code points.
struct Position {
  std::uint32_t line = 1;
  std::uint32_t column = 1;

  friend bool operator==(const Position&, const Position&) = default;
};

// What a text of policies may cost its reader.
struct ParserLimits {
  std::size_t max_bytes = std::size_t{1} << 20;
  std::size_t max_policies = 10'000;
  // Of nested expressions as written, and of the tree that they make; && and || of any length count
  // once. Bounds the stack of everything that walks the tree.
  std::size_t max_depth = 200;
};

}  // namespace writ::cedar
