// SPDX-License-Identifier: Apache-2.0
#include "crypto/random.h"

#include <algorithm>

#include <openssl/rand.h>

#include "base/check.h"

namespace writ::crypto {

void SystemRandom::fill(std::span<std::uint8_t> out) {
  constexpr std::size_t kAtOnce = 1 << 20;  // RAND_bytes counts in int
  while (!out.empty()) {
    const auto size = std::min(out.size(), kAtOnce);
    WRIT_CHECK(RAND_bytes(out.data(), static_cast<int>(size)) == 1);
    out = out.subspan(size);
  }
}

}  // namespace writ::crypto
