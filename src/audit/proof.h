// SPDX-License-Identifier: Apache-2.0
// Inclusion and consistency proofs (RFC 9162 sections 2.1.3 and 2.1.4; the same bytes as RFC 6962).
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "audit/tree.h"
#include "base/bytes.h"
#include "base/error.h"

namespace writ::audit {

using Proof = std::vector<Digest>;

// HashSource: where the hashes of complete subtrees come from. TileHashes (tile.h) reads them from
// tiles. Asked only for nodes that lie wholly within the size that the caller named.
class HashSource {
 public:
  virtual ~HashSource() = default;
  virtual Expected<Digest> node(NodeId id) const = 0;
};

// The root of the first `size` leaves.
Expected<Digest> root_at(const HashSource& hashes, std::uint64_t size);

// That leaf `index` is in the tree of `size` leaves; index < size, else invalid_input.
Expected<Proof> prove_inclusion(const HashSource& hashes, std::uint64_t index, std::uint64_t size);

// That the tree of `new_size` leaves begins with the tree of `old_size`; old_size <= new_size, else
// invalid_input. Empty where old_size is 0 or new_size.
Expected<Proof> prove_consistency(const HashSource& hashes, std::uint64_t old_size,
                                  std::uint64_t new_size);

// Both are denied where the proof does not lead to the root, and invalid_input where it cannot be a
// proof for these sizes. They take proofs from anywhere: work is bounded by the sizes, not by the
// proof's length.
Expected<void> verify_inclusion(std::uint64_t index, std::uint64_t size, const Digest& leaf,
                                std::span<const Digest> proof, const Digest& root);
Expected<void> verify_consistency(std::uint64_t old_size, std::uint64_t new_size,
                                  const Digest& old_root, const Digest& new_root,
                                  std::span<const Digest> proof);

}  // namespace writ::audit
