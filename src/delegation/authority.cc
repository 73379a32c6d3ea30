// SPDX-License-Identifier: Apache-2.0
#include "delegation/authority.h"

#include <algorithm>
#include <array>
#include <span>
#include <utility>

namespace writ::delegation {
namespace {

std::unexpected<Refusal> refuse(Operand operand, std::string message) {
  return std::unexpected(Refusal{.operand = operand, .message = std::move(message)});
}

std::string run_in_words(const Run& run) {
  return "run " + quoted_extract(run.name) + " (" + run.id.to_string() + ")";
}

const ToolSet& use_of(const Scope& scope) { return scope.use; }
const ToolSet& delegate_of(const Scope& scope) { return scope.delegate; }
using Half = const ToolSet& (*)(const Scope&);

// A step speaks for a run only while it is still that run's agent's, and for a run of its kind.
const Step* live_step(const Run& run, const CurrentTerms& terms) {
  return terms.step != nullptr && terms.step->agent == run.agent &&
                 terms.step->admits(run.user.has_value())
             ? terms.step
             : nullptr;
}

std::expected<void, Refusal> check_runs_for(const Step& step, bool for_user) {
  if (step.admits(for_user)) return {};
  return refuse(Operand::step, "step " + quoted_extract(step.name) + " is for " +
                                   (for_user ? "the workspace, and this run is for a user"
                                             : "a user, and this run is for none"));
}

// The sets that one run of a lineage contributes, in the order in which they are checked, with what
// a refusal says of each. A null set is one that is gone.
struct Term {
  Operand operand;
  const ToolSet* set;
  std::string_view what;
};
std::array<Term, 4> terms_of(const Run& run, const CurrentTerms& terms, Half half) {
  const Step* step = live_step(run, terms);
  return {{{Operand::scope, &half(run.scope), "its scope"},
           {Operand::ceiling, terms.ceiling != nullptr ? &half(*terms.ceiling) : nullptr,
            "its agent's ceiling"},
           {Operand::step, &half(run.pinned), "its step when it began"},
           {Operand::step, step != nullptr ? &half(step->scope) : nullptr, "its current step"}}};
}

std::string term_in_words(const Term& term, const Run& run, bool delegate) {
  std::string text = run_in_words(run) + ": " + std::string(term.what);
  if (term.operand == Operand::ceiling) text += " (agent " + quoted_extract(run.agent_name) + ")";
  if (term.operand == Operand::step) {
    text += " (" + quoted_extract(run.workflow_name + "/" + run.step) + ")";
  }
  if (delegate) text += " for delegation";
  return text;
}

std::expected<void, Refusal> check_terms(const Run& run, const CurrentTerms& terms, bool ancestor,
                                         std::string_view tool, const JsonObject& arguments) {
  for (const auto& term : terms_of(run, terms, ancestor ? delegate_of : use_of)) {
    if (term.set != nullptr && term.set->allows(tool, arguments)) continue;
    const std::string why =
        term.set == nullptr ? "is no longer there" : term.set->objection(tool, arguments);
    return refuse(ancestor ? Operand::ancestor : term.operand,
                  quoted_extract(tool) + " is refused by " + (ancestor ? "ancestor " : "") +
                      term_in_words(term, run, ancestor) + " " + why);
  }
  return {};
}

ToolSet intersect_terms(const Run& run, const CurrentTerms& terms, Half half) {
  ToolSet result;
  bool first = true;
  for (const auto& term : terms_of(run, terms, half)) {
    if (term.set == nullptr) return {};
    result = first ? *term.set : result.intersect(*term.set);
    first = false;
  }
  return result;
}

struct Cap {
  Operand operand;
  const ToolSet* set;
  std::string what;
};

// What was asked for, or all that every cap allows; refused where an ask is not within one of them,
// and where there is more to say of a tool than a scope can: a run could not be read back with it.
std::expected<ToolSet, Refusal> narrow(const std::optional<ToolSet>& asked, std::string_view half,
                                       std::span<const Cap> caps) {
  if (!asked) {
    ToolSet all = *caps.front().set;
    for (const auto& cap : caps.subspan(1)) all = all.intersect(*cap.set);
    for (const auto& [tool, bounds] : all.tools()) {
      if (bounds.size() <= kMaxBounds) continue;
      return refuse(Operand::scope, std::string(half) + " of " + quoted_extract(tool) +
                                        " would be bounded in " + std::to_string(bounds.size()) +
                                        " arguments, and a scope bounds at most " +
                                        std::to_string(kMaxBounds));
    }
    return all;
  }
  for (const auto& cap : caps) {
    if (const auto tool = cap.set->outside(*asked)) {
      return refuse(cap.operand, std::string(half) + " of " + quoted_extract(*tool) +
                                     " as asked for is not within " + cap.what);
    }
  }
  return *asked;
}

std::expected<Scope, Refusal> narrow_scope(const ScopeRequest& asked, std::span<const Cap> use_caps,
                                           std::span<const Cap> delegate_caps) {
  auto use = narrow(asked.use, "use", use_caps);
  if (!use) return std::unexpected(std::move(use).error());
  auto delegate = narrow(asked.delegate, "delegation", delegate_caps);
  if (!delegate) return std::unexpected(std::move(delegate).error());
  if (use->empty() && delegate->empty()) {
    return refuse(Operand::scope, "the run could neither use nor delegate anything");
  }
  return Scope{.use = std::move(*use), .delegate = std::move(*delegate)};
}

}  // namespace

std::string_view name(Operand operand) {
  switch (operand) {
    case Operand::user:
      return "user";
    case Operand::ceiling:
      return "agent's ceiling";
    case Operand::step:
      return "workflow step";
    case Operand::scope:
      return "run's scope";
    case Operand::ancestor:
      return "ancestor's delegation";
    case Operand::policy:
      return "policy";
    case Operand::run:
      return "run";
  }
  return "policy";
}

std::expected<void, Refusal> check_lineage(const Lineage& lineage) {
  const auto& runs = lineage.runs;
  const auto broken = [](std::string_view why) {
    return refuse(Operand::run, "the run's chain is refused: " + std::string(why));
  };
  if (runs.empty()) return broken("it is empty");
  if (runs.size() > static_cast<std::size_t>(kMaxDepth)) return broken("it is too deep");
  for (std::size_t i = 0; i < runs.size(); ++i) {
    if (runs[i] == nullptr) return broken("a run of it is gone");
    const Run& run = *runs[i];
    if (run.depth != static_cast<int>(runs.size() - i)) return broken("a depth is wrong");
    if (i + 1 == runs.size()) {
      if (run.parent) return broken("an ancestor is missing");
      break;
    }
    if (runs[i + 1] == nullptr) return broken("a run of it is gone");
    const Run& parent = *runs[i + 1];
    if (run.parent != parent.id) return broken("a run is not its parent's child");
    if (run.workspace != parent.workspace) return broken("it crosses workspaces");
    if (run.workflow != parent.workflow) return broken("it crosses workflows");
    if (run.user != parent.user) return broken("its runs are for different users");
    if (run.ends > parent.ends) return broken("a run outlives its parent");
  }
  return {};
}

std::expected<void, Refusal> authorize(const Lineage& lineage, std::string_view tool,
                                       const JsonObject& arguments, const TermsOf& current) {
  if (auto chain = check_lineage(lineage); !chain) return chain;
  for (const auto& run : lineage.runs) {
    const bool ancestor = run != lineage.runs.front();
    if (auto ok = check_terms(*run, current(*run), ancestor, tool, arguments); !ok) return ok;
  }
  return {};
}

Scope effective_scope(const Lineage& lineage, const TermsOf& current) {
  if (!check_lineage(lineage)) return {};
  const CurrentTerms own = current(lineage.run());
  Scope scope{.use = intersect_terms(lineage.run(), own, use_of),
              .delegate = intersect_terms(lineage.run(), own, delegate_of)};
  for (std::size_t i = 1; i < lineage.runs.size(); ++i) {
    const Run& ancestor = *lineage.runs[i];
    const ToolSet handed = intersect_terms(ancestor, current(ancestor), delegate_of);
    scope.use = scope.use.intersect(handed);
    scope.delegate = scope.delegate.intersect(handed);
  }
  return scope;
}

std::expected<Scope, Refusal> start_scope(const ScopeRequest& asked, const Step& step,
                                          const Scope& ceiling, bool for_user) {
  if (!step.starts) {
    return refuse(Operand::step, "step " + quoted_extract(step.name) + " starts no run");
  }
  if (auto whom = check_runs_for(step, for_user); !whom)
    return std::unexpected(std::move(whom).error());
  const std::string in_step = "step " + quoted_extract(step.name);
  const std::array use{Cap{Operand::step, &step.scope.use, in_step},
                       Cap{Operand::ceiling, &ceiling.use, "the agent's ceiling"}};
  const std::array delegate{
      Cap{Operand::step, &step.scope.delegate, in_step},
      Cap{Operand::ceiling, &ceiling.delegate, "the agent's ceiling for delegation"}};
  return narrow_scope(asked, use, delegate);
}

std::expected<Scope, Refusal> child_scope(const ScopeRequest& asked, const Lineage& parent,
                                          const Step& step, const Scope& ceiling,
                                          const TermsOf& current) {
  if (auto may = may_delegate_to(parent, step, current); !may) {
    return std::unexpected(std::move(may).error());
  }
  const ToolSet handed = effective_scope(parent, current).delegate;
  const std::string in_step = "step " + quoted_extract(step.name);
  const std::string by_parent = "what " + run_in_words(parent.run()) + " may delegate";
  const std::array use{Cap{Operand::ancestor, &handed, by_parent},
                       Cap{Operand::step, &step.scope.use, in_step},
                       Cap{Operand::ceiling, &ceiling.use, "the agent's ceiling"}};
  const std::array delegate{
      Cap{Operand::ancestor, &handed, by_parent}, Cap{Operand::step, &step.scope.delegate, in_step},
      Cap{Operand::ceiling, &ceiling.delegate, "the agent's ceiling for delegation"}};
  return narrow_scope(asked, use, delegate);
}

std::expected<void, Refusal> may_delegate_to(const Lineage& parent, const Step& step,
                                             const TermsOf& current) {
  if (auto chain = check_lineage(parent); !chain) return chain;
  const Run& run = parent.run();
  if (run.depth >= kMaxDepth) {
    return refuse(Operand::run, run_in_words(run) + " is at depth " + std::to_string(run.depth) +
                                    ", and deeper is refused");
  }
  const Step* own = live_step(run, current(run));
  if (own == nullptr) {
    return refuse(Operand::step, run_in_words(run) + ": its step is no longer there");
  }
  if (std::ranges::find(own->delegates_to, step.name) == own->delegates_to.end()) {
    return refuse(Operand::step, "step " + quoted_extract(run.step) + " does not delegate to " +
                                     quoted_extract(step.name));
  }
  return check_runs_for(step, run.user.has_value());
}

TimePoint run_end(TimePoint now, const Step& step, const Run* parent,
                  std::optional<seconds> asked) {
  TimePoint end = now + (asked ? std::min(*asked, step.life) : step.life);
  if (parent != nullptr) end = std::min(end, parent->ends);
  return end;
}

}  // namespace writ::delegation
