// SPDX-License-Identifier: Apache-2.0
// Upgrade: how a store of release 0.1 gets the MACs of its rows, once (P36). Its rows have none, so
// what is known of them is their logs, which are signed and anchored:
//
//   1  Each workspace's log is held against its checkpoints and the anchor, as at every start, and
//      the workspaces of the anchor against those of the store.
//   2  A log that says the store was upgraded already, or was made by a later release, is refused:
//      then the MACs were taken away. Each log's mark is signed and anchored with it, so it cannot
//      be cut off alone.
//   3  What the records say of people's keys and of the current version is held against the log,
//      as far as it is signed: an entry about these behind the last checkpoint is refused.
//   4  In one transaction every row gets its MAC, each record and subject its form of now
//      (upgrade_digests.h; a person's record gets from the log when the key was enrolled); each log
//      gets its mark, the entry store.upgraded; and the server its record of signed logs.
//
// After any error the store is as it was. docs/operations.md, Upgrading, says what is migrated.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>

#include "broker/anchor.h"
#include "broker/store.h"
#include "observe/log.h"
#include "vault/keys.h"

namespace writ::broker {

// What happens on the way to what a workspace has stored.
class Rewrite {
 public:
  virtual ~Rewrite() = default;
  struct Rewritten {
    std::optional<Record> record;  // to be stored; it may have another id or value
    std::optional<Append> entry;   // for the log, behind all that is there
  };
  virtual Expected<Rewritten> record(WorkspaceId workspace, Record old) const = 0;
  // What an entry of the log is found by.
  virtual Expected<std::string> subject(WorkspaceId workspace, std::string old) const = 0;
};

// A store whose rows carry no MACs. Its handles read, and refuse to write.
class OldStore {
 public:
  virtual ~OldStore() = default;
  virtual Task<Expected<std::vector<WorkspaceId>>> workspaces() = 0;
  virtual std::shared_ptr<WorkspaceStore> workspace(WorkspaceId id) = 0;
  // Step 4: all of it or nothing. `marks` are appended to the logs that they name, `signed_logs` is
  // a new record of the server's own. Blocks for as long as all rows take.
  virtual Expected<void> seal(const Rewrite& rewrite, const std::map<WorkspaceId, Append>& marks,
                              const Record& signed_logs) = 0;
};

struct UpgradeParts {
  OldStore& store;
  const vault::SealKey& seal_key;
  Anchor& anchor;
  const Clock& clock;
  Random& random;
  observe::Log& log;
  bool accept_anchor = false;  // notary.h
};

// Errors: conflict where a log is not what was signed, or has its mark already; denied where the
// seal key does not open what is sealed; those of store and anchor.
Task<Expected<void>> upgrade(UpgradeParts parts);

}  // namespace writ::broker
