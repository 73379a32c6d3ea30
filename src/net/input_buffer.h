// SPDX-License-Identifier: Apache-2.0
// InputBuffer: what has come from a connection and is not yet used. It takes its memory from a pool
// when it needs some and gives it back, wiped, when it is empty: an idle connection holds none.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "base/bytes.h"

namespace writ::net {

// Blocks of one size, of one loop. Outlives its buffers.
class BlockPool {
 public:
  static constexpr std::size_t kBlock = 16384;
  static constexpr std::size_t kKept = 64;

  using Block = std::unique_ptr<std::uint8_t[]>;
  Block take();
  void give_back(Block block);

 private:
  std::vector<Block> free_;
};

class InputBuffer {
 public:
  explicit InputBuffer(BlockPool& pool) : pool_(&pool) {}
  InputBuffer(const InputBuffer&) = delete;
  InputBuffer& operator=(const InputBuffer&) = delete;
  ~InputBuffer() { release(); }

  BytesView unread() const { return {block_.get() + begin_, end_ - begin_}; }
  bool empty() const { return begin_ == end_; }
  // What it has of memory.
  std::size_t capacity() const { return capacity_; }
  // Room to read into, of at least one byte; the buffer grows if it is full. Views into it end.
  std::span<std::uint8_t> space();
  void produced(std::size_t count) { end_ += count; }
  void consume(std::size_t count);
  // Gives the memory back if nothing is unread. Views into it end.
  void release_if_empty() {
    if (empty()) release();
  }

 private:
  void release();
  void grow();

  BlockPool* pool_;
  BlockPool::Block block_;
  std::size_t capacity_ = 0;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
  std::size_t high_ = 0;  // how far it was ever filled
};

}  // namespace writ::net
