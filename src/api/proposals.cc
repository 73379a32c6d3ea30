// SPDX-License-Identifier: Apache-2.0
// Endpoints about proposals: documents that wait for a signature (P40).
#include "protocol/proposals.h"

#include "api/applied.h"
#include "api/bodies.h"
#include "api/endpoints.h"
#include "api/pages.h"

namespace writ::api {
namespace {

constexpr std::size_t kMaxNote = 1000;

Expected<protocol::ApplyRequest> read_proposal(BytesView text) {
  WRIT_TRY(const auto body, net::parse_json_body(text, kMaxApplyBody));
  WRIT_TRY(auto message, protocol::ApplyRequest::from_json(body));
  if (message.dry_run || message.signed_by_admin) {
    return fail(Errc::invalid_input, "a proposal has documents and a base, and no more",
                message.dry_run ? "/dry_run" : "/signature",
                "who can sign applies: POST /v1/apply");
  }
  return message;
}

}  // namespace

protocol::ProposalItem Endpoints::item(const broker::LiveWorkspace& workspace,
                                       const broker::Proposal& proposal) const {
  protocol::ProposalItem out{
      .id = proposal.id,
      .state = std::string(broker::name(parts_.proposals.state(workspace, proposal))),
      .proposed_by = proposal.proposer_name,
      .base = proposal.base.number,
      .changes = proposal.changes,
      .widening = proposal.widening,
      .created = proposal.created,
      .expires = proposal.expires};
  if (out.state == "pending") out.group = workspace.version()->approvals().apply;
  if (proposal.decided) out.decided_by = proposal.decided->by_name;
  out.version = proposal.version;
  return out;
}

// Documents are parsed, built, compared and shown off the loop (P48), as those of an apply.
Task<Handled> Endpoints::propose(Asked& asked) {
  WRIT_API_TRY(const auto place, place_of(asked));
  WRIT_API_TRY(
      auto parsed,
      co_await parts_.builds.run(
          place, [text = std::move(asked.documents)] { return read_proposal(text); }, asked.ended));
  WRIT_API_TRY(auto message, std::move(parsed));
  WRIT_API_TRY_VOID(parts_.proposals.pace(*asked.workspace, asked.caller.user->id));
  std::optional<broker::VersionName> base;
  if (message.base)
    base = broker::VersionName{.number = message.base->version, .digest = message.base->digest};
  auto proposed = co_await parts_.proposals.propose(*asked.workspace, std::move(message.documents),
                                                    base, *asked.authority, place);
  if (!proposed) {
    auto& failed = proposed.error();
    // What the documents of now say is not the proposer's to see.
    failed.changes.clear();
    co_return std::unexpected(problem_of(failed));
  }
  protocol::ProposeAnswer out;
  if (*proposed != nullptr) out.proposal = item(*asked.workspace, **proposed);
  co_return json_answer(out.to_json(), out.proposal ? 201 : 200);
}

Task<Handled> Endpoints::proposals(Asked& asked) {
  protocol::ProposalList out;
  for (const auto& proposal : parts_.proposals.open(*asked.workspace)) {
    if (broker::decide(broker::Operation::see_proposal, asked.caller,
                       broker::subject_of(*asked.workspace, *proposal)) ==
        broker::ControlVerdict::allowed)
      out.proposals.push_back(item(*asked.workspace, *proposal));
  }
  co_return json_answer(out.to_json());
}

Task<Handled> Endpoints::proposal(Asked& asked) {
  const auto& about = *asked.proposal;
  const auto state = parts_.proposals.state(*asked.workspace, about);
  const bool is_open = state == broker::ProposalState::pending ||
                       (state == broker::ProposalState::superseded &&
                        parts_.clock.now() < about.expires && !about.decided);
  // Who may decide it sees what it would change, and who could look at that by a dry run; everybody
  // else, what becomes of it.
  const auto is_allowed = [&](broker::Operation operation) {
    return broker::decide(operation, asked.caller, broker::subject_of(*asked.workspace, about)) ==
           broker::ControlVerdict::allowed;
  };
  if (!is_open ||
      (!is_allowed(broker::Operation::decide_proposal) && !is_allowed(broker::Operation::apply)))
    co_return json_answer(item(*asked.workspace, about).to_json());
  WRIT_API_TRY_VOID(co_await record(asked, broker::Operation::see_proposal,
                                    {{about.id.to_string(), "documents"}}));
  WRIT_API_TRY(const auto place, place_of(asked));
  auto looked = co_await parts_.proposals.look(*asked.workspace, about, *asked.authority, place);
  if (!looked && looked.error().error.code == Errc::conflict)
    co_return json_answer(item(*asked.workspace, about).to_json());
  if (!looked) co_return std::unexpected(problem_of(looked.error()));
  const auto render = [item = item(*asked.workspace, about), salt = about.salt, nonce = about.nonce,
                       applied = std::move(*looked)] {
    return json_answer(protocol::ProposalView{.item = item,
                                              .from = name_of(applied.base),
                                              .digest = applied.digest,
                                              .changes = shown(applied.changes),
                                              .revoked_runs = applied.revoked,
                                              .salt = salt,
                                              .nonce = nonce}
                           .to_json());
  };
  WRIT_API_TRY(auto rendered, co_await parts_.builds.run(place, render, asked.ended));
  co_return std::move(rendered);
}

Task<Handled> Endpoints::decide_proposal(Asked& asked) {
  WRIT_API_TRY(auto message, message_of<protocol::ProposalDecision>(asked));
  if (message.note && message.note->size() > kMaxNote)
    co_return problem(fail(Errc::too_large, "a note has at most 1000 bytes", "/note").error());
  auto note = message.note.value_or("");
  if (message.denial) {
    auto denied = co_await parts_.proposals.deny(
        *asked.workspace, asked.proposal, *std::move(message.denial), *asked.authority, note);
    if (denied) co_return json_answer(item(*asked.workspace, **denied).to_json());
    auto out = problem_of(denied.error());
    // The session holds; it is the signature that does not.
    if (out.status == 401) {
      out.status = 422;
      out.type = "bad-signature";
    }
    co_return std::unexpected(std::move(out));
  }
  auto approved = co_await parts_.proposals.approve(
      *asked.workspace, asked.proposal, as_signed_difference(*std::move(message.signed_by_admin)),
      *asked.authority, std::move(note));
  if (!approved) co_return std::unexpected(problem_of(approved.error()));
  // What else was made from the version of before is left behind; if that cannot be written now, it
  // is when it is looked at next.
  (void)co_await parts_.proposals.settle(*asked.workspace);
  co_return json_answer(item(*asked.workspace, **approved).to_json());
}

}  // namespace writ::api
