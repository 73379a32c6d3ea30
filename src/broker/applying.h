// SPDX-License-Identifier: Apache-2.0
// Applying: a workspace's directory becomes what the workspace is, as a whole (P5). Validated and
// published in one commit; what is absent is disabled, and the runs that stood on it are revoked,
// before it is acknowledged. Nothing is ever half of one version and half of another. What costs
// time is done off the loops (builds.h).
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <vector>

#include "approval/statements.h"
#include "broker/builds.h"
#include "broker/users.h"
#include "workspace/difference.h"

namespace writ::broker {

// A version by its number and its documents.
struct VersionName {
  std::uint64_t number = 0;
  Digest digest{};
  friend bool operator==(const VersionName&, const VersionName&) = default;
};

// What an admin's key has signed: the difference, and the rest of an approval::ApplyStatement.
struct SignedDifference {
  Digest difference{};
  approval::Signed by;
};

// Of an apply that somebody proposed (proposals.h): what its commit writes beside.
struct Proposed {
  std::string id;  // of the proposal
  UserId by;       // its proposer
  std::string by_name;
  Put put;       // the proposal's record, on the condition that it is still open
  Append entry;  // proposal.decided
};

struct ApplyAsk {
  workspace::Documents documents;
  bool dry_run = false;
  // The version that the documents were made from. Only a dry run may leave it out.
  std::optional<VersionName> base;
  std::optional<SignedDifference> signature;
  // Then it is signed whether it widens or not.
  std::optional<Proposed> proposed{};
};

struct Applied {
  std::uint64_t version = 0;  // published, or the one that a dry run was held against
  Digest digest{};            // of the documents
  VersionName base;           // that the changes are from
  bool changed = false;
  std::vector<workspace::Change> changes;
  Digest difference{};         // of the changes: what is signed
  std::vector<RunId> revoked;  // of a dry run: those that would be
  // The group of the version in force that decides this, where there is one and this widens (P40).
  std::optional<std::string> asks{};
};

// Why nothing was published.
struct NotApplied {
  enum class Why : std::uint8_t {
    problems,      // of the documents: all of them, each with its place
    moved,         // another version than the base is current; `changes` are from that one
    needs_key,     // `changes` widen, and no signature of the admin's key over them came with it
    needs_second,  // `changes` widen, and a group decides that: proposals.h
    failed,
  };
  Why why = Why::failed;
  std::vector<Error> problems;
  Error error;  // where there are no problems
  VersionName base;
  std::vector<workspace::Change> changes;
};

// Thread-safe. What the constructor takes outlives it.
class Applying {
 public:
  Applying(Approvals& approvals, Sessions& sessions, Revocations& revocations, Builds& builds,
           const Clock& clock, Random& random)
      : approvals_(approvals),
        sessions_(sessions),
        revocations_(revocations),
        builds_(builds),
        clock_(clock),
        random_(random) {}

  // Documents equal to those published change nothing, and end what could not be ended when they
  // were published. What widens is signed by the key that the admin has enrolled (P40): checked
  // here, and in the commit. Where the version in force names a group for it, a second person of
  // that group signs instead, and what nobody has proposed is not published. Errors: conflict where
  // another apply was published since this one began, or someone's standing changed, and where
  // nobody could administer the workspace afterwards; unavailable where it could not be written, or
  // was cut before: then nothing has changed; or where it was, and the revocations could not: the
  // message says so.
  //
  // `by` is of this workspace. Without a place it takes one: rate_limited where there is none.
  Task<std::expected<Applied, NotApplied>> apply(LiveWorkspace& workspace, ApplyAsk ask,
                                                 Authority by, Builds::SharedPlace place = {});

  // At start: ends the runs whose ground, user, or key that began them went when a crash kept them
  // from being revoked. They have no authority as it is; this keeps them from coming back with a
  // name or a user. Returns them.
  Task<Expected<std::vector<RunId>>> catch_up(LiveWorkspace& workspace);

 private:
  Task<std::expected<Applied, NotApplied>> finish(LiveWorkspace& workspace, Applied applied,
                                                  std::shared_ptr<const workspace::Version> now,
                                                  std::vector<UserId> gone,
                                                  std::vector<UserId> lessened, Authority by);
  Expected<void> check_signature(const LiveWorkspace& workspace, const Applied& looked,
                                 const ApplyAsk& ask, const Standing& own) const;
  Task<Expected<std::vector<RunId>>> take_effect(LiveWorkspace& workspace,
                                                 std::shared_ptr<const workspace::Version> now,
                                                 std::vector<UserId> gone,
                                                 std::vector<UserId> lessened, Authority by);

  Approvals& approvals_;
  Sessions& sessions_;
  Revocations& revocations_;
  Builds& builds_;
  const Clock& clock_;
  Random& random_;
};

}  // namespace writ::broker
