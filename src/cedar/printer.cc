// SPDX-License-Identifier: Apache-2.0
#include "cedar/printer.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "cedar/entity_uid.h"
#include "cedar/text.h"

namespace writ::cedar {
namespace {

// How tightly a rule of the grammar binds; an operand that binds less tightly than its place
// demands stands in parentheses.
enum class Level : std::uint8_t {
  expr,
  disjunction,
  conjunction,
  relation,
  sum,
  product,
  unary,
  member
};

std::string_view spelling(BinaryOp op) {
  constexpr auto kSpellings = std::to_array<std::string_view>(
      {"==", "!=", "<", "<=", ">", ">=", "in", "+", "-", "*", "contains", "containsAll",
       "containsAny", "getTag", "hasTag"});
  return kSpellings[static_cast<std::size_t>(op)];
}

std::string_view spelling(Variable variable) {
  constexpr auto kSpellings =
      std::to_array<std::string_view>({"principal", "action", "resource", "context"});
  return kSpellings[static_cast<std::size_t>(variable)];
}

Level level_of(BinaryOp op) {
  switch (op) {
    case BinaryOp::add:
    case BinaryOp::subtract:
      return Level::sum;
    case BinaryOp::multiply:
      return Level::product;
    case BinaryOp::contains:
    case BinaryOp::contains_all:
    case BinaryOp::contains_any:
    case BinaryOp::get_tag:
    case BinaryOp::has_tag:
      return Level::member;
    default:
      return Level::relation;
  }
}

struct LevelOf {
  Level operator()(const Literal& node) const {
    const auto* number = node.value.integer();
    return number != nullptr && *number < 0 ? Level::unary : Level::member;
  }
  Level operator()(const If&) const { return Level::expr; }
  Level operator()(const Or&) const { return Level::disjunction; }
  Level operator()(const And&) const { return Level::conjunction; }
  Level operator()(const Has&) const { return Level::relation; }
  Level operator()(const Like&) const { return Level::relation; }
  Level operator()(const Is&) const { return Level::relation; }
  Level operator()(const Unary& node) const {
    return node.op == UnaryOp::is_empty ? Level::member : Level::unary;
  }
  Level operator()(const Binary& node) const { return level_of(node.op); }
  Level operator()(const auto&) const { return Level::member; }
};

std::string key(const std::string& name) { return is_identifier(name) ? name : quote(name); }

class Printer {
 public:
  std::string take() { return std::move(out_); }

  void put(std::string_view text) { out_ += text; }
  void put(const Expr& expr, Level least) {
    const bool parentheses = std::visit(LevelOf(), expr.node) < least;
    if (parentheses) put("(");
    std::visit([&](const auto& node) { print(node); }, expr.node);
    if (parentheses) put(")");
  }
  void put_attribute(const std::string& name) {
    if (is_identifier(name)) {
      put(".");
      put(name);
    } else {
      put("[");
      put(quote(name));
      put("]");
    }
  }

 private:
  void print(const Literal& node) { put(node.value.to_string()); }
  void print(Variable variable) { put(spelling(variable)); }
  void print(const If& node) {
    put("if ");
    put(*node.condition, Level::expr);
    put(" then ");
    put(*node.then, Level::expr);
    put(" else ");
    put(*node.otherwise, Level::expr);
  }
  void print(const Or& node) { join(node.terms, " || ", Level::conjunction); }
  void print(const And& node) { join(node.terms, " && ", Level::relation); }
  void print(const Unary& node) {
    if (node.op == UnaryOp::is_empty) {
      put(*node.operand, Level::member);
      put(".isEmpty()");
      return;
    }
    // A sign before a number would become part of it, and a row of signs may be no longer than
    // four: so what a sign stands before is never another sign, nor a bare number.
    put(node.op == UnaryOp::not_ ? "!" : "-");
    const auto* literal = std::get_if<Literal>(&node.operand->node);
    if (literal != nullptr && literal->value.integer() != nullptr) {
      put("(");
      put(*node.operand, Level::expr);
      put(")");
    } else {
      put(*node.operand, Level::member);
    }
  }
  void print(const Binary& node) {
    const Level level = level_of(node.op);
    if (level == Level::member) {
      put(*node.left, Level::member);
      put(".");
      put(spelling(node.op));
      put("(");
      put(*node.right, Level::expr);
      put(")");
      return;
    }
    // Relations do not follow one another; the others lean to the left.
    put(*node.left, level == Level::relation ? Level::sum : level);
    put(" ");
    put(spelling(node.op));
    put(" ");
    put(*node.right, level == Level::product ? Level::unary
                     : level == Level::sum   ? Level::product
                                             : Level::sum);
  }
  void print(const GetAttribute& node) {
    put(*node.of, Level::member);
    put_attribute(node.attribute);
  }
  void print(const Has& node) {
    put(*node.of, Level::sum);
    put(" has ");
    if (node.path.size() == 1) {
      put(key(node.path.front()));
      return;
    }
    for (std::size_t i = 0; i < node.path.size(); ++i) {
      if (i > 0) put(".");
      put(node.path[i]);
    }
  }
  void print(const Like& node) {
    put(*node.of, Level::sum);
    put(" like ");
    put(node.pattern.to_string());
  }
  void print(const Is& node) {
    put(*node.of, Level::sum);
    put(" is ");
    put(node.type);
    if (node.in) {
      put(" in ");
      put(**node.in, Level::sum);
    }
  }
  void print(const SetLiteral& node) {
    put("[");
    join(node.elements, ", ", Level::expr);
    put("]");
  }
  void print(const RecordLiteral& node) {
    put("{");
    for (std::size_t i = 0; i < node.fields.size(); ++i) {
      if (i > 0) put(", ");
      put(key(node.fields[i].first));
      put(": ");
      put(node.fields[i].second, Level::expr);
    }
    put("}");
  }
  void print(const Call& node) {
    std::size_t first = 0;
    if (is_method(node.function)) {
      put(node.arguments.front(), Level::member);
      put(".");
      first = 1;
    }
    put(name(node.function));
    put("(");
    for (std::size_t i = first; i < node.arguments.size(); ++i) {
      if (i > first) put(", ");
      put(node.arguments[i], Level::expr);
    }
    put(")");
  }
  void join(const std::vector<Expr>& exprs, std::string_view between, Level least) {
    for (std::size_t i = 0; i < exprs.size(); ++i) {
      if (i > 0) put(between);
      put(exprs[i], least);
    }
  }

  std::string out_;
};

std::string print(const std::variant<EntityUid, Slot>& entity) {
  if (const auto* uid = std::get_if<EntityUid>(&entity)) return uid->to_string();
  return *std::get_if<Slot>(&entity) == Slot::principal ? "?principal" : "?resource";
}

std::string print(std::string_view variable, const ScopeConstraint& scope) {
  std::string out(variable);
  switch (scope.op) {
    using enum ScopeConstraint::Op;
    case any:
      break;
    case equal:
      out += " == " + print(scope.entity);
      break;
    case in:
      out += " in " + print(scope.entity);
      break;
    case is:
      out += " is " + scope.type;
      break;
    case is_in:
      out += " is " + scope.type + " in " + print(scope.entity);
      break;
  }
  return out;
}

std::string print(const ActionConstraint& scope) {
  std::string list;
  for (const EntityUid& action : scope.entities) {
    list += (list.empty() ? "" : ", ") + action.to_string();
  }
  switch (scope.op) {
    using enum ActionConstraint::Op;
    case any:
      return "action";
    case equal:
      return "action == " + list;
    case in:
      return "action in " + list;
    case in_list:
      return "action in [" + list + "]";
  }
  return {};
}

}  // namespace

std::string print(const Expr& expr) {
  Printer printer;
  printer.put(expr, Level::expr);
  return printer.take();
}

std::string print(const Template& policy) {
  std::string out;
  for (const Annotation& annotation : policy.annotations) {
    out += "@" + annotation.name + "(" + quote(annotation.value) + ")\n";
  }
  out += policy.effect == Effect::permit ? "permit (" : "forbid (";
  out += print("principal", policy.principal) + ", " + print(policy.action) + ", " +
         print("resource", policy.resource) + ")";
  for (const Condition& condition : policy.conditions) {
    out += condition.kind == Condition::Kind::when ? "\nwhen { " : "\nunless { ";
    out += print(condition.expr) + " }";
  }
  return out + ";\n";
}

}  // namespace writ::cedar
