// SPDX-License-Identifier: Apache-2.0
// Store: what the broker needs of durable storage. store/ implements it for SQLite; another engine
// follows behind the same suite (store/store_suite.h), so nothing of SQL shows here.
//
// Three kinds of durable facts, all of one workspace, all written in units:
//   records   (kind, id) → canonical JSON with a revision that each write raises: runs, approvals,
//   workspace versions… once      digests that may be consumed one time until they expire: `jti`s,
//   codes log       entries of the workspace's audit log, in an order that is the order of commits
// A unit is atomic: its checks hold at the moment of commit and all of it is durable, or nothing of
// it is. Units from many callers share one commit; a unit that fails takes no other along.
// What is read is not believed: it was written here, or it is an error and never absent (sound()).
// Thread-safe. An awaited call resumes on the caller's loop. Values live as long as their holder.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "async/task.h"
#include "base/bytes.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/id.h"

namespace writ::broker {

// The kinds of records. Stored by name; the names last.
enum class RecordKind {
  workspace,    // id: the workspace's id; the published version: source documents and ids of names
  user,         // id: usr_; enrolled key and standing
  enrolment,    // id: hex SHA-256 of a one-time code
  run,          // id: run_; a Run and its ending
  grant,        // id: hex SHA-256 of a refresh token; what it yields
  approval,     // id: apr_
  proposal,     // id: prp_; documents that wait for an admin's signature, sealed
  action,       // id: act_; state of a write or money action
  idempotency,  // id: run_ + ":" + hex HMAC of the key; the action that owns it
  credential,   // id: crd_; its versions, sealed
  data_key,     // id: the workspace's id; its data key, wrapped by the seal key
  signing_key,  // id: key id; the server's own keys, sealed
  session,      // id: hex SHA-256 of a session's id; a user's session at the API
  fact,         // id: run_ + ":" + hex HMAC; an operation that another one requires is done (P2)
  setting,      // id: a name; small facts of the server (time's high-water mark, …)
};

// The stored name, and its inverse.
std::string_view name(RecordKind kind);
std::optional<RecordKind> parse_record_kind(std::string_view text);

struct Record {
  RecordKind kind{};
  std::string id;
  std::uint64_t revision = 0;  // 1 for the first write
  std::string value;           // canonical JSON
};

// A write of a record, on the condition that its revision is `expected` (0: that it does not
// exist).
struct Put {
  RecordKind kind{};
  std::string id;
  std::uint64_t expected = 0;
  std::string value;
};
struct Erase {
  RecordKind kind{};
  std::string id;
  std::uint64_t expected = 0;
};

// A condition without a write. What is checked often is answered from memory: runs, workspaces, and
// the users and sessions of those who ask.
struct Check {
  RecordKind kind{};
  std::string id;
  std::uint64_t revision = 0;
};

// Refused if the digest was consumed before, here or as a proof, in this workspace. One whose time
// has passed is refused too, since nobody remembers for longer whether it was consumed: `expires`
// lies beyond the last moment at which the caller would accept what it stands for.
struct Once {
  Digest digest{};
  TimePoint expires;
};

// An entry to append. `subjects` are ids (act_, run_, apr_, …) by which find_log() finds it.
// `sealed` is what lies beside the leaf, encrypted and erasable. `proof` is consumed as a Once is,
// but kept with the entry: free of a row of its own.
struct Append {
  std::string entry;  // canonical bytes, as audit::Entry gives them
  Bytes sealed;
  std::vector<std::string> subjects;
  std::optional<Once> proof;
};

struct Unit {
  std::vector<Check> checks;
  std::vector<Once> once;
  std::vector<Put> puts;
  std::vector<Erase> erases;
  std::vector<Append> appends;
  // It only ends what is under way, as an outcome does: taken in however much waits already, so
  // that nobody's load keeps another's outcome from the log. There are no more of these than were
  // begun.
  bool ends = false;
  // Of the nil workspace's alone, with a new epoch of the clock: what was consumed up to this time
  // may have been forgotten, and nothing later (P24). What is remembered stays so.
  std::optional<TimePoint> forget_replays;
};

// Conditions are looked at in the order checks, once, puts, erases, proofs; each write counts for
// those after it, so a unit may put a record twice, and cannot consume one digest twice.
// A unit whose own conditions failed is refused with Errc::conflict and one of these places, the
// first that failed: so callers can tell what moved.
//   "revision:run:run_…"   a Check, Put or Erase met another revision
//   "once"                 a Once was consumed already
//   "proof"                an Append's proof was
std::string revision_conflict(RecordKind kind, std::string_view id);
inline constexpr std::string_view kOnceConflict = "once";
inline constexpr std::string_view kProofConflict = "proof";
bool is_revision_conflict(const Error& error, RecordKind kind);

struct Committed {
  std::uint64_t first_index = 0;  // of the unit's first appended entry; 0 where there is none
};

struct LogRow {
  std::uint64_t index = 0;
  std::string entry;
  Digest leaf{};  // RFC 6962 leaf hash as stored
  Bytes sealed;   // empty where there was nothing or it was erased
};

// What the notary writes: a signed checkpoint and the tiles that became full with it.
struct Publication {
  std::uint64_t size = 0;
  std::string checkpoint;  // C2SP signed note
  struct Tile {
    unsigned level = 0;
    std::uint64_t index = 0;
    Bytes hashes;
  };
  std::vector<Tile> tiles;
};

inline constexpr std::size_t kMaxList = 1000;

// The store seen from one workspace: there is no way from here to another's data (P10).
class WorkspaceStore {
 public:
  virtual ~WorkspaceStore() = default;

  // Errors: conflict (see revision_conflict()), too_large, unavailable (not done: disk full, too
  // many wait, shutting down), unknown_outcome (the disk hangs: it may yet be done). A failed fsync
  // ends the process: what is durable is then unknown, and a retry would lie.
  virtual Task<Expected<Committed>> commit(Unit unit) = 0;
  // Appends without waiting for durability: the entries ride the next group in order, before any
  // later unit of this workspace. For outcomes of reads and for refusals, where nothing depends on
  // them; never for what must be recorded before it is done. Their proofs are consumed, and refuse
  // nothing.
  virtual void append_later(std::vector<Append> appends) = 0;

  virtual Task<Expected<std::optional<Record>>> get(RecordKind kind, std::string id) = 0;
  // In order of id (by bytes), after `after`, at most `limit`: 1 to kMaxList, else invalid_input.
  virtual Task<Expected<std::vector<Record>>> list(RecordKind kind, std::string after,
                                                   std::size_t limit) = 0;
  // The same in the other order, before `before`: the latest of what has ids in the order of time.
  virtual Task<Expected<std::vector<Record>>> list_back(RecordKind kind, std::string before,
                                                        std::size_t limit) = 0;

  virtual Task<Expected<std::uint64_t>> log_size() = 0;
  // Rows [from, from + limit), fewer at the end of the log.
  virtual Task<Expected<std::vector<LogRow>>> read_log(std::uint64_t from, std::size_t limit) = 0;
  // All rows whose subjects hold `subject`, in order, at most `limit`.
  virtual Task<Expected<std::vector<LogRow>>> find_log(std::string subject, std::uint64_t from,
                                                       std::size_t limit) = 0;
  // Drops what lies beside an entry. The leaf stays. not_found beyond the end of the log.
  virtual Task<Expected<void>> erase_sealed(std::uint64_t index) = 0;

  // conflict, and nothing is written, where its size is less than the latest checkpoint's or more
  // than the log's, or where a tile of other bytes stands in a tile's place. The same size again
  // replaces the note.
  virtual Task<Expected<void>> publish(Publication publication) = 0;
  virtual Task<Expected<std::optional<Publication>>> latest_checkpoint() = 0;  // without tiles
  // The notes of sizes from `from_size` on, in order of size.
  virtual Task<Expected<std::vector<std::string>>> checkpoints(std::uint64_t from_size,
                                                               std::size_t limit) = 0;
  virtual Task<Expected<std::optional<Bytes>>> tile(unsigned level, std::uint64_t index) = 0;

  // Whether what is stored here is what was written here (P36): the error says what is missing,
  // changed or older than it was. Found when the store is opened, or by a later read. While it is
  // so nothing is written; where a record is wrong nothing is read either, and where a row of the
  // log is, that row is not.
  virtual Expected<void> sound() const = 0;
};

class Store {
 public:
  virtual ~Store() = default;

  // Creates what is missing; a handle is cheap and may be kept. The nil id is the server's own:
  // settings, signing keys.
  virtual std::shared_ptr<WorkspaceStore> workspace(WorkspaceId id) = 0;
  // Those that something was committed to, in order of id; the nil id is not among them.
  virtual Task<Expected<std::vector<WorkspaceId>>> workspaces() = 0;

  // A consistent copy of everything into a new file or folder at `path`, while the store is in use.
  virtual Task<Expected<void>> backup(std::string path) = 0;
  // Makes erased rows unreadable in the files that the store controls (P22).
  virtual Task<Expected<void>> scrub() = 0;
  // Whether commits are possible right now, for /readyz; the error says why not.
  virtual Expected<void> health() const = 0;
};

}  // namespace writ::broker
