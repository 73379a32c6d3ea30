// SPDX-License-Identifier: Apache-2.0
// Tiles: how a log is stored and served (c2sp.org/tlog-tiles). Tile (level L, index N) holds up to
// 256 hashes of 32 bytes: hash i is the node (8 * L, 256 * N + i) of the tree. A tile only grows,
// and what it once held stays, so a wider tile serves wherever a narrower one is asked for.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "audit/proof.h"
#include "audit/tree.h"
#include "base/bytes.h"
#include "base/error.h"

namespace writ::audit {

inline constexpr unsigned kTileHeight = 8;
inline constexpr unsigned kTileWidth = 256;
inline constexpr std::size_t kMaxEntryBytes = 65535;  // an entry's length is a uint16 in a bundle

struct TileId {
  unsigned level = 0;
  std::uint64_t index = 0;
  unsigned width = kTileWidth;  // 1 to 256
  friend auto operator<=>(const TileId&, const TileId&) = default;
};

struct BundleId {
  std::uint64_t index = 0;
  unsigned width = kTileWidth;  // 1 to 256
  friend auto operator<=>(const BundleId&, const BundleId&) = default;
};

// "tile/0/x001/x234/067", "tile/1/000.p/17"; "tile/entries/x001/234.p/5".
std::string tile_path(const TileId& id);
std::string bundle_path(const BundleId& id);
// The inverse of the above: one spelling each, anything else is invalid_input.
Expected<TileId> parse_tile_path(std::string_view path);
Expected<BundleId> parse_bundle_path(std::string_view path);

// The width of tile (level, index) in a tree of `size` leaves; 0 where there is none.
unsigned tile_width(unsigned level, std::uint64_t index, std::uint64_t size);

// Hashes to tile bytes and back; parse_tile wants exactly 1 to 256 whole hashes.
Bytes build_tile(std::span<const Digest> hashes);
Expected<std::vector<Digest>> parse_tile(BytesView bytes);
// The root over a power of two of adjacent hashes, such as a full tile's 256; it is then one hash
// of the tile above.
Digest complete_root(std::span<const Digest> hashes);

// uint16 big-endian length and bytes of each entry; too_large for an entry over kMaxEntryBytes.
Expected<Bytes> build_bundle(std::span<const Bytes> entries);
Expected<std::vector<Bytes>> parse_bundle(BytesView bytes, unsigned width);

// TileSource: where stored tiles come from. Thread safety is the implementation's.
class TileSource {
 public:
  virtual ~TileSource() = default;
  // The tile's bytes, of this width or wider; not_found where there is none.
  virtual Expected<Bytes> tile(const TileId& id) const = 0;
};

// TileHashes: a HashSource over the tiles of a log of `size` leaves. It keeps the tiles that it has
// read, so that a proof reads each tile once. Not thread-safe: make one for each proof.
class TileHashes final : public HashSource {
 public:
  TileHashes(const TileSource& tiles, std::uint64_t size) : tiles_(tiles), size_(size) {}
  Expected<Digest> node(NodeId id) const override;

 private:
  Expected<const std::vector<Digest>*> read(const TileId& id) const;

  const TileSource& tiles_;
  std::uint64_t size_;
  mutable std::map<TileId, std::vector<Digest>> read_;
};

// The tiles that TileHashes would read for a proof or a root, for a caller that has to fetch them
// first (into MemoryTiles). Empty where the arguments are such that the proof would be refused.
std::vector<TileId> tiles_for_inclusion(std::uint64_t index, std::uint64_t size);
std::vector<TileId> tiles_for_consistency(std::uint64_t old_size, std::uint64_t new_size);

// MemoryTiles: tiles at hand. Not thread-safe while put() runs.
class MemoryTiles final : public TileSource {
 public:
  void put(unsigned level, std::uint64_t index, Bytes bytes);
  Expected<Bytes> tile(const TileId& id) const override;

 private:
  std::map<std::pair<unsigned, std::uint64_t>, Bytes> tiles_;
};

struct StoredTile {
  TileId id;
  Bytes bytes;
  friend bool operator==(const StoredTile&, const StoredTile&) = default;
};

// TileEdge: the right edge of a log: all that is needed to append leaves, to know the root and to
// build the tiles. It is also the source of the partial tiles, so a log needs to store full tiles
// and leaf hashes only. At most 8 KiB a level. Not thread-safe.
//
//   for (...) edge.append(leaf_hash(entry));
//   for (auto& tile : edge.take_full()) store(tile);
//   sign({.origin = origin, .size = edge.size(), .root = edge.root()});
class TileEdge final : public TileSource {
 public:
  TileEdge() = default;

  // For a log of `size` leaves: `tiles` holds those of tiles_to_load(size), `leaves` the leaf
  // hashes from (size - size % 256) on. They are believed: compare root() with the latest
  // checkpoint before appending. invalid_input where they do not make up such a log.
  static Expected<TileEdge> load(const TileSource& tiles, std::span<const Digest> leaves,
                                 std::uint64_t size);
  // Full tiles, at most 255 for each level.
  static std::vector<TileId> tiles_to_load(std::uint64_t size);

  std::uint64_t size() const { return frontier_.size(); }
  Digest root() const { return frontier_.root(); }
  const Frontier& frontier() const { return frontier_; }

  Expected<void> append(const Digest& leaf);  // conflict at kMaxTreeSize

  // The tiles that became full since the last call or load(), lower levels before those above.
  std::vector<StoredTile> take_full();
  // The partial tiles of the log as it is now.
  std::vector<StoredTile> partial() const;
  // One of them, in its present width; not_found for any other tile.
  Expected<Bytes> tile(const TileId& id) const override;

 private:
  Frontier frontier_;
  std::vector<std::vector<Digest>> partial_;  // by level: the hashes of the rightmost tile, < 256
  std::vector<StoredTile> full_;
  std::vector<Node> completed_;  // of one append(), kept for its memory
};

}  // namespace writ::audit
