// SPDX-License-Identifier: Apache-2.0
#include "broker/receipts.h"

namespace writ::broker {
namespace {

using audit::Kind;

constexpr std::size_t kMaxOfAction = 64;

bool is_of(Kind kind, Receipted which) {
  switch (kind) {
    case Kind::action_intent:
    case Kind::action_refused:
      return which == Receipted::intent;
    case Kind::action_done:
    case Kind::action_failed:
    case Kind::action_unknown:
    case Kind::action_resolved:
    case Kind::recovery_unknown:
      return which == Receipted::outcome;
    default:
      return false;
  }
}

// The tile as far as it goes in the tree of `head`.
Task<Expected<std::optional<Bytes>>> widest(LiveWorkspace& workspace, const SignedHead& head,
                                            unsigned level, std::uint64_t index) {
  for (const auto& tile : head.partial) {
    if (tile.id.level == level && tile.id.index == index) co_return std::optional(tile.bytes);
  }
  if (audit::tile_width(level, index, head.size) != audit::kTileWidth)
    co_return std::optional<Bytes>();
  co_return co_await workspace.store().tile(level, index);
}

// Salt and statement, where both are still there and not too long to be handed on.
Expected<std::optional<audit::Opening>> opening(const LiveWorkspace& workspace,
                                                const LogEntry& entry) {
  const auto commitment = entry.entry.commitment(kArguments);
  if (!commitment || entry.row.sealed.empty()) return std::optional<audit::Opening>();
  WRIT_TRY(auto opened, open_salted_payload(workspace.data_key(), workspace.id(),
                                            entry.entry.subjects().action.to_string(), kArguments,
                                            entry.row.sealed, *commitment));
  if (opened.text.size() > audit::kMaxReceiptStatement) return std::optional<audit::Opening>();
  return std::optional(audit::Opening{.salt = opened.salt, .statement = std::move(opened.text)});
}

}  // namespace

Task<Expected<std::optional<Bytes>>> read_tile(LiveWorkspace& workspace, const SignedHead& head,
                                               audit::TileId id) {
  if (audit::tile_width(id.level, id.index, head.size) < id.width) co_return std::optional<Bytes>();
  WRIT_CO_TRY(auto bytes, co_await widest(workspace, head, id.level, id.index));
  const auto wanted = std::size_t{id.width} * sizeof(Digest);
  if (!bytes || bytes->size() < wanted) co_return std::optional<Bytes>();
  // What a tile once held stays, so its beginning is the narrower tile.
  bytes->resize(wanted);
  co_return bytes;
}

Task<Expected<audit::Receipt>> receipt(LiveWorkspace& workspace, const SignedHead& head,
                                       ActionId action, Receipted which) {
  WRIT_CO_TRY(const auto entries,
              co_await entries_about(workspace, action.to_string(), kMaxOfAction));
  const LogEntry* wanted = nullptr;
  for (const auto& each : entries) {
    if (is_of(each.entry.kind(), which)) wanted = &each;
  }
  if (wanted == nullptr) {
    co_return fail(Errc::not_found, which == Receipted::intent
                                        ? "there is no action " + action.to_string()
                                        : "no outcome of this action is recorded");
  }
  const auto index = wanted->row.index;
  if (index >= head.size) {
    co_return fail(Errc::unavailable, "the last checkpoint does not cover this entry yet", {},
                   "the log is signed every second or so: ask again then");
  }
  WRIT_CO_TRY(const auto verifier, audit::NoteVerifier::parse(head.key));
  WRIT_CO_TRY(const auto checkpoint, audit::SignedCheckpoint::open(head.checkpoint, verifier));
  audit::MemoryTiles tiles;
  for (const auto& id : audit::tiles_for_inclusion(index, head.size)) {
    WRIT_CO_TRY(auto bytes, co_await widest(workspace, head, id.level, id.index));
    if (bytes) tiles.put(id.level, id.index, std::move(*bytes));
  }
  const audit::TileHashes hashes(tiles, head.size);
  WRIT_CO_TRY(auto proof, audit::prove_inclusion(hashes, index, head.size));
  WRIT_CO_TRY(auto opened, opening(workspace, *wanted));
  co_return audit::Receipt::issue(wanted->entry, index, std::move(proof), checkpoint,
                                  std::move(opened));
}

}  // namespace writ::broker
