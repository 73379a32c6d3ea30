// SPDX-License-Identifier: Apache-2.0
// Random: the only source of unpredictable bytes. crypto/random.h has the real one; tests have a
// seeded one.
#pragma once

#include <cstdint>
#include <span>

namespace writ {

// Thread-safe. A source that cannot deliver ends the process: no caller has a safe way on without
// it.
class Random {
 public:
  virtual ~Random() = default;
  virtual void fill(std::span<std::uint8_t> out) = 0;
};

}  // namespace writ
