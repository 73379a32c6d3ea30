// SPDX-License-Identifier: Apache-2.0
// Approvals: GET /v1/approvals, /v1/approvals/{id}, POST /v1/approvals/{id}/decisions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/id.h"
#include "protocol/fields.h"

namespace writ::protocol {

struct DecisionView {
  std::string by;        // a user's name
  std::string decision;  // "approve", "deny"
  std::vector<std::string> groups;
  TimePoint at;

  JsonObject to_json() const;
  static Expected<DecisionView> from_json(const Json& value, std::string pointer = {});
  friend bool operator==(const DecisionView&, const DecisionView&) = default;
};

// Actions that say the same and were done, or may have been (P14).
struct IdenticalActions {
  std::uint64_t done = 0;
  std::uint64_t unknown = 0;
  friend bool operator==(const IdenticalActions&, const IdenticalActions&) = default;
};

struct ApprovalView {
  ApprovalId id;
  std::string state;  // approval/approval.h: "pending", "approved", …
  RunId run;
  std::string run_name;
  std::string agent;
  std::optional<std::string> user;
  std::string tool;
  std::string title;      // for lists; what is decided on is the statement
  std::string statement;  // the canonical bytes, exact
  // P20: the approver's side computes the commitment from the statement and the salt; the server's
  // own is there to be compared, and is never what is signed.
  std::string subject;  // approval/decision.h: "action"
  Digest salt{};
  Digest commitment{};
  std::vector<std::string> groups;   // all must approve
  std::vector<std::string> missing;  // those that have not
  std::vector<DecisionView> decided;
  IdenticalActions identical;
  Bytes nonce;  // of the request: part of what is signed
  TimePoint created;
  TimePoint expires;                        // of the request: part of what is signed
  std::optional<TimePoint> approved_until;  // once it is approved
  std::optional<TimePoint> retry_after;     // of a denial

  JsonObject to_json() const;
  static Expected<ApprovalView> from_json(const Json& value, std::string pointer = {});
  friend bool operator==(const ApprovalView&, const ApprovalView&) = default;
};

// One of a list: for finding the one to look at. Its texts are cut (cut_for_list()); what is
// decided on is the ApprovalView, which is always whole.
struct ApprovalItem {
  ApprovalId id;
  std::string state;
  RunId run;
  std::string run_name;
  std::string agent;
  std::optional<std::string> user;
  std::string tool;
  std::string title;
  std::vector<std::string> groups;
  std::vector<std::string> missing;
  TimePoint created;
  TimePoint expires;
  std::optional<TimePoint> approved_until;

  JsonObject to_json() const;
  static Expected<ApprovalItem> from_json(const Json& value, std::string pointer = {});
  friend bool operator==(const ApprovalItem&, const ApprovalItem&) = default;
};

struct ApprovalList {
  std::vector<ApprovalItem> approvals;
  std::optional<std::string> cursor{};  // of the next page; nothing: this is the last

  JsonObject to_json() const;
  static Expected<ApprovalList> from_json(const Json& value, std::string pointer = {});
  friend bool operator==(const ApprovalList&, const ApprovalList&) = default;
};

// What an agent may know of the approval that it waits for.
struct ApprovalState {
  ApprovalId id;
  std::string state;

  JsonObject to_json() const;
  static Expected<ApprovalState> from_json(const Json& value, std::string pointer = {});
  friend bool operator==(const ApprovalState&, const ApprovalState&) = default;
};

// The parts of approval/decision.h's DecisionStatement that the server does not know by itself, or
// compares; `commitment` is what the approver's side computed from what it showed.
struct DecisionRequest {
  std::string decision;  // "approve", "deny"
  Digest commitment{};
  std::vector<std::string> groups;  // sorted, unique
  Bytes nonce;
  TimePoint expiry;
  Bytes signature;                  // ES256, over canonical_decision()
  std::optional<std::string> note;  // for the record; not signed

  JsonObject to_json() const;
  static Expected<DecisionRequest> from_json(const Json& value, std::string pointer = {});
  friend bool operator==(const DecisionRequest&, const DecisionRequest&) = default;
};

}  // namespace writ::protocol
