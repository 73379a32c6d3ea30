// SPDX-License-Identifier: Apache-2.0
#include "base/secret_bytes.h"

#include <array>
#include <atomic>
#include <bit>
#include <cstring>
#include <mutex>
#include <utility>
#include <vector>

#include <sys/mman.h>

#include "base/check.h"

namespace writ {
namespace {

// Locked pages are few and mlock counts whole pages, so blocks of powers of two are cut from shared
// chunks. Chunks are never returned: the peak of secrets in flight is small.
class LockedMemory {
 public:
  std::uint8_t* allocate(std::size_t capacity) {
    const std::lock_guard lock(mutex_);
    auto& free = free_[index(capacity)];
    if (free.empty()) grow(capacity, free);
    auto* block = free.back();
    free.pop_back();
    return block;
  }

  void release(std::uint8_t* block, std::size_t capacity) {
    wipe({block, capacity});
    const std::lock_guard lock(mutex_);
    free_[index(capacity)].push_back(block);
  }

  bool locked() const { return locked_; }

  static std::size_t capacity_for(std::size_t size) {
    return std::bit_ceil(std::max<std::size_t>(size, kSmallest));
  }

 private:
  static constexpr std::size_t kSmallest = 64;
  static constexpr std::size_t kChunk = std::size_t{64} * 1024;

  static std::size_t index(std::size_t capacity) { return std::countr_zero(capacity); }

  void grow(std::size_t capacity, std::vector<std::uint8_t*>& free) {
    const std::size_t size = std::max(capacity, kChunk);
    void* memory =
        ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    WRIT_CHECK(memory != MAP_FAILED);
    if (::mlock(memory, size) != 0) locked_ = false;
    ::madvise(memory, size, MADV_DONTDUMP);
    ::madvise(memory, size, MADV_WIPEONFORK);
    auto* bytes = static_cast<std::uint8_t*>(memory);
    for (std::size_t at = 0; at < size; at += capacity) free.push_back(bytes + at);
  }

  std::mutex mutex_;
  std::array<std::vector<std::uint8_t*>, 64> free_;
  std::atomic<bool> locked_ = true;
};

// An allocator, as malloc is one; it is never destroyed, so that secrets may outlive static
// objects.
LockedMemory& locked_memory() {
  static auto* memory = new LockedMemory;
  return *memory;
}

}  // namespace

SecretBytes::SecretBytes(std::size_t size) : size_(size) {
  if (size == 0) return;
  capacity_ = LockedMemory::capacity_for(size);
  data_ = locked_memory().allocate(capacity_);
}

SecretBytes SecretBytes::copy_of(BytesView bytes) {
  SecretBytes copy(bytes.size());
  if (!bytes.empty()) std::memcpy(copy.data_, bytes.data(), bytes.size());
  return copy;
}

SecretBytes::SecretBytes(SecretBytes&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)),
      size_(std::exchange(other.size_, 0)),
      capacity_(std::exchange(other.capacity_, 0)) {}

SecretBytes& SecretBytes::operator=(SecretBytes&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  std::swap(capacity_, other.capacity_);
  SecretBytes dropped(std::move(other));
  return *this;
}

SecretBytes::~SecretBytes() {
  if (data_ != nullptr) locked_memory().release(data_, capacity_);
}

void SecretBytes::truncate(std::size_t size) {
  WRIT_CHECK(size <= size_);
  wipe(writable().subspan(size));
  size_ = size;
}

bool operator==(const SecretBytes& a, const SecretBytes& b) {
  return equal_constant_time(a.reveal(), b.reveal());
}

bool SecretBytes::memory_is_locked() { return locked_memory().locked(); }

bool equal_constant_time(BytesView a, BytesView b) {
  if (a.size() != b.size()) return false;
  std::uint8_t difference = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    difference = static_cast<std::uint8_t>(difference | (a[i] ^ b[i]));
    // Hides from the optimizer that an early exit would give the same answer.
    asm volatile("" : "+r"(difference));
  }
  return difference == 0;
}

void wipe(std::span<std::uint8_t> bytes) {
  if (!bytes.empty()) ::explicit_bzero(bytes.data(), bytes.size());
}

}  // namespace writ
