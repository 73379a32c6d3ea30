// SPDX-License-Identifier: Apache-2.0
#include "audit/tree.h"

#include <bit>
#include <span>
#include <string>

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include "audit/rfc6962_vectors.h"
#include "base/encoding.h"
#include "crypto/hash.h"

namespace writ::audit {
namespace {

Frontier frontier_of(std::uint64_t size) {
  Frontier frontier;
  for (std::uint64_t i = 0; i < size; ++i)
    frontier.append(leaf_hash(as_bytes(std::to_string(i)))).value();
  return frontier;
}

// MTH of RFC 6962 section 2.1, as it is written there.
Digest merkle_tree_hash(std::span<const Digest> leaves) {
  if (leaves.empty()) return empty_root();
  if (leaves.size() == 1) return leaves.front();
  const auto k = std::bit_floor(leaves.size() - 1);
  return node_hash(merkle_tree_hash(leaves.first(k)), merkle_tree_hash(leaves.subspan(k)));
}

TEST(Rfc6962, TheRootsOfTheEightKnownLeaves) {
  Frontier frontier;
  EXPECT_EQ(hex_encode(frontier.root()),
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  for (std::size_t i = 0; i < kCtLeaves.size(); ++i) {
    ASSERT_TRUE(frontier.append(leaf_hash(*hex_decode(kCtLeaves[i]))));
    EXPECT_EQ(hex_encode(frontier.root()), kCtRoots[i]);
  }
}

TEST(Rfc6962, AnEntryOfAnyLengthIsHashedAfterAZeroByte) {
  for (const std::size_t size : {0, 1, 2046, 2047, 2048, 2049, 65535}) {
    Bytes prefixed(size + 1, 0xab);
    prefixed[0] = 0x00;
    EXPECT_EQ(leaf_hash(BytesView(prefixed).subspan(1)), crypto::sha256(BytesView(prefixed)));
  }
}

TEST(Rfc6962, ALeafThatSpellsANodeIsNotThatNode) {
  const auto a = leaf_hash(as_bytes("a"));
  const auto b = leaf_hash(as_bytes("b"));
  Bytes both(a.begin(), a.end());
  both.insert(both.end(), b.begin(), b.end());
  EXPECT_NE(leaf_hash(both), node_hash(a, b));
  EXPECT_NE(node_hash(a, b), node_hash(b, a));
}

TEST(Frontier, ItsRootIsTheRfcsAtEverySize) {
  Frontier frontier;
  std::vector<Digest> leaves;
  for (int i = 0; i < 300; ++i) {
    ASSERT_EQ(frontier.root(), merkle_tree_hash(leaves)) << i;
    leaves.push_back(leaf_hash(as_bytes(std::to_string(i))));
    ASSERT_TRUE(frontier.append(leaves.back()));
  }
}

TEST(Frontier, AppendNamesTheNodesThatBecameComplete) {
  Frontier frontier;
  std::vector<Digest> leaves;
  std::vector<Node> completed;
  for (int i = 0; i < 70; ++i) {
    leaves.push_back(leaf_hash(as_bytes(std::to_string(i))));
    ASSERT_TRUE(frontier.append(leaves.back(), &completed));
  }
  EXPECT_EQ(completed.size(), 70U + 35 + 17 + 8 + 4 + 2 + 1);
  for (const auto& [id, hash] : completed)
    EXPECT_EQ(hash, merkle_tree_hash(std::span(leaves).subspan(id.index << id.level,
                                                               std::size_t{1} << id.level)));
}

TEST(Frontier, WhatIsSerializedIsParsedAndGoesOnTheSame) {
  EXPECT_TRUE(rc::check("round trip", [] {
    const auto size = *rc::gen::inRange(0, 600);
    auto frontier = frontier_of(static_cast<std::uint64_t>(size));
    auto again = Frontier::parse(frontier.serialize()).value();
    RC_ASSERT(again == frontier);
    const auto leaf = leaf_hash(as_bytes("next"));
    frontier.append(leaf).value();
    again.append(leaf).value();
    RC_ASSERT(again.root() == frontier.root());
  }));
}

TEST(Frontier, BytesThatAreNotAFrontierAreRefused) {
  const auto good = frontier_of(5).serialize();
  for (std::size_t size = 0; size < good.size(); ++size)
    EXPECT_FALSE(Frontier::parse(BytesView(good).first(size))) << size;
  auto bad = good;
  bad.push_back(0);
  EXPECT_FALSE(Frontier::parse(bad));
  bad = good;
  bad[7] = 7;  // three bits, two hashes
  EXPECT_FALSE(Frontier::parse(bad));
}

TEST(Frontier, ALogIsBounded) {
  EXPECT_FALSE(Frontier::create(kMaxTreeSize + 1, {Digest{}}));
  auto full = Frontier::create(kMaxTreeSize, std::vector<Digest>(53)).value();
  const auto root = full.root();
  const auto refused = full.append(Digest{});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::conflict);
  EXPECT_EQ(full.root(), root);
}

}  // namespace
}  // namespace writ::audit
