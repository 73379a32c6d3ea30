// SPDX-License-Identifier: Apache-2.0
// Proposals: POST and GET /v1/proposals, /v1/proposals/{id}, POST /v1/proposals/{id}/decisions.
// Who proposes sends an ApplyRequest (apply.h), without a signature.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/id.h"
#include "protocol/apply.h"

namespace writ::protocol {

using ProposalId = Id<"prp_">;

// What everybody may know who may see it: nothing of what the documents say.
struct ProposalItem {
  ProposalId id;
  std::string state;        // broker/proposal.h: "pending", "applied", …
  std::string proposed_by;  // a user's name
  std::uint64_t base = 0;   // "base_version": the version it was made from
  std::uint64_t changes = 0;
  std::uint64_t widening = 0;  // of those
  TimePoint created;
  TimePoint expires;
  std::optional<std::string> group{};       // while it waits: that decides it in an admin's place
  std::optional<std::string> decided_by{};  // a user's name
  std::optional<std::uint64_t> version{};   // "published": that it became

  JsonObject to_json() const;
  static Expected<ProposalItem> from_json(const Json& value, std::string pointer = {});
  friend bool operator==(const ProposalItem&, const ProposalItem&) = default;
};

// What is decided on: what the documents would change now.
struct ProposalView {
  ProposalItem item;  // its members stand beside these
  VersionName from;   // "from": what the changes are from
  Digest digest{};    // of the documents
  std::vector<Change> changes;
  std::vector<RunId> revoked_runs;  // those that would be
  // Part of what a denial signs (approval/proposal.h).
  Digest salt{};
  Bytes nonce;

  JsonObject to_json() const;
  static Expected<ProposalView> from_json(const Json& value, std::string pointer = {});
  friend bool operator==(const ProposalView&, const ProposalView&) = default;
};

// Nothing where the documents change nothing.
struct ProposeAnswer {
  std::optional<ProposalItem> proposal;

  JsonObject to_json() const;
  static Expected<ProposeAnswer> from_json(const Json& value, std::string pointer = {});
  friend bool operator==(const ProposeAnswer&, const ProposeAnswer&) = default;
};

struct ProposalList {
  std::vector<ProposalItem> proposals;

  JsonObject to_json() const;
  static Expected<ProposalList> from_json(const Json& value, std::string pointer = {});
  friend bool operator==(const ProposalList&, const ProposalList&) = default;
};

// Exactly one of the two: the first approves, the second denies.
struct ProposalDecision {
  std::optional<ApplySignature> signed_by_admin;  // "signature", over the apply
  std::optional<Bytes> denial;                    // "denial", a signature over the denial
  std::optional<std::string> note{};              // for the record; not signed

  JsonObject to_json() const;
  static Expected<ProposalDecision> from_json(const Json& value, std::string pointer = {});
  friend bool operator==(const ProposalDecision&, const ProposalDecision&) = default;
};

}  // namespace writ::protocol
