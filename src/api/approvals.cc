// SPDX-License-Identifier: Apache-2.0
// Endpoints about approvals: what is asked, and a person's signed answer (P4, P20).
#include "api/bodies.h"
#include "api/endpoints.h"
#include "api/pages.h"
#include "approval/matching.h"

namespace writ::api {
namespace {

// The groups for which a person of their own is still wanting. People are matched to groups one to
// one, so who is in two of them stands for one.
std::vector<std::string> missing_groups(const approval::Approval& approval) {
  std::vector<std::vector<std::string>> people;
  for (const auto& decision : approval.decisions) {
    if (decision.verdict == approval::Verdict::approve) people.push_back(decision.groups);
  }
  std::vector<std::string> served;
  std::vector<std::string> missing;
  for (const auto& group : approval.groups) {
    served.push_back(group);
    if (approval::each_has_its_own(served, people)) continue;
    served.pop_back();
    missing.push_back(group);
  }
  return missing;
}

}  // namespace

protocol::ApprovalView Endpoints::view(const approval::Approval& approval,
                                       const broker::RecordedReadings& /*recorded*/) const {
  protocol::ApprovalView out;
  out.id = approval.id;
  out.state = approval::name(approval::state_at(approval, parts_.clock.now()));
  out.run = approval.run;
  out.run_name = approval.run_name;
  out.agent = approval.agent_name;
  if (approval.user) out.user = approval.user_name;
  out.tool = approval.tool;
  out.title = approval.title;
  out.statement = approval.statement;
  out.subject = approval::name(approval::Subject::action);
  out.salt = approval.salt;
  out.commitment = approval::commitment_of(approval);
  out.groups = approval.groups;
  out.missing = missing_groups(approval);
  for (const auto& decision : approval.decisions) {
    out.decided.push_back({.by = decision.user_name,
                           .decision = std::string(approval::name(decision.verdict)),
                           .groups = decision.groups,
                           .at = decision.at});
  }
  out.identical = {.done = approval.identical.done, .unknown = approval.identical.unknown};
  out.nonce = approval.nonce;
  out.created = approval.created;
  out.expires = approval.request_expires;
  out.approved_until = approval.approval_expires;
  out.retry_after = approval.retry_after;
  return out;
}

protocol::ApprovalItem Endpoints::item(const approval::Approval& approval) const {
  protocol::ApprovalItem out;
  out.id = approval.id;
  out.state = approval::name(approval::state_at(approval, parts_.clock.now()));
  out.run = approval.run;
  out.run_name = protocol::cut_for_list(approval.run_name);
  out.agent = approval.agent_name;
  if (approval.user) out.user = approval.user_name;
  out.tool = approval.tool;
  out.title = protocol::cut_for_list(approval.title);
  out.groups = approval.groups;
  out.missing = missing_groups(approval);
  out.created = approval.created;
  out.expires = approval.request_expires;
  out.approved_until = approval.approval_expires;
  return out;
}

Task<Handled> Endpoints::approvals(Asked& asked) {
  WRIT_API_TRY(const auto page, page_asked(asked.query));
  std::optional<ApprovalId> after;
  if (page.cursor) {
    WRIT_API_TRY(after, ApprovalId::parse(*page.cursor));
  }
  protocol::ApprovalList out;
  std::vector<broker::Reading> readings;
  PageRoom room;
  // Oldest first, so what is asked meanwhile comes behind every cursor.
  for (const auto& approval : parts_.approvals.open(*asked.workspace)) {
    if (after && approval->id <= *after) continue;
    const broker::ControlSubject subject{
        .run = approval->run, .user = approval->user, .groups = approval->groups};
    if (broker::decide(broker::Operation::see_approval, asked.caller, subject) !=
        broker::ControlVerdict::allowed)
      continue;
    auto next = item(*approval);
    if (out.approvals.size() == page.limit || !room.take(next.to_json())) {
      out.cursor = out.approvals.back().id.to_string();
      break;
    }
    readings.push_back({approval->id.to_string(), "title"});
    out.approvals.push_back(std::move(next));
  }
  // Titles tell what is asked about.
  WRIT_API_TRY_VOID(co_await record(asked, broker::Operation::list_approvals, std::move(readings)));
  co_return json_answer(out.to_json());
}

Task<Handled> Endpoints::approval(Asked& asked) {
  const auto& about = *asked.approval;
  if (asked.caller.run != nullptr) {
    // An agent learns how its question stands, and nothing of who answers.
    const protocol::ApprovalState state{
        .id = about.id,
        .state = std::string(approval::name(approval::state_at(about, parts_.clock.now())))};
    co_return json_answer(state.to_json());
  }
  WRIT_API_TRY(const auto recorded, co_await record(asked, broker::Operation::see_approval,
                                                    {{about.id.to_string(), "statement"}}));
  co_return json_answer(view(about, recorded).to_json());
}

Task<Handled> Endpoints::decide(Asked& asked) {
  WRIT_API_TRY(auto message, message_of<protocol::DecisionRequest>(asked));
  WRIT_API_TRY(const auto verdict, approval::parse_verdict(message.decision));
  const auto& about = *asked.approval;
  // Of another question than this one: its signature could not hold either, and this says why.
  if (message.nonce != about.nonce || message.expiry != about.request_expires) {
    co_return problem(fail(Errc::conflict, "this decision was made about another request", {},
                           "look at the request again, and decide anew")
                          .error());
  }
  constexpr std::size_t kMaxNote = 1000;
  if (message.note && message.note->size() > kMaxNote) {
    co_return problem(fail(Errc::too_large, "a note has at most 1000 bytes", "/note").error());
  }
  const approval::SignedDecision decision{.verdict = verdict,
                                          .commitment = message.commitment,
                                          .groups = std::move(message.groups),
                                          .signature = std::move(message.signature)};
  // The answer shows what was asked.
  WRIT_API_TRY(const auto recorded, co_await record(asked, broker::Operation::decide_approval,
                                                    {{about.id.to_string(), "statement"}}));
  // Another approver may decide at the same moment: then it is looked at again, as it is by then.
  constexpr int kAttempts = 4;
  Expected<broker::Approvals::Shared> decided = nullptr;
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    decided = co_await parts_.approvals.decide(*asked.workspace, about.id, decision,
                                               *asked.authority, message.note.value_or(""));
    if (decided || !broker::is_revision_conflict(decided.error(), broker::RecordKind::approval))
      break;
  }
  if (decided) co_return json_answer(view(**decided, recorded).to_json());
  auto out = problem_of(decided.error());
  // The session holds; it is the signature that does not.
  if (out.status == 401) {
    out.status = 422;
    out.type = "bad-signature";
  }
  co_return std::unexpected(std::move(out));
}

}  // namespace writ::api
