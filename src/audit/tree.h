// SPDX-License-Identifier: Apache-2.0
// The Merkle tree of a log (RFC 6962 section 2.1, RFC 9162 section 2.1, SHA-256) and Frontier, the
// least that must be kept to append to it.
#pragma once

#include <cstdint>
#include <vector>

#include "base/bytes.h"
#include "base/error.h"

namespace writ::audit {

// Leaves in a log at most: every index is then an exact number in JSON, and no sum overflows.
inline constexpr std::uint64_t kMaxTreeSize = (std::uint64_t{1} << 53) - 1;

Digest leaf_hash(BytesView entry);                          // SHA-256(0x00 || entry)
Digest node_hash(const Digest& left, const Digest& right);  // SHA-256(0x01 || left || right)
Digest empty_root();                                        // SHA-256 of nothing

// The root of the complete subtree over leaves [index << level, (index + 1) << level); level 0 is
// the leaf hashes themselves.
struct NodeId {
  unsigned level = 0;
  std::uint64_t index = 0;
  friend auto operator<=>(const NodeId&, const NodeId&) = default;
};

struct Node {
  NodeId id;
  Digest hash{};
  friend bool operator==(const Node&, const Node&) = default;
};

// Frontier: the roots of the complete subtrees that a tree of size() leaves falls into, largest
// first: one for each bit of size(). Appending costs two hashes on average, root() at most 53.
// Not thread-safe.
class Frontier {
 public:
  Frontier() = default;

  // From the roots of its complete subtrees, largest first; invalid_input unless there is one for
  // each bit of `size`.
  static Expected<Frontier> create(std::uint64_t size, std::vector<Digest> nodes);

  // What serialize() wrote; anything else is invalid_input. The bytes are believed: compare root()
  // with a checkpoint before trusting them.
  //   uint64 size, big-endian | 32 bytes for each bit of size, largest subtree first
  static Expected<Frontier> parse(BytesView bytes);
  Bytes serialize() const;

  std::uint64_t size() const { return size_; }
  Digest root() const;

  // conflict once the log holds kMaxTreeSize leaves. Where `completed` is given, the nodes that
  // this leaf completes are added to it: the leaf first, then upwards.
  Expected<void> append(const Digest& leaf, std::vector<Node>* completed = nullptr);

  friend bool operator==(const Frontier&, const Frontier&) = default;

 private:
  std::uint64_t size_ = 0;
  std::vector<Digest> nodes_;
};

}  // namespace writ::audit
