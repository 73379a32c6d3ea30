// SPDX-License-Identifier: Apache-2.0
// Credentials: how a secret comes into the vault, is rotated and is destroyed. It goes one way: no
// function here, or anywhere but vault::open() for a recorded action, gives one back.
//
// A rotation is current at once; the version before stays for calls in flight until its grace ends,
// and is then destroyed: its sealed bytes are erased from the record, the store is scrubbed, and
// the log says so (P22). Another account supersedes the open approvals of the one before (P12).
#pragma once

#include <atomic>
#include <string>
#include <vector>

#include "broker/approvals.h"
#include "broker/authority.h"
#include "broker/key_signature.h"
#include "observe/log.h"

namespace writ::broker {

struct StoredSecret {
  std::string name;
  std::uint64_t version = 0;
  std::uint64_t generation = 0;
  std::string origin;
  std::vector<ApprovalId> superseded;
};

struct CredentialsParts {
  Store& store;
  Live& live;
  Approvals& approvals;
  const Clock& clock;
  Random& random;
  observe::Log& log;
};

// Thread-safe. What the constructor takes outlives it.
class Credentials {
 public:
  explicit Credentials(CredentialsParts parts) : parts_(parts) {}

  // Both are given by the caller's signature (P40): also a rotation within the same account, which
  // nobody can check. Bound to the address of this tool server, which must be one that asks for a
  // credential of this name. Errors: invalid_input (the value's bounds among them), not_found for
  // the server, conflict where there is such a credential already.
  Task<Expected<StoredSecret>> add(LiveWorkspace& workspace, std::string name, std::string server,
                                   SecretBytes value, Authority by, KeySignature signature);
  // not_found where there is none; conflict where another rotation was faster.
  Task<Expected<StoredSecret>> rotate(LiveWorkspace& workspace, std::string name, SecretBytes value,
                                      seconds grace, bool same_account, Authority by,
                                      KeySignature signature);

  // Destroys what is past its grace, in all workspaces. Called every few seconds; the first call
  // also scrubs what a crash may have left between erasing and scrubbing.
  Task<void> tick(TimePoint now);

 private:
  // `by`: on whose authority; null where the server destroys what is past its grace.
  Task<Expected<void>> write(LiveWorkspace& workspace, const vault::Credential& next,
                             std::uint64_t revision, std::vector<Append> entries,
                             const Authority* by, const KeySignature* signature);
  Task<Expected<void>> destroy_expired(LiveWorkspace& workspace, TimePoint now);
  Task<void> scrub();
  EntryWriter writer(const LiveWorkspace& workspace) const {
    return {workspace.id(), workspace.data_key(), parts_.clock, parts_.random};
  }

  CredentialsParts parts_;
  std::atomic<bool> scrub_owed_ = true;
};

}  // namespace writ::broker
