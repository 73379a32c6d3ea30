// SPDX-License-Identifier: Apache-2.0
#include "cedar/evaluator.h"

#include <algorithm>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "cedar/extension_function.h"
#include "cedar/text.h"
#include "wire/utf8.h"

namespace writ::cedar {
namespace {

bool matches(const ScopeConstraint& scope, const EntityUid& uid, const Entities& entities) {
  switch (scope.op) {
    using enum ScopeConstraint::Op;
    case any:
      return true;
    case equal:
      return uid == *scope.bound();
    case in:
      return entities.is_in(uid, *scope.bound());
    case is:
      return uid.type == scope.type;
    case is_in:
      return uid.type == scope.type && entities.is_in(uid, *scope.bound());
  }
  return false;
}

bool matches(const ActionConstraint& scope, const EntityUid& uid, const Entities& entities) {
  switch (scope.op) {
    using enum ActionConstraint::Op;
    case any:
      return true;
    case equal:
      return uid == scope.entities.front();
    case in:
    case in_list:
      return std::ranges::any_of(
          scope.entities, [&](const EntityUid& group) { return entities.is_in(uid, group); });
  }
  return false;
}

std::uint64_t steps_for(const EntityUid& uid) {
  return steps_for_bytes(uid.type.size() + uid.id.size());
}

// To look for an entity among the ancestors of another.
std::uint64_t steps_to_relate(const EntityUid& uid, const EntityUid& ancestor) {
  return steps_for(uid) + steps_for(ancestor) + Entities::kMaxOverlay;
}

std::uint64_t find_steps(const Record& record, std::string_view name) {
  return steps_to_find(record.size()) * steps_for_bytes(name.size());
}

std::uint64_t scope_steps(const Policy& policy) {
  std::uint64_t steps = 3;
  for (const auto* scope : {&policy.principal(), &policy.resource()}) {
    if (const EntityUid* bound = scope->bound()) steps += steps_for(*bound);
  }
  for (const EntityUid& action : policy.action().entities) steps += steps_for(action);
  return steps;
}

const Value* put(Value& slot, Value value) {
  slot = std::move(value);
  return &slot;
}

bool ordered(BinaryOp op, std::strong_ordering order) {
  switch (op) {
    case BinaryOp::less:
      return order < 0;
    case BinaryOp::less_equal:
      return order <= 0;
    case BinaryOp::greater:
      return order > 0;
    default:
      return order >= 0;
  }
}

}  // namespace

Evaluator::Evaluator(const Request& request, const Entities& entities, StepBudget& budget)
    : entities_(entities),
      budget_(budget),
      principal_(request.principal),
      action_(request.action),
      resource_(request.resource),
      context_(request.context) {}

Expected<Value> Evaluator::evaluate(const Expr& expr) {
  Value slot;
  const Value* value = eval(expr, slot);
  if (value == nullptr) return std::unexpected(std::move(error_));
  return *value;
}

Expected<bool> Evaluator::satisfied(const Policy& policy) {
  if (!spend(scope_steps(policy))) return std::unexpected(std::move(error_));
  if (!matches(policy.principal(), *principal_.entity(), entities_) ||
      !matches(policy.action(), *action_.entity(), entities_) ||
      !matches(policy.resource(), *resource_.entity(), entities_)) {
    return false;
  }
  for (const Condition& condition : policy.conditions()) {
    Value slot;
    const bool* holds = eval_bool(condition.expr, slot);
    if (holds == nullptr) return std::unexpected(std::move(error_));
    if (*holds != (condition.kind == Condition::Kind::when)) return false;
  }
  return true;
}

const Value* Evaluator::eval(const Expr& expr, Value& slot) {
  if (!spend(1)) return nullptr;
  if (expr.constant != nullptr) return expr.constant.get();
  return std::visit([&](const auto& node) { return eval_node(node, slot); }, expr.node);
}

const bool* Evaluator::eval_bool(const Expr& expr, Value& slot) {
  const Value* value = eval(expr, slot);
  if (value == nullptr) return nullptr;
  const bool* boolean = value->boolean();
  return boolean != nullptr ? boolean : fail_kind("bool", *value);
}

const Value* Evaluator::eval_node(const Literal& node, Value&) { return &node.value; }

const Value* Evaluator::eval_node(const Variable& node, Value&) {
  switch (node) {
    case Variable::principal:
      return &principal_;
    case Variable::action:
      return &action_;
    case Variable::resource:
      return &resource_;
    case Variable::context:
      return &context_;
  }
  return nullptr;
}

const Value* Evaluator::eval_node(const If& node, Value& slot) {
  const bool* condition = eval_bool(*node.condition, slot);
  if (condition == nullptr) return nullptr;
  return eval(*condition ? *node.then : *node.otherwise, slot);
}

const Value* Evaluator::eval_node(const And& node, Value& slot) {
  for (const Expr& term : node.terms) {
    const bool* holds = eval_bool(term, slot);
    if (holds == nullptr) return nullptr;
    if (!*holds) return put(slot, false);
  }
  return put(slot, true);
}

const Value* Evaluator::eval_node(const Or& node, Value& slot) {
  for (const Expr& term : node.terms) {
    const bool* holds = eval_bool(term, slot);
    if (holds == nullptr) return nullptr;
    if (*holds) return put(slot, true);
  }
  return put(slot, false);
}

const Value* Evaluator::eval_node(const Unary& node, Value& slot) {
  const Value* operand = eval(*node.operand, slot);
  if (operand == nullptr) return nullptr;
  switch (node.op) {
    case UnaryOp::not_: {
      const bool* boolean = operand->boolean();
      return boolean != nullptr ? put(slot, !*boolean) : fail_kind("bool", *operand);
    }
    case UnaryOp::negate: {
      const std::int64_t* number = operand->integer();
      if (number == nullptr) return fail_kind("long", *operand);
      std::int64_t negated = 0;
      if (__builtin_sub_overflow(std::int64_t{0}, *number, &negated)) {
        return fail_with("integer overflow in -");
      }
      return put(slot, negated);
    }
    case UnaryOp::is_empty: {
      const Set* set = operand->set();
      return set != nullptr ? put(slot, set->empty()) : fail_kind("set", *operand);
    }
  }
  return nullptr;
}

const Value* Evaluator::eval_node(const Binary& node, Value& slot) {
  Value left_slot;
  const Value* left = eval(*node.left, left_slot);
  if (left == nullptr) return nullptr;
  Value right_slot;
  const Value* right = eval(*node.right, right_slot);
  if (right == nullptr) return nullptr;
  const auto compared = [&] { return spend(std::min(left->weight(), right->weight())); };
  switch (node.op) {
    case BinaryOp::equal:
      return compared() ? put(slot, *left == *right) : nullptr;
    case BinaryOp::not_equal:
      return compared() ? put(slot, *left != *right) : nullptr;
    case BinaryOp::less:
    case BinaryOp::less_equal:
    case BinaryOp::greater:
    case BinaryOp::greater_equal:
      return less(*left, *right, node.op, slot);
    case BinaryOp::in:
      return in(*left, *right, slot);
    case BinaryOp::add:
    case BinaryOp::subtract:
    case BinaryOp::multiply:
      return arithmetic(node.op, *left, *right, slot);
    case BinaryOp::contains:
    case BinaryOp::contains_all:
    case BinaryOp::contains_any:
      return set_operation(node.op, *left, *right, slot);
    case BinaryOp::get_tag:
    case BinaryOp::has_tag:
      return tag(node.op, *left, *right, slot);
  }
  return nullptr;
}

const Value* Evaluator::less(const Value& a, const Value& b, BinaryOp op, Value& slot) {
  const auto comparable = [](const Value& value) {
    return value.integer() != nullptr || value.datetime() != nullptr || value.duration() != nullptr;
  };
  if (!comparable(a)) return fail_kind("long, datetime or duration", a);
  if (a.kind() != b.kind()) return fail_kind(name(a.kind()), b);
  return put(slot, ordered(op, a <=> b));
}

const Value* Evaluator::arithmetic(BinaryOp op, const Value& a, const Value& b, Value& slot) {
  if (a.integer() == nullptr) return fail_kind("long", a);
  if (b.integer() == nullptr) return fail_kind("long", b);
  std::int64_t result = 0;
  bool overflow = false;
  char sign = '*';
  if (op == BinaryOp::add) {
    sign = '+';
    overflow = __builtin_add_overflow(*a.integer(), *b.integer(), &result);
  } else if (op == BinaryOp::subtract) {
    sign = '-';
    overflow = __builtin_sub_overflow(*a.integer(), *b.integer(), &result);
  } else {
    overflow = __builtin_mul_overflow(*a.integer(), *b.integer(), &result);
  }
  if (overflow) {
    return fail_with(fmt::format("integer overflow in {}", sign));
  }
  return put(slot, result);
}

const Value* Evaluator::in(const Value& a, const Value& b, Value& slot) {
  const EntityUid* uid = a.entity();
  if (uid == nullptr) return fail_kind("entity", a);
  if (const EntityUid* ancestor = b.entity()) {
    if (!spend(steps_to_relate(*uid, *ancestor))) return nullptr;
    return put(slot, entities_.is_in(*uid, *ancestor));
  }
  const Set* set = b.set();
  if (set == nullptr) return fail_kind("entity or set of entities", b);
  // Every element is looked at, also past a match: one of another kind is an error.
  bool found = false;
  for (const Value& element : *set) {
    const EntityUid* ancestor = element.entity();
    if (ancestor == nullptr) return fail_kind("entity", element);
    if (!spend(steps_to_relate(*uid, *ancestor))) return nullptr;
    found = found || entities_.is_in(*uid, *ancestor);
  }
  return put(slot, found);
}

const Value* Evaluator::set_operation(BinaryOp op, const Value& a, const Value& b, Value& slot) {
  const Set* set = a.set();
  if (set == nullptr) return fail_kind("set", a);
  // To look for a value compares it with a few elements, each in at most the value's weight.
  if (op == BinaryOp::contains) {
    if (!spend(steps_to_find(set->size()) * b.weight())) return nullptr;
    return put(slot, set->contains(b));
  }
  const Set* other = b.set();
  if (other == nullptr) return fail_kind("set", b);
  if (op == BinaryOp::contains_any) {
    if (!spend(steps_to_find(set->size()) * other->weight())) return nullptr;
    return put(slot, set->contains_any(*other));
  }
  // Walks both sets once, and compares where it stands at most twice.
  if (!spend(2 * (set->weight() + other->weight()))) return nullptr;
  return put(slot, set->contains_all(*other));
}

const Value* Evaluator::tag(BinaryOp op, const Value& a, const Value& b, Value& slot) {
  const EntityUid* uid = a.entity();
  if (uid == nullptr) return fail_kind("entity", a);
  const std::string* tag_name = b.string();
  if (tag_name == nullptr) return fail_kind("string", b);
  if (!spend(steps_for(*uid))) return nullptr;
  const Entity* entity = entities_.find(*uid);
  if (entity != nullptr && !spend(find_steps(entity->tags, *tag_name))) return nullptr;
  const Value* value = entity != nullptr ? entity->tags.find(*tag_name) : nullptr;
  if (op == BinaryOp::has_tag) return put(slot, value != nullptr);
  if (entity == nullptr) {
    return fail_with(fmt::format("the entity {} does not exist", uid->to_string()));
  }
  if (value == nullptr) {
    return fail_with(fmt::format("{} does not have the tag asked for", uid->to_string()));
  }
  return value;
}

const Value* Evaluator::eval_node(const GetAttribute& node, Value& slot) {
  const Value* of = eval(*node.of, slot);
  if (of == nullptr) return nullptr;
  if (const EntityUid* uid = of->entity()) {
    if (!spend(steps_for(*uid))) return nullptr;
    const Entity* entity = entities_.find(*uid);
    if (entity == nullptr) {
      return fail_with(fmt::format("the entity {} does not exist", uid->to_string()));
    }
    if (!spend(find_steps(entity->attributes, node.attribute))) return nullptr;
    const Value* value = entity->attributes.find(node.attribute);
    if (value != nullptr) return value;
    return fail_with(
        fmt::format("{} does not have the attribute {}", uid->to_string(), quote(node.attribute)));
  }
  const Record* record = of->record();
  if (record == nullptr) return fail_kind("record or entity", *of);
  if (!spend(find_steps(*record, node.attribute))) return nullptr;
  const Value* value = record->find(node.attribute);
  if (value == nullptr) {
    return fail_with(
        fmt::format("the record does not have the attribute {}", quote(node.attribute)));
  }
  if (of != &slot) return value;
  // The record is a temporary in the slot that is about to be written.
  if (!spend(value->weight())) return nullptr;
  Value held = *value;
  return put(slot, std::move(held));
}

const Value* Evaluator::eval_node(const Has& node, Value& slot) {
  const Value* of = eval(*node.of, slot);
  if (of == nullptr) return nullptr;
  for (const std::string& attribute : node.path) {
    const Record* record = of->record();
    if (const EntityUid* uid = of->entity()) {
      if (!spend(steps_for(*uid))) return nullptr;
      const Entity* entity = entities_.find(*uid);
      if (entity == nullptr) return put(slot, false);
      record = &entity->attributes;
    } else if (record == nullptr) {
      return fail_kind("record or entity", *of);
    }
    if (!spend(find_steps(*record, attribute))) return nullptr;
    of = record->find(attribute);
    if (of == nullptr) return put(slot, false);
  }
  return put(slot, true);
}

const Value* Evaluator::eval_node(const Like& node, Value& slot) {
  const Value* of = eval(*node.of, slot);
  if (of == nullptr) return nullptr;
  const std::string* text = of->string();
  if (text == nullptr) return fail_kind("string", *of);
  // Each code point of either is looked at about twice.
  if (!spend(2 * (steps_for_bytes(text->size()) +
                  steps_for_bytes(node.pattern.elements().size() * sizeof(char32_t))))) {
    return nullptr;
  }
  return put(slot, node.pattern.matches(*text));
}

const Value* Evaluator::eval_node(const Is& node, Value& slot) {
  const Value* of = eval(*node.of, slot);
  if (of == nullptr) return nullptr;
  const EntityUid* uid = of->entity();
  if (uid == nullptr) return fail_kind("entity", *of);
  if (uid->type != node.type) return put(slot, false);
  if (!node.in) return put(slot, true);
  Value group_slot;
  const Value* group = eval(**node.in, group_slot);
  return group != nullptr ? in(*of, *group, slot) : nullptr;
}

const Value* Evaluator::eval_node(const SetLiteral& node, Value& slot) {
  std::vector<Value> values;
  values.reserve(node.elements.size());
  std::uint64_t weight = 1;
  for (const Expr& element : node.elements) {
    const Value* value = eval(element, slot);
    if (value == nullptr || !spend(value->weight())) return nullptr;
    weight += value->weight();
    values.push_back(*value);
  }
  if (!spend(steps_to_find(values.size()) * weight)) return nullptr;  // to sort them
  return put(slot, Set(std::move(values)));
}

const Value* Evaluator::eval_node(const RecordLiteral& node, Value& slot) {
  std::vector<Field> fields;
  fields.reserve(node.fields.size());
  for (const auto& [field, expr] : node.fields) {
    const Value* value = eval(expr, slot);
    if (value == nullptr || !spend(steps_for_bytes(field.size()) + value->weight())) return nullptr;
    fields.push_back({.name = field, .value = *value});
  }
  return put(slot, Record(std::move(fields)));
}

const Value* Evaluator::eval_node(const Call& node, Value& slot) {
  std::vector<Value> slots(node.arguments.size());
  std::vector<const Value*> arguments;
  arguments.reserve(node.arguments.size());
  for (std::size_t i = 0; i < node.arguments.size(); ++i) {
    arguments.push_back(eval(node.arguments[i], slots[i]));
    if (arguments.back() == nullptr || !spend(arguments.back()->weight())) return nullptr;
  }
  auto value = call(node.function, arguments);
  if (value) return put(slot, *std::move(value));
  error_ = std::move(value).error();
  return nullptr;
}

bool Evaluator::spend(std::uint64_t steps) {
  if (budget_.spend(steps)) return true;
  error_ = Error{.code = Errc::too_large,
                 .message = fmt::format("the decision takes more than {} steps", budget_.limit()),
                 .where = {},
                 .hint = "write fewer or simpler policies, or send less"};
  return false;
}

std::nullptr_t Evaluator::fail_with(std::string message) {
  // A message that was long to write counts, also where it is cut.
  if (!spend(steps_for_bytes(message.size()))) return nullptr;
  // Ids and names in it come of requests, and may be as long as those allow.
  constexpr std::size_t kMaxMessage = 300;
  if (message.size() > kMaxMessage) {
    message.resize(valid_utf8_prefix(std::string_view(message).substr(0, kMaxMessage)));
    message += "…";
  }
  error_ =
      Error{.code = Errc::invalid_input, .message = std::move(message), .where = {}, .hint = {}};
  return nullptr;
}

std::nullptr_t Evaluator::fail_kind(std::string_view expected, const Value& got) {
  return fail_with(fmt::format("type error: expected {}, got {}", expected, name(got.kind())));
}

}  // namespace writ::cedar
