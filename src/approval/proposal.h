// SPDX-License-Identifier: Apache-2.0
// What is decided about a proposal, an apply that waits for an admin (protocol.md P40). Who
// approves signs an ApplyStatement (statements.h), as for an apply of their own; who denies signs a
// decision with the subject `apply`, for no group. Both sides use this file. Pure functions.
#pragma once

#include <cstdint>
#include <string>

#include "approval/decision.h"

namespace writ::approval {

struct ProposalStatement {
  WorkspaceId workspace;
  std::uint64_t base_version = 0;  // the version that the difference is from
  Digest base{};                   // of its documents
  Digest digest{};                 // of the proposed documents
  Digest difference{};             // difference_digest() of what was shown
};

// SHA-256 over RFC 8785 of {"base":{"digest":hex,"version":7},"difference":hex,"digest":hex,
// "tag":"writ-proposal-v1","workspace":"wsp_…"}
Digest proposal_digest(const ProposalStatement& statement);

// What a denial signs. `id`, `salt`, `nonce` and `expires` are the question's.
DecisionStatement denial_of(const ProposalStatement& statement, std::string id, const Digest& salt,
                            Bytes nonce, TimePoint expires);

}  // namespace writ::approval
