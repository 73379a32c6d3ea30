// SPDX-License-Identifier: Apache-2.0
#include "broker/history.h"

#include <deque>
#include <map>
#include <set>

#include "base/encoding.h"
#include "broker/approval_record.h"
#include "wire/time_text.h"

namespace writ::broker {
namespace {

using audit::Kind;

constexpr std::size_t kPage = 256;
constexpr JsonLimits kRecordLimits{.bytes = std::size_t{1} << 20, .depth = 16};

Expected<KnownRun> parse_run(std::string_view value) {
  WRIT_TRY(const auto json, parse_json(value, kRecordLimits));
  WRIT_TRY(auto record, RunRecord::from_json(json));
  return KnownRun{.run = std::make_shared<const delegation::Run>(std::move(record.run)),
                  .ended = std::move(record.ended)};
}

template <typename T>
std::optional<T> id_member(const JsonObject& entry, std::string_view name) {
  const auto text = text_member(entry, name);
  if (!text) return std::nullopt;
  const auto id = T::parse(*text);
  return id ? std::optional(*id) : std::nullopt;
}

// What run.started says, as far as it goes.
delegation::Run from_start(const LogEntry& start) {
  const auto text = [&](std::string_view name) {
    return text_member(start.json, name).value_or("");
  };
  delegation::Run run;
  run.id = start.entry.subjects().run;
  run.workspace = start.entry.workspace();
  run.name = text("run_name");
  run.role = text("role");
  run.agent = id_member<AgentId>(start.json, "agent").value_or(AgentId());
  run.agent_name = text("agent_name");
  run.workflow_name = text("workflow");
  run.step = text("step");
  run.user = id_member<UserId>(start.json, "user");
  run.user_name = text("user_name");
  run.parent = id_member<RunId>(start.json, "parent_run");
  run.depth = static_cast<int>(number_member(start.json, "depth").value_or(1));
  run.grant = id_member<GrantId>(start.json, "grant").value_or(GrantId());
  run.key_thumbprint = text("key");
  run.client_key = text("client_key");
  run.trace_id = text("trace");
  run.started = start.entry.at();
  run.ends = parse_time(text("ends")).value_or(start.entry.at());
  if (const auto* scope = start.json.if_contains("scope")) {
    if (auto parsed = delegation::Scope::parse(*scope, "/scope")) run.scope = std::move(*parsed);
  }
  return run;
}

KnownRun from_log(const std::vector<LogEntry>& entries, const LogEntry& start) {
  KnownRun out{.run = std::make_shared<const delegation::Run>(from_start(start)),
               .ended = std::nullopt};
  for (const auto& each : entries) {
    const bool ends =
        each.entry.kind() == Kind::run_revoked || each.entry.kind() == Kind::run_ended;
    if (!ends || each.entry.subjects().run != out.run->id) continue;
    out.ended = RunEnding{.at = each.entry.at(),
                          .cause = {.by = text_member(each.json, "by").value_or("server"),
                                    .by_name = text_member(each.json, "by_name").value_or(""),
                                    .reason = text_member(each.json, "reason").value_or("")}};
  }
  return out;
}

}  // namespace

std::optional<std::string> text_member(const JsonObject& entry, std::string_view name) {
  const auto* value = entry.if_contains(name);
  if (value == nullptr || !value->is_string()) return std::nullopt;
  return std::string(text_of(value->get_string()));
}

std::optional<std::int64_t> number_member(const JsonObject& entry, std::string_view name) {
  const auto* value = entry.if_contains(name);
  if (value == nullptr || !value->is_int64()) return std::nullopt;
  return value->get_int64();
}

Task<Expected<std::vector<LogEntry>>> entries_about(LiveWorkspace& workspace, std::string subject,
                                                    std::size_t limit) {
  std::vector<LogEntry> out;
  std::uint64_t from = 0;
  for (;;) {
    WRIT_CO_TRY(auto rows, co_await workspace.store().find_log(subject, from, kPage));
    if (rows.empty()) break;
    from = rows.back().index + 1;
    if (out.size() + rows.size() > limit) {
      co_return fail(Errc::too_large, "there are too many entries about " + subject + " to show",
                     {}, "ask for a part of it, or read the log");
    }
    for (auto& row : rows) {
      WRIT_CO_TRY(auto entry, audit::Entry::parse(as_bytes(row.entry)));
      auto json = entry.json();
      out.push_back({.row = std::move(row), .entry = std::move(entry), .json = std::move(json)});
    }
  }
  co_return out;
}

Task<Expected<std::optional<KnownRun>>> find_run(LiveWorkspace& workspace, RunId id) {
  WRIT_CO_TRY(const auto record, co_await workspace.store().get(RecordKind::run, id.to_string()));
  if (record) {
    WRIT_CO_TRY(auto known, parse_run(record->value));
    co_return std::optional(std::move(known));
  }
  WRIT_CO_TRY(const auto entries,
              co_await entries_about(workspace, id.to_string(), HistoryLimits{}.rows));
  for (const auto& each : entries) {
    if (each.entry.kind() == Kind::run_started && each.entry.subjects().run == id)
      co_return std::optional(from_log(entries, each));
  }
  co_return std::optional<KnownRun>();
}

Task<Expected<std::vector<KnownRun>>> list_runs(
    LiveWorkspace& workspace, const std::function<bool(const delegation::Run&)>& test,
    HistoryLimits limits) {
  std::deque<KnownRun> latest;
  std::string after;
  for (;;) {
    // Their ids are in the order of their starts.
    WRIT_CO_TRY(const auto records,
                co_await workspace.store().list(RecordKind::run, after, kMaxList));
    if (records.empty()) break;
    after = records.back().id;
    for (const auto& record : records) {
      WRIT_CO_TRY(auto known, parse_run(record.value));
      if (!test(*known.run)) continue;
      latest.push_back(std::move(known));
      if (latest.size() > limits.runs) latest.pop_front();
    }
  }
  co_return std::vector(std::make_move_iterator(latest.begin()),
                        std::make_move_iterator(latest.end()));
}

Task<Expected<Approvals::Shared>> find_approval(LiveWorkspace& workspace,
                                                const Approvals& approvals, ApprovalId id) {
  if (auto known = approvals.find(workspace, id)) co_return known;
  WRIT_CO_TRY(const auto record,
              co_await workspace.store().get(RecordKind::approval, id.to_string()));
  if (!record) co_return Approvals::Shared();
  WRIT_CO_TRY(auto approval, parse_approval_record(workspace, *record));
  co_return std::make_shared<const approval::Approval>(std::move(approval));
}

std::optional<PastAction> past_action(const std::vector<LogEntry>& entries) {
  std::optional<PastAction> out;
  for (const auto& each : entries) {
    const auto kind = each.entry.kind();
    if (kind == Kind::action_intent || kind == Kind::action_refused) {
      out = PastAction{.id = each.entry.subjects().action,
                       .run = each.entry.subjects().run,
                       .tool = text_member(each.json, "tool").value_or(""),
                       .effect = text_member(each.json, "effect").value_or(""),
                       .phase = kind == Kind::action_intent ? "intent" : "refused",
                       .at = each.entry.at(),
                       .status = std::nullopt,
                       .approval = std::nullopt,
                       .detail = {},
                       .resolved = false};
      if (!each.entry.subjects().approval.is_nil()) out->approval = each.entry.subjects().approval;
      if (kind == Kind::action_refused) {
        out->detail = text_member(each.json, "operand").value_or("") + ": " +
                      text_member(each.json, "message").value_or("");
      }
      continue;
    }
    if (!out) continue;
    if (kind == Kind::action_done) out->phase = "done";
    if (kind == Kind::action_failed) out->phase = "failed";
    if (kind == Kind::action_unknown || kind == Kind::recovery_unknown) out->phase = "unknown";
    if (kind == Kind::action_resolved) {
      out->phase = text_member(each.json, "outcome").value_or("unknown");
      out->resolved = true;
    }
    if (const auto status = number_member(each.json, "status")) out->status = status;
    if (auto detail = text_member(each.json, "detail")) out->detail = std::move(*detail);
  }
  return out;
}

Task<Expected<std::optional<PastAction>>> find_action(LiveWorkspace& workspace, ActionId id) {
  constexpr std::size_t kMaxOfAction = 64;
  WRIT_CO_TRY(const auto entries, co_await entries_about(workspace, id.to_string(), kMaxOfAction));
  co_return past_action(entries);
}

Task<Expected<RunTrace>> trace(LiveWorkspace& workspace, const Approvals& approvals, RunId root,
                               HistoryLimits limits) {
  // Breadth first into one list, whose parents stand before their children; then put together from
  // the end, so that no depth of the tree is a depth of the stack.
  struct Node {
    RunTrace trace;
    std::size_t parent = 0;
  };
  std::vector<Node> nodes;
  std::vector<std::pair<RunId, std::size_t>> next{{root, 0}};
  std::set<RunId> seen{root};
  std::size_t rows = 0;
  for (std::size_t i = 0; i < next.size(); ++i) {
    const auto [id, parent] = next[i];
    if (nodes.size() == limits.runs) {
      co_return fail(Errc::too_large, "there are too many runs below this one to show", {},
                     "trace one of its children");
    }
    WRIT_CO_TRY(auto known, co_await find_run(workspace, id));
    if (!known) {
      if (nodes.empty()) co_return fail(Errc::not_found, "there is no run " + id.to_string());
      continue;
    }
    Node node{.trace = {.run = std::move(*known), .actions = {}, .approvals = {}, .children = {}},
              .parent = parent};
    WRIT_CO_TRY(auto entries,
                co_await entries_about(workspace, id.to_string(), limits.rows - rows));
    rows += entries.size();
    std::map<ActionId, std::vector<LogEntry>> by_action;
    std::vector<ActionId> order;
    for (auto& each : entries) {
      const auto& about = each.entry.subjects();
      if (each.entry.kind() == Kind::run_started && about.run != id) {
        if (seen.insert(about.run).second) next.emplace_back(about.run, nodes.size());
      } else if (each.entry.kind() == Kind::approval_requested) {
        WRIT_CO_TRY(auto approval, co_await find_approval(workspace, approvals, about.approval));
        if (approval != nullptr) node.trace.approvals.push_back(std::move(approval));
      } else if (!about.action.is_nil()) {
        auto& list = by_action[about.action];
        if (list.empty()) order.push_back(about.action);
        list.push_back(std::move(each));
      }
    }
    for (const auto action : order) {
      if (auto past = past_action(by_action[action]))
        node.trace.actions.push_back(std::move(*past));
    }
    nodes.push_back(std::move(node));
  }
  for (auto i = nodes.size(); i-- > 1;) {
    auto& siblings = nodes[nodes[i].parent].trace.children;
    siblings.insert(siblings.begin(), std::move(nodes[i].trace));
  }
  co_return std::move(nodes.front().trace);
}

}  // namespace writ::broker
