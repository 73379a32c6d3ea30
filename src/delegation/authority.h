// SPDX-License-Identifier: Apache-2.0
// Authority: the structural half of the rule
//   effective authority = user ∩ agent's ceiling ∩ workflow step ∩ run's scope ∩ policy
// computed anew on every call and at every narrowing; the user's and the policy's half is
// policy/'s.
//
// P1: a call needs *use*; a child's use and delegate lie within its parent's *delegate*; the
// child's use is capped by its own agent's ceiling and its step, its delegate by its agent's
// delegate ceiling and its step. The whole chain is checked again on each call against what is
// current, so a ceiling or workflow that shrinks takes effect at once. Pure functions over values,
// thread-safe; `current` is called on the caller's thread and its pointers need to live only until
// the function returns.
#pragma once

#include <cstdint>
#include <expected>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "delegation/run.h"
#include "delegation/workflow.h"

namespace writ::delegation {

// The operands of the rule, as a refusal names them.
enum class Operand : std::uint8_t { user, ceiling, step, scope, ancestor, policy, run };

std::string_view name(Operand operand);  // "agent's ceiling", …: the words of the rule

struct Refusal {
  Operand operand = Operand::policy;
  // For the developer: names the tool, the operand and the object that refused.
  std::string message;
};

// What is current for one run of a lineage. A null pointer means that it is gone (disabled,
// removed): a refusal.
struct CurrentTerms {
  const Scope* ceiling = nullptr;  // the agent's, {use, delegate}
  // The step in the current version of the workflow. One that now names another agent, or is not
  // any more for whom the run is, refuses.
  const Step* step = nullptr;
};
using TermsOf = std::function<CurrentTerms(const Run&)>;

// Whether the runs are one chain: each the child of the next, of one workspace, workflow and user,
// no deeper than kMaxDepth, none outliving its parent, the last without a parent (failures.md 12).
std::expected<void, Refusal> check_lineage(const Lineage& lineage);

// Whether the structural half allows the call. Checks, in this order: the chain itself, the run's
// scope, its agent's ceiling, its pinned and current step, then for each ancestor its scope's
// delegate, delegate ceiling, pinned and current step's delegate.
std::expected<void, Refusal> authorize(const Lineage& lineage, std::string_view tool,
                                       const JsonObject& arguments, const TermsOf& current);

// What the run may use and delegate now, all operands intersected: for trace, introspection and
// tokens. authorize() allows exactly the calls that its `use` allows.
Scope effective_scope(const Lineage& lineage, const TermsOf& current);

// What the starter of a run or the delegator asks for. Absent: all that the operands allow. An
// empty set is an ask for nothing, never for all.
struct ScopeRequest {
  std::optional<ToolSet> use;
  std::optional<ToolSet> delegate;
};

// The scope of a run that starts in `step`: what was asked for, refused where it is not within both
// step and ceiling, where it is nothing at all, or where it is more than Scope::parse() reads. That
// the step `starts`, and that it is for a user or for the workspace (P39), is checked here too.
std::expected<Scope, Refusal> start_scope(const ScopeRequest& asked, const Step& step,
                                          const Scope& ceiling, bool for_user);

// The scope of a child: within the parent's effective delegate, the child's step and the child
// agent's ceiling.
std::expected<Scope, Refusal> child_scope(const ScopeRequest& asked, const Lineage& parent,
                                          const Step& step, const Scope& ceiling,
                                          const TermsOf& current);

// Whether a run may hand down to a run in `step` of its workflow at all: the chain may grow by one,
// the parent's current step names that step, and that step is for whom the parent's run is (P39).
std::expected<void, Refusal> may_delegate_to(const Lineage& parent, const Step& step,
                                             const TermsOf& current);

// The absolute end of a run that begins now (P9): the earliest of now + the step's life, now + what
// was asked for, and the parent's end. `parent` is null for a run that starts a chain.
TimePoint run_end(TimePoint now, const Step& step, const Run* parent,
                  std::optional<seconds> asked = std::nullopt);

}  // namespace writ::delegation
