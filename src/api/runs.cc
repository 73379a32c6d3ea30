// SPDX-License-Identifier: Apache-2.0
// Endpoints about runs.
#include "api/bodies.h"
#include "api/endpoints.h"
#include "api/pages.h"
#include "broker/run_pages.h"

namespace writ::api {
namespace {

protocol::TracedAction view(const broker::PastAction& action) {
  return {.id = action.id,
          .tool = action.tool,
          .effect = action.effect,
          .phase = action.phase,
          .at = action.at,
          .status = action.status,
          .approval = action.approval,
          .detail = action.detail,
          .resolved = action.resolved};
}

Expected<broker::RunState> run_state(const Form& query) {
  WRIT_TRY(const auto text, query.get_unique("state"));
  if (!text || *text == "any") return broker::RunState::any;
  if (*text == "living") return broker::RunState::living;
  if (*text == "ended") return broker::RunState::ended;
  return fail(Errc::invalid_input, "is none of any, living, ended", "state");
}

// An approval's title tells what its action's arguments are.
void add_readings(const broker::RunTrace& trace, std::vector<broker::Reading>& out) {
  for (const auto& approval : trace.approvals) out.push_back({approval->id.to_string(), "title"});
  for (const auto& child : trace.children) add_readings(child, out);
}

}  // namespace

Endpoints::ApprovalStates Endpoints::approval_states(const broker::LiveWorkspace& workspace) const {
  ApprovalStates out;
  const auto now = parts_.clock.now();
  for (const auto& approval : parts_.approvals.open(workspace)) {
    const bool pending = approval::state_at(*approval, now) == approval::State::pending;
    auto& state = out[approval->run];
    if (pending || state.empty()) state = pending ? "pending" : "approved";
  }
  return out;
}

protocol::RunView Endpoints::view(const broker::LiveWorkspace& workspace,
                                  const broker::KnownRun& known,
                                  const ApprovalStates& approvals) const {
  const auto& run = *known.run;
  const auto now = parts_.clock.now();
  protocol::RunView out{
      .id = run.id,
      .name = run.name,
      .role = run.role,
      .agent = run.agent_name,
      .workflow = run.workflow_name,
      .step = run.step,
      .user = run.user ? std::optional(run.user_name) : std::nullopt,
      .parent = run.parent,
      .use = run.scope.use.to_json().as_array(),
      .delegate = run.scope.delegate.to_json().as_array(),
      .allowed_tools = {},
      .approval_state = "none",
      .started = run.started,
      .ends = run.ends,
      .state = "running",
      .ending = std::nullopt,
  };
  const auto lineage = workspace.runs().alive(run.id, now);
  if (lineage) {
    const auto version = workspace.version();
    const auto scope = delegation::effective_scope(*lineage, version->terms());
    for (const auto& [tool, bounds] : scope.use.tools()) out.allowed_tools.push_back(tool);
    if (const auto asked = approvals.find(run.id); asked != approvals.end())
      out.approval_state = asked->second;
    return out;
  }
  // Stopped in memory alone counts too: it is what holds now.
  const bool stopped = run.ends > now && workspace.runs().find(run.id) != nullptr;
  out.state = known.ended || stopped ? "revoked" : "ended";
  if (known.ended) {
    const auto& cause = known.ended->cause;
    out.ending = protocol::RunEnding{
        .at = known.ended->at, .by = cause.by, .by_name = cause.by_name, .reason = cause.reason};
  }
  return out;
}

protocol::Trace Endpoints::view(const broker::LiveWorkspace& workspace,
                                const broker::RunTrace& trace, const ApprovalStates& approvals,
                                const std::optional<broker::RecordedReadings>& recorded) const {
  protocol::Trace out;
  out.run = view(workspace, trace.run, approvals);
  for (const auto& action : trace.actions) out.actions.push_back(api::view(action));
  for (const auto& approval : trace.approvals) {
    protocol::TracedApproval seen{
        .id = approval->id,
        .tool = approval->tool,
        .title =
            recorded ? protocol::cut_for_list(approval->title) : std::string(broker::kWithheld),
        .state = std::string(approval::name(approval::state_at(*approval, parts_.clock.now()))),
        .groups = approval->groups,
        .decided_by = {},
        .at = approval->created};
    for (const auto& decision : approval->decisions) {
      seen.decided_by.push_back(decision.user_name + (decision.verdict == approval::Verdict::approve
                                                          ? " approved"
                                                          : " denied"));
    }
    out.approvals.push_back(std::move(seen));
  }
  // No deeper than delegation::kMaxDepth.
  for (const auto& child : trace.children)
    out.children.push_back(view(workspace, child, approvals, recorded));
  if (trace.next) out.cursor = std::to_string(*trace.next);
  return out;
}

Task<Handled> Endpoints::runs(Asked& asked) {
  const auto may_see = [&asked](const delegation::Run& run) {
    return broker::decide(broker::Operation::see_run, asked.caller,
                          {.run = run.id, .user = run.user, .groups = {}}) ==
           broker::ControlVerdict::allowed;
  };
  WRIT_API_TRY(const auto page, page_asked(asked.query));
  WRIT_API_TRY(const auto state, run_state(asked.query));
  std::optional<broker::RunCursor> from;
  if (page.cursor) {
    WRIT_API_TRY(from, broker::RunCursor::parse(*page.cursor));
  }
  WRIT_API_TRY(const auto listed, co_await broker::list_runs(*asked.workspace, state, from, may_see,
                                                             {.runs = page.limit}));
  const auto approvals = approval_states(*asked.workspace);
  protocol::RunList out;
  auto next = listed.next;
  PageRoom room;
  for (std::size_t i = 0; i < listed.runs.size(); ++i) {
    auto run = view(*asked.workspace, listed.runs[i].run, approvals);
    run.name = protocol::cut_for_list(run.name);
    run.role = protocol::cut_for_list(run.role);
    if (!room.take(run.to_json())) {
      next = listed.runs[i - 1].cursor();
      break;
    }
    out.runs.push_back(std::move(run));
  }
  if (next) out.cursor = next->to_string();
  co_return json_answer(out.to_json());
}

Task<Handled> Endpoints::run(Asked& asked) {
  co_return json_answer(
      view(*asked.workspace, *asked.run, approval_states(*asked.workspace)).to_json());
}

Task<Handled> Endpoints::trace(Asked& asked) {
  WRIT_API_TRY(const auto page, page_asked(asked.query));
  std::uint64_t from = 0;
  if (page.cursor) {
    WRIT_API_TRY(from, parse_number(*page.cursor, "cursor"));
  }
  WRIT_API_TRY(const auto trace, co_await broker::trace(*asked.workspace, parts_.approvals,
                                                        asked.run->run->id, from));
  std::vector<broker::Reading> readings;
  add_readings(trace, readings);
  auto recorded = co_await record(asked, broker::Operation::trace, std::move(readings));
  if (!recorded && recorded.error().code == Errc::conflict) co_return problem(recorded.error());
  std::optional<broker::RecordedReadings> titles;
  if (recorded) titles = *recorded;
  co_return json_answer(
      view(*asked.workspace, trace, approval_states(*asked.workspace), titles).to_json());
}

Task<Handled> Endpoints::revoke(Asked& asked) {
  WRIT_API_TRY(auto message, message_of<protocol::RevokeRequest>(asked));
  WRIT_API_TRY(auto revoked,
               co_await parts_.revocations.revoke(*asked.workspace, asked.run->run->id,
                                                  std::move(message.reason), *asked.authority));
  co_return json_answer(protocol::Revoked{.revoked = std::move(revoked)}.to_json());
}

}  // namespace writ::api
