// SPDX-License-Identifier: Apache-2.0
// Lexer: the tokens of a text of policies, one after the other.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/error.h"
#include "cedar/source.h"

namespace writ::cedar {

struct Token {
  enum class Kind : std::uint8_t {
    end,
    identifier,  // ANYIDENT, reserved words too
    integer,     // digits
    string,      // with its quotes and its escapes as written
    slot,        // "?" and an identifier
    symbol,
  };

  Kind kind = Kind::end;
  std::string_view text;
  Position at;

  bool is_symbol(std::string_view symbol) const { return kind == Kind::symbol && text == symbol; }
  bool is_word(std::string_view word) const { return kind == Kind::identifier && text == word; }
};

// Tokens point into the text, which outlives them.
class Lexer {
 public:
  // `text` is UTF-8.
  Lexer(std::string_view text, std::string_view file) : text_(text), file_(file) {}

  // The next token, or Kind::end ever after the last. invalid_input where the text has no token.
  Expected<Token> next();

  // "file:line:column"
  std::string place(Position at) const;

 private:
  void advance(std::size_t bytes);
  void skip_space();
  std::size_t space_at_front() const;
  Expected<std::size_t> string_length() const;

  std::string_view text_;  // what is left
  std::string_view file_;
  Position at_;
};

}  // namespace writ::cedar
