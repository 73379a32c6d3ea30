// SPDX-License-Identifier: Apache-2.0
#include "protocol/runs.h"

#include "wire/time_text.h"

namespace writ::protocol {
namespace {

// Far deeper than runs nest (delegation/run.h), far shallower than the JSON reader's own bound.
constexpr std::size_t kMaxTraceDepth = 16;

Expected<Trace> trace_from(const Json& value, std::string pointer, std::size_t depth) {
  if (depth > kMaxTraceDepth) return fail(Errc::too_large, "runs nested too deeply", pointer);
  ObjectReader r(value, pointer);
  r.allow_unknown();
  Trace out;
  const auto& actions = r.array("actions", {.max = kMaxList});
  const auto& approvals = r.array("approvals", {.max = kMaxList});
  const auto& children = r.array("children", {.max = kMaxList});
  out.cursor = read_cursor(r);
  WRIT_TRY_VOID(r.finish());
  WRIT_TRY(out.run, RunView::from_json(value, pointer));
  WRIT_TRY(out.actions, read_messages<TracedAction>(actions, r.pointer("actions")));
  WRIT_TRY(out.approvals, read_messages<TracedApproval>(approvals, r.pointer("approvals")));
  for (std::size_t i = 0; i < children.size(); ++i) {
    WRIT_TRY(auto child,
             trace_from(children[i], json_pointer(r.pointer("children"), i), depth + 1));
    out.children.push_back(std::move(child));
  }
  return out;
}

}  // namespace

JsonObject RunEnding::to_json() const {
  return {{"at", format_time(at)}, {"by", by}, {"by_name", by_name}, {"reason", reason}};
}

Expected<RunEnding> RunEnding::from_json(const Json& value, std::string pointer) {
  ObjectReader r(value, std::move(pointer));
  r.allow_unknown();
  RunEnding out;
  out.at = read_time(r, "at");
  out.by = r.string("by");
  out.by_name = read_text(r, "by_name");
  out.reason = read_text(r, "reason");
  WRIT_TRY_VOID(r.finish());
  return out;
}

JsonObject RunView::to_json() const {
  JsonObject out{{"id", id.to_string()},
                 {"name", name},
                 {"role", role},
                 {"agent", agent},
                 {"workflow", workflow},
                 {"step", step},
                 {"scope", JsonObject{{"use", use}, {"delegate", delegate}}},
                 {"allowed_tools", write_strings(allowed_tools)},
                 {"approval_state", approval_state},
                 {"started", format_time(started)},
                 {"ends", format_time(ends)},
                 {"state", state}};
  if (user) out["user"] = *user;
  if (parent) out["parent"] = parent->to_string();
  if (ending) out["ending"] = ending->to_json();
  return out;
}

Expected<RunView> RunView::from_json(const Json& value, std::string pointer) {
  ObjectReader r(value, std::move(pointer));
  r.allow_unknown();
  RunView out;
  out.id = read_id<RunId>(r, "id");
  out.name = r.string("name");
  out.role = read_text(r, "role");
  out.agent = r.string("agent");
  out.workflow = r.string("workflow");
  out.step = r.string("step");
  out.user = r.optional_string("user");
  out.parent = read_optional_id<RunId>(r, "parent");
  const auto& scope = r.object("scope");
  out.allowed_tools = read_strings(r, "allowed_tools");
  out.approval_state = r.choice("approval_state", {"none", "pending", "approved"});
  out.started = read_time(r, "started");
  out.ends = read_time(r, "ends");
  out.state = r.choice("state", {"running", "ended", "revoked"});
  const Json* ending = r.optional_value("ending");
  WRIT_TRY_VOID(r.finish());

  ObjectReader s(scope, r.pointer("scope"));
  s.allow_unknown();
  out.use = s.array("use", {.max = kMaxList});
  out.delegate = s.array("delegate", {.max = kMaxList});
  WRIT_TRY_VOID(s.finish());
  if (ending != nullptr) {
    WRIT_TRY(out.ending, RunEnding::from_json(*ending, r.pointer("ending")));
  }
  return out;
}

JsonObject RunList::to_json() const {
  JsonObject out{{"runs", write_messages(runs)}};
  write_cursor(out, cursor);
  return out;
}

Expected<RunList> RunList::from_json(const Json& value, std::string pointer) {
  ObjectReader r(value, std::move(pointer));
  r.allow_unknown();
  const auto& runs = r.array("runs", {.max = kMaxList});
  RunList out;
  out.cursor = read_cursor(r);
  WRIT_TRY_VOID(r.finish());
  WRIT_TRY(out.runs, read_messages<RunView>(runs, r.pointer("runs")));
  return out;
}

JsonObject TracedAction::to_json() const {
  JsonObject out{{"id", id.to_string()}, {"tool", tool},          {"effect", effect},
                 {"phase", phase},       {"at", format_time(at)}, {"detail", detail},
                 {"resolved", resolved}};
  if (status) out["status"] = *status;
  if (approval) out["approval"] = approval->to_string();
  return out;
}

Expected<TracedAction> TracedAction::from_json(const Json& value, std::string pointer) {
  ObjectReader r(value, std::move(pointer));
  r.allow_unknown();
  TracedAction out;
  out.id = read_id<ActionId>(r, "id");
  out.tool = r.string("tool");
  out.effect = read_text(r, "effect");
  out.phase = r.string("phase");
  out.at = read_time(r, "at");
  out.detail = read_text(r, "detail");
  out.resolved = r.boolean("resolved");
  out.status = r.optional_integer("status", {.min = 100, .max = 599});
  out.approval = read_optional_id<ApprovalId>(r, "approval");
  WRIT_TRY_VOID(r.finish());
  return out;
}

JsonObject TracedApproval::to_json() const {
  return {{"id", id.to_string()},
          {"tool", tool},
          {"title", title},
          {"state", state},
          {"groups", write_strings(groups)},
          {"decided_by", write_strings(decided_by)},
          {"at", format_time(at)}};
}

Expected<TracedApproval> TracedApproval::from_json(const Json& value, std::string pointer) {
  ObjectReader r(value, std::move(pointer));
  r.allow_unknown();
  TracedApproval out;
  out.id = read_id<ApprovalId>(r, "id");
  out.tool = r.string("tool");
  out.title = read_text(r, "title");
  out.state = r.string("state");
  out.groups = read_strings(r, "groups");
  out.decided_by = read_strings(r, "decided_by");
  out.at = read_time(r, "at");
  WRIT_TRY_VOID(r.finish());
  return out;
}

JsonObject Trace::to_json() const {
  JsonObject out = run.to_json();
  out["actions"] = write_messages(actions);
  out["approvals"] = write_messages(approvals);
  out["children"] = write_messages(children);
  write_cursor(out, cursor);
  return out;
}

Expected<Trace> Trace::from_json(const Json& value, std::string pointer) {
  return trace_from(value, std::move(pointer), 1);
}

JsonObject RevokeRequest::to_json() const { return {{"reason", reason}}; }

Expected<RevokeRequest> RevokeRequest::from_json(const Json& value, std::string pointer) {
  ObjectReader r(value, std::move(pointer));
  RevokeRequest out{.reason = read_text(r, "reason", 500)};
  WRIT_TRY_VOID(r.finish());
  return out;
}

JsonObject Revoked::to_json() const { return {{"revoked", write_ids(revoked)}}; }

Expected<Revoked> Revoked::from_json(const Json& value, std::string pointer) {
  ObjectReader r(value, std::move(pointer));
  r.allow_unknown();
  Revoked out{.revoked = read_ids<RunId>(r, "revoked")};
  WRIT_TRY_VOID(r.finish());
  return out;
}

JsonObject RevokedRuns::to_json() const { return {{"revoked_runs", write_ids(revoked_runs)}}; }

Expected<RevokedRuns> RevokedRuns::from_json(const Json& value, std::string pointer) {
  ObjectReader r(value, std::move(pointer));
  r.allow_unknown();
  RevokedRuns out{.revoked_runs = read_ids<RunId>(r, "revoked_runs")};
  WRIT_TRY_VOID(r.finish());
  return out;
}

}  // namespace writ::protocol
