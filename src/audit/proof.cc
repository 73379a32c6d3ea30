// SPDX-License-Identifier: Apache-2.0
#include "audit/proof.h"

#include <algorithm>
#include <bit>
#include <cstddef>

namespace writ::audit {
namespace {

// The largest power of two below n; n is at least 2.
std::uint64_t split(std::uint64_t n) { return std::bit_floor(n - 1); }

// MTH(D[begin:end]) for a range that the tree's own splitting yields: `begin` is a multiple of the
// smallest power of two that is at least its length.
Expected<Digest> range_root(const HashSource& hashes, std::uint64_t begin, std::uint64_t end) {
  const auto length = end - begin;
  if (std::has_single_bit(length)) {
    const auto level = static_cast<unsigned>(std::countr_zero(length));
    return hashes.node({.level = level, .index = begin >> level});
  }
  const auto middle = begin + split(length);
  WRIT_TRY(const auto left, range_root(hashes, begin, middle));
  WRIT_TRY(const auto right, range_root(hashes, middle, end));
  return node_hash(left, right);
}

Expected<void> in_bounds(std::uint64_t size) {
  if (size > kMaxTreeSize)
    return fail(Errc::invalid_input, "a log holds fewer than 2^53 leaves", "size");
  return {};
}

std::unexpected<Error> contradicted() {
  return fail(Errc::denied, "the proof does not lead to the root", "proof");
}

std::unexpected<Error> wrong_length() {
  return fail(Errc::invalid_input, "the proof's length does not fit the sizes", "proof");
}

}  // namespace

Expected<Digest> root_at(const HashSource& hashes, std::uint64_t size) {
  WRIT_TRY_VOID(in_bounds(size));
  if (size == 0) return empty_root();
  return range_root(hashes, 0, size);
}

Expected<Proof> prove_inclusion(const HashSource& hashes, std::uint64_t index, std::uint64_t size) {
  WRIT_TRY_VOID(in_bounds(size));
  if (index >= size)
    return fail(Errc::invalid_input, "the leaf is not in a tree of this size", "index");
  // PATH(m, D[n]) of RFC 9162 section 2.1.3.1, from the root down.
  Proof proof;
  std::uint64_t begin = 0;
  std::uint64_t end = size;
  while (end - begin > 1) {
    const auto middle = begin + split(end - begin);
    const bool left = index < middle;
    WRIT_TRY(const auto sibling,
             left ? range_root(hashes, middle, end) : range_root(hashes, begin, middle));
    proof.push_back(sibling);
    (left ? end : begin) = middle;
  }
  std::ranges::reverse(proof);
  return proof;
}

Expected<Proof> prove_consistency(const HashSource& hashes, std::uint64_t old_size,
                                  std::uint64_t new_size) {
  WRIT_TRY_VOID(in_bounds(new_size));
  if (old_size > new_size)
    return fail(Errc::invalid_input, "the old tree is larger than the new one", "old_size");
  Proof proof;
  if (old_size == 0 || old_size == new_size) return proof;
  // SUBPROOF(m, D[n], b) of RFC 9162 section 2.1.4.1, from the root down. It ends at the subtree
  // that ends where the old tree ended; that one is left out if it is the whole old tree, whose
  // root the verifier has.
  std::uint64_t begin = 0;
  std::uint64_t end = new_size;
  while (end != old_size) {
    const auto middle = begin + split(end - begin);
    const bool left = old_size <= middle;
    WRIT_TRY(const auto sibling,
             left ? range_root(hashes, middle, end) : range_root(hashes, begin, middle));
    proof.push_back(sibling);
    (left ? end : begin) = middle;
  }
  if (begin != 0) {
    WRIT_TRY(const auto last, range_root(hashes, begin, end));
    proof.push_back(last);
  }
  std::ranges::reverse(proof);
  return proof;
}

// RFC 9162 section 2.1.3.2.
Expected<void> verify_inclusion(std::uint64_t index, std::uint64_t size, const Digest& leaf,
                                std::span<const Digest> proof, const Digest& root) {
  WRIT_TRY_VOID(in_bounds(size));
  if (index >= size)
    return fail(Errc::invalid_input, "the leaf is not in a tree of this size", "index");
  auto fn = index;
  auto sn = size - 1;
  Digest hash = leaf;
  for (const auto& sibling : proof) {
    if (sn == 0) return wrong_length();
    if ((fn & 1) != 0 || fn == sn) {
      hash = node_hash(sibling, hash);
      const auto zeros = std::countr_zero(fn);  // fn is odd, or equal to sn, which is not 0
      fn >>= zeros;
      sn >>= zeros;
    } else {
      hash = node_hash(hash, sibling);
    }
    fn >>= 1;
    sn >>= 1;
  }
  if (sn != 0) return wrong_length();
  if (hash != root) return contradicted();
  return {};
}

// RFC 9162 section 2.1.4.2.
Expected<void> verify_consistency(std::uint64_t old_size, std::uint64_t new_size,
                                  const Digest& old_root, const Digest& new_root,
                                  std::span<const Digest> proof) {
  WRIT_TRY_VOID(in_bounds(new_size));
  if (old_size > new_size)
    return fail(Errc::invalid_input, "the old tree is larger than the new one", "old_size");
  if (old_size == 0 || old_size == new_size) {
    if (!proof.empty()) return wrong_length();
    if (old_root != (old_size == 0 ? empty_root() : new_root)) return contradicted();
    if (new_size == 0 && new_root != empty_root()) return contradicted();
    return {};
  }
  if (proof.empty()) return wrong_length();

  auto fn = old_size - 1;
  auto sn = new_size - 1;
  const auto shift = std::countr_one(fn);
  fn >>= shift;
  sn >>= shift;
  // An old tree of a power of two is a node of the new one: the proof leaves it out.
  const bool whole = std::has_single_bit(old_size);
  Digest old_hash = whole ? old_root : proof.front();
  Digest new_hash = old_hash;
  for (const auto& sibling : proof.subspan(whole ? 0 : 1)) {
    if (sn == 0) return wrong_length();
    if ((fn & 1) != 0 || fn == sn) {
      old_hash = node_hash(sibling, old_hash);
      new_hash = node_hash(sibling, new_hash);
      const auto zeros = std::countr_zero(fn);  // not 0, as above
      fn >>= zeros;
      sn >>= zeros;
    } else {
      new_hash = node_hash(new_hash, sibling);
    }
    fn >>= 1;
    sn >>= 1;
  }
  if (sn != 0) return wrong_length();
  if (old_hash != old_root || new_hash != new_root) return contradicted();
  return {};
}

}  // namespace writ::audit
