// SPDX-License-Identifier: Apache-2.0
// Approval: one question put to people about one exact action, and its life as a state machine
// (protocol.md P4, P12, P14, P20).
//
//   pending ──▶ approved ──▶ claimed
//      │            ├──────▶ expired (A)
//      ├──▶ denied ◀┘            approvers may still deny until it is claimed
//      ├──▶ expired (R)
//      ├──▶ superseded           another account, or policy asks other groups (approved too)
//      └──▶ cancelled            the run was revoked (approved too)
//
// Every function is pure: it takes a value and gives the next one, or an error that names the rule.
// Whoever stores it writes the next value on the condition of the revision that it read, so two
// claims cannot both succeed (I1). Thread-safe as values are.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "action/call.h"
#include "approval/decision.h"
#include "base/random.h"
#include "delegation/run.h"
#include "jose/jwk.h"

namespace writ::approval {

enum class State : std::uint8_t {
  pending,
  approved,
  denied,
  expired,
  superseded,
  cancelled,
  claimed,
};
std::string_view name(State state);  // as it is stored and shown: "pending"
// Whether nothing can follow.
bool is_final(State state);

// A signed answer of one person.
struct Decision {
  UserId user;
  std::string user_name;
  Verdict verdict = Verdict::deny;
  std::vector<std::string> groups;  // for which it counts; sorted
  TimePoint at;
  std::string key;  // RFC 7638 thumbprint of the key that signed
  Bytes signature;  // over canonical_decision()
  friend bool operator==(const Decision&, const Decision&) = default;
};

// Actions that say the same (action::likeness) and have been done or may have been, as the approver
// is told (P14).
struct Identical {
  std::uint32_t done = 0;
  std::uint32_t unknown = 0;
  friend bool operator==(const Identical&, const Identical&) = default;
};

// How long things last, from the workspace's settings. Each request keeps those it was made under.
struct Terms {
  seconds request_life = std::chrono::minutes(15);  // R
  seconds approval_life = std::chrono::minutes(5);  // A, from the decision that completes it
  seconds back_off = std::chrono::minutes(2);       // after a denial
};

struct Approval {
  ApprovalId id;
  WorkspaceId workspace;
  RunId run;
  AgentId agent;
  std::optional<UserId> user;
  // For people; the statement is what counts.
  std::string run_name;
  std::string agent_name;
  std::string user_name;  // empty where there is no user
  std::string tool;
  std::string title;  // of the operation, with the arguments in it

  Digest digest{};        // P12
  Digest salt{};          // 32 random bytes of this question: see commitment_of()
  Digest likeness{};      // action::likeness(): equal where only run and key differ
  std::string statement;  // the canonical bytes that `digest` is of and the page is rendered from
  std::vector<std::string> groups;  // all must approve; sorted, never empty
  std::vector<UserId> barred;       // who may not approve, as of the request; sorted
  Identical identical;
  Bytes nonce;  // 32 bytes
  TimePoint created;
  TimePoint request_expires;
  seconds approval_life{0};  // A
  seconds back_off{0};

  State state = State::pending;
  std::vector<Decision> decisions;  // in their order
  std::optional<TimePoint> approved_at;
  std::optional<TimePoint> approval_expires;
  std::optional<TimePoint> ended_at;  // when a final state was reached
  std::optional<ActionId> claimed_by;
  std::optional<ApprovalId> superseded_by;
  std::optional<TimePoint> retry_after;  // of a denial

  std::uint64_t revision = 0;  // of its record, set by whoever reads that; not part of the JSON

  // Stored form, version 2; unknown members and versions are refused with their pointer, and so is
  // a record whose digest is not its statement's or that has no groups.
  Json to_json() const;
  static Expected<Approval> from_json(const Json& value);
  friend bool operator==(const Approval&, const Approval&) = default;
};

// Who may not approve (P4): the users of the run and its ancestors; and of a chain without a user,
// the owners of its agents. `owner_of` gives nothing for an agent that is gone.
using OwnerOf = std::function<std::optional<UserId>(AgentId)>;
std::set<UserId> barred_from(const delegation::Lineage& lineage, const OwnerOf& owner_of);

// What a person can be asked to read; beyond it the request is refused, never shortened.
inline constexpr std::size_t kMaxStatementBytes = std::size_t{64} << 10;
inline constexpr std::size_t kMaxTitleBytes = std::size_t{256} << 10;

// The question about an action that policy has decided to ask about. Ends with the run at the
// latest. Errors: too_large; denied where the run has ended; internal where the action needs no
// approval: a question that nobody has to answer would be an approval by nobody.
Expected<Approval> request(const action::AuthorizedAction& action, ApprovalId id,
                           const std::set<UserId>& barred, const Identical& identical,
                           const Terms& terms, TimePoint now, Random& random);

// The state at `now`: a pending request past R and an unclaimed approval past A are expired,
// whether or not that has been written down.
State state_at(const Approval& approval, TimePoint now);
// The same approval with an expiry written down; nothing where there is none to write.
std::optional<Approval> expire(const Approval& approval, TimePoint now);

// What the log, the approvers and the claim know the action by (P20, P38).
Digest commitment_of(const Approval& approval);

// What this person would sign.
DecisionStatement statement_of(const Approval& approval, Verdict verdict,
                               std::vector<std::string> groups);

// A person as of now. `key` is the enrolled one, since `enrolled`.
struct Approver {
  UserId id;
  std::string name;
  bool active = false;
  std::vector<std::string> groups;
  std::optional<jose::Jwk> key;
  std::optional<TimePoint> enrolled{};
};
// Whether this person's key was enrolled before that was asked: a key enrolled anew decides nothing
// that was asked before it, so whoever takes a person's place takes over no open question (P40).
bool was_enrolled_by(const Approver& approver, TimePoint asked);

struct SignedDecision {
  Verdict verdict = Verdict::deny;
  Digest commitment{};  // computed by the approver's side from what it showed
  std::vector<std::string> groups;
  Bytes signature;
};

// The groups for which this person may decide now: needed ones that the person is in; none for who
// is barred or not active.
std::vector<std::string> groups_open_to(const Approval& approval, const Approver& approver);

// The approval with the decision added. It becomes approved when each needed group has a person of
// its own: people are matched to groups one to one, so one person in two groups stands for one of
// them ("finance and controllers" means two people). A denial by any of them ends it, also after it
// was approved, until it is claimed.
// Errors: conflict (not open any more, decided by this person already, or another commitment),
// denied (not active, barred, not in the groups, or the key was enrolled after this was asked),
// unauthenticated (no ES256 key enrolled, or the signature is not of this decision), invalid_input
// (groups empty, unsorted or not needed).
Expected<Approval> decide(const Approval& approval, const SignedDecision& decision,
                          const Approver& approver, TimePoint now);

// What a claim is checked against, all of it as of now: the digest of the bytes about to be sent,
// the groups that the decision just made asks for, who is barred, and the people. `person` gives
// nothing for a user who is gone.
struct Claim {
  ActionId action;
  RunId run;
  Digest digest{};
  std::set<std::string> groups;
  std::set<UserId> barred;
  std::function<std::optional<Approver>(UserId)> person;
};

// Whether the approval may be consumed for this claim: approved, unexpired, of this digest and run;
// each group has a person of its own who is active now, in that group now, not barred now, and
// whose signature still verifies under the key enrolled now, and since before it was asked.
// Errors: conflict (not approved, claimed already, expired, other digest or run), denied (a group's
// approval no longer holds, or policy asks for a group that was not asked: as it stands it cannot
// be used; supersede it and ask again), internal (a claim that asks for no group).
Expected<void> claimable(const Approval& approval, const Claim& claim, TimePoint now);
// The approval, consumed by that action: claimable() and the transition in one.
Expected<Approval> claim(const Approval& approval, const Claim& claim, TimePoint now);

// The run was revoked. conflict where it is final already.
Expected<Approval> cancel(const Approval& approval, TimePoint now);
// Another approval takes its place, or none (`by` absent) where the action cannot be asked for any
// more. conflict where it is final already.
Expected<Approval> supersede(const Approval& approval, std::optional<ApprovalId> by, TimePoint now);

// Until when an action that says the same may not be asked for again (failures.md 25): nothing
// where it may.
std::optional<TimePoint> retry_after(const Approval& denied, TimePoint now);

}  // namespace writ::approval
