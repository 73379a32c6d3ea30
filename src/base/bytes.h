// SPDX-License-Identifier: Apache-2.0
// Bytes and views of them.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace writ {

using Bytes = std::vector<std::uint8_t>;
using BytesView = std::span<const std::uint8_t>;

// A SHA-256 digest, or another value of exactly that size.
using Digest = std::array<std::uint8_t, 32>;

inline BytesView as_bytes(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}
inline std::string_view as_text(BytesView bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}
inline std::string to_text(BytesView bytes) { return std::string(as_text(bytes)); }
inline Bytes to_bytes(BytesView bytes) { return Bytes(bytes.begin(), bytes.end()); }
inline Bytes to_bytes(std::string_view text) { return to_bytes(as_bytes(text)); }

}  // namespace writ
