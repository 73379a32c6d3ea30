// SPDX-License-Identifier: Apache-2.0
#include "audit/tree.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <utility>

#include "crypto/hash.h"

namespace writ::audit {
namespace {

constexpr std::size_t kSizeBytes = 8;
constexpr std::size_t kHashBytes = sizeof(Digest);

}  // namespace

Digest leaf_hash(BytesView entry) {
  constexpr std::size_t kSmall = 2048;
  if (entry.size() < kSmall) {
    std::array<std::uint8_t, kSmall> bytes;
    bytes[0] = 0x00;
    std::ranges::copy(entry, bytes.begin() + 1);
    return crypto::sha256(BytesView(bytes.data(), entry.size() + 1));
  }
  static constexpr std::uint8_t kLeaf[] = {0x00};
  return crypto::Sha256().update(BytesView(kLeaf)).update(entry).finish();
}

Digest node_hash(const Digest& left, const Digest& right) {
  std::array<std::uint8_t, 1 + 2 * kHashBytes> bytes;
  bytes[0] = 0x01;
  std::ranges::copy(left, bytes.begin() + 1);
  std::ranges::copy(right, bytes.begin() + 1 + kHashBytes);
  return crypto::sha256(BytesView(bytes));
}

Digest empty_root() { return crypto::sha256(BytesView()); }

Expected<Frontier> Frontier::create(std::uint64_t size, std::vector<Digest> nodes) {
  if (size > kMaxTreeSize)
    return fail(Errc::invalid_input, "a log holds fewer than 2^53 leaves", "frontier");
  if (nodes.size() != static_cast<std::size_t>(std::popcount(size)))
    return fail(Errc::invalid_input, "the number of hashes does not fit the size", "frontier");
  Frontier frontier;
  frontier.size_ = size;
  frontier.nodes_ = std::move(nodes);
  return frontier;
}

Expected<Frontier> Frontier::parse(BytesView bytes) {
  if (bytes.size() < kSizeBytes || (bytes.size() - kSizeBytes) % kHashBytes != 0)
    return fail(Errc::invalid_input, "not a size and whole hashes", "frontier");
  std::uint64_t size = 0;
  for (const auto byte : bytes.first(kSizeBytes)) size = size << 8 | byte;
  std::vector<Digest> nodes((bytes.size() - kSizeBytes) / kHashBytes);
  for (std::size_t i = 0; i < nodes.size(); ++i)
    std::ranges::copy(bytes.subspan(kSizeBytes + i * kHashBytes, kHashBytes), nodes[i].begin());
  return create(size, std::move(nodes));
}

Bytes Frontier::serialize() const {
  Bytes bytes;
  bytes.reserve(kSizeBytes + nodes_.size() * kHashBytes);
  for (std::size_t i = 0; i < kSizeBytes; ++i)
    bytes.push_back(static_cast<std::uint8_t>(size_ >> (8 * (kSizeBytes - 1 - i))));
  for (const auto& node : nodes_) bytes.insert(bytes.end(), node.begin(), node.end());
  return bytes;
}

Digest Frontier::root() const {
  if (nodes_.empty()) return empty_root();
  Digest root = nodes_.back();
  for (std::size_t i = nodes_.size() - 1; i-- > 0;) root = node_hash(nodes_[i], root);
  return root;
}

Expected<void> Frontier::append(const Digest& leaf, std::vector<Node>* completed) {
  if (size_ >= kMaxTreeSize) return fail(Errc::conflict, "the log is full");
  Node node{.id = {.level = 0, .index = size_}, .hash = leaf};
  if (completed != nullptr) completed->push_back(node);
  // Each trailing one bit of the size is a complete subtree that the new one makes whole.
  for (auto bits = size_; (bits & 1) != 0; bits >>= 1) {
    node = {.id = {.level = node.id.level + 1, .index = node.id.index >> 1},
            .hash = node_hash(nodes_.back(), node.hash)};
    nodes_.pop_back();
    if (completed != nullptr) completed->push_back(node);
  }
  nodes_.push_back(node.hash);
  ++size_;
  return {};
}

}  // namespace writ::audit
