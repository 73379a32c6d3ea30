// SPDX-License-Identifier: Apache-2.0
// The parser's tokens and names, and its way in.
#include "cedar/parser.h"

#include <fmt/format.h>

#include "cedar/entity_uid.h"
#include "cedar/text.h"
#include "wire/utf8.h"

namespace writ::cedar {
namespace {

// A token for a message: never long, never more than what a person needs to find it.
std::string shown(const Token& token) {
  constexpr std::size_t kExtract = 30;
  if (token.kind == Token::Kind::end) return "the end of the text";
  if (token.text.size() <= kExtract) return fmt::format("`{}`", token.text);
  std::size_t end = kExtract;
  while ((static_cast<unsigned char>(token.text[end]) & 0xC0U) == 0x80) --end;
  return fmt::format("`{}…`", token.text.substr(0, end));
}

}  // namespace

Expected<Parser> Parser::create(std::string_view text, std::string_view file,
                                const ParserLimits& limits) {
  if (text.size() > limits.max_bytes) {
    return fail(Errc::too_large,
                fmt::format("the text has {} bytes, and at most {} are read", text.size(),
                            limits.max_bytes),
                std::string(file));
  }
  if (const std::size_t valid = valid_utf8_prefix(text); valid != text.size()) {
    return fail(Errc::invalid_input, fmt::format("byte {} is not UTF-8", valid), std::string(file));
  }
  Parser parser(Lexer(text, file), file, limits);
  WRIT_TRY_VOID(parser.advance());
  return parser;
}

Expected<Expr> Parser::parse_whole_expr() {
  WRIT_TRY(auto expr, parse_expr());
  if (token_.kind != Token::Kind::end) return unexpected("the end of the expression");
  return expr;
}

Expected<void> Parser::advance() {
  WRIT_TRY(token_, lexer_.next());
  return {};
}

Expected<Token> Parser::take() {
  const Token token = token_;
  WRIT_TRY_VOID(advance());
  return token;
}

Expected<bool> Parser::skip_symbol(std::string_view symbol) {
  if (!at_symbol(symbol)) return false;
  WRIT_TRY_VOID(advance());
  return true;
}

Expected<void> Parser::expect_symbol(std::string_view symbol) {
  WRIT_TRY(const bool found, skip_symbol(symbol));
  if (!found) return unexpected(fmt::format("`{}`", symbol));
  return {};
}

std::unexpected<Error> Parser::unexpected(std::string_view wanted) const {
  std::string hint;
  if (at_symbol("=")) hint = "equality is ==";
  if (at_symbol("/") || at_symbol("%")) hint = "the language has no division";
  return error(token_.at, fmt::format("expected {}, found {}", wanted, shown(token_)),
               std::move(hint));
}

std::unexpected<Error> Parser::error(Position at, std::string message, std::string hint) const {
  return fail(Errc::invalid_input, std::move(message), lexer_.place(at), std::move(hint));
}

Expected<Expr> Parser::make(Position at, Expr::Node node) const {
  Expr expr(at, std::move(node));
  if (expr.height > limits_.max_depth) {
    return fail(Errc::too_large,
                fmt::format("the expression is more than {} levels deep", limits_.max_depth),
                lexer_.place(at));
  }
  return expr;
}

Expected<std::string> Parser::parse_identifier(std::string_view what) {
  if (token_.kind != Token::Kind::identifier) return unexpected(what);
  if (is_reserved(token_.text)) {
    return error(token_.at, fmt::format("`{}` is a reserved word, not {}", token_.text, what));
  }
  WRIT_TRY(const Token name, take());
  return std::string(name.text);
}

Expected<std::string> Parser::parse_string(std::string_view what) {
  if (token_.kind != Token::Kind::string) return unexpected(what);
  WRIT_TRY(const Token token, take());
  auto text = unescape(token.text.substr(1, token.text.size() - 2));
  if (!text) return error(token.at, text.error().message, text.error().hint);
  return text;
}

Expected<Parser::Path> Parser::parse_path() {
  Path path;
  WRIT_TRY(path.type, parse_identifier("a type"));
  for (;;) {
    WRIT_TRY(const bool more, skip_symbol("::"));
    if (!more) return path;
    if (token_.kind == Token::Kind::string) {
      WRIT_TRY(path.id, parse_string("an id"));
      return path;
    }
    WRIT_TRY(const std::string step, parse_identifier("an identifier or an id in quotes"));
    path.type += "::" + step;
  }
}

Expected<std::string> Parser::parse_type() {
  const Position at = token_.at;
  WRIT_TRY(auto path, parse_path());
  if (path.id) return error(at, "expected a type, found an entity");
  return std::move(path.type);
}

Expected<EntityUid> Parser::parse_entity() {
  WRIT_TRY(auto path, parse_path());
  if (!path.id) return unexpected("`::` and the entity's id in quotes");
  return EntityUid{.type = std::move(path.type), .id = *std::move(path.id)};
}

Expected<Expr> parse_expression(std::string_view text, std::string_view file,
                                const ParserLimits& limits) {
  WRIT_TRY(auto parser, Parser::create(text, file, limits));
  return parser.parse_whole_expr();
}

}  // namespace writ::cedar
