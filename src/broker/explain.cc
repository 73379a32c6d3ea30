// SPDX-License-Identifier: Apache-2.0
#include "broker/explain.h"

#include "base/encoding.h"
#include "wire/canonical.h"
#include "wire/time_text.h"

namespace writ::broker {
namespace {

using audit::Kind;

constexpr std::size_t kMaxOfAction = 64;

// All that the answers are made from.
struct Tale {
  PastAction action;
  JsonObject begin;               // its intent or refusal
  std::optional<JsonObject> end;  // its outcome
  std::optional<JsonObject> resolved;
  std::vector<KnownRun> lineage;        // its run, then its ancestors
  std::vector<LogEntry> approval;       // the entries of the one that it consumed
  std::optional<JsonObject> statement;  // what was decided on
  std::optional<std::string> result;
  bool statement_erased = false;
  bool result_erased = false;
  bool withheld = false;  // what is sealed was not opened

  std::string text(std::string_view name) const { return text_member(begin, name).value_or(""); }
  bool refused() const { return action.phase == "refused"; }
};

void copy(JsonObject& out, const JsonObject& from, std::initializer_list<std::string_view> names) {
  for (const auto name : names) {
    if (const auto* value = from.if_contains(name)) out[name] = *value;
  }
}

std::string join(const Json* list) {
  std::string out;
  if (list == nullptr || !list->is_array()) return out;
  for (const auto& item : list->get_array()) {
    if (!item.is_string()) continue;
    out += (out.empty() ? "" : ", ") + std::string(text_of(item.get_string()));
  }
  return out;
}

// "billing.refund.execute (amount 1 to 500000), billing.invoice.read"
std::string in_words(const delegation::ToolSet& tools) {
  std::string out;
  for (const auto& [tool, bounds] : tools.tools()) {
    out += (out.empty() ? "" : ", ") + tool;
    std::string inner;
    for (const auto& [argument, bound] : bounds)
      inner += (inner.empty() ? "" : ", ") + argument + " " + bound.to_text();
    if (!inner.empty()) out += " (" + inner + ")";
  }
  return out.empty() ? "nothing" : visible_text(out);
}

Answer who_requested(const Tale& tale) {
  Answer out{.question = "Who requested this?", .answer = {}, .facts = {}};
  copy(out.facts, tale.begin, {"user", "user_name"});
  std::string since;
  if (!tale.lineage.empty()) {
    const auto& root = *tale.lineage.back().run;
    out.facts["root_run"] = root.id.to_string();
    out.facts["root_agent"] = root.agent_name;
    out.facts["started"] = format_time(root.started);
    if (root.user_token) out.facts["user_token_hmac"] = hex_encode(*root.user_token);
    since = ", for whom " + root.agent_name + " began the run " + visible_text(root.name) + " (" +
            root.id.to_string() + ") at " + format_time(root.started);
  }
  if (const auto user = text_member(tale.begin, "user_name")) {
    out.answer = "The user " + *user + since + ".";
  } else {
    out.answer = "The workspace itself" + since + "; there is no user.";
  }
  return out;
}

Answer which_agent(const Tale& tale) {
  Answer out{.question = "Which agent executed it?", .answer = {}, .facts = {}};
  copy(out.facts, tale.begin, {"agent", "agent_name", "role", "run", "parent_run", "trace"});
  out.answer = "The agent " + tale.text("agent_name") + " (" + visible_text(tale.text("role")) +
               "), in run " + tale.text("run");
  JsonArray chain;
  std::string from;
  for (std::size_t i = 0; i < tale.lineage.size(); ++i) {
    const auto& run = *tale.lineage[i].run;
    chain.push_back(JsonObject{{"run", run.id.to_string()},
                               {"run_name", run.name},
                               {"agent", run.agent_name},
                               {"step", run.step}});
    if (i > 0)
      from += (i == 1 ? ", to which it was handed down by " : ", and before by ") + run.agent_name;
  }
  out.facts["chain"] = std::move(chain);
  out.answer += from + ".";
  if (tale.refused()) out.answer += " It asked, and nothing was executed.";
  return out;
}

Answer which_workflow(const Tale& tale) {
  Answer out{.question = "Which workflow allowed it?", .answer = {}, .facts = {}};
  copy(out.facts, tale.begin,
       {"workflow", "step", "workflow_digest", "workspace_version", "policies", "operand",
        "message"});
  const auto place = "step " + tale.text("step") + " of workflow " + tale.text("workflow");
  if (tale.refused()) {
    out.answer = "None: in " + place + ", the " + tale.text("operand") +
                 " refused it: " + visible_text(tale.text("message")) + ".";
    return out;
  }
  const auto version = number_member(tale.begin, "workspace_version").value_or(0);
  out.answer = "The " + place + ", under version " + std::to_string(version) +
               " of the workspace, by the policies " + join(tale.begin.if_contains("policies")) +
               ".";
  return out;
}

Answer which_credential(const Tale& tale) {
  Answer out{.question = "Which credential was used?", .answer = {}, .facts = {}};
  copy(out.facts, tale.begin, {"credential", "credential_name", "generation"});
  if (tale.end) copy(out.facts, *tale.end, {"credential_version"});
  const auto name = text_member(tale.begin, "credential_name");
  if (tale.refused()) {
    out.answer = "None: it was refused before any was opened.";
  } else if (!name) {
    out.answer = "None: the tool needs none.";
  } else {
    const auto version =
        tale.end ? number_member(*tale.end, "credential_version") : std::optional<std::int64_t>();
    out.answer = "The credential " + *name + ", account " +
                 std::to_string(number_member(tale.begin, "generation").value_or(0)) +
                 (version ? ", version " + std::to_string(*version) + "."
                          : "; which version is not recorded, as the outcome is not.") +
                 " The server added it on the way; the agent never held it.";
  }
  return out;
}

Answer what_scope(const Tale& tale) {
  Answer out{.question = "What scope did it have?", .answer = {}, .facts = {}};
  copy(out.facts, tale.begin, {"scope", "grant"});
  if (!tale.lineage.empty()) out.facts["run_scope"] = tale.lineage.front().run->scope.to_json();
  const auto* scope = tale.begin.if_contains("scope");
  const Expected<delegation::ToolSet> tool = scope == nullptr
                                                 ? fail(Errc::not_found, "none")
                                                 : delegation::ToolSet::parse(*scope, "/scope");
  if (tool) {
    out.answer = "Its run could use " + in_words(*tool) + ", by grant " + tale.text("grant");
  } else if (!tale.lineage.empty()) {
    out.answer = "Its run could use " + in_words(tale.lineage.front().run->scope.use);
  } else {
    out.answer = "What its run could use is not recorded any more";
  }
  if (tool && !tale.lineage.empty() && tale.lineage.front().run->scope.use.tools().size() > 1) {
    out.answer +=
        "; the whole of what it could use was " + in_words(tale.lineage.front().run->scope.use);
  }
  out.answer += ".";
  return out;
}

Answer was_approval(const Tale& tale) {
  Answer out{.question = "Was a human approval required?", .answer = {}, .facts = {}};
  copy(out.facts, tale.begin, {"approval", "approval_groups", "approved_by"});
  if (tale.refused()) {
    out.facts["required"] = false;
    out.answer = "It did not come to that: it was refused.";
    return out;
  }
  out.facts["required"] = tale.action.approval.has_value();
  if (!tale.action.approval) {
    out.answer = "No: no policy asked for one.";
    return out;
  }
  out.answer = "Yes, of " + join(tale.begin.if_contains("approval_groups")) + ":";
  JsonArray decisions;
  for (const auto& each : tale.approval) {
    if (each.entry.kind() != Kind::approval_decided) continue;
    JsonObject decision{{"at", format_time(each.entry.at())}};
    copy(decision, each.json, {"by", "by_name", "decision", "groups", "key", "signature"});
    decisions.push_back(std::move(decision));
    out.answer += " " + text_member(each.json, "by_name").value_or("somebody") +
                  (text_member(each.json, "decision") == "approve" ? " approved" : " denied") +
                  " it for " + join(each.json.if_contains("groups")) + " at " +
                  format_time(each.entry.at()) + ";";
  }
  out.facts["decisions"] = std::move(decisions);
  out.answer += " the approval " + tale.action.approval->to_string() +
                " was of this exact action, and was consumed by it.";
  return out;
}

std::string outcome_in_words(const Tale& tale) {
  const auto& phase = tale.action.phase;
  if (tale.refused()) return "it was refused, and nothing was sent";
  if (phase == "intent") return "its outcome is not recorded yet";
  std::string out = phase == "done"     ? "it was done"
                    : phase == "failed" ? "it failed"
                                        : "whether it was done is not known";
  if (tale.action.status) out += ", with status " + std::to_string(*tale.action.status);
  if (tale.action.resolved) {
    out += ", as " + text_member(*tale.resolved, "by_name").value_or("an operator") +
           " settled afterwards";
  }
  return out;
}

Answer what_was_done(const Tale& tale) {
  Answer out{.question = "What did the agent actually do?", .answer = {}, .facts = {}};
  copy(out.facts, tale.begin, {"tool", "effect", "server", "definition"});
  out.facts["phase"] = tale.action.phase;
  out.facts["at"] = format_time(tale.action.at);
  if (tale.end) copy(out.facts, *tale.end, {"status", "response_bytes", "detail"});
  if (tale.resolved) out.facts["resolved"] = *tale.resolved;
  out.answer = tale.refused() ? "It asked for " : "It called ";
  out.answer += tale.action.tool;
  if (tale.statement) {
    copy(out.facts, *tale.statement, {"method", "target", "arguments", "idempotency_key"});
    out.facts["digest"] = hex_encode(action::action_digest(canonical_json(*tale.statement)));
    out.answer += " (" + text_member(*tale.statement, "method").value_or("") + " " +
                  visible_text(text_member(*tale.statement, "target").value_or("")) + ") with ";
    const auto* arguments = tale.statement->if_contains("arguments");
    out.answer += arguments == nullptr ? "nothing" : visible_text(write_json(*arguments));
  } else if (tale.statement_erased) {
    // P38: nothing that is left is shown, so that nothing shown confirms a guess.
    out.facts["arguments_erased"] = true;
    out.answer += " with arguments that were erased since";
  } else if (tale.withheld) {
    out.facts["withheld"] = kWithheld;
    out.answer += " with arguments that are " + std::string(kWithheld);
  }
  out.answer += " at " + format_time(tale.action.at) + ": " + outcome_in_words(tale) + ".";
  if (!tale.action.detail.empty() && !tale.refused())
    out.answer += " " + visible_text(tale.action.detail) + ".";
  if (tale.result) {
    const auto json = parse_json(*tale.result);
    out.facts["result"] = json ? *json : Json(*tale.result);
  } else if (tale.result_erased) {
    out.facts["result_erased"] = true;
    out.answer += " What it answered was erased since.";
  }
  return out;
}

// What lies beside the entry, opened; or that it is gone.
Expected<void> open(const LiveWorkspace& workspace, const LogEntry& each, const Tale& tale,
                    std::string_view use, std::optional<std::string>& value, bool& erased) {
  const auto commitment = each.entry.commitment(use);
  if (!commitment) return {};
  if (each.row.sealed.empty()) {
    erased = true;
    return {};
  }
  if (tale.withheld) return {};
  WRIT_TRY(value, open_payload(workspace.data_key(), workspace.id(), tale.action.id.to_string(),
                               use, each.row.sealed, *commitment));
  return {};
}

Expected<void> read_action(const LiveWorkspace& workspace, const std::vector<LogEntry>& entries,
                           Tale& tale) {
  for (const auto& each : entries) {
    switch (each.entry.kind()) {
      case Kind::action_intent:
      case Kind::action_refused: {
        tale.begin = each.json;
        std::optional<std::string> statement;
        WRIT_TRY_VOID(open(workspace, each, tale, kArguments, statement, tale.statement_erased));
        if (statement) {
          WRIT_TRY(tale.statement, action::parse_statement(*statement));
        }
        break;
      }
      case Kind::action_resolved:
        tale.resolved = each.json;
        break;
      case Kind::action_done:
      case Kind::action_failed:
      case Kind::action_unknown:
      case Kind::recovery_unknown: {
        tale.end = each.json;
        WRIT_TRY_VOID(open(workspace, each, tale, kResult, tale.result, tale.result_erased));
        break;
      }
      default:
        break;
    }
  }
  return {};
}

}  // namespace

Task<Expected<std::vector<Answer>>> explain(LiveWorkspace& workspace, ActionId id,
                                            std::optional<RecordedReadings> recorded) {
  WRIT_CO_TRY(const auto entries, co_await entries_about(workspace, id.to_string(), kMaxOfAction));
  auto past = past_action(entries);
  if (!past) co_return fail(Errc::not_found, "there is no action " + id.to_string());

  Tale tale;
  tale.action = std::move(*past);
  tale.withheld = !recorded;
  WRIT_CO_TRY_VOID(read_action(workspace, entries, tale));
  std::optional<RunId> next = tale.action.run;
  while (next && tale.lineage.size() < static_cast<std::size_t>(delegation::kMaxDepth)) {
    WRIT_CO_TRY(auto known, co_await find_run(workspace, *next));
    if (!known) break;
    next = known->run->parent;
    tale.lineage.push_back(std::move(*known));
  }
  if (tale.action.approval) {
    WRIT_CO_TRY(tale.approval,
                co_await entries_about(workspace, tale.action.approval->to_string(), kMaxOfAction));
  }
  std::vector<Answer> out;
  for (const auto answer : {who_requested, which_agent, which_workflow, which_credential,
                            what_scope, was_approval, what_was_done}) {
    out.push_back(answer(tale));
  }
  co_return out;
}

}  // namespace writ::broker
