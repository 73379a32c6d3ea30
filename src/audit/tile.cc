// SPDX-License-Identifier: Apache-2.0
#include "audit/tile.h"

#include <algorithm>
#include <bit>
#include <charconv>
#include <set>
#include <utility>

namespace writ::audit {
namespace {

constexpr std::size_t kHashBytes = sizeof(Digest);
// Above this level a log of kMaxTreeSize leaves has no complete hash.
constexpr unsigned kMaxTileLevel = 6;

// Hashes of tile level `level` in a tree of `size` leaves.
std::uint64_t hashes_at(unsigned level, std::uint64_t size) {
  return level > kMaxTileLevel ? 0 : size >> (kTileHeight * level);
}

std::string three_digits(std::uint64_t n) {
  auto text = std::to_string(n);
  text.insert(0, 3 - text.size(), '0');
  return text;
}

// "x001/x234/067", then ".p/5" for a partial tile.
std::string index_path(std::uint64_t index, unsigned width) {
  auto path = three_digits(index % 1000);
  for (index /= 1000; index != 0; index /= 1000)
    path = "x" + three_digits(index % 1000) + "/" + path;
  if (width != kTileWidth) path += ".p/" + std::to_string(width);
  return path;
}

// A decimal number without sign or leading zeros that fits.
bool read_number(std::string_view text, unsigned& number) {
  if (text.empty() || (text.size() > 1 && text.front() == '0')) return false;
  const auto* end = text.data() + text.size();
  const auto result = std::from_chars(text.data(), end, number);
  return result.ec == std::errc() && result.ptr == end;
}

std::unexpected<Error> not_a_path() {
  return fail(Errc::invalid_input, "not the path of a tile or bundle", "path");
}

Expected<BundleId> parse_index_path(std::string_view path) {
  BundleId id;
  if (const auto dot = path.find(".p/"); dot != std::string_view::npos) {
    if (!read_number(path.substr(dot + 3), id.width) || id.width == 0 || id.width >= kTileWidth)
      return not_a_path();
    path = path.substr(0, dot);
  }
  for (bool first = true;; first = false) {
    const bool more = path.starts_with('x');
    const auto digits = path.substr(more ? 1 : 0, 3);
    if (digits.size() != 3 || id.index > kMaxTreeSize / 1000) return not_a_path();
    std::uint64_t part = 0;
    for (const char c : digits) {
      if (c < '0' || c > '9') return not_a_path();
      part = part * 10 + static_cast<std::uint64_t>(c - '0');
    }
    // The first of several elements is not x000: that would be a second spelling.
    if (first && more && part == 0) return not_a_path();
    id.index = id.index * 1000 + part;
    path.remove_prefix(more ? 4 : 3);
    if (!more) break;
    if (!path.starts_with('/')) return not_a_path();
    path.remove_prefix(1);
  }
  if (!path.empty()) return not_a_path();
  return id;
}

// Writes down which nodes are asked for; the hashes that it gives are of no use.
class NeededTiles final : public HashSource {
 public:
  explicit NeededTiles(std::uint64_t size) : size_(size) {}

  Expected<Digest> node(NodeId id) const override {
    const auto tile = tile_of(id);
    needed_.insert({.level = tile.level,
                    .index = tile.index,
                    .width = tile_width(tile.level, tile.index, size_)});
    return Digest{};
  }

  std::vector<TileId> take() const { return {needed_.begin(), needed_.end()}; }

  static TileId tile_of(NodeId id) {
    return {.level = id.level / kTileHeight,
            .index = (id.index << (id.level % kTileHeight)) / kTileWidth};
  }

 private:
  std::uint64_t size_;
  mutable std::set<TileId> needed_;
};

}  // namespace

std::string tile_path(const TileId& id) {
  return "tile/" + std::to_string(id.level) + "/" + index_path(id.index, id.width);
}

std::string bundle_path(const BundleId& id) {
  return "tile/entries/" + index_path(id.index, id.width);
}

Expected<TileId> parse_tile_path(std::string_view path) {
  constexpr std::string_view kPrefix = "tile/";
  if (!path.starts_with(kPrefix)) return not_a_path();
  path.remove_prefix(kPrefix.size());
  const auto slash = path.find('/');
  TileId id;
  if (slash == std::string_view::npos || !read_number(path.substr(0, slash), id.level) ||
      id.level > 63)
    return not_a_path();
  WRIT_TRY(const auto index, parse_index_path(path.substr(slash + 1)));
  id.index = index.index;
  id.width = index.width;
  return id;
}

Expected<BundleId> parse_bundle_path(std::string_view path) {
  constexpr std::string_view kPrefix = "tile/entries/";
  if (!path.starts_with(kPrefix)) return not_a_path();
  return parse_index_path(path.substr(kPrefix.size()));
}

unsigned tile_width(unsigned level, std::uint64_t index, std::uint64_t size) {
  const auto hashes = hashes_at(level, size);
  if (index > hashes / kTileWidth) return 0;
  return static_cast<unsigned>(std::min<std::uint64_t>(hashes - index * kTileWidth, kTileWidth));
}

Bytes build_tile(std::span<const Digest> hashes) {
  Bytes bytes;
  bytes.reserve(hashes.size() * kHashBytes);
  for (const auto& hash : hashes) bytes.insert(bytes.end(), hash.begin(), hash.end());
  return bytes;
}

Expected<std::vector<Digest>> parse_tile(BytesView bytes) {
  if (bytes.empty() || bytes.size() > kTileWidth * kHashBytes || bytes.size() % kHashBytes != 0)
    return fail(Errc::invalid_input, "not 1 to 256 hashes of 32 bytes", "tile");
  std::vector<Digest> hashes(bytes.size() / kHashBytes);
  for (std::size_t i = 0; i < hashes.size(); ++i)
    std::ranges::copy(bytes.subspan(i * kHashBytes, kHashBytes), hashes[i].begin());
  return hashes;
}

Digest complete_root(std::span<const Digest> hashes) {
  if (hashes.size() == 1) return hashes.front();
  const auto half = hashes.size() / 2;
  return node_hash(complete_root(hashes.first(half)), complete_root(hashes.subspan(half)));
}

Expected<Bytes> build_bundle(std::span<const Bytes> entries) {
  Bytes bytes;
  for (const auto& entry : entries) {
    if (entry.size() > kMaxEntryBytes)
      return fail(Errc::too_large, "an entry is over 65535 bytes", "bundle");
    bytes.push_back(static_cast<std::uint8_t>(entry.size() >> 8));
    bytes.push_back(static_cast<std::uint8_t>(entry.size() & 0xff));
    bytes.insert(bytes.end(), entry.begin(), entry.end());
  }
  return bytes;
}

Expected<std::vector<Bytes>> parse_bundle(BytesView bytes, unsigned width) {
  if (width == 0 || width > kTileWidth)
    return fail(Errc::invalid_input, "a bundle holds 1 to 256 entries", "bundle");
  std::vector<Bytes> entries;
  while (entries.size() < width) {
    if (bytes.size() < 2) return fail(Errc::invalid_input, "an entry is missing", "bundle");
    const std::size_t size = static_cast<std::size_t>(bytes[0]) << 8 | bytes[1];
    bytes = bytes.subspan(2);
    if (bytes.size() < size) return fail(Errc::invalid_input, "an entry is cut", "bundle");
    entries.push_back(to_bytes(bytes.first(size)));
    bytes = bytes.subspan(size);
  }
  if (!bytes.empty()) return fail(Errc::invalid_input, "more than the entries", "bundle");
  return entries;
}

Expected<Digest> TileHashes::node(NodeId id) const {
  if (id.level > 52 || id.index > kMaxTreeSize >> id.level || (id.index + 1) << id.level > size_)
    return fail(Errc::invalid_input, "the node is not in a tree of this size", "node");
  const auto tile = NeededTiles::tile_of(id);
  WRIT_TRY(const auto* hashes, read({.level = tile.level,
                                     .index = tile.index,
                                     .width = tile_width(tile.level, tile.index, size_)}));
  const auto inner = id.level % kTileHeight;
  return complete_root(
      std::span(*hashes).subspan((id.index << inner) % kTileWidth, std::size_t{1} << inner));
}

Expected<const std::vector<Digest>*> TileHashes::read(const TileId& id) const {
  if (const auto found = read_.find(id); found != read_.end()) return &found->second;
  WRIT_TRY(const auto bytes, tiles_.tile(id));
  WRIT_TRY(auto hashes, parse_tile(bytes));
  if (hashes.size() < id.width)
    return fail(Errc::invalid_input, "the stored tile is narrower than the log", tile_path(id));
  return &read_.emplace(id, std::move(hashes)).first->second;
}

std::vector<TileId> tiles_for_inclusion(std::uint64_t index, std::uint64_t size) {
  const NeededTiles needed(size);
  if (!prove_inclusion(needed, index, size)) return {};
  return needed.take();
}

std::vector<TileId> tiles_for_consistency(std::uint64_t old_size, std::uint64_t new_size) {
  const NeededTiles needed(new_size);
  if (!prove_consistency(needed, old_size, new_size)) return {};
  return needed.take();
}

void MemoryTiles::put(unsigned level, std::uint64_t index, Bytes bytes) {
  tiles_.insert_or_assign({level, index}, std::move(bytes));
}

Expected<Bytes> MemoryTiles::tile(const TileId& id) const {
  const auto found = tiles_.find({id.level, id.index});
  if (found == tiles_.end()) return fail(Errc::not_found, "no such tile", tile_path(id));
  return found->second;
}

std::vector<TileId> TileEdge::tiles_to_load(std::uint64_t size) {
  std::vector<TileId> tiles;
  for (unsigned level = 0; hashes_at(level + 1, size) != 0; ++level) {
    const auto full = hashes_at(level + 1, size);
    for (auto index = full - full % kTileWidth; index < full; ++index)
      tiles.push_back({.level = level, .index = index});
  }
  return tiles;
}

Expected<TileEdge> TileEdge::load(const TileSource& tiles, std::span<const Digest> leaves,
                                  std::uint64_t size) {
  if (leaves.size() != size % kTileWidth)
    return fail(Errc::invalid_input, "the leaves are not those of the last tile", "leaves");
  TileEdge edge;
  if (size != 0) edge.partial_.emplace_back(leaves.begin(), leaves.end());
  for (const auto& id : tiles_to_load(size)) {
    WRIT_TRY(const auto bytes, tiles.tile(id));
    WRIT_TRY(const auto hashes, parse_tile(bytes));
    if (hashes.size() != kTileWidth)
      return fail(Errc::invalid_input, "the stored tile is narrower than the log", tile_path(id));
    edge.partial_.resize(std::max<std::size_t>(edge.partial_.size(), id.level + 2));
    edge.partial_[id.level + 1].push_back(complete_root(hashes));
  }

  // The widths in binary are the bits of the size, so their runs are the frontier's subtrees.
  std::vector<Digest> nodes;
  for (auto level = edge.partial_.rbegin(); level != edge.partial_.rend(); ++level) {
    std::span<const Digest> rest(*level);
    while (!rest.empty()) {
      const auto run = std::bit_floor(rest.size());
      nodes.push_back(complete_root(rest.first(run)));
      rest = rest.subspan(run);
    }
  }
  WRIT_TRY(edge.frontier_, Frontier::create(size, std::move(nodes)));
  return edge;
}

Expected<void> TileEdge::append(const Digest& leaf) {
  completed_.clear();
  WRIT_TRY_VOID(frontier_.append(leaf, &completed_));
  for (const auto& node : completed_) {
    if (node.id.level % kTileHeight != 0) continue;
    const auto level = node.id.level / kTileHeight;
    partial_.resize(std::max<std::size_t>(partial_.size(), level + 1));
    auto& hashes = partial_[level];
    hashes.push_back(node.hash);
    if (hashes.size() < kTileWidth) continue;
    full_.push_back(
        {.id = {.level = level, .index = node.id.index / kTileWidth}, .bytes = build_tile(hashes)});
    hashes.clear();
  }
  return {};
}

std::vector<StoredTile> TileEdge::take_full() { return std::exchange(full_, {}); }

std::vector<StoredTile> TileEdge::partial() const {
  std::vector<StoredTile> tiles;
  for (unsigned level = 0; level < partial_.size(); ++level) {
    const auto& hashes = partial_[level];
    if (hashes.empty()) continue;
    tiles.push_back({.id = {.level = level,
                            .index = hashes_at(level, size()) / kTileWidth,
                            .width = static_cast<unsigned>(hashes.size())},
                     .bytes = build_tile(hashes)});
  }
  return tiles;
}

Expected<Bytes> TileEdge::tile(const TileId& id) const {
  if (id.level >= partial_.size() || partial_[id.level].empty() ||
      id.index != hashes_at(id.level, size()) / kTileWidth)
    return fail(Errc::not_found, "not a tile at the log's edge", tile_path(id));
  return build_tile(partial_[id.level]);
}

}  // namespace writ::audit
