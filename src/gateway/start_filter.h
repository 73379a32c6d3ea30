// SPDX-License-Identifier: Apache-2.0
// StartFilter: finds the places where something may begin, by three bytes, in a stream that has
// almost none of them: 32 places at a time where the processor has AVX2, one at a time elsewhere.
//
// Three bytes belong together where each is among the bytes of its position in one of 16 classes.
// Trivially copyable, so that it may lie in secret memory. Unchanging once built, and then
// thread-safe.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "base/bytes.h"

namespace writ::gateway {

class StartFilter {
 public:
  static constexpr unsigned kClasses = 16;
  static constexpr std::size_t kBytes = 3;

  // `position` is below kBytes, `kind` below kClasses.
  void add(std::size_t position, unsigned kind, std::uint8_t byte);

  bool may_begin(std::uint8_t first) const { return classes_[0][first] != 0; }
  // The first such place from `from` on, or the size. At the end a place counts whatever may
  // follow.
  std::size_t next(BytesView bytes, std::size_t from) const;
  // The same without AVX2.
  std::size_t next_narrow(BytesView bytes, std::size_t from) const;

 private:
  bool may_begin(const std::uint8_t* bytes) const {
    return (classes_[0][bytes[0]] & classes_[1][bytes[1]] & classes_[2][bytes[2]]) != 0;
  }
  std::size_t next_wide(BytesView bytes, std::size_t from) const;

  std::array<std::array<std::uint16_t, 256>, kBytes> classes_{};
  // By the low and by the high half of each byte, for the first eight classes and for the others.
  using Halves = std::array<std::array<std::uint8_t, 16>, 2 * kBytes>;
  std::array<Halves, 2> halves_{};
};

}  // namespace writ::gateway
