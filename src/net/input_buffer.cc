// SPDX-License-Identifier: Apache-2.0
#include "net/input_buffer.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "base/secret_bytes.h"

namespace writ::net {

BlockPool::Block BlockPool::take() {
  if (free_.empty()) return std::make_unique_for_overwrite<std::uint8_t[]>(kBlock);
  auto block = std::move(free_.back());
  free_.pop_back();
  return block;
}

void BlockPool::give_back(Block block) {
  if (free_.size() < kKept) free_.push_back(std::move(block));
}

std::span<std::uint8_t> InputBuffer::space() {
  high_ = std::max(high_, end_);
  if (!block_) {
    block_ = pool_->take();
    capacity_ = BlockPool::kBlock;
  } else if (begin_ == end_) {
    begin_ = end_ = 0;
  } else if (end_ == capacity_) {
    if (begin_ > 0) {
      std::copy(block_.get() + begin_, block_.get() + end_, block_.get());
      end_ -= std::exchange(begin_, 0);
    } else {
      grow();
    }
  }
  return {block_.get() + end_, capacity_ - end_};
}

void InputBuffer::consume(std::size_t count) {
  WRIT_CHECK(count <= end_ - begin_);
  begin_ += count;
}

void InputBuffer::grow() {
  auto larger = std::make_unique_for_overwrite<std::uint8_t[]>(capacity_ * 2);
  std::copy(block_.get(), block_.get() + end_, larger.get());
  wipe({block_.get(), high_});
  block_ = std::move(larger);
  capacity_ *= 2;
  high_ = end_;
}

void InputBuffer::release() {
  if (!block_) return;
  // Tokens and the like pass through here.
  wipe({block_.get(), std::max(high_, end_)});
  if (capacity_ == BlockPool::kBlock) {
    pool_->give_back(std::move(block_));
  }
  block_.reset();
  capacity_ = begin_ = end_ = high_ = 0;
}

}  // namespace writ::net
