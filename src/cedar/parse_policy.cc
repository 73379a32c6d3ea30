// SPDX-License-Identifier: Apache-2.0
// The parser's rules for policies.
#include <algorithm>

#include <fmt/format.h>

#include "cedar/parser.h"

namespace writ::cedar {
namespace {

// Actions are entities of the type Action in any namespace.
bool is_action_type(std::string_view type) {
  return type == "Action" || type.ends_with("::Action");
}

std::string_view slot_name(Slot slot) {
  return slot == Slot::principal ? "?principal" : "?resource";
}

}  // namespace

Expected<std::vector<Template>> Parser::parse_text() {
  std::vector<Template> policies;
  while (token_.kind != Token::Kind::end) {
    if (policies.size() >= limits_.max_policies) {
      return fail(Errc::too_large,
                  fmt::format("the text has more than {} policies", limits_.max_policies),
                  lexer_.place(token_.at));
    }
    WRIT_TRY(auto policy, parse_policy(policies.size()));
    policies.push_back(std::move(policy));
  }
  return policies;
}

Expected<Template> Parser::parse_policy(std::size_t index) {
  Template policy;
  policy.file = std::string(file_);
  policy.at = token_.at;
  while (at_symbol("@")) {
    const Position at = token_.at;
    WRIT_TRY(auto annotation, parse_annotation());
    if (policy.annotation(annotation.name) != nullptr) {
      return error(at, fmt::format("the policy has an annotation @{} already", annotation.name));
    }
    policy.annotations.push_back(std::move(annotation));
  }
  const std::string* id = policy.annotation("id");
  if (id != nullptr && id->empty()) return error(policy.at, "the policy's id is empty");
  policy.id = id != nullptr ? *id : fmt::format("policy{}", index);

  WRIT_TRY(policy.effect, parse_effect());
  WRIT_TRY_VOID(parse_scope(policy));
  while (at_word("when") || at_word("unless")) {
    WRIT_TRY(auto condition, parse_condition());
    policy.conditions.push_back(std::move(condition));
  }
  if (!at_symbol(";")) return unexpected("`when`, `unless` or `;`");
  WRIT_TRY_VOID(advance());
  return policy;
}

Expected<Annotation> Parser::parse_annotation() {
  WRIT_TRY_VOID(expect_symbol("@"));
  // A name of its own kind: reserved words are among them.
  if (token_.kind != Token::Kind::identifier) return unexpected("an annotation's name");
  WRIT_TRY(const Token name, take());
  Annotation annotation{.name = std::string(name.text), .value = {}};
  WRIT_TRY(const bool has_value, skip_symbol("("));
  if (has_value) {
    WRIT_TRY(annotation.value, parse_string("the annotation's value in quotes"));
    WRIT_TRY_VOID(expect_symbol(")"));
  }
  return annotation;
}

Expected<Effect> Parser::parse_effect() {
  if (!at_word("permit") && !at_word("forbid")) return unexpected("`permit` or `forbid`");
  WRIT_TRY(const Token effect, take());
  return effect.text == "permit" ? Effect::permit : Effect::forbid;
}

Expected<void> Parser::parse_scope(Template& policy) {
  WRIT_TRY_VOID(expect_symbol("("));
  WRIT_TRY(policy.principal, parse_scope_constraint("principal", Slot::principal));
  WRIT_TRY_VOID(expect_symbol(","));
  WRIT_TRY(policy.action, parse_action_constraint());
  WRIT_TRY_VOID(expect_symbol(","));
  WRIT_TRY(policy.resource, parse_scope_constraint("resource", Slot::resource));
  WRIT_TRY_VOID(skip_symbol(","));
  return expect_symbol(")");
}

Expected<ScopeConstraint> Parser::parse_scope_constraint(std::string_view variable, Slot slot) {
  if (!at_word(variable)) return unexpected(fmt::format("`{}`", variable));
  WRIT_TRY_VOID(advance());
  ScopeConstraint scope;
  if (at_symbol("==")) {
    WRIT_TRY_VOID(advance());
    scope.op = ScopeConstraint::Op::equal;
    WRIT_TRY(scope.entity, parse_entity_or_slot(slot));
    return scope;
  }
  if (at_word("is")) {
    WRIT_TRY_VOID(advance());
    scope.op = ScopeConstraint::Op::is;
    WRIT_TRY(scope.type, parse_type());
  }
  if (at_word("in")) {
    WRIT_TRY_VOID(advance());
    scope.op =
        scope.op == ScopeConstraint::Op::is ? ScopeConstraint::Op::is_in : ScopeConstraint::Op::in;
    WRIT_TRY(scope.entity, parse_entity_or_slot(slot));
  }
  return scope;
}

Expected<std::variant<EntityUid, Slot>> Parser::parse_entity_or_slot(Slot slot) {
  if (token_.kind != Token::Kind::slot) return parse_entity();
  if (token_.text != slot_name(slot)) {
    return error(token_.at, fmt::format("only {} may stand here", slot_name(slot)));
  }
  WRIT_TRY_VOID(advance());
  return slot;
}

Expected<ActionConstraint> Parser::parse_action_constraint() {
  using Op = ActionConstraint::Op;
  if (!at_word("action")) return unexpected("`action`");
  WRIT_TRY_VOID(advance());
  ActionConstraint scope;
  if (at_symbol("==")) {
    scope.op = Op::equal;
  } else if (at_word("in")) {
    scope.op = Op::in;
  } else {
    return scope;
  }
  WRIT_TRY_VOID(advance());
  if (scope.op == Op::equal || !at_symbol("[")) {
    WRIT_TRY(auto action, parse_action());
    scope.entities.push_back(std::move(action));
    return scope;
  }
  scope.op = Op::in_list;
  WRIT_TRY_VOID(advance());
  while (!at_symbol("]")) {
    WRIT_TRY(auto action, parse_action());
    scope.entities.push_back(std::move(action));
    WRIT_TRY(const bool more, skip_symbol(","));
    if (!more) break;
  }
  WRIT_TRY_VOID(expect_symbol("]"));
  return scope;
}

Expected<EntityUid> Parser::parse_action() {
  const Position at = token_.at;
  if (token_.kind == Token::Kind::slot) {
    return error(at, "an action cannot be a slot");
  }
  WRIT_TRY(auto action, parse_entity());
  if (!is_action_type(action.type)) {
    return error(at, fmt::format("the type of an action is Action, not {}", action.type));
  }
  return action;
}

Expected<Condition> Parser::parse_condition() {
  const auto kind = at_word("when") ? Condition::Kind::when : Condition::Kind::unless;
  WRIT_TRY_VOID(advance());
  WRIT_TRY_VOID(expect_symbol("{"));
  WRIT_TRY(auto expr, parse_expr());
  WRIT_TRY_VOID(expect_symbol("}"));
  return Condition{.kind = kind, .expr = std::move(expr)};
}

}  // namespace writ::cedar
