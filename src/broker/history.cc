// SPDX-License-Identifier: Apache-2.0
#include "broker/history.h"

#include <map>
#include <set>

#include "base/encoding.h"
#include "broker/approval_record.h"
#include "wire/time_text.h"
#include "wire/utf8.h"

namespace writ::broker {
namespace {

using audit::Kind;

constexpr std::size_t kPage = 256;
// Of one run whose record is gone.
constexpr std::size_t kMostOfRun = 20'000;
// More than protocol::cut_for_list() leaves of any title.
constexpr std::size_t kListedTitle = 1024;
constexpr JsonLimits kRecordLimits{.bytes = std::size_t{1} << 20, .depth = 16};

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

Expected<KnownRun> parse_run_record(const Record& record) {
  WRIT_TRY(const auto json, parse_json(record.value, kRecordLimits));
  WRIT_TRY(auto parsed, RunRecord::from_json(json));
  return KnownRun{.run = std::make_shared<const delegation::Run>(std::move(parsed.run)),
                  .ended = std::move(parsed.ended)};
}

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
    WRIT_CO_TRY(auto known, parse_run_record(*record));
    co_return std::optional(std::move(known));
  }
  WRIT_CO_TRY(const auto entries, co_await entries_about(workspace, id.to_string(), kMostOfRun));
  for (const auto& each : entries) {
    if (each.entry.kind() == Kind::run_started && each.entry.subjects().run == id)
      co_return std::optional(from_log(entries, each));
  }
  co_return std::optional<KnownRun>();
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

namespace {

// A run of a tree that is being put together, its parents before it.
struct Node {
  RunTrace trace;
  std::size_t parent = 0;
};

// What one answer may still take.
struct Budget {
  std::size_t rows = 0;
  std::size_t runs = 0;
};

// For a list: none of the large texts.
Approvals::Shared listed(const approval::Approval& approval) {
  auto out = approval;
  out.statement = {};
  if (out.title.size() > kListedTitle) {
    out.title.resize(valid_utf8_prefix(std::string_view(out.title).substr(0, kListedTitle)));
    out.title.shrink_to_fit();
  }
  return std::make_shared<const approval::Approval>(std::move(out));
}

// Reads the entries of one run from `from` on into its trace; gives the runs that began in them.
Task<Expected<std::vector<RunId>>> read_run(LiveWorkspace& workspace, const Approvals& approvals,
                                            RunTrace& into, std::uint64_t from, Budget& budget) {
  const auto id = into.run.run->id;
  std::vector<RunId> children;
  std::map<ActionId, std::vector<LogEntry>> by_action;
  std::vector<ActionId> order;
  for (bool cut = false; !cut;) {
    if (budget.rows == 0) {
      into.next = from;
      break;
    }
    const auto count = std::min(kPage, budget.rows);
    WRIT_CO_TRY(auto rows, co_await workspace.store().find_log(id.to_string(), from, count));
    if (rows.empty()) break;
    for (auto& row : rows) {
      WRIT_CO_TRY(auto entry, audit::Entry::parse(as_bytes(row.entry)));
      const auto index = row.index;
      const auto about = entry.subjects();
      const auto kind = entry.kind();
      const bool begins_child = kind == Kind::run_started && about.run != id;
      const auto costs = kind == Kind::approval_requested ? kRowsOfApproval : std::size_t{1};
      if (budget.rows < costs || (begins_child && budget.runs == 0)) {
        into.next = index;
        cut = true;
        break;
      }
      budget.rows -= costs;
      from = index + 1;
      if (begins_child) {
        --budget.runs;
        children.push_back(about.run);
      } else if (kind == Kind::approval_requested) {
        WRIT_CO_TRY(auto approval, co_await find_approval(workspace, approvals, about.approval));
        if (approval != nullptr) into.approvals.push_back(listed(*approval));
      } else if (!about.action.is_nil()) {
        auto& list = by_action[about.action];
        if (list.empty()) order.push_back(about.action);
        auto json = entry.json();
        list.push_back({.row = std::move(row), .entry = std::move(entry), .json = std::move(json)});
      }
    }
  }
  for (const auto action : order) {
    auto past = past_action(by_action[action]);
    // Of an action that began before `from`, the page before has told.
    if (!past) continue;
    if (into.next && past->phase == "intent") {
      WRIT_CO_TRY(auto whole, co_await find_action(workspace, action));
      if (whole) past = std::move(whole);
    }
    into.actions.push_back(std::move(*past));
  }
  co_return children;
}

}  // namespace

Task<Expected<RunTrace>> trace(LiveWorkspace& workspace, const Approvals& approvals, RunId root,
                               std::uint64_t from, TraceLimits limits) {
  // Breadth first into one list, whose parents stand before their children; then put together from
  // the end, so that no depth of the tree is a depth of the stack.
  Budget budget{.rows = limits.rows, .runs = limits.runs - 1};
  std::vector<Node> nodes;
  std::vector<std::pair<RunId, std::size_t>> next{{root, 0}};
  std::set<RunId> seen{root};
  for (std::size_t i = 0; i < next.size(); ++i) {
    const auto [id, parent] = next[i];
    WRIT_CO_TRY(auto known, co_await find_run(workspace, id));
    if (!known) {
      if (nodes.empty()) co_return fail(Errc::not_found, "there is no run " + id.to_string());
      continue;
    }
    Node node{.trace = {.run = std::move(*known),
                        .actions = {},
                        .approvals = {},
                        .children = {},
                        .next = std::nullopt},
              .parent = parent};
    WRIT_CO_TRY(const auto children, co_await read_run(workspace, approvals, node.trace,
                                                       nodes.empty() ? from : 0, budget));
    for (const auto child : children) {
      if (seen.insert(child).second) next.emplace_back(child, nodes.size());
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
