// SPDX-License-Identifier: Apache-2.0
// Expr: a parsed expression, a tree of small structs. It keeps what was written (sugar and all), so
// that the printer gives it back and the validator sees what the author saw.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "cedar/extension_function.h"
#include "cedar/pattern.h"
#include "cedar/source.h"
#include "cedar/value.h"

namespace writ::cedar {

struct Expr;

// An owned Expr that is always there and compares by content.
class ExprBox {
 public:
  ExprBox(Expr expr);
  ExprBox(ExprBox&&) noexcept;
  ExprBox& operator=(ExprBox&&) noexcept;
  ~ExprBox();

  const Expr& operator*() const { return *expr_; }
  const Expr* operator->() const { return expr_.get(); }
  friend bool operator==(const ExprBox& a, const ExprBox& b);

 private:
  std::unique_ptr<Expr> expr_;
};

// A bool, long, string or entity uid; the other kinds are built by the nodes below.
struct Literal {
  Value value;
  friend bool operator==(const Literal&, const Literal&) = default;
};
enum class Variable : std::uint8_t { principal, action, resource, context };
struct If {
  ExprBox condition;
  ExprBox then;
  ExprBox otherwise;
  friend bool operator==(const If&, const If&) = default;
};
// Two terms or more. a && b && c is one node, (a && b) && c is two.
struct And {
  std::vector<Expr> terms;
  friend bool operator==(const And&, const And&);
};
struct Or {
  std::vector<Expr> terms;
  friend bool operator==(const Or&, const Or&);
};
enum class UnaryOp : std::uint8_t { not_, negate, is_empty };
struct Unary {
  UnaryOp op;
  ExprBox operand;
  friend bool operator==(const Unary&, const Unary&) = default;
};
enum class BinaryOp : std::uint8_t {
  equal,
  not_equal,
  less,
  less_equal,
  greater,
  greater_equal,
  in,
  add,
  subtract,
  multiply,
  contains,
  contains_all,
  contains_any,
  get_tag,
  has_tag,
};
struct Binary {
  BinaryOp op;
  ExprBox left;
  ExprBox right;
  friend bool operator==(const Binary&, const Binary&) = default;
};
struct GetAttribute {
  ExprBox of;
  std::string attribute;
  friend bool operator==(const GetAttribute&, const GetAttribute&) = default;
};
// x has a.b.c means x has a && x.a has b && x.a.b has c. The path has one element or more.
struct Has {
  ExprBox of;
  std::vector<std::string> path;
  friend bool operator==(const Has&, const Has&) = default;
};
struct Like {
  ExprBox of;
  Pattern pattern;
  friend bool operator==(const Like&, const Like&) = default;
};
// x is T, or x is T in y, which means x is T && x in y.
struct Is {
  ExprBox of;
  std::string type;
  std::optional<ExprBox> in;
  friend bool operator==(const Is&, const Is&) = default;
};
struct SetLiteral {
  std::vector<Expr> elements;
  friend bool operator==(const SetLiteral&, const SetLiteral&);
};
// No two fields have one name.
struct RecordLiteral {
  std::vector<std::pair<std::string, Expr>> fields;
  friend bool operator==(const RecordLiteral&, const RecordLiteral&);
};
// A method's receiver is the first argument.
struct Call {
  ExtensionFunction function;
  std::vector<Expr> arguments;
  friend bool operator==(const Call&, const Call&);
};

// Movable, not copyable. Equality is of what was written, not of where.
struct Expr {
  using Node = std::variant<Literal, Variable, If, And, Or, Unary, Binary, GetAttribute, Has, Like,
                            Is, SetLiteral, RecordLiteral, Call>;

  Expr(Position where, Node what);

  Node node;
  Position at;
  // The longest way down to a leaf, a leaf's being 1.
  std::uint32_t height;
  // The value of a node that is not a Literal but needs neither request nor entities (a set of
  // literals, ip("10.0.0.1")) and does not fail.
  std::unique_ptr<const Value> constant;

  friend bool operator==(const Expr& a, const Expr& b) { return a.node == b.node; }
};

}  // namespace writ::cedar
