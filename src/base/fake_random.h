// SPDX-License-Identifier: Apache-2.0
// FakeRandom: repeatable bytes from a seed, for tests. Thread-safe.
#pragma once

#include <mutex>
#include <random>

#include "base/random.h"

namespace writ {

class FakeRandom final : public Random {
 public:
  explicit FakeRandom(std::uint64_t seed = 1) : engine_(seed) {}

  void fill(std::span<std::uint8_t> out) override {
    const std::lock_guard lock(mutex_);
    for (auto& byte : out) byte = static_cast<std::uint8_t>(engine_());
  }

 private:
  std::mutex mutex_;
  std::mt19937_64 engine_;
};

}  // namespace writ
