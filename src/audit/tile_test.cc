// SPDX-License-Identifier: Apache-2.0
#include "audit/tile.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include "audit/fake_log.h"

namespace writ::audit {
namespace {

// A log of 70,000 leaves, the specification's example, in tiles.
const FakeLog& example_log() {
  static const FakeLog log = [] {
    FakeLog made;
    made.append_many(70'000);
    made.keep_partial_tiles();
    return made;
  }();
  return log;
}

TEST(TlogTiles, PathsAreThoseOfTheSpecification) {
  EXPECT_EQ(tile_path({.level = 0, .index = 1234067}), "tile/0/x001/x234/067");
  EXPECT_EQ(tile_path({.level = 0, .index = 0}), "tile/0/000");
  EXPECT_EQ(tile_path({.level = 1, .index = 17, .width = 112}), "tile/1/017.p/112");
  EXPECT_EQ(bundle_path({.index = 1000, .width = 5}), "tile/entries/x001/000.p/5");
}

TEST(TlogTiles, EveryPathHasOneSpelling) {
  EXPECT_TRUE(rc::check("round trip", [] {
    const TileId id{.level = *rc::gen::inRange(0U, 64U),
                    .index = *rc::gen::inRange<std::uint64_t>(0, kMaxTreeSize),
                    .width = *rc::gen::inRange(1U, 257U)};
    RC_ASSERT(parse_tile_path(tile_path(id)).value() == id);
    const BundleId bundle{.index = id.index, .width = id.width};
    RC_ASSERT(parse_bundle_path(bundle_path(bundle)).value() == bundle);
  }));
  for (const auto* bad : {"",
                          "tile",
                          "tile/",
                          "tile/0",
                          "tile/0/",
                          "tile/0/0",
                          "tile/0/0000",
                          "tile/00/000",
                          "tile/64/000",
                          "tile/-1/000",
                          "tile/+1/000",
                          "tile/0/x000/001",
                          "tile/0/001/002",
                          "tile/0/x001",
                          "tile/0/x001/",
                          "tile/0/000/",
                          "tile/0/000.p/0",
                          "tile/0/000.p/256",
                          "tile/0/000.p/01",
                          "tile/0/000.p/",
                          "tile/0/000.p/1/2",
                          "tile/0/00a",
                          "tile/0/X001/000",
                          "tile/0/../000",
                          "/tile/0/000",
                          "tile/0/x999/x999/x999/x999/x999/x999/x999/x999/999"})
    EXPECT_FALSE(parse_tile_path(bad)) << bad;
  EXPECT_FALSE(parse_bundle_path("tile/0/000"));
  EXPECT_FALSE(parse_tile_path("tile/entries/000"));
}

TEST(TlogTiles, TheWidthsOf70000Leaves) {
  constexpr std::uint64_t kSize = 70'000;
  EXPECT_EQ(tile_width(0, 272, kSize), 256U);
  EXPECT_EQ(tile_width(0, 273, kSize), 112U);
  EXPECT_EQ(tile_width(0, 274, kSize), 0U);
  EXPECT_EQ(tile_width(1, 0, kSize), 256U);
  EXPECT_EQ(tile_width(1, 1, kSize), 17U);
  EXPECT_EQ(tile_width(2, 0, kSize), 1U);
  EXPECT_EQ(tile_width(3, 0, kSize), 0U);
  EXPECT_EQ(tile_width(63, 0, kSize), 0U);
  EXPECT_EQ(tile_width(0, ~std::uint64_t{0}, kSize), 0U);
  // "A tree of size 256 is a full level 0 tile and a partial level 1 tile of width 1."
  EXPECT_EQ(tile_width(0, 0, 256), 256U);
  EXPECT_EQ(tile_width(0, 1, 256), 0U);
  EXPECT_EQ(tile_width(1, 0, 256), 1U);
}

TEST(TlogTiles, ALogIsStoredInTheTilesThatItsSizeGives) {
  std::size_t tiles = 0;
  for (unsigned level = 0; level < 4; ++level)
    for (std::uint64_t index = 0; tile_width(level, index, 70'000) != 0; ++index, ++tiles) {
      const auto bytes = example_log().tile({.level = level, .index = index});
      ASSERT_TRUE(bytes);
      EXPECT_EQ(bytes->size(), tile_width(level, index, 70'000) * 32);
    }
  EXPECT_EQ(tiles, 273U + 1 + 1 + 1 + 1);
  EXPECT_EQ(example_log().tiles.size(), tiles);
}

TEST(Tile, BytesThatAreNoTileAreRefused) {
  EXPECT_FALSE(parse_tile({}));
  EXPECT_FALSE(parse_tile(Bytes(31)));
  EXPECT_FALSE(parse_tile(Bytes(33)));
  EXPECT_FALSE(parse_tile(Bytes(257 * 32)));
  EXPECT_EQ(build_tile(*parse_tile(Bytes(256 * 32, 7))), Bytes(256 * 32, 7));
}

TEST(Bundle, EntriesAreLengthPrefixed) {
  const std::vector<Bytes> entries = {to_bytes("a"), {}, Bytes(65535, 1)};
  const auto bytes = build_bundle(entries).value();
  EXPECT_EQ(to_bytes(BytesView(bytes).first(5)), (Bytes{0, 1, 'a', 0, 0}));
  EXPECT_EQ(parse_bundle(bytes, 3), entries);
  EXPECT_FALSE(parse_bundle(bytes, 2));
  EXPECT_FALSE(parse_bundle(bytes, 4));
  EXPECT_FALSE(parse_bundle(BytesView(bytes).first(bytes.size() - 1), 3));
  EXPECT_FALSE(parse_bundle(bytes, 0));
  EXPECT_FALSE(parse_bundle(bytes, 257));
  EXPECT_EQ(build_bundle(std::vector<Bytes>{Bytes(65536)}).error().code, Errc::too_large);
}

TEST(TileHashes, ProofsFromTilesVerifyAtEverySize) {
  const auto& log = example_log();
  EXPECT_TRUE(rc::check("inclusion", [&] {
    const auto size = *rc::gen::inRange<std::uint64_t>(1, 70'001);
    const auto index = *rc::gen::inRange<std::uint64_t>(0, size);
    const TileHashes hashes(log, size);
    const auto root = root_at(hashes, size).value();
    RC_ASSERT(verify_inclusion(index, size, log.stored[index].hash,
                               *prove_inclusion(hashes, index, size), root)
                  .has_value());
    const auto old_root = root_at(TileHashes(log, index), index).value();
    RC_ASSERT(
        verify_consistency(index, size, old_root, root, *prove_consistency(hashes, index, size))
            .has_value());
  }));
  EXPECT_EQ(root_at(TileHashes(log, 70'000), 70'000), log.edge().root());
}

TEST(TileHashes, TheTilesThatAreNamedAreEnough) {
  const auto& log = example_log();
  EXPECT_TRUE(rc::check("prefetch", [&] {
    const auto size = *rc::gen::inRange<std::uint64_t>(1, 70'001);
    const auto index = *rc::gen::inRange<std::uint64_t>(0, size);
    MemoryTiles inclusion;
    for (const auto& id : tiles_for_inclusion(index, size))
      inclusion.put(id.level, id.index, *log.tile(id));
    RC_ASSERT(prove_inclusion(TileHashes(inclusion, size), index, size).has_value());
    MemoryTiles consistency;
    for (const auto& id : tiles_for_consistency(index, size))
      consistency.put(id.level, id.index, *log.tile(id));
    RC_ASSERT(prove_consistency(TileHashes(consistency, size), index, size).has_value());
  }));
  EXPECT_TRUE(tiles_for_inclusion(5, 5).empty());
  EXPECT_TRUE(tiles_for_consistency(6, 5).empty());
}

TEST(TileHashes, ANodeBeyondTheSizeOrATileTooNarrowIsAnError) {
  const auto& log = example_log();
  const TileHashes hashes(log, 300);
  EXPECT_TRUE(hashes.node({.level = 0, .index = 299}));
  EXPECT_FALSE(hashes.node({.level = 0, .index = 300}));
  EXPECT_FALSE(hashes.node({.level = 9, .index = 0}));
  EXPECT_FALSE(hashes.node({.level = 70, .index = 0}));
  EXPECT_FALSE(hashes.node({.level = 1, .index = ~std::uint64_t{0}}));
  MemoryTiles narrow;
  narrow.put(0, 0, Bytes(32));
  EXPECT_EQ(TileHashes(narrow, 2).node({.level = 0, .index = 0}).error().code, Errc::invalid_input);
  EXPECT_EQ(TileHashes(narrow, 600).node({.level = 0, .index = 256}).error().code, Errc::not_found);
}

TEST(TileEdge, LoadedFromFullTilesItGoesOnTheSame) {
  for (const std::uint64_t size : {0, 1, 255, 256, 257, 511, 512, 65'535, 65'536, 65'537, 69'999}) {
    TileEdge grown;
    MemoryTiles full;
    for (std::uint64_t i = 0; i < size; ++i) grown.append(example_log().stored[i].hash).value();
    for (auto& tile : grown.take_full()) full.put(tile.id.level, tile.id.index, tile.bytes);

    std::vector<Digest> leaves;
    for (auto i = size - size % 256; i < size; ++i) leaves.push_back(example_log().stored[i].hash);
    auto loaded = TileEdge::load(full, leaves, size);
    ASSERT_TRUE(loaded) << size;
    EXPECT_EQ(loaded->frontier(), grown.frontier());
    EXPECT_EQ(loaded->partial(), grown.partial());
    for (int i = 0; i < 300; ++i) {
      const auto leaf = leaf_hash(FakeLog::entry(static_cast<std::uint64_t>(i), "more"));
      ASSERT_TRUE(grown.append(leaf));
      ASSERT_TRUE(loaded->append(leaf));
    }
    EXPECT_EQ(loaded->root(), grown.root());
    EXPECT_EQ(loaded->take_full(), grown.take_full());
  }
}

TEST(TileEdge, ALogWithoutItsTilesDoesNotLoad) {
  EXPECT_FALSE(TileEdge::load(MemoryTiles(), {}, 256));
  EXPECT_FALSE(TileEdge::load(MemoryTiles(), {}, 1));
  EXPECT_FALSE(TileEdge::load(MemoryTiles(), Proof(2), 1));
  MemoryTiles narrow;
  narrow.put(0, 0, Bytes(32));
  EXPECT_FALSE(TileEdge::load(narrow, {}, 256));
}

TEST(TileEdge, ItServesTheTilesThatAreNotFullYet) {
  const auto& edge = example_log().edge();
  EXPECT_EQ(edge.tile({.level = 0, .index = 273, .width = 112})->size(), 112U * 32);
  EXPECT_EQ(edge.tile({.level = 1, .index = 1, .width = 17})->size(), 17U * 32);
  EXPECT_EQ(edge.tile({.level = 0, .index = 0}).error().code, Errc::not_found);
  EXPECT_EQ(edge.tile({.level = 7, .index = 0}).error().code, Errc::not_found);
}

}  // namespace
}  // namespace writ::audit
