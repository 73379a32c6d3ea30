// SPDX-License-Identifier: Apache-2.0
#include "approval/approval.h"

#include <algorithm>

#include "approval/matching.h"
#include "tools/operation.h"

namespace writ::approval {
namespace {

constexpr std::size_t kNonceBytes = 32;

bool contains(const auto& list, const auto& item) {
  return std::ranges::find(list, item) != list.end();
}

// Ends an approval in a state that is reached from pending and approved alike.
Expected<Approval> end(const Approval& approval, State state, TimePoint now) {
  const State before = state_at(approval, now);
  if (is_final(before)) {
    return fail(Errc::conflict, "the approval is " + std::string(name(before)) + " already");
  }
  Approval next = approval;
  next.state = state;
  next.ended_at = now;
  return next;
}

bool verifies(const Approval& approval, Verdict verdict, const std::vector<std::string>& groups,
              const jose::Jwk& key, BytesView signature) {
  // The key's own algorithm alone counts, and P20 allows no other.
  if (key.algorithm() != jose::Algorithm::es256) return false;
  const std::string bytes = canonical_decision(statement_of(approval, verdict, groups));
  return key.verify(as_bytes(bytes), signature);
}

// Whether an approver who is fit now stands behind this decision.
bool still_holds(const Approval& approval, const Decision& decision, const Claim& claim,
                 const std::optional<Approver>& person) {
  return person && person->id == decision.user && person->active &&
         !contains(approval.barred, decision.user) && !claim.barred.contains(decision.user) &&
         person->key && was_enrolled_by(*person, approval.created) &&
         verifies(approval, decision.verdict, decision.groups, *person->key, decision.signature);
}

std::string listed(const auto& groups) {
  std::string text;
  for (const auto& group : groups) text += (text.empty() ? "" : ", ") + group;
  return text;
}

}  // namespace

std::string_view name(State state) {
  switch (state) {
    case State::pending:
      return "pending";
    case State::approved:
      return "approved";
    case State::denied:
      return "denied";
    case State::expired:
      return "expired";
    case State::superseded:
      return "superseded";
    case State::cancelled:
      return "cancelled";
    case State::claimed:
      return "claimed";
  }
  return "";
}

bool is_final(State state) { return state != State::pending && state != State::approved; }

std::set<UserId> barred_from(const delegation::Lineage& lineage, const OwnerOf& owner_of) {
  std::set<UserId> barred;
  for (const auto& run : lineage.runs) {
    if (run->user) {
      barred.insert(*run->user);
    } else if (const auto owner = owner_of(run->agent)) {
      barred.insert(*owner);
    }
  }
  return barred;
}

Expected<Approval> request(const action::AuthorizedAction& action, ApprovalId id,
                           const std::set<UserId>& barred, const Identical& identical,
                           const Terms& terms, TimePoint now, Random& random) {
  if (action.approvals().empty()) {
    return fail(Errc::internal, "an approval was asked for that nobody has to give");
  }
  const auto& proposed = action.proposed();
  const auto& run = proposed.call().run();
  if (run.ends <= now) return fail(Errc::denied, "the run has ended");
  if (proposed.statement().size() > kMaxStatementBytes) {
    return fail(Errc::too_large, "the action is too large for a person to read and approve",
                "arguments", "an action that needs approval has at most 64 KiB of arguments");
  }
  // P11: what a person cannot be shown a person is not asked about.
  WRIT_TRY_VOID(show_statement(proposed.statement()));
  Approval approval;
  approval.id = id;
  approval.workspace = run.workspace;
  approval.run = run.id;
  approval.agent = run.agent;
  approval.user = run.user;
  approval.run_name = run.name;
  approval.agent_name = run.agent_name;
  approval.user_name = run.user_name;
  approval.tool = proposed.operation().name;
  approval.title = tools::describe(proposed.operation(), proposed.request().arguments);
  if (approval.title.size() > kMaxTitleBytes) {
    return fail(Errc::too_large, "the action's title is too large for a person to read");
  }
  approval.digest = proposed.digest();
  random.fill(approval.salt);
  approval.likeness = proposed.likeness();
  approval.statement = proposed.statement();
  approval.groups.assign(action.approvals().begin(), action.approvals().end());
  approval.barred.assign(barred.begin(), barred.end());
  approval.identical = identical;
  approval.nonce.resize(kNonceBytes);
  random.fill(approval.nonce);
  approval.created = now;
  approval.request_expires = std::min<TimePoint>(now + terms.request_life, run.ends);
  approval.approval_life = terms.approval_life;
  approval.back_off = terms.back_off;
  return approval;
}

State state_at(const Approval& approval, TimePoint now) {
  if (approval.state == State::pending && now >= approval.request_expires) return State::expired;
  if (approval.state == State::approved &&
      (!approval.approval_expires || now >= *approval.approval_expires)) {
    return State::expired;
  }
  return approval.state;
}

std::optional<Approval> expire(const Approval& approval, TimePoint now) {
  if (is_final(approval.state) || state_at(approval, now) != State::expired) return std::nullopt;
  Approval next = approval;
  next.ended_at = approval.state == State::pending ? approval.request_expires
                                                   : approval.approval_expires.value_or(now);
  next.state = State::expired;
  return next;
}

Digest commitment_of(const Approval& approval) {
  return commitment(approval.salt, approval.digest);
}

DecisionStatement statement_of(const Approval& approval, Verdict verdict,
                               std::vector<std::string> groups) {
  return {.workspace = approval.workspace,
          .approval = approval.id.to_string(),
          .subject = Subject::action,
          .commitment = commitment_of(approval),
          .verdict = verdict,
          .groups = std::move(groups),
          .nonce = approval.nonce,
          .expires = approval.request_expires};
}

bool was_enrolled_by(const Approver& approver, TimePoint asked) {
  return approver.enrolled && *approver.enrolled <= asked;
}

std::vector<std::string> groups_open_to(const Approval& approval, const Approver& approver) {
  std::vector<std::string> open;
  if (!approver.active || contains(approval.barred, approver.id)) return open;
  for (const auto& group : approval.groups) {
    if (contains(approver.groups, group)) open.push_back(group);
  }
  return open;
}

Expected<Approval> decide(const Approval& approval, const SignedDecision& decision,
                          const Approver& approver, TimePoint now) {
  const State state = state_at(approval, now);
  const bool withdraws = state == State::approved && decision.verdict == Verdict::deny;
  if (state != State::pending && !withdraws) {
    return fail(Errc::conflict, "the approval is " + std::string(name(state)) + " already");
  }
  if (decision.commitment != commitment_of(approval)) {
    return fail(Errc::conflict, "the decision is about another action than this approval",
                "commitment", "read the action again and decide on what it says now");
  }
  if (!approver.active) return fail(Errc::denied, "an approver must be an active user");
  if (contains(approval.barred, approver.id)) {
    return fail(Errc::denied,
                "who the run is for, or who owns the agent of a run for nobody, may not approve it",
                "approver", "somebody else of " + listed(approval.groups) + " has to decide");
  }
  const auto& groups = decision.groups;
  if (groups.empty() || !std::ranges::is_sorted(groups) ||
      std::ranges::adjacent_find(groups) != groups.end()) {
    return fail(Errc::invalid_input, "a decision is for one or more groups, sorted", "groups");
  }
  for (const auto& group : groups) {
    if (!contains(approval.groups, group)) {
      return fail(Errc::invalid_input, "this approval does not need " + quoted_extract(group),
                  "groups", "it needs " + listed(approval.groups));
    }
    if (!contains(approver.groups, group)) {
      return fail(Errc::denied, "the approver is not in " + quoted_extract(group), "groups",
                  "it needs somebody of " + listed(approval.groups));
    }
  }
  // Who approved may still take it back; nothing else is said twice.
  const bool decided = std::ranges::any_of(
      approval.decisions, [&](const Decision& d) { return d.user == approver.id; });
  if (decided && decision.verdict == Verdict::approve) {
    return fail(Errc::conflict, "this person has decided already", "approver");
  }
  if (!approver.key) {
    return fail(Errc::unauthenticated, "the approver has no key enrolled", "signature",
                "an admin's one-time code enrols one: writ login");
  }
  if (!was_enrolled_by(approver, approval.created)) {
    return fail(Errc::denied,
                "the approver's key was enrolled after this was asked, and decides nothing from "
                "before",
                "approver",
                "somebody else of " + listed(approval.groups) +
                    " decides it, or it is asked again once it has ended");
  }
  if (!verifies(approval, decision.verdict, groups, *approver.key, decision.signature)) {
    return fail(Errc::unauthenticated,
                "the signature is not one of this decision by the approver's enrolled key",
                "signature");
  }

  Approval next = approval;
  next.decisions.push_back({.user = approver.id,
                            .user_name = approver.name,
                            .verdict = decision.verdict,
                            .groups = groups,
                            .at = now,
                            .key = approver.key->thumbprint(),
                            .signature = decision.signature});
  if (decision.verdict == Verdict::deny) {
    next.state = State::denied;
    next.ended_at = now;
    next.retry_after = now + approval.back_off;
    return next;
  }
  std::vector<std::vector<std::string>> people;
  people.reserve(next.decisions.size());
  for (const auto& each : next.decisions) people.push_back(each.groups);
  if (each_has_its_own(next.groups, people)) {
    next.state = State::approved;
    next.approved_at = now;
    next.approval_expires = now + approval.approval_life;
  }
  return next;
}

Expected<void> claimable(const Approval& approval, const Claim& claim, TimePoint now) {
  if (claim.groups.empty()) {
    return fail(Errc::internal, "a claim of an approval that nobody had to give");
  }
  if (const State state = state_at(approval, now); state != State::approved) {
    return fail(Errc::conflict, "the approval is " + std::string(name(state)), "state");
  }
  if (claim.digest != approval.digest || claim.run != approval.run) {
    return fail(Errc::conflict, "the approval is for another action", "digest",
                "any change to an action needs an approval of its own");
  }
  std::vector<std::vector<std::string>> people;
  people.reserve(approval.decisions.size());
  for (const auto& decision : approval.decisions) {
    if (decision.verdict != Verdict::approve) continue;
    const auto person = claim.person(decision.user);
    if (!still_holds(approval, decision, claim, person)) continue;
    auto& groups = people.emplace_back();
    for (const auto& group : decision.groups) {
      if (contains(person->groups, group)) groups.push_back(group);
    }
  }
  // One decision a person, so one entry a person: decide() sees to it, and from_json() again.
  const std::vector<std::string> needed(claim.groups.begin(), claim.groups.end());
  if (!each_has_its_own(needed, people)) {
    return fail(Errc::denied,
                "not every group that must approve has a person who approved and still may: " +
                    listed(claim.groups),
                "groups", "ask for a new approval");
  }
  return {};
}

Expected<Approval> claim(const Approval& approval, const Claim& claim, TimePoint now) {
  WRIT_TRY_VOID(claimable(approval, claim, now));
  Approval next = approval;
  next.state = State::claimed;
  next.claimed_by = claim.action;
  next.ended_at = now;
  return next;
}

Expected<Approval> cancel(const Approval& approval, TimePoint now) {
  return end(approval, State::cancelled, now);
}

Expected<Approval> supersede(const Approval& approval, std::optional<ApprovalId> by,
                             TimePoint now) {
  WRIT_TRY(auto next, end(approval, State::superseded, now));
  next.superseded_by = by;
  return next;
}

std::optional<TimePoint> retry_after(const Approval& denied, TimePoint now) {
  if (denied.state != State::denied || !denied.retry_after || now >= *denied.retry_after) {
    return std::nullopt;
  }
  return denied.retry_after;
}

}  // namespace writ::approval
