// SPDX-License-Identifier: Apache-2.0
// Approvals: the questions that are open in a workspace, resident in memory and durable in the
// store, and those who wait for an answer. What may happen to one is approval/'s to say; here it is
// found, written and told to those who wait.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <variant>
#include <vector>

#include "approval/approval.h"
#include "async/event.h"
#include "broker/entries.h"
#include "broker/live.h"

namespace writ::broker {

// Thread-safe. What the constructor takes outlives it.
class Approvals {
 public:
  Approvals(const Clock& clock, Random& random) : clock_(clock), random_(random) {}

  using Shared = std::shared_ptr<const approval::Approval>;
  // All groups have approved: to be claimed in the commit of the intent.
  struct Ready {
    Shared approval;
  };
  // The question stands; `seen` is what wait() compares with.
  struct Pending {
    Shared approval;
    std::uint64_t seen = 0;
  };

  // The approval that this action may claim, or the question about it: the open one of the same
  // digest where there is one (requests coalesce only with the same idempotency key, which is part
  // of the digest), else a new one, durable before it is returned. Errors: denied after a denial,
  // until its back-off has passed; rate_limited where the run has too many open.
  Task<Expected<std::variant<Ready, Pending>>> require(LiveWorkspace& workspace,
                                                       const action::AuthorizedAction& action);

  // Returns true as soon as the question is answered or ended, false when `deadline` has passed,
  // the client has gone or the run was revoked.
  Task<bool> wait(const LiveWorkspace& workspace, const Pending& pending, SteadyPoint deadline,
                  CancelToken client_gone, CancelToken run_ended);

  // The write that consumes it, for the unit of the intent: eligibility and expiry are checked as
  // of now (P4).
  Expected<Put> claim(LiveWorkspace& workspace, const Ready& ready,
                      const action::AuthorizedAction& action) const;
  // After that unit is durable.
  void claimed(LiveWorkspace& workspace, const Ready& ready, ActionId action);

  // A person's signed answer, recorded before it counts.
  Task<Expected<Shared>> decide(LiveWorkspace& workspace, ApprovalId id,
                                approval::SignedDecision decision, UserId approver);
  // The runs were revoked: their open questions end, those who wait are told.
  Task<Expected<void>> cancel(LiveWorkspace& workspace, std::vector<RunId> runs);

  Shared find(const LiveWorkspace& workspace, ApprovalId id) const;  // nullptr where unknown
  std::vector<Shared> open(const LiveWorkspace& workspace) const;  // not final at now; oldest first
  // At start, from the store.
  void load(const LiveWorkspace& workspace, approval::Approval approval);

 private:
  struct Entry {
    Shared approval;
    Broadcast changed;
  };
  struct Board {
    std::map<ApprovalId, Entry> by_id;
    std::map<Digest, ApprovalId> by_digest;  // the latest of each
  };

  approval::Approver person(const LiveWorkspace& workspace, UserId id) const;
  std::set<UserId> barred(const LiveWorkspace& workspace, const delegation::Lineage& lineage) const;
  EntryWriter writer(const LiveWorkspace& workspace) const {
    return {workspace.id(), workspace.data_key(), clock_, random_};
  }
  Shared publish(const LiveWorkspace& workspace, approval::Approval approval);
  Task<Expected<Shared>> write(LiveWorkspace& workspace, approval::Approval next,
                               std::uint64_t expected, Append entry);
  std::optional<Pending> latest(const LiveWorkspace& workspace, const Digest& digest) const;
  std::size_t open_for(const LiveWorkspace& workspace, RunId run) const;

  const Clock& clock_;
  Random& random_;
  mutable std::mutex mutex_;
  std::map<WorkspaceId, Board> boards_;
};

}  // namespace writ::broker
