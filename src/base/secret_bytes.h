// SPDX-License-Identifier: Apache-2.0
// SecretBytes: bytes that must not leave. They live in memory that is locked (never swapped) and
// left out of core dumps, are wiped when freed, compare in constant time, cannot be printed, copied
// or hashed by accident, and are read only through reveal(), a name that a search finds.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "base/bytes.h"

namespace writ {

// Movable, not copyable; a moved-from value is empty. Not thread-safe; different values may be used
// at once.
class SecretBytes {
 public:
  SecretBytes() = default;
  // `size` zero bytes, to be filled through writable().
  explicit SecretBytes(std::size_t size);
  static SecretBytes copy_of(BytesView bytes);
  static SecretBytes copy_of(std::string_view text) { return copy_of(as_bytes(text)); }

  SecretBytes(SecretBytes&& other) noexcept;
  SecretBytes& operator=(SecretBytes&& other) noexcept;
  SecretBytes(const SecretBytes&) = delete;
  SecretBytes& operator=(const SecretBytes&) = delete;
  ~SecretBytes();

  std::size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }

  // The one way out. Each caller is a place to review.
  BytesView reveal() const { return {data_, size_}; }
  std::string_view reveal_text() const { return as_text(reveal()); }
  std::span<std::uint8_t> writable() { return {data_, size_}; }

  SecretBytes clone() const { return copy_of(reveal()); }
  // Shortens, wiping the rest. `size` is at most size().
  void truncate(std::size_t size);

  // In time that depends on the lengths alone.
  friend bool operator==(const SecretBytes& a, const SecretBytes& b);

  // Whether all secret memory handed out so far could be locked; false where RLIMIT_MEMLOCK is too
  // low.
  static bool memory_is_locked();

 private:
  std::uint8_t* data_ = nullptr;
  std::size_t size_ = 0;
  std::size_t capacity_ = 0;
};

// In time that depends on the lengths alone.
bool equal_constant_time(BytesView a, BytesView b);

// Overwrites in a way that the compiler keeps.
void wipe(std::span<std::uint8_t> bytes);

}  // namespace writ
