// SPDX-License-Identifier: Apache-2.0
#include "cedar/expr.h"

#include <algorithm>
#include <span>

namespace writ::cedar {
namespace {

struct Height {
  std::uint32_t below = 0;

  void see(const Expr& child) { below = std::max(below, child.height); }
  void see(const ExprBox& child) { see(*child); }
  void see(const std::vector<Expr>& children) {
    for (const Expr& child : children) see(child);
  }

  void operator()(const Literal&) {}
  void operator()(const Variable&) {}
  void operator()(const If& node) {
    see(node.condition);
    see(node.then);
    see(node.otherwise);
  }
  void operator()(const And& node) { see(node.terms); }
  void operator()(const Or& node) { see(node.terms); }
  void operator()(const Unary& node) { see(node.operand); }
  void operator()(const Binary& node) {
    see(node.left);
    see(node.right);
  }
  void operator()(const GetAttribute& node) { see(node.of); }
  void operator()(const Has& node) { see(node.of); }
  void operator()(const Like& node) { see(node.of); }
  void operator()(const Is& node) {
    see(node.of);
    if (node.in) see(*node.in);
  }
  void operator()(const SetLiteral& node) { see(node.elements); }
  void operator()(const RecordLiteral& node) {
    for (const auto& [name, value] : node.fields) see(value);
  }
  void operator()(const Call& node) { see(node.arguments); }
};

std::uint32_t height_of(const Expr::Node& node) {
  Height height;
  std::visit(height, node);
  return height.below + 1;
}

// Null if the value depends on more than the text.
const Value* known(const Expr& expr) {
  if (const auto* literal = std::get_if<Literal>(&expr.node)) return &literal->value;
  return expr.constant.get();
}

std::unique_ptr<const Value> fold(const SetLiteral& node) {
  std::vector<Value> values;
  values.reserve(node.elements.size());
  for (const Expr& element : node.elements) {
    const Value* value = known(element);
    if (value == nullptr) return nullptr;
    values.push_back(*value);
  }
  return std::make_unique<const Value>(Set(std::move(values)));
}

std::unique_ptr<const Value> fold(const RecordLiteral& node) {
  std::vector<Field> fields;
  fields.reserve(node.fields.size());
  for (const auto& [name, field] : node.fields) {
    const Value* value = known(field);
    if (value == nullptr) return nullptr;
    fields.push_back({.name = name, .value = *value});
  }
  return std::make_unique<const Value>(Record(std::move(fields)));
}

std::unique_ptr<const Value> fold(const Call& node) {
  std::vector<const Value*> arguments;
  arguments.reserve(node.arguments.size());
  for (const Expr& argument : node.arguments) {
    arguments.push_back(known(argument));
    if (arguments.back() == nullptr) return nullptr;
  }
  // A call that fails is left to the evaluation, which may never come to it.
  auto value = call(node.function, arguments);
  return value ? std::make_unique<const Value>(*std::move(value)) : nullptr;
}

std::unique_ptr<const Value> fold(const auto&) { return nullptr; }

}  // namespace

ExprBox::ExprBox(Expr expr) : expr_(std::make_unique<Expr>(std::move(expr))) {}
ExprBox::ExprBox(ExprBox&&) noexcept = default;
ExprBox& ExprBox::operator=(ExprBox&&) noexcept = default;
ExprBox::~ExprBox() = default;

bool operator==(const ExprBox& a, const ExprBox& b) { return *a == *b; }
bool operator==(const And& a, const And& b) { return a.terms == b.terms; }
bool operator==(const Or& a, const Or& b) { return a.terms == b.terms; }
bool operator==(const SetLiteral& a, const SetLiteral& b) { return a.elements == b.elements; }
bool operator==(const RecordLiteral& a, const RecordLiteral& b) { return a.fields == b.fields; }
bool operator==(const Call& a, const Call& b) {
  return a.function == b.function && a.arguments == b.arguments;
}

Expr::Expr(Position where, Node what)
    : node(std::move(what)),
      at(where),
      height(height_of(node)),
      constant(std::visit([](const auto& kind) { return fold(kind); }, node)) {}

}  // namespace writ::cedar
