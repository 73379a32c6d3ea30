// SPDX-License-Identifier: Apache-2.0
// FakeLog: a log in memory whose every stored part a test may change. It keeps full tiles alone
// unless told otherwise, as a store does.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "audit/checkpoint.h"
#include "audit/note.h"
#include "audit/tile.h"
#include "audit/verify.h"

namespace writ::audit {

// The key that all bytes of `seed` give, under `name`.
inline NoteSigner fake_signer(std::string name, std::uint8_t seed = 1) {
  auto key = crypto::Ed25519PrivateKey::from_seed(SecretBytes::copy_of(Bytes(32, seed)));
  return NoteSigner::create(std::move(name), std::move(key).value()).value();
}

inline constexpr std::string_view kFakeOrigin = "log.example/acme";

class FakeLog final : public LogSource {
 public:
  std::vector<StoredLeaf> stored;
  std::map<std::pair<unsigned, std::uint64_t>, Bytes> tiles;
  std::vector<std::string> checkpoints;
  std::optional<std::uint64_t> claimed_size;  // where the store's count and its rows disagree
  std::optional<Error> broken;                // what each read fails with

  static Bytes entry(std::uint64_t index, std::string_view history = "") {
    return to_bytes("entry " + std::to_string(index) + std::string(history));
  }

  void append(Bytes entry) {
    stored.push_back({.entry = entry, .hash = leaf_hash(entry)});
    edge_.append(stored.back().hash).value();
    for (auto& tile : edge_.take_full()) tiles[{tile.id.level, tile.id.index}] = tile.bytes;
  }
  void append_many(std::uint64_t count, std::string_view history = "") {
    for (std::uint64_t i = 0; i < count; ++i) append(entry(stored.size(), history));
  }
  void keep_partial_tiles() {
    for (auto& tile : edge_.partial()) tiles[{tile.id.level, tile.id.index}] = tile.bytes;
  }
  // Signs the tree as it is.
  std::string sign(const NoteSigner& signer) {
    const Checkpoint checkpoint{
        .origin = signer.name(), .size = edge_.size(), .root = edge_.root(), .extensions = {}};
    checkpoints.push_back(SignedCheckpoint::sign(checkpoint, signer).value().note());
    return checkpoints.back();
  }
  const TileEdge& edge() const { return edge_; }

  Expected<std::uint64_t> size() override { return claimed_size.value_or(stored.size()); }
  Expected<std::vector<StoredLeaf>> leaves(std::uint64_t first, std::size_t count) override {
    if (broken) return std::unexpected(*broken);
    std::vector<StoredLeaf> some;
    for (auto i = first; i < stored.size() && some.size() < count; ++i) some.push_back(stored[i]);
    return some;
  }
  Expected<std::optional<std::string>> checkpoint(std::uint64_t number) override {
    if (number >= checkpoints.size()) return std::nullopt;
    return checkpoints[number];
  }
  Expected<Bytes> tile(const TileId& id) const override {
    const auto found = tiles.find({id.level, id.index});
    if (found == tiles.end()) return fail(Errc::not_found, "no such tile", tile_path(id));
    return found->second;
  }

 private:
  TileEdge edge_;
};

}  // namespace writ::audit
