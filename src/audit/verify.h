// SPDX-License-Identifier: Apache-2.0
// verify_log: the whole log recomputed from its entries and held against everything that was stored
// about it, and against what the verifier brought along: a pinned key and checkpoints saved outside
// the log's reach (P21). It streams: memory does not grow with the log.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "audit/note.h"
#include "audit/tile.h"
#include "base/bytes.h"
#include "base/error.h"
#include "wire/json.h"

namespace writ::audit {

struct StoredLeaf {
  Bytes entry;
  Digest hash{};  // as stored, not recomputed
};

// LogSource: a log as it lies in storage. Reads in order, from one thread. An error from any of
// these, not_found aside, ends the verification with that error: unreadable is not "bad".
class LogSource : public TileSource {
 public:
  // How many leaves there are: one past the last index.
  virtual Expected<std::uint64_t> size() = 0;
  // The leaves from `first` on, `count` of them; fewer where one is missing (the next index is the
  // missing one).
  virtual Expected<std::vector<StoredLeaf>> leaves(std::uint64_t first, std::size_t count) = 0;
  // Signed checkpoints in the order in which they were made.
  virtual Expected<std::uint64_t> checkpoint_count() = 0;
  virtual Expected<std::string> checkpoint(std::uint64_t number) = 0;
};

enum class ProblemKind {
  missing_leaf,        // a hole, index
  changed_leaf,        // the entry's bytes are not what its stored hash says, index
  missing_tile,        // index is the tile's first node
  changed_node,        // a stored tile disagrees with the leaves, level and index
  bad_checkpoint,      // not a checkpoint, or not signed by the pinned key, index is its number
  wrong_root,          // a checkpoint's root is not that of its leaves, index is its number
  shrunk,              // a checkpoint is of fewer leaves than the one before, index is its number
  forked,              // two roots for one size, index is its number
  cut_tail,            // leaves that a checkpoint covers are gone, index is the first
  bad_saved,           // the saved checkpoint is not this key's, index is its place in the options
  saved_contradicted,  // the log's history is not the one that the saved checkpoint saw, index as
                       // above
  unsigned_log,        // there are leaves and no checkpoint
};
std::string_view name(ProblemKind kind);

struct Problem {
  ProblemKind kind{};
  unsigned level = 0;       // changed_node, missing_tile
  std::uint64_t index = 0;  // as the kind says
  std::string place;        // "leaf 17", "node (8, 3) in tile/1/000.p/4", "checkpoint 2"
  std::string what;         // a sentence for the auditor
  friend bool operator==(const Problem&, const Problem&) = default;
};

struct VerifyOptions {
  // Signed checkpoints seen before, from the anchor or kept by the auditor, in any order.
  std::vector<std::string> saved_checkpoints;
  // Stop after so many; the first is what matters, others often follow from it.
  std::size_t max_problems = 16;
};

struct VerifyReport {
  bool ok = false;
  std::uint64_t size = 0;         // leaves read
  std::uint64_t covered = 0;      // leaves under the largest checkpoint that held
  std::uint64_t checkpoints = 0;  // checkpoints read
  std::optional<Digest> root;     // of all leaves as read, where none is missing
  std::vector<Problem> problems;  // in the order of the log, the first bad place first

  Json to_json() const;
};

// The error is the source's. `key` is the pinned one: its name is the log's origin.
Expected<VerifyReport> verify_log(LogSource& log, const NoteVerifier& key,
                                  const VerifyOptions& options = {});

}  // namespace writ::audit
