// SPDX-License-Identifier: Apache-2.0
#include "cli/render_runs.h"

#include <algorithm>
#include <tuple>

#include "delegation/scope.h"
#include "wire/time_text.h"

namespace writ::cli {
namespace {

// Lines of a tree: each begins with `rest`, the first of an item with `first`.
class Lines {
 public:
  explicit Lines(const Style& style) : style_(style) {}

  // `label` stands before the text and is followed by it on every line.
  void add(const std::string& first, const std::string& rest, const std::string& label,
           std::string_view text, std::string (Style::*paint)(std::string_view) const = nullptr) {
    const auto indent = columns(first) + columns(label);
    const auto width = style_.width > indent + 20 ? style_.width - indent : 20;
    const auto wrapped = wrap(text, width);
    bool is_first = true;
    for (std::size_t at = 0; at <= wrapped.size();) {
      const auto end = std::min(wrapped.find('\n', at), wrapped.size());
      const auto line = std::string_view(wrapped).substr(at, end - at);
      out_ += style_.dim(is_first ? first : rest);
      out_ += is_first ? style_.dim(label) : std::string(columns(label), ' ');
      out_ += paint != nullptr ? (style_.*paint)(line) : std::string(line);
      while (out_.ends_with(' ')) out_.pop_back();
      out_ += '\n';
      is_first = false;
      at = end + 1;
    }
  }
  std::string take() { return std::move(out_); }
  const Style& style() const { return style_; }

 private:
  const Style& style_;
  std::string out_;
};

std::string time_of_day(TimePoint at) { return format_time(at).substr(11, 8); }

std::string joined(const std::vector<std::string>& texts, std::string_view none) {
  std::string out;
  for (const auto& text : texts) out += (out.empty() ? "" : ", ") + visible_text(text);
  return out.empty() ? std::string(none) : out;
}

std::string state_text(const protocol::RunView& run) {
  if (run.state == "running") return "running until " + format_time(run.ends);
  if (!run.ending) return visible_text(run.state) + " at " + format_time(run.ends);
  std::string out = run.state == "revoked" ? "revoked" : "ended";
  const auto& by = run.ending->by_name.empty() ? run.ending->by : run.ending->by_name;
  out += " at " + format_time(run.ending->at) + " by " + visible_text(by);
  if (!run.ending->reason.empty()) out += ": " + visible_text(run.ending->reason);
  return out;
}

void add_run(Lines& lines, const protocol::RunView& run, const std::string& first,
             const std::string& rest) {
  const auto facts = rest;
  lines.add(first, rest, "", visible_text(run.name) + " " + run.id.to_string(), &Style::bold);
  lines.add(facts, facts, "role      ", visible_text(run.role));
  lines.add(facts, facts, "agent     ", visible_text(run.agent));
  lines.add(facts, facts, "step      ",
            visible_text(run.workflow) + " / " + visible_text(run.step));
  lines.add(facts, facts, "for       ",
            run.user ? visible_text(*run.user) : std::string("the workspace, without a user"));
  lines.add(facts, facts, "parent    ", run.parent ? run.parent->to_string() : "none");
  lines.add(facts, facts, "use       ", tools_text(run.use));
  lines.add(facts, facts, "delegate  ", tools_text(run.delegate));
  lines.add(facts, facts, "allowed   ", joined(run.allowed_tools, "nothing"));
  lines.add(facts, facts, "approval  ", visible_text(run.approval_state));
  lines.add(facts, facts, "state     ", state_text(run),
            run.state == "revoked" ? &Style::bad : nullptr);
}

struct Event {
  TimePoint at;
  std::string text;
  std::string detail;
  std::string id;
  std::string (Style::*paint)(std::string_view) const = nullptr;
};

Event event_of(const protocol::TracedAction& action) {
  Event out{.at = action.at, .text = {}, .detail = {}, .id = action.id.to_string()};
  out.text = visible_text(action.tool) + "  " + visible_text(action.phase);
  if (action.status) out.text += " " + std::to_string(*action.status);
  if (action.resolved) out.text += " (settled by an operator)";
  if (action.approval) out.text += ", by " + action.approval->to_string();
  out.detail = visible_text(action.detail);
  if (action.phase == "done") {
    out.paint = &Style::good;
  } else if (action.phase == "refused" || action.phase == "failed") {
    out.paint = &Style::bad;
  } else {
    out.paint = &Style::notice;
  }
  return out;
}

Event event_of(const protocol::TracedApproval& approval) {
  Event out{.at = approval.at, .text = {}, .detail = {}, .id = approval.id.to_string()};
  out.text = "approval " + visible_text(approval.state) + ": " +
             visible_text(approval.title.empty() ? approval.tool : approval.title);
  out.detail = "asked of " + joined(approval.groups, "nobody");
  if (!approval.decided_by.empty()) out.detail += "; " + joined(approval.decided_by, "");
  out.paint = &Style::notice;
  return out;
}

// NOLINTNEXTLINE(misc-no-recursion): as deep as the trace, which from_json() bounds
void add_trace(Lines& lines, const protocol::Trace& trace, const std::string& first,
               const std::string& rest) {
  std::vector<Event> events;
  events.reserve(trace.actions.size() + trace.approvals.size());
  for (const auto& action : trace.actions) events.push_back(event_of(action));
  for (const auto& approval : trace.approvals) events.push_back(event_of(approval));
  // By id where two are of one millisecond: ids of one kind are in the order of their making.
  std::ranges::sort(events, {}, [](const Event& each) { return std::tie(each.at, each.id); });

  auto left = events.size() + trace.children.size() + (trace.cursor ? 1 : 0);
  add_run(lines, trace.run, first, rest + (left > 0 ? "│ " : "  "));
  for (const auto& event : events) {
    --left;
    const auto below = rest + (left > 0 ? "│  " : "   ");
    lines.add(rest + (left > 0 ? "├─ " : "└─ "), below, time_of_day(event.at) + " ", event.text,
              event.paint);
    lines.add(below, below, "         ", event.id, &Style::dim);
    if (!event.detail.empty()) lines.add(below, below, "         ", event.detail);
  }
  for (const auto& child : trace.children) {
    --left;
    add_trace(lines, child, rest + (left > 0 ? "├─ " : "└─ "), rest + (left > 0 ? "│  " : "   "));
  }
  if (trace.cursor) {
    lines.add(rest + "└─ ", rest + "   ", "",
              "there is more of this run than one trace shows; the log has it all", &Style::notice);
  }
}

}  // namespace

std::string tools_text(const JsonArray& tools) {
  const auto set = delegation::ToolSet::parse(Json(tools), "");
  // Of a newer server: shown as it is.
  if (!set) return visible_text(write_json(tools));
  std::string out;
  for (const auto& [tool, bounds] : set->tools()) {
    out += (out.empty() ? "" : ", ") + tool;
    std::string where;
    for (const auto& [argument, bound] : bounds)
      where += (where.empty() ? "" : ", ") + argument + " " + bound.to_text();
    if (!where.empty()) out += " (" + where + ")";
  }
  return out.empty() ? "nothing" : visible_text(out);
}

std::string render_runs(const protocol::RunList& list, const Style& style) {
  if (list.runs.empty()) return "No runs.\n";
  std::vector<std::vector<std::string>> rows{{"RUN", "AGENT", "FOR", "STATE", "NAME"}};
  for (const auto& run : list.runs) {
    rows.push_back({run.id.to_string(), visible_text(run.agent),
                    run.user ? visible_text(*run.user) : "-", visible_text(run.state),
                    visible_text(run.name)});
  }
  return table(rows, style);
}

std::string render_run(const protocol::RunView& run, const Style& style) {
  Lines lines(style);
  add_run(lines, run, "", "");
  return lines.take();
}

std::string render_trace(const protocol::Trace& trace, const Style& style) {
  Lines lines(style);
  add_trace(lines, trace, "", "");
  return lines.take();
}

}  // namespace writ::cli
