// SPDX-License-Identifier: Apache-2.0
#include "cli/render_actions.h"

#include "base/encoding.h"
#include "wire/time_text.h"

namespace writ::cli {
namespace {

std::string scalar_text(const Json& value) {
  if (const auto* text = value.if_string()) return visible_text(text_of(*text));
  return visible_text(write_json(value));
}

std::string pairs_text(const JsonObject& object) {
  std::string out;
  for (const auto& member : object) {
    out += (out.empty() ? "" : ", ") + visible_text(text_of(member)) + " " +
           scalar_text(member.value());
  }
  return out;
}

// A fact as a person reads it, a line for each element of a list of objects.
std::vector<std::string> fact_lines(const Json& value) {
  if (const auto* object = value.if_object(); object != nullptr && !object->empty())
    return {pairs_text(*object)};
  const auto* array = value.if_array();
  if (array == nullptr) return {scalar_text(value)};
  if (array->empty()) return {"none"};
  std::vector<std::string> out;
  bool joined = false;  // whether the last line is of scalars
  for (const auto& element : *array) {
    if (const auto* object = element.if_object()) {
      out.push_back(pairs_text(*object));
      joined = false;
    } else if (joined) {
      out.back() += ", " + scalar_text(element);
    } else {
      out.push_back(scalar_text(element));
      joined = true;
    }
  }
  return out;
}

std::string joined(const std::vector<std::string>& texts) {
  std::string out;
  for (const auto& text : texts) out += (out.empty() ? "" : ", ") + visible_text(text);
  return out;
}

// Every bound here is for people: what is left out is said, and --json has all.
constexpr std::size_t kWidestLabel = 30;
constexpr std::size_t kLongestLine = 2000;
constexpr std::size_t kMostLines = 200;
constexpr std::size_t kMostFacts = 100;

void add_facts(const JsonObject& facts, const Style& style, std::string& out) {
  std::size_t widest = 0;
  for (const auto& fact : facts)
    widest = std::max(widest, std::min(kWidestLabel, columns(visible_text(text_of(fact)))));
  const auto indent = 4 + widest + 2;
  std::size_t number = 0;
  for (const auto& fact : facts) {
    if (number++ == kMostFacts) {
      out += "    … " + counted(facts.size() - kMostFacts, "more fact") + "; --json has all\n";
      return;
    }
    auto label = "    " + shortened(visible_text(text_of(fact)), kLongestCell);
    // A long name has a line of its own.
    if (columns(label) > 4 + kWidestLabel) {
      out += style.dim(label) + '\n';
      label.clear();
    }
    label.append(indent - columns(label), ' ');
    const auto lines = fact_lines(fact.value());
    for (std::size_t i = 0; i < std::min(lines.size(), kMostLines); ++i) {
      out += style.dim(label + wrap(shortened(lines[i], kLongestLine),
                                    std::max(style.width, indent + 20), indent, indent));
      out += '\n';
      label.assign(indent, ' ');
    }
    if (lines.size() > kMostLines) {
      out += label + "… " + counted(lines.size() - kMostLines, "more line") + "; --json has all\n";
    }
  }
}

}  // namespace

std::string render_explanation(const protocol::Explanation& explanation, const Style& style) {
  std::string out = style.bold(explanation.action.to_string()) + "\n";
  int number = 0;
  for (const auto& answer : explanation.answers) {
    out += '\n' + style.bold(std::to_string(++number) + " " + visible_text(answer.question)) + '\n';
    out += "  " + wrap(shortened(visible_text(answer.answer), kLongestLine), style.width - 2, 2) +
           '\n';
    add_facts(answer.facts, style, out);
  }
  return out;
}

std::string render_action(const protocol::ActionView& action, const Style& style) {
  std::string out = style.bold(action.id.to_string()) + "\n";
  const auto line = [&](std::string_view label, const std::string& text) {
    out += style.dim(label) + text + '\n';
  };
  line("run     ", action.run.to_string());
  line("tool    ", visible_text(action.tool));
  auto phase = visible_text(action.phase);
  if (action.status) phase += ", the upstream answered " + std::to_string(*action.status);
  if (action.resolved) phase += ", settled by an operator";
  line("state   ", phase);
  if (action.result) line("result  ", write_json_for_people(*action.result));
  if (action.withheld) line("result  ", visible_text(*action.withheld));
  if (action.phase == "unknown") {
    out += style.notice(
               "It may have been done or not. Look at the upstream, then: writ action "
               "resolve " +
               action.id.to_string()) +
           '\n';
  }
  return out;
}

std::string render_approvals(const protocol::ApprovalList& list, const Style& style) {
  if (list.approvals.empty()) return "Nothing waits for approval.\n";
  std::string out;
  for (const auto& each : list.approvals) {
    if (!out.empty()) out += '\n';
    out += style.bold(each.id.to_string()) + "  " + visible_text(each.state) + " until " +
           format_time(each.approved_until.value_or(each.expires)) + '\n';
    out += "  " +
           wrap(visible_text(each.title.empty() ? each.tool : each.title), style.width - 2, 2) +
           '\n';
    auto who = "agent " + visible_text(each.agent) + ", run " + visible_text(each.run_name);
    if (each.user) who += ", for " + visible_text(*each.user);
    out += "  " + style.dim(wrap(who, style.width - 2, 2)) + '\n';
    out += "  waits for " + (each.missing.empty() ? std::string("nobody") : joined(each.missing)) +
           '\n';
  }
  out += '\n' + style.dim("To see one exactly and decide it: writ approve APPROVAL, or writ deny") +
         '\n';
  return out;
}

std::string render_findings(const std::vector<protocol::Finding>& findings, const Style& style) {
  std::string out;
  for (const auto& finding : findings) {
    out += style.notice("! " + visible_text(finding.subject));
    if (!finding.subject.empty()) out += "\n    ";
    out += wrap(visible_text(finding.message), style.width - 4, 4) + '\n';
  }
  return out;
}

std::string render_credentials(const std::vector<protocol::WorkspaceCredential>& credentials,
                               const Style& style) {
  if (credentials.empty()) return "No credentials. Add one: writ credential add NAME\n";
  std::vector<std::vector<std::string>> rows{{"NAME", "VERSION", "ACCOUNT", "SENT ONLY TO"}};
  for (const auto& each : credentials) {
    rows.push_back({visible_text(each.name), std::to_string(each.version),
                    std::to_string(each.generation), visible_text(each.origin)});
  }
  return table(rows, style);
}

}  // namespace writ::cli
