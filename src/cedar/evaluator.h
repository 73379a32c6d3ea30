// SPDX-License-Identifier: Apache-2.0
// evaluate: the value of an expression for a request.
#pragma once

#include "base/error.h"
#include "base/step_budget.h"
#include "cedar/entities.h"
#include "cedar/expr.h"
#include "cedar/policy.h"
#include "cedar/request.h"
#include "cedar/value.h"

namespace writ::cedar {

// One request's evaluations. The request, the entities and the budget outlive it. Not thread-safe;
// make one per request. Every step is spent from the budget; once that is exhausted each evaluation
// fails.
class Evaluator {
 public:
  Evaluator(const Request& request, const Entities& entities, StepBudget& budget);

  Expected<Value> evaluate(const Expr& expr);
  // Whether scope and conditions hold. Conditions are evaluated from the first, up to one that
  // fails to hold.
  Expected<bool> satisfied(const Policy& policy);

 private:
  // The walkers return the value, which lies in `slot` or in something that outlives the
  // evaluation, or null after setting error_. Nothing is copied that need not be.
  const Value* eval(const Expr& expr, Value& slot);
  const Value* eval_node(const Literal& node, Value& slot);
  const Value* eval_node(const Variable& node, Value& slot);
  const Value* eval_node(const If& node, Value& slot);
  const Value* eval_node(const And& node, Value& slot);
  const Value* eval_node(const Or& node, Value& slot);
  const Value* eval_node(const Unary& node, Value& slot);
  const Value* eval_node(const Binary& node, Value& slot);
  const Value* eval_node(const GetAttribute& node, Value& slot);
  const Value* eval_node(const Has& node, Value& slot);
  const Value* eval_node(const Like& node, Value& slot);
  const Value* eval_node(const Is& node, Value& slot);
  const Value* eval_node(const SetLiteral& node, Value& slot);
  const Value* eval_node(const RecordLiteral& node, Value& slot);
  const Value* eval_node(const Call& node, Value& slot);

  const bool* eval_bool(const Expr& expr, Value& slot);
  const Value* less(const Value& a, const Value& b, BinaryOp op, Value& slot);
  const Value* arithmetic(BinaryOp op, const Value& a, const Value& b, Value& slot);
  const Value* in(const Value& a, const Value& b, Value& slot);
  const Value* set_operation(BinaryOp op, const Value& a, const Value& b, Value& slot);
  // Whether the budget allows that many steps more; if not, error_ says so.
  bool spend(std::uint64_t steps);
  const Value* tag(BinaryOp op, const Value& a, const Value& b, Value& slot);
  std::nullptr_t fail_with(std::string message);
  std::nullptr_t fail_kind(std::string_view expected, const Value& got);

  const Entities& entities_;
  StepBudget& budget_;
  Value principal_;
  Value action_;
  Value resource_;
  Value context_;
  Error error_;
};

}  // namespace writ::cedar
