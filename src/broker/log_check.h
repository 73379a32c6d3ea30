// SPDX-License-Identifier: Apache-2.0
// LogCheck: a workspace's log, as it is stored, held against everything that says what it was: its
// checkpoints in the store, the anchor's, the server's record of signed logs. For the notary, at
// each start, and for the upgrade of a store of release 0.1.
//
// Errors: conflict where something contradicts or is missing, with the next step; else those of
// store and anchor.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "audit/checkpoint.h"
#include "broker/anchor.h"
#include "broker/signed_logs.h"
#include "broker/store.h"

namespace writ::broker {

inline constexpr std::string_view kRestoreNewest =
    "restore the newest data and anchor together; nothing is signed or begun in this workspace "
    "until then";

std::unexpected<Error> contradicted(std::string message, std::string where,
                                    std::string_view hint = kRestoreNewest);
// "1 entry", "2 entries"
std::string entries(std::uint64_t count);

// The latest checkpoints of a log, each signed by its key, and how long it is.
struct LogHeads {
  std::uint64_t size = 0;
  std::optional<audit::SignedCheckpoint> stored;
  std::optional<audit::SignedCheckpoint> anchored;

  std::uint64_t stored_size() const { return stored ? stored->size() : 0; }
  std::uint64_t anchored_size() const { return anchored ? anchored->size() : 0; }
  // The anchor has no checkpoint of the log, or an older one than the store.
  bool anchor_is_behind() const { return anchored_size() < stored_size(); }
};
Task<Expected<LogHeads>> read_heads(WorkspaceStore& store, Anchor& anchor, WorkspaceId id,
                                    const audit::NoteVerifier& key);

// How long the log has to be, and that the anchor is not behind; `accept_anchor` excuses the
// latter. `signed_log` is what the server's record says of it; none: it was never signed.
Expected<void> check_heads(const LogHeads& heads, const std::optional<SignedLog>& signed_log,
                           WorkspaceId id, const std::string& origin, bool accept_anchor);
// The log is the one that was signed last, by `root`, that of its first entries.
Expected<void> check_root(const SignedLog& signed_log, const Digest& root,
                          const std::string& origin);
// Every entry against its leaf, every tile and checkpoint against the leaves, and the anchor's
// checkpoint too. About two seconds for each million entries.
Task<Expected<void>> check_log(WorkspaceStore& store, const LogHeads& heads,
                               const audit::NoteVerifier& key);

}  // namespace writ::broker
