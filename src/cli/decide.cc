// SPDX-License-Identifier: Apache-2.0
#include "cli/decide.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "action/digest.h"
#include "base/encoding.h"
#include "wire/canonical.h"
#include "wire/time_text.h"
#include "wire/visible.h"

namespace writ::cli {
namespace {

std::string list_of(const std::vector<std::string>& texts) {
  std::string out;
  for (const auto& text : texts) out += (out.empty() ? "" : ", ") + visible_text(text);
  return out;
}

using Line = SigningPage::Line;
using Part = SigningPage::Part;

// More arguments than fit a screen are counted at first.
constexpr std::size_t kRowsOfArguments = 40;
constexpr std::size_t kRepeatedArguments = 6;

std::optional<Line> done_before(const protocol::IdenticalActions& identical) {
  if (identical.done == 0 && identical.unknown == 0) return std::nullopt;
  auto text = "an action that says the same was done " + counted(identical.done, "time");
  if (identical.unknown > 0)
    text += " and may have been done " + counted(identical.unknown, "more time");
  return Line{"  before     ", text + " already", &Style::notice};
}

bool is_argument(std::string_view line) {
  constexpr std::string_view kArguments = "arguments";
  return line.starts_with(kArguments) && line.find_first_of(".[:") == kArguments.size();
}

// How telling an argument is; less is more. Its name is made of plain words, [n] and quoted words
// (approval/decision.h).
struct Weight {
  int kind = 0;  // an amount, another number, something else
  std::size_t depth = 0;
  auto operator<=>(const Weight&) const = default;
};
Weight weight_of(std::string_view line) {
  Weight out;
  std::size_t at = 0;
  std::size_t word = 0;  // where the last word of the name begins
  for (bool in_quotes = false; at < line.size() && (in_quotes || line[at] != ':'); ++at) {
    if (in_quotes && line[at] == '\\') {
      ++at;
    } else if (line[at] == '"') {
      in_quotes = !in_quotes;
    } else if (!in_quotes && (line[at] == '.' || line[at] == '[')) {
      ++out.depth;
      word = at + 1;
    }
  }
  const auto name = line.substr(word, at - word);
  const auto value = line.substr(std::min(at + 2, line.size()));
  const bool number = value.find_first_of("-0123456789") == 0;
  out.kind = name == "amount" ? 0 : number ? 1 : 2;
  return out;
}

// The run's name and the most telling arguments: the amount first.
Part said_by_agent(const Line& run, const std::vector<Line>& arguments) {
  std::vector<std::pair<Weight, std::size_t>> order;
  order.reserve(arguments.size());
  for (std::size_t i = 0; i < arguments.size(); ++i)
    order.emplace_back(weight_of(arguments[i].text), i);
  std::ranges::sort(order);
  const auto repeated = std::min(order.size(), kRepeatedArguments);
  Part out{.heading = "Said by the agent:", .lines = {run}};
  for (std::size_t i = 0; i < repeated; ++i) out.lines.push_back(arguments[order[i].second]);
  if (repeated < order.size()) {
    out.lines.push_back(
        {"  ", "and " + counted(order.size() - repeated, "more line") + " of arguments, above",
         &Style::notice});
  }
  return out;
}

std::unexpected<Error> two_stories(std::string_view what) {
  return fail(Errc::denied,
              "the server's " + std::string(what) + " is not that of the action it shows", {},
              "do not decide this; tell who runs the server");
}

// The groups in which this person may speak, sorted and unique.
std::vector<std::string> own_groups(const std::vector<std::string>& needed,
                                    const std::vector<std::string>& mine,
                                    const std::vector<std::string>& only) {
  std::vector<std::string> out;
  for (const auto& group : needed) {
    const bool wanted = only.empty() || std::ranges::find(only, group) != only.end();
    if (wanted && std::ranges::find(mine, group) != mine.end()) out.push_back(group);
  }
  std::ranges::sort(out);
  out.erase(std::ranges::unique(out).begin(), out.end());
  return out;
}

}  // namespace

Expected<PreparedDecision> prepare_decision(const protocol::ApprovalView& approval,
                                            approval::Verdict verdict,
                                            const protocol::WhoAmI& person,
                                            const std::vector<std::string>& only) {
  const bool denial = verdict == approval::Verdict::deny;
  if (approval.state != "pending" && !(denial && approval.state == "approved")) {
    return fail(Errc::conflict, "approval " + approval.id.to_string() + " is " +
                                    visible_text(approval.state) +
                                    ": there is nothing to decide any more");
  }
  WRIT_TRY(auto shown, approval::show_statement(approval.statement));
  // An answer about something else than an action is shown by other rules than this page's.
  if (approval.subject != approval::name(approval::Subject::action)) return two_stories("subject");
  const auto commitment = approval::commitment(approval.salt, shown.digest);
  if (commitment != approval.commitment) return two_stories("commitment");
  // show_statement() has parsed it within bounds and found every field.
  WRIT_TRY(const auto object, action::parse_statement(approval.statement));
  ObjectReader r(object);
  r.allow_unknown();
  const auto workspace_text = r.string("workspace");
  const auto run = r.string("run");
  const auto tool = r.string("tool");
  WRIT_TRY_VOID(r.finish());
  if (run != approval.run.to_string()) return two_stories("run");
  if (tool != approval.tool) return two_stories("tool");
  WRIT_TRY(const auto workspace, WorkspaceId::parse(workspace_text));
  if (workspace != person.workspace_id) return two_stories("workspace");

  auto groups = own_groups(approval.groups, person.user.groups, only);
  if (groups.empty()) {
    return fail(Errc::denied, "this needs " + list_of(approval.groups) + "; " +
                                  visible_text(person.user.name) + " is not in it");
  }
  return PreparedDecision{.statement = {.workspace = workspace,
                                        .approval = approval.id.to_string(),
                                        .subject = approval::Subject::action,
                                        .commitment = commitment,
                                        .verdict = verdict,
                                        .groups = std::move(groups),
                                        .nonce = approval.nonce,
                                        .expires = approval.expires},
                          .shown = std::move(shown)};
}

SigningPage decision_page(const protocol::ApprovalView& approval,
                          const PreparedDecision& prepared) {
  const Line title{"  title      ", visible_text(approval.title)};
  const Line agent{"  agent      ", visible_text(approval.agent)};
  const Line user{"  for        ", approval.user ? visible_text(*approval.user) : "the workspace"};
  const Line run{"  run        ", quoted_text(approval.run_name)};
  Part server{.heading = "Said by the server:", .lines = {title, agent, user}};
  server.lines.push_back({"  open till  ", format_time(approval.expires)});
  server.lines.push_back({"  needs      ", list_of(approval.groups)});
  for (const auto& decision : approval.decided) {
    server.lines.push_back({"  decided    ", visible_text(decision.by) + ": " +
                                                 visible_text(decision.decision) + " for " +
                                                 list_of(decision.groups) + ", " +
                                                 format_time(decision.at)});
  }
  Part server_again{.heading = "Once more. Said by the server:", .lines = {title, agent, user}};
  if (const auto before = done_before(approval.identical)) {
    server.lines.push_back(*before);
    server_again.lines.push_back(*before);
  }

  Part action{.heading = "The action, exactly; its arguments are said by the agent:"};
  Part arguments{.rows = kRowsOfArguments};
  Part rest;
  for (const auto& line : prepared.shown.lines) {
    auto& part = is_argument(line) ? arguments : arguments.lines.empty() ? action : rest;
    part.lines.push_back({"  ", line});
  }
  rest.lines.push_back(
      {"  sha-256    ", hex_encode(prepared.shown.digest) + " (of the whole action)"});

  const bool denial = prepared.statement.verdict == approval::Verdict::deny;
  return {
      .title = "Approval " + approval.id.to_string(),
      .parts = {server, {.heading = "Said by the agent:", .lines = {run}}, action, arguments, rest},
      .recap = {server_again, said_by_agent(run, arguments.lines)},
      .question = std::string(denial ? "Deny" : "Approve") + " for " +
                  list_of(prepared.statement.groups) + "? Ctrl-C leaves it.",
      .question_paint = denial ? &Style::bad : &Style::good};
}

protocol::DecisionRequest sign_decision(const PreparedDecision& prepared, const jose::Signer& key,
                                        std::optional<std::string> note) {
  const auto& statement = prepared.statement;
  return {.decision = std::string(approval::name(statement.verdict)),
          .commitment = statement.commitment,
          .groups = statement.groups,
          .nonce = statement.nonce,
          .expiry = statement.expires,
          .signature = key.sign(as_bytes(approval::canonical_decision(statement))),
          .note = std::move(note)};
}

}  // namespace writ::cli
