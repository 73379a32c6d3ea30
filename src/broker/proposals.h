// SPDX-License-Identifier: Apache-2.0
// Proposals: the applies that wait for a signature (proposal.h), and what becomes of them. An admin
// gives it; where the version in force names a group for it, a second person of that group, admin
// or not. Their documents lie sealed in the store; the rest of those that are open, or ended
// lately, is in memory too.
//
// A proposer has one open proposal in a workspace: a newer one takes the place of the one before.
//
// Records with documents are megabytes: builders (builds.h) seal them, open them and read them.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <vector>

#include "broker/proposal.h"
#include "broker/shares.h"

namespace writ::broker {

// For decide(): who proposed it, and the group of now that decides it in an admin's place.
ControlSubject subject_of(const LiveWorkspace& workspace, const Proposal& proposal);

// Thread-safe. What the constructor takes outlives it.
class Proposals {
 public:
  Proposals(Applying& applying, Builds& builds, Shares& shares, const Clock& clock, Random& random)
      : applying_(applying), builds_(builds), shares_(shares), clock_(clock), random_(random) {}

  // Without documents.
  using Shared = std::shared_ptr<const Proposal>;

  // The question, durable before it is returned: a new one, or the proposer's open one about the
  // same documents and base; nullptr where the documents change nothing. `base` as for an apply,
  // by default the version of now; `place` as for an apply, too. Errors: those of a dry run; of
  // Share::take() where as many are open, or as large together, as may be (P37); denied where the
  // same was denied just now.
  Task<std::expected<Shared, NotApplied>> propose(LiveWorkspace& workspace,
                                                  workspace::Documents documents,
                                                  std::optional<VersionName> base, Authority by,
                                                  Builds::SharedPlace place = {});

  // Whether this person may propose now: kAtOnce times, and then once in kPace. rate_limited where
  // not. Each proposal is held against the documents in force, and leaves entries in the log (P25).
  Expected<void> pace(const LiveWorkspace& workspace, UserId user);
  static constexpr int kAtOnce = 6;
  static constexpr seconds kPace{10};

  // What it would change now. `by` is whoever looks.
  Task<std::expected<Applied, NotApplied>> look(LiveWorkspace& workspace, const Proposal& proposal,
                                                Authority by, Builds::SharedPlace place = {});

  // Publishes the documents, given by a signature over the difference, in one commit that checks
  // base, digest, difference, the standing and key of who signed, and that the proposal is still
  // open. Errors: conflict where it has ended; `moved`, with the difference of now, where another
  // version was published since; denied where the key was enrolled after it was asked;
  // `needs_second` where a group decides it, and `by` is not of it or has proposed it.
  Task<std::expected<Shared, NotApplied>> approve(LiveWorkspace& workspace, Shared proposal,
                                                  SignedDifference signature, Authority by,
                                                  std::string note);

  // `signature` is over denial_of(). Errors: conflict where it has ended, unauthenticated where the
  // signature is not the enrolled key's over it, denied where that was enrolled after it was asked.
  Task<Expected<Shared>> deny(LiveWorkspace& workspace, Shared proposal, Bytes signature,
                              Authority by, std::string note);

  // Writes down what time and other versions have done, and forgets what ended long ago. Now and
  // then, and after each apply.
  Task<Expected<void>> settle(LiveWorkspace& workspace);

  // nullptr where there is none.
  Task<Expected<Shared>> find(const LiveWorkspace& workspace, ProposalId id) const;
  // Those whose documents are kept, the oldest first: that is all that wait, and those that another
  // version has left behind.
  std::vector<Shared> open(const LiveWorkspace& workspace) const;
  ProposalState state(const LiveWorkspace& workspace, const Proposal& proposal) const;
  // At start, from the store.
  Task<Expected<void>> load(const LiveWorkspace& workspace);

 private:
  // Of the proposer's share, while there are documents.
  struct Taken {
    Share::Slot proposal;
    Share::Slot bytes;
  };
  struct Entry {
    Shared proposal;
    Taken taken;
  };
  struct Board {
    std::map<ProposalId, Entry> by_id;
    // When each proposer may propose kAtOnce times again; of those who lately did.
    std::map<UserId, SteadyPoint> rested_at;
    std::deque<ProposalId> ended;  // without documents, in the order in which they ended
  };
  // A write of one proposal on the condition of its revision, and what the log says of it.
  struct Change {
    Proposal next;
    std::uint64_t expected = 0;
    std::optional<Append> entry;
  };

  EntryWriter writer(const LiveWorkspace& workspace) const {
    return {workspace.id(), workspace.data_key(), clock_, random_};
  }
  // Whether a denial of the same stands against it: for the workspace's back-off, as of actions.
  Expected<void> may_ask(const LiveWorkspace& workspace, const Proposal& asked) const;
  // The same with its documents. conflict where it is another by now, or has none any more.
  Task<Expected<Proposal>> whole(const LiveWorkspace& workspace, const Proposal& proposal,
                                 Builds::SharedPlace place) const;
  // Of whoever proposed: a place for what is done with the documents of this one.
  Expected<Builds::SharedPlace> place_for(const LiveWorkspace& workspace,
                                          const Proposal& proposal) const;
  // Whether this person may decide it: the standing that the decision is made under (P40).
  Expected<Standing> may_decide(const LiveWorkspace& workspace, const Proposal& proposal,
                                const Authority& by) const;
  Change ending(const LiveWorkspace& workspace, const Proposal& before, Proposal next,
                std::string_view detail) const;
  audit::EntryBuilder decided_entry(const LiveWorkspace& workspace, const Proposal& proposal,
                                    const Standing& own, approval::Verdict verdict,
                                    const Authority& by, const std::string& note) const;
  // Without documents: of one with them, a builder makes the record.
  Put put_of(const LiveWorkspace& workspace, const Change& change) const;
  Task<Expected<Put>> put_whole(const LiveWorkspace& workspace, const Change& change,
                                Builds::SharedPlace place) const;
  // What the store says of it, where memory may be behind.
  Task<Expected<void>> refresh(const LiveWorkspace& workspace, ProposalId id,
                               Builds::SharedPlace place);
  Taken take_existing(const LiveWorkspace& workspace, const Proposal& proposal) const;
  Shared publish(const LiveWorkspace& workspace, Proposal proposal,
                 std::optional<Taken> taken = std::nullopt);

  Applying& applying_;
  Builds& builds_;
  Shares& shares_;
  const Clock& clock_;
  Random& random_;
  mutable std::mutex mutex_;
  std::map<WorkspaceId, Board> boards_;
};

}  // namespace writ::broker
