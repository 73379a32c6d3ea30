// SPDX-License-Identifier: Apache-2.0
// Notary: signs each workspace's log as it grows (P21). What is signed is first recorded in the
// server's own record (signed_logs.h), then its checkpoint goes to the anchor, then with the tiles
// that became full to the store: so neither record nor anchor is ever behind, and a store that went
// back, a workspace that did, or an anchor that did, shows.
//
// Before it signs anything of a log in this process it reads all of it again, from the entries: the
// leaves against their stored hashes, the tiles and all checkpoints against the leaves, and the
// log against the anchor. It refuses a log that
//   is smaller than, or another tree than, its latest checkpoint in store or anchor says (restored
//   from an older backup, cut, forked); has one bit changed in a leaf, a tile or a checkpoint; has
//   checkpoints and no anchored one, or an older one there (the anchor was deleted or replaced); is
//   another one than the server's record of signed logs says, or has rows that this server did not
//   write (WorkspaceStore::sound()).
// The server is not ready either where a workspace is missing of which that record or the anchor
// knows (P36).
// A refused log stays refused until the server starts again, and the gate of its workspace closes:
// nothing new begins there, and the server is not ready. The same, for as long as it lasts, where
// store or anchor cannot be reached for longer than `patience`; an anchor that cannot be written is
// audit storage that is gone, so calls do not go on without it.
//
// Reading a log again takes about two seconds for each million entries.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "audit/checkpoint.h"
#include "audit/tile.h"
#include "broker/anchor.h"
#include "broker/live.h"
#include "broker/log_check.h"
#include "broker/log_gate.h"
#include "broker/server_keys.h"
#include "broker/signed_logs.h"
#include "observe/log.h"
#include "observe/metrics.h"

namespace writ::broker {

struct NotaryOptions {
  std::string authority;        // "writ.example": the beginning of the origin of new logs
  milliseconds patience{5000};  // how long a log may go unanchored before its gate closes
  milliseconds recheck{5000};   // how often a quiet log's anchor is looked at
  // For an anchor that was moved or lost on purpose: where it has no checkpoint of a log, or an
  // older one, the store's latest becomes the anchored one, once the log has been checked, and the
  // log says so. It excuses nothing else.
  bool accept_anchor = false;
};

struct NotaryParts {
  Live& live;
  GatedStore& store;
  ServerKeys& keys;
  Anchor& anchor;
  const Clock& clock;
  Random& random;
  observe::Log& log;
  observe::Metrics& metrics;
  // Runs when a log has been checked, and before its gate opens: what has to be settled of the
  // process before, while nothing new can begin. Where it fails the gate stays closed, and it runs
  // again.
  std::function<Task<Expected<void>>(LiveWorkspace&)> checked{};
};

// What is signed of a log at one moment, for who serves or proves it. Immutable.
struct SignedHead {
  std::string origin;
  std::string key;  // the note verifier key, to be pinned
  std::uint64_t size = 0;
  Digest root{};
  std::string checkpoint;                  // the note
  std::vector<audit::StoredTile> partial;  // the tiles at the edge, which the store does not keep
};

// open() and round() are for one task at a time; the rest is thread-safe. What the constructor
// takes outlives it.
class Notary {
 public:
  Notary(NotaryParts parts, NotaryOptions options);
  ~Notary();
  Notary(const Notary&) = delete;
  Notary& operator=(const Notary&) = delete;

  // Checks the log of each workspace that is live and was not checked yet: at start, before the
  // server answers anybody. What is wrong is in ready().
  Task<void> open();
  // Once: opens what is new, and signs each log that has grown. Called at most every half second or
  // so; cheap where nothing has grown.
  Task<void> round();

  // Nothing while every log is there, signed and anchored; else the first that is not, and why.
  Expected<void> ready() const;
  // Whether this one is.
  Expected<void> ready(WorkspaceId id) const;
  // nullptr before the first checkpoint of this process.
  std::shared_ptr<const SignedHead> head(WorkspaceId id) const;

 private:
  struct Ledger;

  Task<Expected<void>> survey();
  static Expected<void> check_sound(const Ledger& ledger);
  Task<Expected<void>> open_ledger(Ledger& ledger);
  Task<Expected<void>> accept_anchor(Ledger& ledger, const LogHeads& heads);
  Task<Expected<void>> load_edge(Ledger& ledger);
  Task<Expected<void>> follow(Ledger& ledger);
  Task<Expected<void>> read_new_rows(Ledger& ledger, std::uint64_t size);
  Task<Expected<void>> check_anchor(Ledger& ledger);
  Task<Expected<void>> keep(Ledger& ledger, std::string note);
  Task<Expected<void>> record(const std::vector<Ledger*>& grown);
  Task<Expected<void>> release(Ledger& ledger);
  void show(Ledger& ledger, const audit::SignedCheckpoint& checkpoint);
  void settle(Ledger& ledger, Expected<void> outcome);

  NotaryParts parts_;
  NotaryOptions options_;
  observe::Counter& signed_;
  observe::Counter& failed_;
  // Of the task that calls open() and round().
  std::vector<std::unique_ptr<Ledger>> ledgers_;
  std::optional<SignedLogs> signed_logs_;  // once surveyed

  struct Status {
    std::shared_ptr<const SignedHead> head;
    std::optional<Error> trouble;
  };
  mutable std::mutex mutex_;
  std::map<WorkspaceId, Status> status_;  // under mutex_
  std::optional<Error> lost_;             // under mutex_: a workspace that is missing
  std::optional<Error> unsurveyed_;       // under mutex_: why nobody could look yet
};

}  // namespace writ::broker
