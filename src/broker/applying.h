// SPDX-License-Identifier: Apache-2.0
// Applying: a workspace's directory becomes what the workspace is, as a whole (P5). Validated and
// published in one commit; what is absent is disabled, and the runs that stood on it are revoked,
// before it is acknowledged. Nothing is ever half of one version and half of another.
#pragma once

#include <expected>
#include <string>
#include <vector>

#include "broker/users.h"
#include "workspace/difference.h"

namespace writ::broker {

struct Applied {
  std::uint64_t version = 0;  // published, or the one that a dry run was held against
  Digest digest{};            // of the documents
  bool changed = false;
  std::vector<workspace::Change> changes;
  std::vector<RunId> revoked;  // of a dry run: those that would be
};

// Either all problems of the documents, each with its place, or one error that is not about them.
struct NotApplied {
  std::vector<Error> problems;
  Error error;  // where there are no problems
};

// Thread-safe. What the constructor takes outlives it.
class Applying {
 public:
  Applying(Approvals& approvals, Sessions& sessions, Revocations& revocations, const Clock& clock,
           Random& random)
      : approvals_(approvals),
        sessions_(sessions),
        revocations_(revocations),
        clock_(clock),
        random_(random) {}

  // Documents equal to those published change nothing, and end what could not be ended when they
  // were published. Errors: conflict where another apply was published since this one began, or
  // someone's standing changed, and where nobody could administer the workspace afterwards;
  // unavailable where it could not be written: then nothing has changed; or where it was, and the
  // revocations could not: the message says so.
  Task<std::expected<Applied, NotApplied>> apply(LiveWorkspace& workspace,
                                                 workspace::Documents documents, bool dry_run,
                                                 Authority by);

  // At start: ends the runs whose ground, user, or key that began them went when a crash kept them
  // from being revoked. They have no authority as it is; this keeps them from coming back with a
  // name or a user. Returns them.
  Task<Expected<std::vector<RunId>>> catch_up(LiveWorkspace& workspace);

 private:
  Task<std::expected<Applied, NotApplied>> finish(LiveWorkspace& workspace, Applied applied,
                                                  std::shared_ptr<const workspace::Version> before,
                                                  std::shared_ptr<const workspace::Version> now,
                                                  Authority by);
  Task<Expected<std::vector<RunId>>> take_effect(LiveWorkspace& workspace,
                                                 std::shared_ptr<const workspace::Version> before,
                                                 std::shared_ptr<const workspace::Version> now,
                                                 Authority by);

  Approvals& approvals_;
  Sessions& sessions_;
  Revocations& revocations_;
  const Clock& clock_;
  Random& random_;
};

}  // namespace writ::broker
