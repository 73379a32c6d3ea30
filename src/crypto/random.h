// SPDX-License-Identifier: Apache-2.0
// SystemRandom: the Random of production, OpenSSL's generator seeded by the kernel. Thread-safe,
// safe across fork. A generator that cannot deliver ends the process, as base/random.h says.
#pragma once

#include "base/random.h"

namespace writ::crypto {

class SystemRandom final : public Random {
 public:
  void fill(std::span<std::uint8_t> out) override;
};

}  // namespace writ::crypto
