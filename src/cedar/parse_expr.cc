// SPDX-License-Identifier: Apache-2.0
// The parser's rules for expressions.
#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <set>

#include <fmt/format.h>

#include "cedar/digits.h"
#include "cedar/extension_function.h"
#include "cedar/parser.h"
#include "cedar/text.h"

namespace writ::cedar {
namespace {

constexpr std::size_t kMaxUnary = 4;

template <typename Op>
struct Spelling {
  std::string_view text;
  Op op;
};

constexpr auto kRelations = std::to_array<Spelling<BinaryOp>>({{"==", BinaryOp::equal},
                                                               {"!=", BinaryOp::not_equal},
                                                               {"<", BinaryOp::less},
                                                               {"<=", BinaryOp::less_equal},
                                                               {">", BinaryOp::greater},
                                                               {">=", BinaryOp::greater_equal}});
constexpr auto kMethods =
    std::to_array<Spelling<BinaryOp>>({{"contains", BinaryOp::contains},
                                       {"containsAll", BinaryOp::contains_all},
                                       {"containsAny", BinaryOp::contains_any},
                                       {"getTag", BinaryOp::get_tag},
                                       {"hasTag", BinaryOp::has_tag}});
constexpr auto kVariables = std::to_array<Spelling<Variable>>({{"principal", Variable::principal},
                                                               {"action", Variable::action},
                                                               {"resource", Variable::resource},
                                                               {"context", Variable::context}});

template <typename Op>
std::optional<Op> find(const auto& spellings, std::string_view text) {
  const auto at = std::ranges::find(spellings, text, &Spelling<Op>::text);
  return at != spellings.end() ? std::optional(at->op) : std::nullopt;
}

std::optional<BinaryOp> relation(const Token& token) {
  if (token.is_word("in")) return BinaryOp::in;
  if (token.kind != Token::Kind::symbol) return std::nullopt;
  return find<BinaryOp>(kRelations, token.text);
}

}  // namespace

Expected<Expr> Parser::parse_expr() {
  // Bounds the stack of the descent; make() bounds that of all who walk the tree.
  if (depth_ >= limits_.max_depth) {
    return fail(Errc::too_large,
                fmt::format("expressions are nested more than {} deep", limits_.max_depth),
                lexer_.place(token_.at));
  }
  ++depth_;
  auto expr = at_word("if") ? parse_if() : parse_or();
  --depth_;
  return expr;
}

Expected<Expr> Parser::parse_if() {
  const Position at = token_.at;
  WRIT_TRY_VOID(advance());
  WRIT_TRY(auto condition, parse_expr());
  if (!at_word("then")) return unexpected("`then`");
  WRIT_TRY_VOID(advance());
  WRIT_TRY(auto then, parse_expr());
  if (!at_word("else")) return unexpected("`else`");
  WRIT_TRY_VOID(advance());
  WRIT_TRY(auto otherwise, parse_expr());
  return make(at, If{.condition = std::move(condition),
                     .then = std::move(then),
                     .otherwise = std::move(otherwise)});
}

Expected<Expr> Parser::parse_or() {
  const Position at = token_.at;
  WRIT_TRY(auto first, parse_and());
  if (!at_symbol("||")) return first;
  Or node;
  node.terms.push_back(std::move(first));
  while (at_symbol("||")) {
    WRIT_TRY_VOID(advance());
    WRIT_TRY(auto term, parse_and());
    node.terms.push_back(std::move(term));
  }
  return make(at, std::move(node));
}

Expected<Expr> Parser::parse_and() {
  const Position at = token_.at;
  WRIT_TRY(auto first, parse_relation());
  if (!at_symbol("&&")) return first;
  And node;
  node.terms.push_back(std::move(first));
  while (at_symbol("&&")) {
    WRIT_TRY_VOID(advance());
    WRIT_TRY(auto term, parse_relation());
    node.terms.push_back(std::move(term));
  }
  return make(at, std::move(node));
}

Expected<Expr> Parser::parse_relation() {
  const Position at = token_.at;
  WRIT_TRY(auto expr, parse_sum());
  if (const auto op = relation(token_)) {
    WRIT_TRY_VOID(advance());
    WRIT_TRY(auto right, parse_sum());
    WRIT_TRY(expr, make(at, Binary{.op = *op, .left = std::move(expr), .right = std::move(right)}));
  } else if (at_word("has")) {
    WRIT_TRY(expr, parse_has(at, std::move(expr)));
  } else if (at_word("like")) {
    WRIT_TRY(expr, parse_like(at, std::move(expr)));
  } else if (at_word("is")) {
    WRIT_TRY(expr, parse_is(at, std::move(expr)));
  } else {
    return expr;
  }
  if (relation(token_) || at_word("has") || at_word("like") || at_word("is")) {
    return error(token_.at, "relational operators do not follow one another",
                 "put one of the two into parentheses");
  }
  return expr;
}

Expected<Expr> Parser::parse_has(Position at, Expr of) {
  WRIT_TRY_VOID(advance());
  Has node{.of = std::move(of), .path = {}};
  if (token_.kind == Token::Kind::string) {
    WRIT_TRY(auto name, parse_string("an attribute"));
    node.path.push_back(std::move(name));
    return make(at, std::move(node));
  }
  for (bool more = true; more;) {
    // A path counts as the steps that it stands for.
    if (node.path.size() >= limits_.max_depth) {
      return fail(Errc::too_large, "the path has too many steps", lexer_.place(token_.at));
    }
    WRIT_TRY(auto name, parse_identifier("an attribute"));
    node.path.push_back(std::move(name));
    WRIT_TRY(more, skip_symbol("."));
  }
  return make(at, std::move(node));
}

Expected<Expr> Parser::parse_like(Position at, Expr of) {
  WRIT_TRY_VOID(advance());
  if (token_.kind != Token::Kind::string) return unexpected("a pattern in quotes");
  WRIT_TRY(const Token token, take());
  auto elements = unescape_pattern(token.text.substr(1, token.text.size() - 2));
  if (!elements) return error(token.at, elements.error().message, elements.error().hint);
  return make(at, Like{.of = std::move(of), .pattern = Pattern(*std::move(elements))});
}

Expected<Expr> Parser::parse_is(Position at, Expr of) {
  WRIT_TRY_VOID(advance());
  WRIT_TRY(auto type, parse_type());
  Is node{.of = std::move(of), .type = std::move(type), .in = std::nullopt};
  if (at_word("in")) {
    WRIT_TRY_VOID(advance());
    WRIT_TRY(auto in, parse_sum());
    node.in.emplace(std::move(in));
  }
  return make(at, std::move(node));
}

Expected<Expr> Parser::parse_sum() {
  const Position at = token_.at;
  WRIT_TRY(auto expr, parse_product());
  while (at_symbol("+") || at_symbol("-")) {
    const BinaryOp op = at_symbol("+") ? BinaryOp::add : BinaryOp::subtract;
    WRIT_TRY_VOID(advance());
    WRIT_TRY(auto right, parse_product());
    WRIT_TRY(expr, make(at, Binary{.op = op, .left = std::move(expr), .right = std::move(right)}));
  }
  return expr;
}

Expected<Expr> Parser::parse_product() {
  const Position at = token_.at;
  WRIT_TRY(auto expr, parse_unary());
  while (at_symbol("*")) {
    WRIT_TRY_VOID(advance());
    WRIT_TRY(auto right, parse_unary());
    WRIT_TRY(expr, make(at, Binary{.op = BinaryOp::multiply,
                                   .left = std::move(expr),
                                   .right = std::move(right)}));
  }
  return expr;
}

Expected<Expr> Parser::parse_unary() {
  if (!at_symbol("!") && !at_symbol("-")) return parse_member();
  const Token first = token_;
  std::size_t times = 0;
  while (at_symbol(first.text)) {
    if (++times > kMaxUnary) {
      return error(token_.at, fmt::format("more than {} `{}` in a row", kMaxUnary, first.text));
    }
    WRIT_TRY_VOID(advance());
  }
  if (first.text == "-") return parse_negated(first.at, times);
  WRIT_TRY(auto expr, parse_member());
  for (; times > 0; --times) {
    WRIT_TRY(expr, make(first.at, Unary{.op = UnaryOp::not_, .operand = std::move(expr)}));
  }
  return expr;
}

Expected<Expr> Parser::parse_negated(Position at, std::size_t times) {
  std::optional<Expr> expr;
  if (token_.kind == Token::Kind::integer) {
    WRIT_TRY(const Token number, take());
    // The last sign belongs to the number, since the least one has no positive counterpart; unless
    // something is called on the number, which binds tighter.
    const bool alone = !at_symbol(".") && !at_symbol("[");
    WRIT_TRY(const auto value, integer(number, alone));
    WRIT_TRY(expr, make(alone ? at : number.at, Literal{value}));
    if (alone) {
      --times;
    } else {
      WRIT_TRY(expr, parse_accesses(*std::move(expr)));
    }
  } else {
    WRIT_TRY(expr, parse_member());
  }
  for (; times > 0; --times) {
    WRIT_TRY(expr, make(at, Unary{.op = UnaryOp::negate, .operand = *std::move(expr)}));
  }
  return *std::move(expr);
}

Expected<Expr> Parser::parse_member() {
  WRIT_TRY(auto primary, parse_primary());
  return parse_accesses(std::move(primary));
}

Expected<Expr> Parser::parse_accesses(Expr expr) {
  for (;;) {
    const Position at = expr.at;
    if (at_symbol(".")) {
      WRIT_TRY_VOID(advance());
      const Token name = token_;
      WRIT_TRY(auto attribute, parse_identifier("an attribute or a method"));
      if (at_symbol("(")) {
        WRIT_TRY(expr, parse_method(at, name, std::move(expr)));
      } else {
        WRIT_TRY(expr,
                 make(at, GetAttribute{.of = std::move(expr), .attribute = std::move(attribute)}));
      }
    } else if (at_symbol("[")) {
      WRIT_TRY_VOID(advance());
      WRIT_TRY(auto attribute, parse_string("an attribute in quotes"));
      WRIT_TRY_VOID(expect_symbol("]"));
      WRIT_TRY(expr,
               make(at, GetAttribute{.of = std::move(expr), .attribute = std::move(attribute)}));
    } else {
      return expr;
    }
  }
}

Expected<Expr> Parser::parse_method(Position at, const Token& name, Expr receiver) {
  WRIT_TRY_VOID(expect_symbol("("));
  WRIT_TRY(auto arguments, parse_list(")"));
  const auto takes = [&](std::size_t count) {
    return error(name.at, fmt::format("{}() takes {} argument{}, not {}", name.text, count,
                                      count == 1 ? "" : "s", arguments.size()));
  };
  if (name.text == "isEmpty") {
    if (!arguments.empty()) return takes(0);
    return make(at, Unary{.op = UnaryOp::is_empty, .operand = std::move(receiver)});
  }
  if (const auto op = find<BinaryOp>(kMethods, name.text)) {
    if (arguments.size() != 1) return takes(1);
    return make(
        at, Binary{.op = *op, .left = std::move(receiver), .right = std::move(arguments.front())});
  }
  const auto function = find_extension_function(name.text);
  if (!function) return error(name.at, fmt::format("there is no method {}()", name.text));
  if (!is_method(*function)) {
    return error(name.at, fmt::format("{}() is a function, not a method", name.text),
                 fmt::format("write {}(...)", name.text));
  }
  // As many arguments as the author likes: a wrong number is an error of the evaluation, if it
  // comes to it, and of validation.
  arguments.insert(arguments.begin(), std::move(receiver));
  return make(at, Call{.function = *function, .arguments = std::move(arguments)});
}

Expected<Expr> Parser::parse_primary() {
  const Position at = token_.at;
  switch (token_.kind) {
    case Token::Kind::identifier:
      return parse_named();
    case Token::Kind::string: {
      WRIT_TRY(auto text, parse_string("a string"));
      return make(at, Literal{std::move(text)});
    }
    case Token::Kind::integer: {
      WRIT_TRY(const Token number, take());
      WRIT_TRY(const auto value, integer(number, false));
      return make(at, Literal{value});
    }
    case Token::Kind::slot:
      return error(at, "a slot stands in a scope only, not in a condition");
    case Token::Kind::symbol:
    case Token::Kind::end:
      break;
  }
  if (at_symbol("[")) return parse_set();
  if (at_symbol("{")) return parse_record();
  if (!at_symbol("(")) return unexpected("an expression");
  WRIT_TRY_VOID(advance());
  WRIT_TRY(auto expr, parse_expr());
  WRIT_TRY_VOID(expect_symbol(")"));
  return expr;
}

Expected<Expr> Parser::parse_named() {
  const Token first = token_;
  if (at_word("true") || at_word("false")) {
    WRIT_TRY_VOID(advance());
    return make(first.at, Literal{first.text == "true"});
  }
  if (at_word("if")) {
    return error(first.at, "an `if` that is part of an expression stands in parentheses");
  }
  WRIT_TRY(auto path, parse_path());
  if (path.id) {
    return make(first.at,
                Literal{EntityUid{.type = std::move(path.type), .id = *std::move(path.id)}});
  }
  const bool simple = path.type == first.text;
  if (at_symbol("(")) {
    if (!simple) return error(first.at, fmt::format("there is no function {}()", path.type));
    return parse_function(first);
  }
  const auto variable = simple ? find<Variable>(kVariables, first.text) : std::nullopt;
  if (variable) return make(first.at, *variable);
  return error(first.at, fmt::format("`{}` is not a variable", path.type),
               "strings and entity ids stand in quotes");
}

Expected<Expr> Parser::parse_function(const Token& name) {
  const auto function = find_extension_function(name.text);
  if (!function || is_method(*function)) {
    return error(name.at, fmt::format("there is no function {}()", name.text),
                 function || find<BinaryOp>(kMethods, name.text) || name.text == "isEmpty"
                     ? fmt::format("it is a method: x.{}(...)", name.text)
                     : "");
  }
  WRIT_TRY_VOID(expect_symbol("("));
  WRIT_TRY(auto arguments, parse_list(")"));
  return make(name.at, Call{.function = *function, .arguments = std::move(arguments)});
}

Expected<Expr> Parser::parse_set() {
  const Position at = token_.at;
  WRIT_TRY_VOID(advance());
  WRIT_TRY(auto elements, parse_list("]"));
  return make(at, SetLiteral{std::move(elements)});
}

Expected<Expr> Parser::parse_record() {
  const Position at = token_.at;
  WRIT_TRY_VOID(advance());
  RecordLiteral node;
  std::set<std::string> names;
  while (!at_symbol("}")) {
    const Position name_at = token_.at;
    WRIT_TRY(auto name, token_.kind == Token::Kind::string ? parse_string("a key")
                                                           : parse_identifier("a key"));
    if (!names.insert(name).second) {
      return error(name_at, fmt::format("the record has the key {} already", quote(name)));
    }
    WRIT_TRY_VOID(expect_symbol(":"));
    WRIT_TRY(auto value, parse_expr());
    node.fields.emplace_back(std::move(name), std::move(value));
    WRIT_TRY(const bool more, skip_symbol(","));
    if (!more) break;
  }
  WRIT_TRY_VOID(expect_symbol("}"));
  return make(at, std::move(node));
}

Expected<std::vector<Expr>> Parser::parse_list(std::string_view close) {
  std::vector<Expr> list;
  while (!at_symbol(close)) {
    WRIT_TRY(auto element, parse_expr());
    list.push_back(std::move(element));
    WRIT_TRY(const bool more, skip_symbol(","));
    if (!more) break;
  }
  WRIT_TRY_VOID(expect_symbol(close));
  return list;
}

Expected<std::int64_t> Parser::integer(const Token& token, bool negative) {
  CheckedNumber number(negative);
  if (!number.append(token.text)) return error(token.at, "the number is beyond 64 bits");
  return number.value();
}

}  // namespace writ::cedar
