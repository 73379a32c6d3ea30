// SPDX-License-Identifier: Apache-2.0
#include "cedar/mentions.h"

namespace writ::cedar {
namespace {

using Visit = std::function<void(const Mention&)>;

// As deep as the parser lets a tree be.
struct Walk {
  const Visit& visit;
  Position at;

  void see(const Expr& expr) const { std::visit(Walk{visit, expr.at}, expr.node); }
  void see(const ExprBox& expr) const { see(*expr); }
  void see(const std::vector<Expr>& exprs) const {
    for (const Expr& expr : exprs) see(expr);
  }

  void operator()(const Literal& node) const {
    if (const EntityUid* uid = node.value.entity()) visit({uid->type, uid, at});
  }
  void operator()(const Variable&) const {}
  void operator()(const If& node) const {
    see(node.condition);
    see(node.then);
    see(node.otherwise);
  }
  void operator()(const And& node) const { see(node.terms); }
  void operator()(const Or& node) const { see(node.terms); }
  void operator()(const Unary& node) const { see(node.operand); }
  void operator()(const Binary& node) const {
    see(node.left);
    see(node.right);
  }
  void operator()(const GetAttribute& node) const { see(node.of); }
  void operator()(const Has& node) const { see(node.of); }
  void operator()(const Like& node) const { see(node.of); }
  void operator()(const Is& node) const {
    see(node.of);
    visit({node.type, nullptr, at});
    if (node.in) see(*node.in);
  }
  void operator()(const SetLiteral& node) const { see(node.elements); }
  void operator()(const RecordLiteral& node) const {
    for (const auto& [name, value] : node.fields) see(value);
  }
  void operator()(const Call& node) const { see(node.arguments); }
};

void see(const ScopeConstraint& scope, Position at, const Visit& visit) {
  using enum ScopeConstraint::Op;
  if (scope.op == is || scope.op == is_in) visit({scope.type, nullptr, at});
  if (const EntityUid* uid = scope.bound()) visit({uid->type, uid, at});
}

}  // namespace

void for_each_mention(const Policy& policy, const Visit& visit) {
  const Position at = policy.body().at;
  see(policy.principal(), at, visit);
  for (const EntityUid& uid : policy.action().entities) visit({uid.type, &uid, at});
  see(policy.resource(), at, visit);
  for (const Condition& condition : policy.conditions()) Walk{visit, at}.see(condition.expr);
}

}  // namespace writ::cedar
