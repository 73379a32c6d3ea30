// SPDX-License-Identifier: Apache-2.0
#include "broker/log_check.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "audit/verify.h"

namespace writ::broker {
namespace {

constexpr std::size_t kPage = 1000;

Expected<audit::SignedCheckpoint> open_checkpoint(const std::string& note,
                                                  const audit::NoteVerifier& key,
                                                  std::string_view where) {
  auto opened = audit::SignedCheckpoint::open(note, key);
  if (!opened) {
    return contradicted("the latest checkpoint in the " + std::string(where) +
                            " is not signed by the key of this log",
                        key.name());
  }
  return opened;
}

// The checkpoints of a log by their number, read forwards from the store in pages.
class CheckpointReader {
 public:
  explicit CheckpointReader(WorkspaceStore& store) : store_(store) {}

  // Asked for 0, 1, 2, …
  Task<Expected<std::optional<std::string>>> next() {
    if (at_ == page_.size() && !ended_) {
      WRIT_CO_TRY(page_, co_await store_.checkpoints(from_, kPage));
      at_ = 0;
      ended_ = page_.size() < kPage;
      if (!page_.empty()) {
        // The next page begins after the last size of this one, as its text has it: what it proves
        // is the verifier's to say.
        WRIT_CO_TRY(const auto note, audit::UnverifiedNote::parse(page_.back()));
        WRIT_CO_TRY(const auto last, audit::parse_checkpoint_text(note.unverified_text()));
        if (last.size < from_)
          co_return contradicted("the stored checkpoints are out of order", last.origin);
        from_ = last.size + 1;
      }
    }
    if (at_ == page_.size()) co_return std::optional<std::string>();
    co_return std::optional(page_[at_++]);
  }

 private:
  WorkspaceStore& store_;
  std::vector<std::string> page_;
  std::size_t at_ = 0;
  std::uint64_t from_ = 0;
  bool ended_ = false;
};

Task<Expected<void>> give(audit::LogVerifier& verifier, audit::LogVerifier::Leaves want,
                          WorkspaceStore& store) {
  WRIT_CO_TRY(auto rows, co_await store.read_log(want.first, want.count));
  std::vector<audit::StoredLeaf> leaves;
  leaves.reserve(rows.size());
  for (const auto& row : rows) {
    if (row.index != want.first + leaves.size()) break;
    leaves.push_back({.entry = to_bytes(row.entry), .hash = row.leaf});
  }
  verifier.give_leaves(std::move(leaves));
  co_return Expected<void>();
}

}  // namespace

std::unexpected<Error> contradicted(std::string message, std::string where, std::string_view hint) {
  return fail(Errc::conflict, std::move(message), std::move(where), std::string(hint));
}

std::string entries(std::uint64_t count) {
  return std::to_string(count) + (count == 1 ? " entry" : " entries");
}

Task<Expected<LogHeads>> read_heads(WorkspaceStore& store, Anchor& anchor, WorkspaceId id,
                                    const audit::NoteVerifier& key) {
  LogHeads out;
  WRIT_CO_TRY(const auto published, co_await store.latest_checkpoint());
  WRIT_CO_TRY(const auto anchored, co_await anchor.latest(id));
  if (published) {
    WRIT_CO_TRY(out.stored, open_checkpoint(published->checkpoint, key, "store"));
  }
  if (anchored) {
    WRIT_CO_TRY(out.anchored, open_checkpoint(*anchored, key, "anchor"));
  }
  WRIT_CO_TRY(out.size, co_await store.log_size());
  co_return out;
}

Expected<void> check_heads(const LogHeads& heads, const std::optional<SignedLog>& signed_log,
                           WorkspaceId id, const std::string& origin, bool accept_anchor) {
  const auto checkpoint = std::max(heads.stored_size(), heads.anchored_size());
  if (heads.size < checkpoint) {
    return contradicted(
        "the log has " + entries(heads.size) + ", and a checkpoint of it in the " +
            (heads.anchored_size() > heads.stored_size() ? "anchor" : "store") + " covers " +
            std::to_string(checkpoint) + ": the database was restored from an older backup, or cut",
        origin,
        "restore the newest data; or, if what came after the backup is lost for good, "
        "move the anchor's checkpoint of " +
            id.to_string() + " away and start once with --accept-anchor");
  }
  const auto recorded = signed_log ? signed_log->size : 0;
  if (recorded < checkpoint) {
    return contradicted("the server's record of signed logs covers " + entries(recorded) +
                            " of this log, and a checkpoint of it " + std::to_string(checkpoint) +
                            ": the server's own part of the store is older than the rest",
                        origin);
  }
  if (heads.size < recorded) {
    return contradicted("the log has " + entries(heads.size) + ", and " + std::to_string(recorded) +
                            " were signed: the workspace is older than the rest of the store, or "
                            "was cut",
                        origin);
  }
  if (heads.anchor_is_behind() && !accept_anchor) {
    return contradicted(
        std::string("the anchor has ") +
            (heads.anchored ? "an older checkpoint than the store" : "no checkpoint of this log") +
            ": it was deleted or replaced, or it is not the anchor of this data",
        origin,
        "bring the anchor's files back; or, if it was moved or lost on purpose, start once with "
        "--accept-anchor, which trusts the store's latest checkpoint from then on");
  }
  return {};
}

Expected<void> check_root(const SignedLog& signed_log, const Digest& root,
                          const std::string& origin) {
  if (root == signed_log.root) return {};
  return contradicted(
      "the first " + entries(signed_log.size) + " of the log are not those that were signed last",
      origin);
}

Task<Expected<void>> check_log(WorkspaceStore& store, const LogHeads& heads,
                               const audit::NoteVerifier& key) {
  audit::VerifyOptions options;
  if (heads.anchored) options.saved_checkpoints.push_back(heads.anchored->note());
  audit::LogVerifier verifier(key, heads.size, std::move(options));
  CheckpointReader checkpoints(store);
  while (const auto want = verifier.next()) {
    if (const auto* leaves = std::get_if<audit::LogVerifier::Leaves>(&*want)) {
      WRIT_CO_TRY_VOID(co_await give(verifier, *leaves, store));
    } else if (const auto* tile = std::get_if<audit::TileId>(&*want)) {
      WRIT_CO_TRY(auto bytes, co_await store.tile(tile->level, tile->index));
      verifier.give_tile(std::move(bytes));
    } else {
      WRIT_CO_TRY(auto note, co_await checkpoints.next());
      verifier.give_checkpoint(std::move(note));
    }
  }
  for (const auto& problem : verifier.report().problems) {
    // The server stopped between the first entries and the first checkpoint.
    if (problem.kind == audit::ProblemKind::unsigned_log) continue;
    // Or between anchor and store: the anchor's checkpoint is the newer one, its leaves are held
    // against it above, and the store's follows with the next that is signed.
    if (problem.kind == audit::ProblemKind::withdrawn) continue;
    co_return contradicted("the log is not what was signed: " + problem.place + ": " + problem.what,
                           key.name());
  }
  co_return Expected<void>();
}

}  // namespace writ::broker
