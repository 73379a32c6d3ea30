// SPDX-License-Identifier: Apache-2.0
// For this room's JSON reader and writer.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace writ {

// Where, from `from` on, the bytes end that stand for themselves in a JSON string: the offset of
// the first quote, backslash or control character, or text.size().
inline std::size_t plain_run_end(std::string_view text, std::size_t from) {
  constexpr std::uint64_t kOnes = 0x0101010101010101;
  constexpr std::uint64_t kHighs = 0x8080808080808080;
  // Eight bytes at a time. Each term has a high bit set if a byte is below its bound; a borrow may
  // set more, but only above a byte that is one truly, and then the loop below looks closer.
  for (; text.size() - from >= 8; from += 8) {
    std::uint64_t x;
    std::memcpy(&x, text.data() + from, 8);
    const std::uint64_t quote = x ^ kOnes * '"';
    const std::uint64_t backslash = x ^ kOnes * '\\';
    const std::uint64_t found =
        ((x - kOnes * 0x20) & ~x) | ((quote - kOnes) & ~quote) | ((backslash - kOnes) & ~backslash);
    if ((found & kHighs) != 0) break;
  }
  for (; from < text.size(); ++from) {
    const auto c = static_cast<unsigned char>(text[from]);
    if (c < 0x20 || c == '"' || c == '\\') break;
  }
  return from;
}

}  // namespace writ
