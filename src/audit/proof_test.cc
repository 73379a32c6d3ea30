// SPDX-License-Identifier: Apache-2.0
#include "audit/proof.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include "audit/fake_log.h"
#include "audit/rfc6962_vectors.h"
#include "audit/tile.h"
#include "base/encoding.h"

namespace writ::audit {
namespace {

// All nodes of a growing log, and its root at each size.
class Nodes final : public HashSource {
 public:
  explicit Nodes(std::uint64_t size) {
    Frontier frontier;
    std::vector<Node> completed;
    roots.push_back(frontier.root());
    for (std::uint64_t i = 0; i < size; ++i) {
      leaves.push_back(leaf_hash(FakeLog::entry(i)));
      frontier.append(leaves.back(), &completed).value();
      roots.push_back(frontier.root());
    }
    for (const auto& [id, hash] : completed) nodes_[{id.level, id.index}] = hash;
  }

  Expected<Digest> node(NodeId id) const override {
    const auto found = nodes_.find({id.level, id.index});
    if (found == nodes_.end()) return fail(Errc::internal, "asked for a node beyond the log");
    return found->second;
  }

  std::vector<Digest> leaves;
  std::vector<Digest> roots;

 private:
  std::map<std::pair<unsigned, std::uint64_t>, Digest> nodes_;
};

const Nodes& nodes() {
  static const Nodes all(1100);
  return all;
}

class CtNodes final : public HashSource {
 public:
  CtNodes() {
    for (const auto leaf : kCtLeaves) edge_.append(leaf_hash(*hex_decode(leaf))).value();
  }
  Expected<Digest> node(NodeId id) const override {
    return TileHashes(edge_, edge_.size()).node(id);
  }

 private:
  TileEdge edge_;
};

std::vector<std::string> in_hex(const Proof& proof) {
  std::vector<std::string> text;
  for (const auto& hash : proof) text.push_back(hex_encode(hash));
  return text;
}

TEST(Rfc6962, TheKnownProofs) {
  const CtNodes tree;
  for (const auto& [index, size, hashes] : ct_inclusion_proofs())
    EXPECT_EQ(in_hex(*prove_inclusion(tree, index, size)),
              std::vector<std::string>(hashes.begin(), hashes.end()))
        << index << " in " << size;
  for (const auto& [old_size, size, hashes] : ct_consistency_proofs())
    EXPECT_EQ(in_hex(*prove_consistency(tree, old_size, size)),
              std::vector<std::string>(hashes.begin(), hashes.end()))
        << old_size << " to " << size;
}

TEST(Proof, EveryLeafIsProvedInEveryTreeUpTo130) {
  const auto& [leaves, roots] = std::tie(nodes().leaves, nodes().roots);
  for (std::uint64_t size = 1; size <= 130; ++size) {
    ASSERT_EQ(*root_at(nodes(), size), roots[size]);
    for (std::uint64_t index = 0; index < size; ++index) {
      const auto proof = prove_inclusion(nodes(), index, size).value();
      ASSERT_TRUE(verify_inclusion(index, size, leaves[index], proof, roots[size]))
          << index << " in " << size;
    }
  }
}

TEST(Proof, EveryTreeUpTo130IsConsistentWithEverySmallerOne) {
  const auto& roots = nodes().roots;
  for (std::uint64_t size = 0; size <= 130; ++size)
    for (std::uint64_t old_size = 0; old_size <= size; ++old_size) {
      const auto proof = prove_consistency(nodes(), old_size, size).value();
      ASSERT_TRUE(verify_consistency(old_size, size, roots[old_size], roots[size], proof))
          << old_size << " to " << size;
    }
}

TEST(Proof, LargerTreesToo) {
  EXPECT_TRUE(rc::check("inclusion and consistency", [] {
    const auto size = *rc::gen::inRange<std::uint64_t>(1, 1101);
    const auto index = *rc::gen::inRange<std::uint64_t>(0, size);
    const auto& [leaves, roots] = std::tie(nodes().leaves, nodes().roots);
    RC_ASSERT(verify_inclusion(index, size, leaves[index], *prove_inclusion(nodes(), index, size),
                               roots[size])
                  .has_value());
    RC_ASSERT(verify_consistency(index, size, roots[index], roots[size],
                                 *prove_consistency(nodes(), index, size))
                  .has_value());
  }));
}

// Whatever is changed about a proof's statement, it is no proof of it.
TEST(Proof, AnInclusionProofProvesOneThing) {
  EXPECT_TRUE(rc::check("inclusion", [] {
    const auto size = *rc::gen::inRange<std::uint64_t>(2, 1100);
    const auto index = *rc::gen::inRange<std::uint64_t>(0, size);
    const auto& [leaves, roots] = std::tie(nodes().leaves, nodes().roots);
    const auto leaf = leaves[index];
    const auto& root = roots[size];
    auto proof = prove_inclusion(nodes(), index, size).value();

    const auto other = *rc::gen::inRange<std::uint64_t>(0, size);
    if (other != index) {
      RC_ASSERT_FALSE(verify_inclusion(other, size, leaf, proof, root).has_value());
      RC_ASSERT_FALSE(verify_inclusion(index, size, leaves[other], proof, root).has_value());
    }
    RC_ASSERT_FALSE(verify_inclusion(index, size, leaf, proof, roots[size + 1]).has_value());
    RC_ASSERT_FALSE(verify_inclusion(size, size, leaf, proof, root).has_value());
    RC_ASSERT_FALSE(verify_inclusion(index, 0, leaf, proof, root).has_value());

    auto longer = proof;
    longer.insert(longer.begin() + *rc::gen::inRange<std::ptrdiff_t>(0, std::ssize(proof) + 1),
                  Digest{});
    RC_ASSERT_FALSE(verify_inclusion(index, size, leaf, longer, root).has_value());
    auto shorter = proof;
    shorter.pop_back();
    RC_ASSERT_FALSE(verify_inclusion(index, size, leaf, shorter, root).has_value());
    auto& hash = proof[*rc::gen::inRange<std::size_t>(0, proof.size())];
    hash[*rc::gen::inRange<std::size_t>(0, 32)] ^= 1;
    RC_ASSERT(verify_inclusion(index, size, leaf, proof, root).error().code == Errc::denied);
  }));
}

TEST(Proof, AConsistencyProofProvesOneThing) {
  EXPECT_TRUE(rc::check("consistency", [] {
    const auto size = *rc::gen::inRange<std::uint64_t>(2, 1100);
    const auto old_size = *rc::gen::inRange<std::uint64_t>(1, size);
    const auto& roots = nodes().roots;
    auto proof = prove_consistency(nodes(), old_size, size).value();

    RC_ASSERT_FALSE(
        verify_consistency(old_size, size, roots[old_size - 1], roots[size], proof).has_value());
    RC_ASSERT_FALSE(
        verify_consistency(old_size, size, roots[old_size], roots[size + 1], proof).has_value());
    RC_ASSERT_FALSE(
        verify_consistency(size, old_size, roots[size], roots[old_size], proof).has_value());
    RC_ASSERT_FALSE(verify_consistency(0, size, roots[0], roots[size], proof).has_value());
    RC_ASSERT_FALSE(verify_consistency(size, size, roots[size], roots[size], proof).has_value());
    auto longer = proof;
    longer.push_back(Digest{});
    RC_ASSERT_FALSE(
        verify_consistency(old_size, size, roots[old_size], roots[size], longer).has_value());
    auto shorter = proof;
    shorter.pop_back();
    RC_ASSERT_FALSE(
        verify_consistency(old_size, size, roots[old_size], roots[size], shorter).has_value());
    auto& hash = proof[*rc::gen::inRange<std::size_t>(0, proof.size())];
    hash[*rc::gen::inRange<std::size_t>(0, 32)] ^= 1;
    RC_ASSERT_FALSE(
        verify_consistency(old_size, size, roots[old_size], roots[size], proof).has_value());
  }));
}

TEST(Proof, EqualAndEmptyTreesAreComparedByTheirRoots) {
  const auto& roots = nodes().roots;
  EXPECT_TRUE(verify_consistency(0, 0, roots[0], roots[0], {}));
  EXPECT_TRUE(verify_consistency(0, 7, roots[0], roots[7], {}));
  EXPECT_TRUE(verify_consistency(7, 7, roots[7], roots[7], {}));
  EXPECT_FALSE(verify_consistency(0, 0, roots[0], roots[1], {}));
  EXPECT_FALSE(verify_consistency(0, 0, roots[1], roots[1], {}));
  EXPECT_FALSE(verify_consistency(0, 7, roots[1], roots[7], {}));
  EXPECT_FALSE(verify_consistency(7, 7, roots[6], roots[7], {}));
}

TEST(Proof, SizesBeyondALogAreRefused) {
  constexpr auto kHuge = ~std::uint64_t{0};
  EXPECT_FALSE(verify_inclusion(0, kHuge, {}, {}, {}));
  EXPECT_FALSE(verify_consistency(1, kHuge, {}, {}, Proof(70)));
  EXPECT_FALSE(prove_inclusion(nodes(), 0, kHuge));
  EXPECT_FALSE(prove_consistency(nodes(), 1, kHuge));
  EXPECT_FALSE(root_at(nodes(), kHuge));
  EXPECT_FALSE(prove_inclusion(nodes(), 5, 5));
  EXPECT_FALSE(prove_consistency(nodes(), 6, 5));
}

TEST(Proof, ALongProofCostsNoMoreThanTheSizesDo) {
  // A million hashes for a tree of depth 53: refused after at most 53 of them.
  const Proof proof(1'000'000);
  EXPECT_EQ(verify_inclusion(0, kMaxTreeSize, {}, proof, {}).error().code, Errc::invalid_input);
  EXPECT_EQ(verify_consistency(1, kMaxTreeSize, {}, {}, proof).error().code, Errc::invalid_input);
}

TEST(Proof, AnErrorOfTheSourceIsTheProofsError) {
  const Nodes few(4);
  EXPECT_EQ(prove_inclusion(few, 1, 8).error().code, Errc::internal);
  EXPECT_EQ(prove_consistency(few, 1, 8).error().code, Errc::internal);
}

}  // namespace
}  // namespace writ::audit
