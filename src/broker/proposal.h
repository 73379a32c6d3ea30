// SPDX-License-Identifier: Apache-2.0
// Proposal: documents that somebody who cannot sign leaves as a question to the admins (P40). An
// admin reads the difference and signs it, as an apply of their own; then exactly these documents
// are published, from exactly the version that they were made from. Values and pure functions.
//
//   pending ──▶ applied
//      ├──▶ denied
//      ├──▶ superseded    another version was published, or the proposer proposed something newer
//      └──▶ expired
//
// Stored form, of a record `proposal`, sealed as an approval is: documents may hold what only
// admins may read.
//
//   {"sealed":"base64url of the sealed Proposal::to_json()","v":1}
#pragma once

#include <optional>
#include <string>

#include "approval/proposal.h"
#include "broker/applying.h"

namespace writ::broker {

using ProposalId = Id<"prp_">;

enum class ProposalState : std::uint8_t { pending, applied, denied, expired, superseded };
std::string_view name(ProposalState state);  // as it is stored and shown

struct ProposalDecision {
  UserId by;
  std::string by_name;
  approval::Verdict verdict = approval::Verdict::deny;
  TimePoint at;
  friend bool operator==(const ProposalDecision&, const ProposalDecision&) = default;
};

struct Proposal {
  ProposalId id;
  UserId proposer;
  std::string proposer_name;
  VersionName base;     // that the documents were made from
  Digest digest{};      // of the documents
  Digest difference{};  // approval::difference_digest() from base to documents
  std::uint64_t changes = 0;
  std::uint64_t widening = 0;  // of those
  std::uint64_t bytes = 0;     // of the documents
  Digest salt{};               // 32 random bytes of this question
  Bytes nonce;                 // 32 bytes
  TimePoint created;
  TimePoint expires;
  ProposalState state = ProposalState::pending;
  std::optional<ProposalDecision> decided;
  std::optional<std::uint64_t> version;  // that was published with it
  std::optional<TimePoint> ended;
  // While somebody may look at the difference; absent too where the value is kept in memory.
  std::optional<workspace::Documents> documents;

  std::uint64_t revision = 0;  // of its record; not part of the JSON

  Json to_json() const;
  static Expected<Proposal> from_json(const Json& value);
  friend bool operator==(const Proposal&, const Proposal&) = default;
};

// The state at `now`, where `current` is the version in force.
ProposalState state_at(const Proposal& proposal, const VersionName& current, TimePoint now);

// What a denial of it signs.
approval::DecisionStatement denial_of(WorkspaceId workspace, const Proposal& proposal);

std::string to_record(const LiveWorkspace& workspace, Random& random, const Proposal& proposal);
// With the record's revision.
Expected<Proposal> parse_proposal_record(const LiveWorkspace& workspace, const Record& record);

}  // namespace writ::broker
