// SPDX-License-Identifier: Apache-2.0
// Tiles: how a log is stored and served (c2sp.org/tlog-tiles). Tile (level L, index N) holds up to
// 256 hashes of 32 bytes: hash i is the node (8 * L, 256 * N + i) of the tree. A tile only grows,
// and what it once held stays, so a wider tile serves wherever a narrower one is asked for.
#pragma once

#include <cstdint>
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
// The root over the hashes of a full tile, which is one hash of the tile above. 256 hashes.
Digest full_tile_root(std::span<const Digest> hashes);

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

// TileHashes: a HashSource over the tiles of a log of `size` leaves. Keeps the tiles it has read,
// at most one for each level and side of a proof, so a proof reads each tile once. Not
// thread-safe: make one for each proof.
class TileHashes final : public HashSource {
 public:
  TileHashes(const TileSource& tiles, std::uint64_t size) : tiles_(tiles), size_(size) {}
  Expected<Digest> node(NodeId id) const override;

 private:
  Expected<const std::vector<Digest>*> read(unsigned level, std::uint64_t index) const;

  const TileSource& tiles_;
  std::uint64_t size_;
  mutable std::vector<std::pair<TileId, std::vector<Digest>>> read_;
};

struct StoredTile {
  TileId id;
  Bytes bytes;
  friend bool operator==(const StoredTile&, const StoredTile&) = default;
};

// TileEdge: the right edge of a log as tiles, which is all that is needed to append leaves and to
// write the tiles that they change. At most 8 KiB a level. Not thread-safe.
//
//   TileEdge edge = *TileEdge::load(tiles, size);
//   for (...) edge.append(leaf_hash(entry));
//   for (const auto& tile : edge.take_changed()) store(tile);   // each replaces the narrower one
//   checkpoint.root = edge.root();
class TileEdge {
 public:
  TileEdge() = default;
  // From the partial tiles of a log of `size` leaves. They are believed: compare root() with the
  // latest checkpoint before appending.
  static Expected<TileEdge> load(const TileSource& tiles, std::uint64_t size);

  std::uint64_t size() const { return size_; }
  Digest root() const;

  Expected<void> append(const Digest& leaf);  // conflict at kMaxTreeSize
  // The tiles new or widened since the last call (or load), each once in its present width, in the
  // order in which they were completed.
  std::vector<StoredTile> take_changed();

 private:
  void add(unsigned level, const Digest& hash);

  std::uint64_t size_ = 0;
  std::vector<std::vector<Digest>> partial_;  // by level: the hashes of the rightmost tile, < 256
  std::vector<unsigned> taken_;               // by level: how many of them were handed out
  std::vector<StoredTile> full_;              // completed since the last take_changed()
};

}  // namespace writ::audit
