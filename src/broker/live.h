// SPDX-License-Identifier: Apache-2.0
// Live: what a decision reads, resident in memory. It follows the store: durable first, then
// visible here; what is ended is ended here before a revocation is acknowledged. A call reads it
// and never the store.
//
// LiveRuns holds the runs of a workspace that have not ended; LiveWorkspace adds its version,
// credentials and the standing of its users; Live finds workspaces. All thread-safe.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <string>
#include <unordered_map>
#include <vector>

#include "async/cancel.h"
#include "broker/known_facts.h"
#include "broker/open_intents.h"
#include "broker/shares.h"
#include "broker/store.h"
#include "broker/unwritten.h"
#include "delegation/run.h"
#include "jose/jwk.h"
#include "vault/credential.h"
#include "vault/digest_key.h"
#include "vault/keys.h"
#include "workspace/version.h"

namespace writ::broker {

class LiveRuns {
 public:
  // The record of a run that is alive has revision 1; its end is a write, so a commit that checks
  // for 1 meets it.
  static constexpr std::uint64_t kAliveRevision = 1;

  // A run whose parent is not here, or has ended, is not added: conflict. `slot` is its agent's
  // share, until the run ends.
  Expected<void> add(std::shared_ptr<const delegation::Run> run, Share::Slot slot = {});

  // The run and its ancestors, if all of them are alive at `now`. denied names which of them is
  // not.
  Expected<delegation::Lineage> alive(RunId id, TimePoint now) const;
  std::shared_ptr<const delegation::Run> find(
      RunId id) const;  // alive or ended lately; nullptr where unknown

  // Cancelled when the run is: what a call registers with before its claim, so that no byte follows
  // a revocation (P15). A token that is cancelled already, where the run is not alive.
  CancelToken token(RunId id) const;

  // The run and its living descendants, parents first.
  std::vector<RunId> subtree(RunId id) const;
  // The run and all its descendants, those that have ended lately too; empty where it is unknown.
  std::vector<RunId> family(RunId id) const;
  // All living runs for which `test` holds, with their descendants.
  std::vector<RunId> select(const std::function<bool(const delegation::Run&)>& test) const;
  std::vector<std::shared_ptr<const delegation::Run>> all() const;

  // Stops them, and what they have in flight, while it is not yet durable that they end; they count
  // as ended meanwhile. Each hold() is followed by end() or release(); `acknowledged` as for end().
  void hold(const std::vector<RunId>& ids, std::function<void()> acknowledged);
  // Takes a hold() back. What was in flight stays cut.
  void release(const std::vector<RunId>& ids);
  // Whether end() was called for it: its end is durable then, or owed. False where it is unknown.
  bool has_ended(RunId id) const;
  // Ends them and stops what they have in flight; `acknowledged` runs when no byte of theirs can
  // follow, of those that somebody else has just ended too.
  void end(const std::vector<RunId>& ids, std::function<void()> acknowledged);
  // The runs whose time is over, revoked before or not.
  std::vector<RunId> over(TimePoint now) const;
  // Only once end() has acknowledged them: of what is forgotten nothing can be stopped any more.
  void forget(const std::vector<RunId>& ids);
  // The same, of runs whose end is durable too: the latest kMostEnded stay known for those who ask,
  // so that no agent fills the memory with runs that it ends itself.
  void retire(const std::vector<RunId>& ids);
  static constexpr std::size_t kMostEnded = 256;

 private:
  struct Entry {
    std::shared_ptr<const delegation::Run> run;
    CancelSource stop;
    std::vector<RunId> children;
    bool ended = false;
    bool retired = false;
    Share::Slot slot{};
    unsigned holds = 0;
    bool stopped() const { return ended || holds > 0; }
  };
  void erase(RunId id);
  void collect(RunId id, std::vector<RunId>& out) const;

  mutable std::shared_mutex mutex_;
  std::unordered_map<RunId, Entry> runs_;
  std::deque<RunId> retired_;
};

// How a user stands beside what the workspace's documents say: the enrolled key, and whether an
// operator disabled the user.
struct Standing {
  std::optional<jose::Jwk> key;
  // When: what was asked before, this key does not decide (P40). Where a record has a key and does
  // not say, the key decides nothing.
  std::optional<TimePoint> enrolled{};
  bool disabled = false;
  std::uint64_t revision = 0;  // of its record; 0: none yet
};

class LiveWorkspace {
 public:
  LiveWorkspace(WorkspaceId id, std::shared_ptr<WorkspaceStore> store, vault::SealingKey data_key);

  WorkspaceId id() const { return id_; }
  WorkspaceStore& store() const { return *store_; }
  const vault::SealingKey& data_key() const { return data_key_; }
  // For digests of what can be guessed, where they lie outside the seal (P38).
  const vault::DigestKey& digest_key() const { return digest_key_; }
  LiveRuns& runs() { return runs_; }
  const LiveRuns& runs() const { return runs_; }
  OpenIntents& open_intents() { return open_intents_; }
  UnwrittenOutcomes& unwritten() { return unwritten_; }
  KnownFacts& known_facts() { return known_facts_; }

  // The published version; its number is the revision of its record. Never null once the workspace
  // is found in Live.
  std::shared_ptr<const workspace::Version> version() const;
  void publish(std::shared_ptr<const workspace::Version> version, workspace::Documents documents,
               workspace::Names names);
  workspace::Documents documents() const;
  workspace::Names names() const;
  // The version with what it was made of, as of one moment, without copying.
  struct Published {
    std::shared_ptr<const workspace::Version> version;
    workspace::Documents documents;
    workspace::Names names;
  };
  std::shared_ptr<const Published> published() const;

  // Disabled also while the user is held.
  Standing standing(UserId id) const;
  void set_standing(UserId id, Standing standing);
  // As recorded, whether the user is held or not.
  Standing recorded_standing(UserId id) const;
  // The user counts as disabled, while it is not yet durable that this is so. Each hold_user() ends
  // with a release_user(): when it is durable, or is taken back.
  void hold_user(UserId id);
  void release_user(UserId id);
  // In the documents, and not disabled.
  std::shared_ptr<const identity::User> active_user(UserId id) const;

  struct StoredCredential {
    std::shared_ptr<const vault::Credential> credential;
    std::uint64_t revision = 0;
  };
  // By name; the pointer is null where there is none.
  StoredCredential credential(std::string_view name) const;
  std::vector<StoredCredential> credentials() const;
  void set_credential(vault::Credential credential, std::uint64_t revision);

  // The checks of a commit that depends on this lineage and this version of the workspace (P15).
  static std::vector<Check> checks(const delegation::Lineage& lineage, WorkspaceId workspace,
                                   std::uint64_t version);

 private:
  const WorkspaceId id_;
  const std::shared_ptr<WorkspaceStore> store_;
  const vault::SealingKey data_key_;
  const vault::DigestKey digest_key_;
  LiveRuns runs_;
  OpenIntents open_intents_;
  UnwrittenOutcomes unwritten_;
  KnownFacts known_facts_;

  mutable std::mutex mutex_;  // of all below
  std::shared_ptr<const Published> published_ = std::make_shared<Published>();
  std::unordered_map<UserId, Standing> standings_;
  std::unordered_map<UserId, unsigned> held_users_;
  std::map<std::string, StoredCredential, std::less<>> credentials_;
};

class Live {
 public:
  // nullptr where there is none.
  std::shared_ptr<LiveWorkspace> find(std::string_view name) const;
  std::shared_ptr<LiveWorkspace> find(WorkspaceId id) const;
  std::vector<std::shared_ptr<LiveWorkspace>> all() const;
  // Its version must be published. conflict where the name is taken by another id.
  Expected<void> add(std::shared_ptr<LiveWorkspace> workspace);

 private:
  mutable std::shared_mutex mutex_;
  std::map<std::string, std::shared_ptr<LiveWorkspace>, std::less<>> by_name_;
  std::map<WorkspaceId, std::shared_ptr<LiveWorkspace>> by_id_;
};

}  // namespace writ::broker
