// SPDX-License-Identifier: Apache-2.0
// The MACs of the store's rows (vault/row_keys.h), each over all that its row says. The names of
// the tables and the order of the fields last: another order is another MAC.
//
//   record      kind, id, revision, value
//   log         index, entry, leaf, proof, proof_expires, sealed
//   subject     subject, index
//   once        digest, expires
//   checkpoint  size, note
//   tile        level, position, hashes
//
// Records and log rows keep their tag and are checked at each read. The rows of all six are in one
// of their workspace's two tallies. The row `state` has a MAC over each:
//
//   records     tally of records and once, replay_floor, forgotten (0 but for the server's own)
//   log         tally of log, subject, checkpoint and tile, the number of entries
#pragma once

#include <optional>

#include "broker/store.h"
#include "vault/row_keys.h"

namespace writ::store {

using vault::same;

inline vault::RowMac record_mac(const vault::RowKey& key, broker::RecordKind kind,
                                std::string_view id, std::uint64_t revision,
                                std::string_view value) {
  return key.mac("record", {broker::name(kind), id, revision, value});
}
// `proof` is empty where the entry has none; then `expires` is 0.
inline vault::RowMac log_mac(const vault::RowKey& key, std::uint64_t index, std::string_view entry,
                             BytesView leaf, BytesView proof, std::int64_t expires,
                             BytesView sealed) {
  return key.mac("log", {index, entry, leaf, proof, static_cast<std::uint64_t>(expires), sealed});
}
inline vault::Tally subject_weight(const vault::RowKey& key, std::string_view subject,
                                   std::uint64_t index) {
  return key.mac("subject", {subject, index}).weight;
}
inline vault::Tally once_weight(const vault::RowKey& key, BytesView digest, std::int64_t expires) {
  return key.mac("once", {digest, static_cast<std::uint64_t>(expires)}).weight;
}
inline vault::Tally checkpoint_weight(const vault::RowKey& key, std::uint64_t size,
                                      std::string_view note) {
  return key.mac("checkpoint", {size, note}).weight;
}
inline vault::Tally tile_weight(const vault::RowKey& key, std::uint64_t level,
                                std::uint64_t position, BytesView hashes) {
  return key.mac("tile", {level, position, hashes}).weight;
}

// What the state row speaks of.
struct RecordsState {
  vault::Tally tally;
  std::uint64_t replay_floor = 0;
  std::int64_t forgotten = 0;
  friend bool operator==(const RecordsState&, const RecordsState&) = default;
};
struct LogState {
  vault::Tally tally;
  std::uint64_t size = 0;
  friend bool operator==(const LogState&, const LogState&) = default;
};
inline vault::RowTag state_mac(const vault::RowKey& key, const RecordsState& state) {
  return key.mac("state records", state.tally,
                 {state.replay_floor, static_cast<std::uint64_t>(state.forgotten)});
}
inline vault::RowTag state_mac(const vault::RowKey& key, const LogState& state) {
  return key.mac("state log", state.tally, {state.size});
}

}  // namespace writ::store
