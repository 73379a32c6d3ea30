// SPDX-License-Identifier: Apache-2.0
#include "cedar/lexer.h"

#include <array>

#include <fmt/format.h>

#include "cedar/digits.h"
#include "cedar/text.h"
#include "wire/utf8.h"

namespace writ::cedar {
namespace {

bool is_word_char(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || is_ascii_digit(c);
}

template <typename Test>
std::size_t run_length(std::string_view text, Test test) {
  std::size_t length = 0;
  while (length < text.size() && test(text[length])) ++length;
  return length;
}

// Unicode's White_Space.
bool is_space(char32_t c) {
  return (c >= 0x09 && c <= 0x0D) || c == 0x20 || c == 0x85 || c == 0xA0 || c == 0x1680 ||
         (c >= 0x2000 && c <= 0x200A) || c == 0x2028 || c == 0x2029 || c == 0x202F || c == 0x205F ||
         c == 0x3000;
}

// Longer ones before those that they begin with. "=", "/" and "%" are in no rule of the grammar and
// are here for a better message.
constexpr auto kSymbols = std::to_array<std::string_view>(
    {"::", "==", "!=", "<=", ">=", "&&", "||", "(", ")", "[", "]", "{", "}", ",",
     ";",  ":",  ".",  "@",  "<",  ">",  "!",  "+", "-", "*", "=", "/", "%"});

}  // namespace

Expected<Token> Lexer::next() {
  skip_space();
  Token token{.kind = Token::Kind::end, .text = {}, .at = at_};
  if (text_.empty()) return token;

  std::size_t length = 0;
  const char first = text_.front();
  if (is_ascii_digit(first)) {
    token.kind = Token::Kind::integer;
    length = run_length(text_, is_ascii_digit);
  } else if (is_word_char(first)) {
    token.kind = Token::Kind::identifier;
    length = run_length(text_, is_word_char);
  } else if (first == '"') {
    token.kind = Token::Kind::string;
    WRIT_TRY(length, string_length());
  } else if (first == '?') {
    token.kind = Token::Kind::slot;
    length = 1 + run_length(text_.substr(1), is_word_char);
  } else {
    token.kind = Token::Kind::symbol;
    for (const auto symbol : kSymbols) {
      if (text_.starts_with(symbol)) {
        length = symbol.size();
        break;
      }
    }
  }
  if (length == 0) {
    std::size_t end = 0;
    next_code_point(text_, end);
    return fail(Errc::invalid_input,
                fmt::format("{} begins no token of the language", quote(text_.substr(0, end))),
                place(at_));
  }
  token.text = text_.substr(0, length);
  advance(length);
  return token;
}

std::string Lexer::place(Position at) const {
  return fmt::format("{}:{}:{}", file_, at.line, at.column);
}

void Lexer::advance(std::size_t bytes) {
  for (const char c : text_.substr(0, bytes)) {
    if (c == '\n') {
      ++at_.line;
      at_.column = 1;
    } else if ((static_cast<unsigned char>(c) & 0xC0U) != 0x80) {
      ++at_.column;
    }
  }
  text_.remove_prefix(bytes);
}

void Lexer::skip_space() {
  for (;;) {
    if (text_.starts_with("//")) {
      // A carriage return ends a comment too: otherwise what some editors show as a line of its own
      // would be part of it.
      advance(run_length(text_, [](char c) { return c != '\n' && c != '\r'; }));
    } else if (const std::size_t length = space_at_front(); length > 0) {
      advance(length);
    } else {
      return;
    }
  }
}

std::size_t Lexer::space_at_front() const {
  if (text_.empty()) return 0;
  std::size_t end = 0;
  const auto c = next_code_point(text_, end);
  return c && is_space(*c) ? end : 0;
}

Expected<std::size_t> Lexer::string_length() const {
  for (std::size_t i = 1; i < text_.size(); ++i) {
    if (text_[i] == '"') return i + 1;
    if (text_[i] == '\\') ++i;
  }
  return fail(Errc::invalid_input, "a string without its closing quote", place(at_));
}

}  // namespace writ::cedar
