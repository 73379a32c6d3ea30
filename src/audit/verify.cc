// SPDX-License-Identifier: Apache-2.0
#include "audit/verify.h"

#include <algorithm>
#include <utility>

#include "audit/checkpoint.h"
#include "base/encoding.h"

namespace writ::audit {
namespace {

std::string not_ours(const Error& error) {
  return "it is not a checkpoint of this log by the pinned key: " + error.message;
}

std::string leaves_in_words(std::uint64_t begin, std::uint64_t end) {
  if (end - begin == 1) return "leaf " + std::to_string(begin);
  return "leaves " + std::to_string(begin) + " to " + std::to_string(end - 1);
}

std::string node_place(unsigned level, std::uint64_t index, const TileId& tile) {
  return "node (" + std::to_string(level) + ", " + std::to_string(index) + ") in " +
         tile_path(tile);
}

std::vector<Digest> hashes_of(const StoredTile& tile) {
  return parse_tile(tile.bytes).value_or(std::vector<Digest>());
}

}  // namespace

std::string_view name(ProblemKind kind) {
  switch (kind) {
    case ProblemKind::missing_leaf:
      return "missing_leaf";
    case ProblemKind::changed_leaf:
      return "changed_leaf";
    case ProblemKind::missing_tile:
      return "missing_tile";
    case ProblemKind::changed_node:
      return "changed_node";
    case ProblemKind::bad_checkpoint:
      return "bad_checkpoint";
    case ProblemKind::wrong_root:
      return "wrong_root";
    case ProblemKind::shrunk:
      return "shrunk";
    case ProblemKind::forked:
      return "forked";
    case ProblemKind::cut_tail:
      return "cut_tail";
    case ProblemKind::bad_saved:
      return "bad_saved";
    case ProblemKind::saved_contradicted:
      return "saved_contradicted";
    case ProblemKind::unsigned_log:
      return "unsigned_log";
    case ProblemKind::withdrawn:
      return "withdrawn";
    case ProblemKind::unsound_entry:
      return "unsound_entry";
  }
  std::unreachable();
}

JsonObject VerifyReport::to_json() const {
  const auto text = [](std::string_view value) {
    return boost::json::string(value.data(), value.size());
  };
  JsonArray list;
  for (const auto& problem : problems) {
    JsonObject item;
    item["kind"] = text(name(problem.kind));
    item["level"] = problem.level;
    item["index"] = problem.index;
    item["place"] = problem.place;
    item["what"] = problem.what;
    list.push_back(std::move(item));
  }
  JsonObject object;
  object["ok"] = ok;
  object["size"] = size;
  object["covered"] = covered;
  object["checkpoints"] = checkpoints;
  object["root"] = base64_encode(root);
  object["problems"] = std::move(list);
  return object;
}

LogVerifier::LogVerifier(NoteVerifier key, std::uint64_t size, VerifyOptions options)
    : key_(std::move(key)),
      size_(size),
      max_problems_(std::max<std::size_t>(1, options.max_problems)),
      inspect_(std::move(options.inspect)) {
  for (std::size_t i = 0; i < options.saved_checkpoints.size(); ++i) {
    auto place = "saved checkpoint " + std::to_string(i);
    const auto opened = SignedCheckpoint::open(options.saved_checkpoints[i], key_);
    if (opened)
      saved_.push_back(
          {.place = std::move(place), .number = i, .size = opened->size(), .root = opened->root()});
    else
      found(0, ProblemKind::bad_saved, i, std::move(place), not_ours(opened.error()));
  }
  std::ranges::sort(saved_, {}, [](const Waiting& w) { return std::pair(w.size, w.number); });
  if (!saved_.empty()) largest_saved_ = saved_.back();
  reached();
}

std::uint64_t LogVerifier::batch_end() const {
  const auto at = recomputed_.size();
  return std::min<std::uint64_t>(size_, at - at % kTileWidth + kTileWidth);
}

std::optional<LogVerifier::Want> LogVerifier::next() {
  if (!tiles_.empty()) return tiles_.front().id;
  // Checkpoints are read ahead of the leaves that they cover, so that each root is compared when
  // the tree has its size.
  if (!checkpoints_end_ && (!reading_leaves() || !latest_ || latest_->size < batch_end()))
    return CheckpointNumber{checkpoints_};
  if (reading_leaves())
    return Leaves{.first = recomputed_.size(),
                  .count = static_cast<std::size_t>(batch_end() - recomputed_.size())};
  if (!edge_queued_) {
    edge_queued_ = true;
    queue_tiles(recomputed_.partial(),
                as_stored_ ? as_stored_->partial() : std::vector<StoredTile>());
    if (!tiles_.empty()) return tiles_.front().id;
  }
  if (!concluded_) conclude();
  return std::nullopt;
}

void LogVerifier::give_leaves(std::vector<StoredLeaf> leaves) {
  const auto end = batch_end();
  for (const auto& leaf : leaves) {
    const auto index = recomputed_.size();
    if (index == end) break;
    const auto hash = leaf_hash(leaf.entry);
    if (hash != leaf.hash) {
      found(index + 1, ProblemKind::changed_leaf, index, "leaf " + std::to_string(index),
            "the entry's bytes and its stored hash differ: one of them was changed after it was "
            "recorded");
      if (!as_stored_) as_stored_ = recomputed_;
    }
    if (auto unsound = inspect_ ? inspect_(leaf.entry) : std::nullopt) {
      found(index + 1, ProblemKind::unsound_entry, index, "leaf " + std::to_string(index),
            std::move(*unsound));
    }
    const bool both = recomputed_.append(hash) && (!as_stored_ || as_stored_->append(leaf.hash));
    if (!both) break;  // more leaves than a log can have: the rest counts as missing
    reached();
  }
  if (const auto index = recomputed_.size(); index < end) {
    hole_ = true;
    found(index + 1, ProblemKind::missing_leaf, index, "leaf " + std::to_string(index),
          "it is missing, and the log has " + std::to_string(size_) +
              " leaves: nothing after it can be checked");
  }
  queue_tiles(recomputed_.take_full(),
              as_stored_ ? as_stored_->take_full() : std::vector<StoredTile>());
}

void LogVerifier::queue_tiles(std::vector<StoredTile> tiles, std::vector<StoredTile> as_stored) {
  for (std::size_t i = 0; i < tiles.size(); ++i)
    tiles_.push_back(
        {.id = tiles[i].id,
         .hashes = hashes_of(tiles[i]),
         .as_stored = as_stored.empty() ? std::vector<Digest>() : hashes_of(as_stored[i])});
}

void LogVerifier::give_tile(std::optional<Bytes> bytes) {
  if (tiles_.empty()) return;
  const auto tile = std::move(tiles_.front());
  tiles_.pop_front();
  const auto level = tile.id.level * kTileHeight;
  const auto first = tile.id.index * kTileWidth;
  const auto bad = [&](ProblemKind kind, std::uint64_t index, std::string what) {
    found((index + 1) << level, kind, index, node_place(level, index, tile.id), std::move(what),
          level);
  };
  if (!bytes) {
    // Full tiles are stored with the checkpoint that first covers them.
    if (tile.id.width == kTileWidth && latest_ && latest_->size >= (first + kTileWidth) << level)
      bad(ProblemKind::missing_tile, first, "the tile is missing, and a checkpoint covers it");
    return;
  }
  const auto stored = parse_tile(*bytes);
  if (!stored) return bad(ProblemKind::changed_node, first, "the stored bytes are not a tile");
  const auto both = std::min(stored->size(), tile.hashes.size());
  for (std::size_t i = 0; i < both; ++i) {
    const auto& hash = (*stored)[i];
    if (hash == tile.hashes[i] || (!tile.as_stored.empty() && hash == tile.as_stored[i])) continue;
    return bad(ProblemKind::changed_node, first + i,
               "the stored hash is not that of " +
                   leaves_in_words((first + i) << level, (first + i + 1) << level) +
                   " as recorded");
  }
  if (stored->size() > tile.hashes.size() && !hole_)
    return bad(ProblemKind::changed_node, first + both,
               "the stored tile goes on past the end of the log");
  if (tile.id.width == kTileWidth && both < kTileWidth)
    bad(ProblemKind::changed_node, first + both, "the stored tile ends before it is full");
}

void LogVerifier::give_checkpoint(std::optional<std::string> note) {
  if (!note) {
    checkpoints_end_ = true;
    return;
  }
  const auto number = checkpoints_++;
  auto place = "checkpoint " + std::to_string(number);
  const auto previous = latest_ ? latest_->size : 0;
  const auto opened = SignedCheckpoint::open(*note, key_);
  if (!opened)
    return found(previous, ProblemKind::bad_checkpoint, number, std::move(place),
                 not_ours(opened.error()));
  const auto size = opened->size();
  if (size < previous)
    return found(previous, ProblemKind::shrunk, number, std::move(place),
                 "it is of " + std::to_string(size) + " leaves, the one before it of " +
                     std::to_string(previous));
  if (latest_ && size == previous) {
    if (opened->root() != latest_->root)
      found(previous, ProblemKind::forked, number, std::move(place),
            "it gives another root than " + latest_->place + " for the same " +
                std::to_string(size) + " leaves");
    return;
  }
  latest_ = {.place = std::move(place), .number = number, .size = size, .root = opened->root()};
  // Past a hole nothing can be compared.
  if (hole_ && size > recomputed_.size()) return;
  waiting_.push_back(*latest_);
  reached();
}

bool LogVerifier::is_root(const Digest& root) const {
  return root == recomputed_.root() || (as_stored_ && root == as_stored_->root());
}

// Compares what speaks of the tree as it now is.
void LogVerifier::reached() {
  const auto at = recomputed_.size();
  while (!waiting_.empty() && waiting_.front().size <= at) {
    const auto checkpoint = std::move(waiting_.front());
    waiting_.pop_front();
    if (is_root(checkpoint.root)) {
      covered_ = at;
      continue;
    }
    found(at, ProblemKind::wrong_root, checkpoint.number, checkpoint.place,
          "its root is not that of the " + std::to_string(at) + " leaves recorded" +
              (covered_ < at && covered_ != 0
                   ? ": what differs lies in " + leaves_in_words(covered_, at)
                   : std::string()));
  }
  while (!saved_.empty() && saved_.front().size <= at) {
    const auto checkpoint = std::move(saved_.front());
    saved_.pop_front();
    if (is_root(checkpoint.root)) continue;
    found(at, ProblemKind::saved_contradicted, checkpoint.number, checkpoint.place,
          "the first " + std::to_string(at) +
              " leaves are not those that were signed then: history was rewritten");
  }
  // Those that are ahead are compared later, or speak of leaves that the log does not have.
  for (auto* ahead : {&waiting_, &saved_})
    while (!ahead->empty() && ahead->back().size > size_) {
      covers(ahead->back());
      ahead->pop_back();
    }
}

void LogVerifier::covers(const Waiting& checkpoint) {
  if (!beyond_ || checkpoint.size > beyond_->size) beyond_ = checkpoint;
}

void LogVerifier::found(std::uint64_t position, ProblemKind kind, std::uint64_t index,
                        std::string place, std::string what, unsigned level) {
  bad_ = true;
  Found item{.position = position,
             .problem = {.kind = kind,
                         .level = level,
                         .index = index,
                         .place = std::move(place),
                         .what = std::move(what)}};
  // Of each kind the first ones; report() merges them. A node is met after the tiles below it, and
  // may lie before what is wrong in them.
  auto& list = found_[kind];
  list.insert(std::ranges::upper_bound(list, item.order(), {}, &Found::order), std::move(item));
  if (list.size() > max_problems_) list.pop_back();
}

// What shows only when everything has been read.
void LogVerifier::conclude() {
  concluded_ = true;
  if (beyond_ && !hole_)
    found(size_, ProblemKind::cut_tail, size_, "leaf " + std::to_string(size_),
          leaves_in_words(size_, beyond_->size) + " are gone: " + beyond_->place + " covers " +
              std::to_string(beyond_->size) + " leaves, the log has " + std::to_string(size_));
  if (size_ != 0 && checkpoints_ == 0)
    found(size_, ProblemKind::unsigned_log, 0, "the log", "it has leaves and not one checkpoint");
  // A log only adds checkpoints. Taking one back is how its leaves could be cut off next, so it is
  // said while they are all still there; where they are not, the cut tail says it.
  const auto listed = latest_ ? latest_->size : 0;
  if (largest_saved_ && largest_saved_->size > listed && largest_saved_->size <= size_)
    found(largest_saved_->size, ProblemKind::withdrawn, largest_saved_->number,
          largest_saved_->place,
          "it covers " + std::to_string(largest_saved_->size) +
              " leaves, and the log's own checkpoints now end at " + std::to_string(listed) +
              ": what was signed was taken back");
}

VerifyReport LogVerifier::report() const {
  std::vector<Found> all;
  for (const auto& [kind, list] : found_) all.insert(all.end(), list.begin(), list.end());
  std::ranges::sort(all, {}, &Found::order);
  if (all.size() > max_problems_) all.resize(max_problems_);

  VerifyReport report;
  report.ok = concluded_ && !bad_;
  report.size = recomputed_.size();
  report.covered = covered_;
  report.checkpoints = checkpoints_;
  report.root = recomputed_.root();
  for (auto& item : all) report.problems.push_back(std::move(item.problem));
  return report;
}

Expected<VerifyReport> verify_log(LogSource& log, const NoteVerifier& key, VerifyOptions options) {
  WRIT_TRY(const auto size, log.size());
  LogVerifier verifier(key, size, std::move(options));
  while (const auto want = verifier.next()) {
    if (const auto* leaves = std::get_if<LogVerifier::Leaves>(&*want)) {
      WRIT_TRY(auto stored, log.leaves(leaves->first, leaves->count));
      verifier.give_leaves(std::move(stored));
    } else if (const auto* id = std::get_if<TileId>(&*want)) {
      auto tile = log.tile(*id);
      if (!tile && tile.error().code != Errc::not_found)
        return std::unexpected(std::move(tile).error());
      verifier.give_tile(tile ? std::optional(*std::move(tile)) : std::nullopt);
    } else {
      WRIT_TRY(auto note, log.checkpoint(std::get<LogVerifier::CheckpointNumber>(*want).number));
      verifier.give_checkpoint(std::move(note));
    }
  }
  return verifier.report();
}

}  // namespace writ::audit
