// SPDX-License-Identifier: Apache-2.0
// Approvals: the questions that are open in a workspace, resident in memory and durable in the
// store, and those who wait for an answer. What may happen to one is approval/'s to say; here it is
// found, written and told to those who wait.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <variant>
#include <vector>

#include "approval/approval.h"
#include "async/event.h"
#include "broker/authority.h"
#include "broker/entries.h"
#include "broker/live.h"
#include "broker/shares.h"

namespace writ::broker {

// Thread-safe. What the constructor takes outlives it.
class Approvals {
 public:
  Approvals(const Clock& clock, Random& random, Shares& shares)
      : clock_(clock), random_(random), shares_(shares) {}

  using Shared = std::shared_ptr<const approval::Approval>;
  // All groups have approved: to be claimed in the commit of the intent.
  struct Ready {
    Shared approval;
  };
  // The question stands; `seen` is what wait() compares with.
  struct Pending {
    Shared approval;
    std::uint64_t seen = 0;
    bool proof_used = false;  // the sender's proof was made durable with the question
  };

  // The approval that this action may claim, or the question about it: the open one of the same
  // digest where there is one (requests coalesce only with the same idempotency key, which is part
  // of the digest), else a new one, durable before it is returned, that supersedes what it takes
  // the place of: the question of the same run and key about the same call as it was under another
  // definition or account, and one that policy or its approvers have left behind. Errors: denied
  // after a denial, until its back-off has passed; those of Share::take() where the run, its agent
  // or the workspace has as many open as it may, or their texts are too large together (P37);
  // conflict at kOnceConflict where the sender's proof was used before, and at the approval's
  // revision where another request with the same key has just claimed it.
  Task<Expected<std::variant<Ready, Pending>>> require(LiveWorkspace& workspace,
                                                       const action::AuthorizedAction& action);

  // Returns true as soon as the question is answered or ended, false when `deadline` has passed,
  // the client has gone or the run was revoked.
  Task<bool> wait(const LiveWorkspace& workspace, const Pending& pending, SteadyPoint deadline,
                  CancelToken client_gone, CancelToken run_ended);

  // The write that consumes it, for the unit of the intent, and what it then is: eligibility and
  // expiry are checked as of now (P4), and on the condition that its approvers stand as they do
  // now: one who is disabled before the commit has not approved.
  struct Claiming {
    Put put;
    std::vector<Check> checks;
    approval::Approval claimed;
  };
  Expected<Claiming> claim(const LiveWorkspace& workspace, const Ready& ready,
                           const action::AuthorizedAction& action) const;
  // After that unit is durable.
  void claimed(const LiveWorkspace& workspace, Claiming claiming);

  // A person's signed answer, recorded before it counts. `note` is the person's own words for the
  // log: UTF-8, not signed.
  Task<Expected<Shared>> decide(LiveWorkspace& workspace, ApprovalId id,
                                approval::SignedDecision decision, Authority by,
                                std::string note = {});
  // The runs were revoked: their open questions end, those who wait are told.
  Task<Expected<void>> cancel(LiveWorkspace& workspace, std::vector<RunId> runs);
  // Every open question ends, with this for the log.
  Task<Expected<void>> end_open(LiveWorkspace& workspace, std::string detail);
  // Writes down what time and change have done: questions past their expiry, and those about an
  // operation or account that is not the current one any more, which nobody could claim (P12).
  // After each apply and each new account, and every now and then; forgets what ended long ago.
  Task<Expected<void>> settle(LiveWorkspace& workspace);

  // nullptr where unknown, and where it ended so long ago that the store alone has it.
  Shared find(const LiveWorkspace& workspace, ApprovalId id) const;
  std::vector<Shared> open(const LiveWorkspace& workspace) const;  // not final at now; oldest first
  // At start, from the store.
  void load(const LiveWorkspace& workspace, approval::Approval approval);

 private:
  using Gate = std::variant<Ready, Pending>;
  // What an open question takes of its agent's share. A question has that of the one that it
  // supersedes, which ends in the same commit.
  struct Taken {
    Share::Slot question;
    Share::Slot bytes;
  };
  using SharedTaken = std::shared_ptr<const Taken>;
  struct Entry {
    Shared approval;
    Broadcast changed;
    SharedTaken taken;  // until it has ended
  };
  struct Board {
    std::map<ApprovalId, Entry> by_id;
    std::map<Digest, ApprovalId> by_digest;  // the latest of each
    std::map<Digest, Shared>
        denied;  // by likeness, without their texts: a new key is no way around
    std::map<Digest, Broadcast> asking;  // by digest: a question about it is being written
    std::deque<ApprovalId> ended;        // of by_id, in the order in which they ended
    std::size_t ended_bytes = 0;         // of their texts
  };
  // A write of one approval, on the condition of its revision, and what the log says of it.
  struct Change {
    approval::Approval next;
    std::uint64_t expected = 0;
    Append entry;
    SharedTaken taken{};  // of a new question
  };
  class Turn;

  // An entry about the approval, with what lies beside it.
  static Append about(audit::EntryBuilder entry, const approval::Approval& approval, Bytes sealed);
  approval::Approver person(const LiveWorkspace& workspace, UserId id) const;
  std::set<UserId> barred(const LiveWorkspace& workspace, const delegation::Lineage& lineage) const;
  EntryWriter writer(const LiveWorkspace& workspace) const {
    return {workspace.id(), workspace.data_key(), clock_, random_};
  }
  Expected<approval::Approval> claimed_by(const LiveWorkspace& workspace,
                                          const approval::Approval& approval,
                                          const action::AuthorizedAction& action) const;
  Expected<std::optional<Gate>> standing(const LiveWorkspace& workspace,
                                         const action::AuthorizedAction& action) const;
  std::vector<Shared> left_behind(const LiveWorkspace& workspace,
                                  const action::AuthorizedAction& action) const;
  // Whether a denial stands against it.
  Expected<void> may_ask(const LiveWorkspace& workspace,
                         const action::AuthorizedAction& action) const;
  Expected<SharedTaken> take(const LiveWorkspace& workspace, const approval::Approval& asked,
                             const std::vector<Shared>& superseded);
  Task<Expected<Gate>> ask(LiveWorkspace& workspace, const action::AuthorizedAction& action);
  Task<Expected<approval::Identical>> identical(LiveWorkspace& workspace,
                                                const Digest& likeness) const;
  Change ending(const LiveWorkspace& workspace, const approval::Approval& before,
                approval::Approval next, std::string_view detail) const;
  Task<Turn> turn(const LiveWorkspace& workspace, Digest digest);
  Task<Expected<void>> end_open(LiveWorkspace& workspace,
                                std::function<bool(const approval::Approval&)> which,
                                std::string detail);
  // What is known then, and what a wait that is to miss nothing after it has seen.
  Pending publish(const LiveWorkspace& workspace, approval::Approval approval,
                  SharedTaken taken = nullptr);
  static void drop_oldest_ended(Board& board);
  // Of the last change.
  Task<Expected<Pending>> write(LiveWorkspace& workspace, std::vector<Change> changes,
                                std::vector<Once> once = {}, const Authority* by = nullptr);
  std::optional<Pending> latest(const LiveWorkspace& workspace, const Digest& digest) const;
  void forget(const LiveWorkspace& workspace);

  const Clock& clock_;
  Random& random_;
  Shares& shares_;
  mutable std::mutex mutex_;
  std::map<WorkspaceId, Board> boards_;
};

}  // namespace writ::broker
