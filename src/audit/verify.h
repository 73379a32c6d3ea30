// SPDX-License-Identifier: Apache-2.0
// LogVerifier: the whole log recomputed from its entries and held against everything that was
// stored about it, and against what the verifier brought along: a pinned key and checkpoints saved
// outside the log's reach (P21). It names the first bad place. It streams: memory does not grow
// with the log.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <variant>
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

enum class ProblemKind {
  missing_leaf,        // index: the leaf
  changed_leaf,        // index: the leaf; its entry's bytes are not what its stored hash says
  missing_tile,        // level, index: the first node in it
  changed_node,        // level, index: a stored tile disagrees with the leaves
  bad_checkpoint,      // index: its number; no checkpoint, or not signed by the pinned key
  wrong_root,          // index: its number; the root is not that of the leaves
  shrunk,              // index: its number; of fewer leaves than the one before
  forked,              // index: its number; another root than the one before, for the same size
  cut_tail,            // index: the first of the leaves that a checkpoint covers and that are gone
  bad_saved,           // index: in VerifyOptions; not a checkpoint of this log by the pinned key
  saved_contradicted,  // index: in VerifyOptions; the history is not the one that was seen then
  unsigned_log,        // there are leaves and no checkpoint
  withdrawn,           // index: in VerifyOptions; the log lists no checkpoint as large as that one
  unsound_entry,       // index: the leaf; VerifyOptions::inspect found what its entry says unsound
};
std::string_view name(ProblemKind kind);

struct Problem {
  ProblemKind kind{};
  unsigned level = 0;       // as the kind says
  std::uint64_t index = 0;  // as the kind says
  std::string place;        // "leaf 17", "node (8, 3) in tile/1/000", "checkpoint 2"
  std::string what;         // a sentence for the auditor
  friend bool operator==(const Problem&, const Problem&) = default;
};

struct VerifyOptions {
  // Signed checkpoints seen before, from the anchor or kept by the auditor, in any order.
  std::vector<std::string> saved_checkpoints;
  // Is given each entry in its order, with its bytes as they stand: says what is wrong with what it
  // tells, or nothing. See approval/chain.h.
  std::function<std::optional<std::string>(BytesView entry)> inspect{};
  // Reported at most, the first ones. All of the log is read in any case.
  std::size_t max_problems = 16;
};

struct VerifyReport {
  bool ok = false;                // everything was read, and held
  std::uint64_t size = 0;         // leaves read, up to the first missing one
  std::uint64_t covered = 0;      // leaves under the largest checkpoint that held; later ones are
                                  // recorded and not signed yet
  std::uint64_t checkpoints = 0;  // checkpoints read
  Digest root{};                  // of the leaves read
  std::vector<Problem> problems;  // in the order of the log, so the first bad place is first

  JsonObject to_json() const;
};

// LogVerifier asks for what it wants to see next and is given it, so that it serves a caller that
// awaits its storage as well as one that has a file. Not thread-safe.
//
//   LogVerifier verifier(key, size);
//   while (auto want = verifier.next()) {
//     // std::visit: give_leaves(), give_tile() or give_checkpoint() with what is stored there
//   }
//   verifier.report()
//
// What cannot be read is not "bad": on an error other than absence the caller stops and says so.
class LogVerifier {
 public:
  struct Leaves {
    std::uint64_t first = 0;
    std::size_t count = 0;  // at most 256
  };
  struct CheckpointNumber {
    std::uint64_t number = 0;  // from 0, in the order in which they were signed
  };
  using Want = std::variant<Leaves, TileId, CheckpointNumber>;

  // The key's name is the log's origin. `size` is one past the index of the last stored leaf.
  LogVerifier(NoteVerifier key, std::uint64_t size, VerifyOptions options = {});

  // Nothing once all has been seen. The same want until it is answered.
  std::optional<Want> next();

  // From Leaves::first on without gaps; fewer than wanted where the next one is missing.
  void give_leaves(std::vector<StoredLeaf> leaves);
  // Nothing where the tile is not stored: full tiles must be once a checkpoint covers them, partial
  // ones need not.
  void give_tile(std::optional<Bytes> bytes);
  // Nothing after the last one.
  void give_checkpoint(std::optional<std::string> note);

  // After next() gave nothing.
  VerifyReport report() const;

 private:
  struct Waiting {  // a checkpoint to be compared when its size is reached
    std::string place;
    std::uint64_t number = 0;
    std::uint64_t size = 0;
    Digest root{};
  };
  struct WaitingTile {
    TileId id;
    std::vector<Digest> hashes;     // from the entries
    std::vector<Digest> as_stored;  // from the stored leaf hashes, where they differ
  };
  struct Found {
    std::uint64_t position = 0;
    Problem problem;
    // At one position, what was recorded comes before what was said about it.
    auto order() const { return std::tuple(position, problem.kind, problem.level, problem.index); }
  };

  std::uint64_t batch_end() const;
  bool reading_leaves() const { return !hole_ && recomputed_.size() < size_; }
  bool is_root(const Digest& root) const;
  void reached();
  void queue_tiles(std::vector<StoredTile> tiles, std::vector<StoredTile> as_stored);
  void covers(const Waiting& checkpoint);
  void conclude();
  // `position`: how many leaves a reader has seen when it shows.
  void found(std::uint64_t position, ProblemKind kind, std::uint64_t index, std::string place,
             std::string what, unsigned level = 0);

  NoteVerifier key_;
  std::uint64_t size_;
  std::size_t max_problems_;
  std::function<std::optional<std::string>(BytesView)> inspect_;

  TileEdge recomputed_;  // from the entries
  // From the stored leaf hashes, once one of them differs from its entry: a root that matches this
  // tree says that the entry was changed and nothing else.
  std::optional<TileEdge> as_stored_;
  bool hole_ = false;
  bool edge_queued_ = false;
  std::deque<WaitingTile> tiles_;

  std::uint64_t checkpoints_ = 0;
  bool checkpoints_end_ = false;
  std::optional<Waiting> latest_;  // the last one read that was well signed
  std::deque<Waiting> waiting_;
  std::deque<Waiting> saved_;  // by size
  std::optional<Waiting> largest_saved_;
  std::uint64_t covered_ = 0;
  std::optional<Waiting> beyond_;  // the largest that covers more than the log has

  bool concluded_ = false;
  bool bad_ = false;
  std::map<ProblemKind, std::vector<Found>> found_;
};

// LogSource: a log that can be read without awaiting. An error from any of these ends the
// verification with that error, but for tile(), where not_found is absence.
class LogSource : public TileSource {
 public:
  virtual Expected<std::uint64_t> size() = 0;
  virtual Expected<std::vector<StoredLeaf>> leaves(std::uint64_t first, std::size_t count) = 0;
  virtual Expected<std::optional<std::string>> checkpoint(std::uint64_t number) = 0;
};

// A LogVerifier over a LogSource.
Expected<VerifyReport> verify_log(LogSource& log, const NoteVerifier& key,
                                  VerifyOptions options = {});

}  // namespace writ::audit
