// SPDX-License-Identifier: Apache-2.0
// Authority: the structural half of the rule
//   effective authority = user ∩ agent's ceiling ∩ workflow step ∩ run's scope ∩ policy
// computed anew on every call and at every narrowing; the user's and the policy's half is
// policy/'s.
//
// P1: a call needs *use*; a child's use and delegate lie within its parent's *delegate*; the
// child's use is capped by its own agent's ceiling and its step, its delegate by its agent's
// delegate ceiling and its step. The whole chain is checked again on each call against what is
// current, so a ceiling or workflow that shrinks takes effect at once. Pure functions over values.
#pragma once

#include <expected>
#include <functional>
#include <string>
#include <string_view>

#include "delegation/run.h"
#include "delegation/workflow.h"

namespace writ::delegation {

// The operands of the rule, as a refusal names them.
enum class Operand { user, ceiling, step, scope, ancestor, policy, run };

std::string_view name(Operand operand);  // "agent's ceiling", …: the words of the rule

struct Refusal {
  Operand operand = Operand::policy;
  std::string
      message;  // for the developer: names the tool, the operand and the object that refused
};

// What is current for one run of a lineage. A null pointer means that it is gone (disabled,
// removed): a refusal.
struct CurrentTerms {
  const Scope* ceiling = nullptr;  // the agent's, {use, delegate}
  const Step* step =
      nullptr;  // the step in the current version of the workflow, still for this agent
};
using TermsOf = std::function<CurrentTerms(const Run&)>;

// Whether the structural half allows the call. Checks, in this order: the run's scope, its agent's
// ceiling, its pinned and current step, then for each ancestor its scope's delegate, delegate
// ceiling, pinned and current step's delegate.
std::expected<void, Refusal> authorize(const Lineage& lineage, std::string_view tool,
                                       const wire::JsonObject& arguments, const TermsOf& current);

// The scope of a run that starts in `step`: what was asked for (absent: all that the step and
// ceiling allow), refused where it is not within both. An ask for nothing at all is refused.
struct ScopeRequest {
  std::optional<ToolSet> use;
  std::optional<ToolSet> delegate;
};
std::expected<Scope, Refusal> start_scope(const ScopeRequest& asked, const Step& step,
                                          const Scope& ceiling);

// The scope of a child: within the parent's effective delegate, the child's step and the child
// agent's ceiling.
std::expected<Scope, Refusal> child_scope(const ScopeRequest& asked, const Lineage& parent,
                                          const Step& step, const Scope& ceiling,
                                          const TermsOf& current);

// What the run may use and delegate now, all operands intersected: for trace, introspection and
// tokens.
Scope effective_scope(const Lineage& lineage, const TermsOf& current);

}  // namespace writ::delegation
