// SPDX-License-Identifier: Apache-2.0
#include "gateway/start_filter.h"

#include <bit>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include "base/check.h"

namespace writ::gateway {

void StartFilter::add(std::size_t position, unsigned kind, std::uint8_t byte) {
  WRIT_CHECK(position < kBytes && kind < kClasses);
  auto& classes = classes_[position][byte];
  classes = static_cast<std::uint16_t>(classes | 1U << kind);
  const auto bit = static_cast<std::uint8_t>(1U << kind % 8);
  auto& halves = halves_[kind / 8];
  halves[2 * position][byte & 15] |= bit;
  halves[2 * position + 1][byte >> 4] |= bit;
}

std::size_t StartFilter::next_narrow(BytesView bytes, std::size_t from) const {
  for (; from + 2 < bytes.size(); ++from) {
    if (may_begin(&bytes[from])) return from;
  }
  for (; from < bytes.size(); ++from) {
    if (!may_begin(bytes[from])) continue;
    if (from + 1 == bytes.size()) return from;
    if ((classes_[0][bytes[from]] & classes_[1][bytes[from + 1]]) != 0) return from;
  }
  return from;
}

#if defined(__x86_64__)

// Tables of 16 looked up by the halves of 32 bytes at once (as Hyperscan's "shufti").
__attribute__((target("avx2"))) std::size_t StartFilter::next_wide(BytesView bytes,
                                                                   std::size_t from) const {
  __m256i tables[2][2 * kBytes];
  for (std::size_t group = 0; group < 2; ++group) {
    for (std::size_t i = 0; i < 2 * kBytes; ++i) {
      tables[group][i] = _mm256_broadcastsi128_si256(
          _mm_loadu_si128(reinterpret_cast<const __m128i*>(halves_[group][i].data())));
    }
  }
  const auto half = _mm256_set1_epi8(15);
  const auto* data = bytes.data();
  // Two more bytes are read than places are decided on.
  for (; from + 34 <= bytes.size(); from += 32) {
    __m256i possible[2] = {_mm256_set1_epi8(-1), _mm256_set1_epi8(-1)};
    for (std::size_t i = 0; i < kBytes; ++i) {
      const auto at = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(data + from + i));
      const auto low = _mm256_and_si256(at, half);
      const auto high = _mm256_and_si256(_mm256_srli_epi16(at, 4), half);
      for (std::size_t group = 0; group < 2; ++group) {
        const auto both = _mm256_and_si256(_mm256_shuffle_epi8(tables[group][2 * i], low),
                                           _mm256_shuffle_epi8(tables[group][2 * i + 1], high));
        possible[group] = _mm256_and_si256(possible[group], both);
      }
    }
    const auto none =
        _mm256_cmpeq_epi8(_mm256_or_si256(possible[0], possible[1]), _mm256_setzero_si256());
    auto found = ~static_cast<std::uint32_t>(_mm256_movemask_epi8(none));
    for (; found != 0; found &= found - 1) {
      const auto at = from + static_cast<std::size_t>(std::countr_zero(found));
      if (may_begin(data + at)) return at;
    }
  }
  return next_narrow(bytes, from);
}

std::size_t StartFilter::next(BytesView bytes, std::size_t from) const {
  static const bool wide = __builtin_cpu_supports("avx2") != 0;
  return wide ? next_wide(bytes, from) : next_narrow(bytes, from);
}

#else

std::size_t StartFilter::next(BytesView bytes, std::size_t from) const {
  return next_narrow(bytes, from);
}

#endif

}  // namespace writ::gateway
