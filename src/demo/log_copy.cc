// SPDX-License-Identifier: Apache-2.0
#include "demo/log_copy.h"

#include <algorithm>

#include "audit/checkpoint.h"
#include "audit/tree.h"
#include "protocol/log.h"

namespace writ::demo {
namespace {

// A bit of an entry's text, so that it stays text.
void change(Bytes& bytes) { bytes[bytes.size() / 2] ^= 1; }

}  // namespace

LogCopy::LogCopy(audit::NoteVerifier key, std::vector<audit::StoredLeaf> leaves,
                 std::vector<std::string> checkpoints)
    : key_(std::move(key)),
      size_(leaves.size()),
      leaves_(std::move(leaves)),
      checkpoints_(std::move(checkpoints)) {
  build_tiles();
}

Expected<LogCopy> LogCopy::fetch(Person& auditor) {
  WRIT_TRY(const auto log, message_of<protocol::LogView>(auditor.get("/v1/log")));
  WRIT_TRY(auto key, audit::NoteVerifier::parse(log.key));
  std::vector<audit::StoredLeaf> leaves;
  while (leaves.size() < log.size) {
    WRIT_TRY(const auto some, message_of<protocol::LogLeaves>(auditor.get(
                                  "/v1/log/leaves?from=" + std::to_string(leaves.size()) +
                                  "&count=" + std::to_string(protocol::kMaxLeaves))));
    if (some.leaves.empty()) break;
    for (const auto& leaf : some.leaves) {
      if (leaves.size() == log.size) break;
      leaves.push_back({.entry = to_bytes(leaf.entry), .hash = leaf.leaf});
    }
  }
  std::vector<std::string> checkpoints;
  for (std::uint64_t number = 0;; ++number) {
    WRIT_TRY(const auto note, auditor.get("/v1/log/checkpoints/" + std::to_string(number)));
    if (!note.ok()) break;
    WRIT_TRY(const auto opened, audit::SignedCheckpoint::open(note.body, key));
    if (opened.size() > leaves.size()) break;  // signed since the leaves were read
    checkpoints.push_back(note.body);
  }
  LogCopy copy(std::move(key), std::move(leaves), std::move(checkpoints));
  // What the server stores takes the place of what its leaves say.
  for (auto& [id, bytes] : copy.tiles_) {
    WRIT_TRY(const auto answer, auditor.get("/v1/log/tiles/" + std::to_string(id.first) + "/" +
                                            std::to_string(id.second)));
    if (answer.ok() && answer.body.size() == bytes.size()) bytes = to_bytes(answer.body);
  }
  return copy;
}

void LogCopy::build_tiles() {
  tiles_.clear();
  audit::TileEdge edge;
  for (const auto& leaf : leaves_) (void)edge.append(leaf.hash);
  for (auto& tile : edge.take_full()) tiles_[{tile.id.level, tile.id.index}] = tile.bytes;
  for (auto& tile : edge.partial()) tiles_[{tile.id.level, tile.id.index}] = tile.bytes;
}

Expected<audit::VerifyReport> LogCopy::verify(std::vector<std::string> saved_checkpoints) const {
  auto copy = *this;
  return audit::verify_log(copy, key_,
                           {.saved_checkpoints = std::move(saved_checkpoints), .max_problems = 16});
}

void LogCopy::change_leaf(std::uint64_t index) { change(leaves_.at(index).entry); }

void LogCopy::change_node() {
  if (!tiles_.empty()) tiles_.begin()->second.front() ^= 1;
}

void LogCopy::change_checkpoint() {
  auto& note = checkpoints_.back();
  // The second line is the size.
  if (const auto line = note.find('\n'); line != std::string::npos) note.insert(line + 1, "1");
}

void LogCopy::cut_tail(std::size_t leaves) {
  leaves_.resize(leaves_.size() - std::min(leaves, leaves_.size()));
  size_ = leaves_.size();
  build_tiles();
}

void LogCopy::sign_anew(const audit::NoteSigner& signer) {
  key_ = signer.verifier();
  audit::Frontier tree;
  for (auto& leaf : leaves_) {
    leaf.hash = audit::leaf_hash(leaf.entry);
    (void)tree.append(leaf.hash);
  }
  build_tiles();
  checkpoints_.clear();
  const auto made = audit::SignedCheckpoint::sign(
      {.origin = signer.name(), .size = tree.size(), .root = tree.root(), .extensions = {}},
      signer);
  if (made) checkpoints_.push_back(made->note());
}

void LogCopy::rewrite(std::uint64_t index, const audit::NoteSigner& signer) {
  change_leaf(index);
  sign_anew(signer);
}

Expected<std::vector<audit::StoredLeaf>> LogCopy::leaves(std::uint64_t first, std::size_t count) {
  std::vector<audit::StoredLeaf> some;
  for (auto i = first; i < leaves_.size() && some.size() < count; ++i) some.push_back(leaves_[i]);
  return some;
}

Expected<std::optional<std::string>> LogCopy::checkpoint(std::uint64_t number) {
  if (number >= checkpoints_.size()) return std::nullopt;
  return checkpoints_[number];
}

Expected<Bytes> LogCopy::tile(const audit::TileId& id) const {
  const auto found = tiles_.find({id.level, id.index});
  if (found == tiles_.end()) return fail(Errc::not_found, "no such tile", audit::tile_path(id));
  return found->second;
}

}  // namespace writ::demo
