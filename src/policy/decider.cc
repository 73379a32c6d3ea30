// SPDX-License-Identifier: Apache-2.0
#include "policy/decider.h"

#include <set>

#include "base/metered_budget.h"
#include "cedar/authorizer.h"
#include "policy/input.h"

namespace writ::policy {
namespace {

using delegation::Operand;
using delegation::Refusal;

// What one evaluation says: either whom to ask (perhaps nobody), or why not.
struct Verdict {
  bool allowed = false;
  std::set<std::string> approvals;
  std::vector<std::string> policies;
  std::vector<std::string> errors;
};

Verdict judge(const cedar::Response& response) {
  Verdict verdict;
  for (const auto& error : response.errors) {
    verdict.errors.push_back(error.policy->id() + ": " + error.message);
  }
  std::vector<std::string> refusing;
  for (const auto* forbid : response.forbids) {
    const auto* group = forbid->annotation(kNeedsApproval);
    if (group == nullptr) {
      refusing.push_back(forbid->id());
    } else {
      verdict.approvals.insert(*group);
      verdict.policies.push_back(forbid->id());
    }
  }
  verdict.allowed = verdict.errors.empty() && refusing.empty() && !response.permits.empty();
  if (verdict.allowed) {
    for (const auto* permit : response.permits) verdict.policies.push_back(permit->id());
  } else {
    verdict.policies = std::move(refusing);
    verdict.approvals.clear();
  }
  return verdict;
}

std::string reason(const Verdict& verdict, std::string_view whose, std::string_view tool,
                   const StepBudget& budget) {
  std::string text = std::string(whose) + ": ";
  if (budget.exhausted()) {
    return text + "deciding on these arguments takes more than " + std::to_string(budget.limit()) +
           " steps";
  }
  if (!verdict.errors.empty())
    return text + "a policy could not be evaluated, and an error is never a permission";
  if (verdict.policies.empty()) return text + "no policy permits " + std::string(tool);
  text += "forbidden by ";
  for (std::size_t i = 0; i < verdict.policies.size(); ++i)
    text += (i > 0 ? ", " : "") + verdict.policies[i];
  return text;
}

}  // namespace

std::expected<action::AuthorizedAction, Denied> Decider::decide(action::ProposedAction proposed,
                                                                const delegation::TermsOf& current,
                                                                TimePoint now) const {
  const auto deny = [&](Refusal refusal, std::vector<std::string> policies = {},
                        std::vector<std::string> errors = {}) {
    return std::unexpected(
        Denied{std::move(refusal), std::move(policies), std::move(errors), std::move(proposed)});
  };
  const auto& call = proposed.call();
  const auto& tool = proposed.operation().name;
  if (auto structural =
          delegation::authorize(call.lineage(), tool, proposed.request().arguments, current);
      !structural) {
    return deny(std::move(structural).error());
  }

  // One budget for all that this decision costs the loop (P48).
  MeteredBudget budget(cedar::kDecisionSteps);
  auto context = call_context(proposed, now, budget);
  if (!context) return deny({Operand::policy, context.error().to_string()});
  auto entities = model_->entities().with({run_entity(call, proposed.workspace_name())});
  if (!entities) return deny({Operand::policy, entities.error().message});

  cedar::Request request{.principal = run_uid(call.run()),
                         .action = action_uid(tool),
                         .resource = server_uid(proposed.server().name()),
                         .context = std::move(*context)};
  std::set<std::string> approvals;
  std::vector<std::string> policies;
  // The user's own authority first: what the user may not do, no agent may do for the user.
  if (call.user() != nullptr) {
    cedar::Request of_user = request;
    of_user.principal = user_uid(call.user()->name);
    auto verdict = judge(cedar::authorize(of_user, model_->policies(), *entities, budget));
    if (!verdict.allowed) {
      return deny({Operand::user, reason(verdict, "user " + call.user()->name, tool, budget)},
                  verdict.policies, verdict.errors);
    }
    approvals.merge(verdict.approvals);
    policies = std::move(verdict.policies);
  } else if (call.run().user.has_value()) {
    return deny({Operand::user, "the user of this run is not of this workspace any more"});
  }

  auto verdict = judge(cedar::authorize(request, model_->policies(), *entities, budget));
  if (!verdict.allowed) {
    return deny({Operand::policy, reason(verdict, "policy", tool, budget)}, verdict.policies,
                verdict.errors);
  }
  approvals.merge(verdict.approvals);
  policies.insert(policies.end(), verdict.policies.begin(), verdict.policies.end());

  // P11: what a human cannot see, a human cannot approve.
  if (!approvals.empty() && proposed.operation().body == tools::BodyKind::opaque) {
    return deny({Operand::policy, "policy asks for an approval, which an opaque body cannot have"},
                policies);
  }
  action::AuthorizedAction authorized(std::move(proposed));
  authorized.approvals_ = std::move(approvals);
  authorized.policies_ = std::move(policies);
  authorized.workspace_version_ = version_;
  return authorized;
}

}  // namespace writ::policy
