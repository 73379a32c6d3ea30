// SPDX-License-Identifier: Apache-2.0
// Parser: recursive descent over the grammar of policies, one function per rule. For this room;
// others call parse_policies() of policy_set.h.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"
#include "cedar/expr.h"
#include "cedar/lexer.h"
#include "cedar/policy.h"
#include "cedar/source.h"

namespace writ::cedar {

// One text's parse; `text` and `file` outlive it. After an error it is of no further use.
class Parser {
 public:
  // Refuses a text that is too large or not UTF-8.
  static Expected<Parser> create(std::string_view text, std::string_view file,
                                 const ParserLimits& limits);

  // The whole text, as policies and templates in their order.
  Expected<std::vector<Template>> parse_text();
  // The whole text, as one expression.
  Expected<Expr> parse_whole_expr();

 private:
  Parser(Lexer lexer, std::string_view file, const ParserLimits& limits)
      : lexer_(lexer), file_(file), limits_(limits) {}

  // Policies (parse_policy.cc).
  Expected<Template> parse_policy(std::size_t index);
  Expected<Annotation> parse_annotation();
  Expected<Effect> parse_effect();
  Expected<void> parse_scope(Template& policy);
  Expected<ScopeConstraint> parse_scope_constraint(std::string_view variable, Slot slot);
  Expected<std::variant<EntityUid, Slot>> parse_entity_or_slot(Slot slot);
  Expected<ActionConstraint> parse_action_constraint();
  Expected<EntityUid> parse_action();
  Expected<Condition> parse_condition();

  // Expressions (parse_expr.cc), loosest first.
  Expected<Expr> parse_expr();
  Expected<Expr> parse_if();
  Expected<Expr> parse_or();
  Expected<Expr> parse_and();
  Expected<Expr> parse_relation();
  Expected<Expr> parse_has(Position at, Expr of);
  Expected<Expr> parse_like(Position at, Expr of);
  Expected<Expr> parse_is(Position at, Expr of);
  Expected<Expr> parse_sum();
  Expected<Expr> parse_product();
  Expected<Expr> parse_unary();
  Expected<Expr> parse_negated(Position at, std::size_t times);
  Expected<Expr> parse_member();
  Expected<Expr> parse_accesses(Expr of);
  Expected<Expr> parse_method(Position at, const Token& name, Expr receiver);
  Expected<Expr> parse_primary();
  Expected<Expr> parse_named();
  Expected<Expr> parse_function(const Token& name);
  Expected<Expr> parse_set();
  Expected<Expr> parse_record();
  // Up to `close`, which is taken; a comma may follow the last one.
  Expected<std::vector<Expr>> parse_list(std::string_view close);
  Expected<std::int64_t> integer(const Token& token, bool negative);

  // Names and strings, in both.
  Expected<std::string> parse_identifier(std::string_view what);
  Expected<std::string> parse_string(std::string_view what);
  Expected<std::string> parse_type();
  Expected<EntityUid> parse_entity();
  // What follows an identifier and "::": more of a type and, if it is there, an id.
  struct Path {
    std::string type;
    std::optional<std::string> id;
  };
  Expected<Path> parse_path();

  // The current token and the way on.
  Expected<void> advance();
  Expected<Token> take();
  bool at_symbol(std::string_view symbol) const { return token_.is_symbol(symbol); }
  bool at_word(std::string_view word) const { return token_.is_word(word); }
  Expected<bool> skip_symbol(std::string_view symbol);  // whether it was there
  Expected<void> expect_symbol(std::string_view symbol);
  std::unexpected<Error> unexpected(std::string_view wanted) const;
  std::unexpected<Error> error(Position at, std::string message, std::string hint = {}) const;

  // A node, unless the tree would be too deep.
  Expected<Expr> make(Position at, Expr::Node node) const;

  Lexer lexer_;
  std::string_view file_;
  ParserLimits limits_;
  Token token_;
  std::size_t depth_ = 0;  // of parse_expr() calls
};

// The whole of `text` as one expression.
Expected<Expr> parse_expression(std::string_view text, std::string_view file,
                                const ParserLimits& limits = {});

}  // namespace writ::cedar
