// SPDX-License-Identifier: Apache-2.0
// TomlScanner: the lexical half of TOML 1.0: white space, keys, strings, numbers. For toml.cc
// alone.
//
// Each function that can fail leaves the cursor anywhere after an error: the parse ends there. The
// text is UTF-8 and outlives the scanner.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "wire/json.h"

namespace writ {

struct TomlPosition {
  std::uint32_t line = 1;
  std::uint32_t column = 1;  // in code points
};

class TomlScanner {
 public:
  TomlScanner(std::string_view text, std::string_view filename)
      : text_(text), filename_(filename) {}

  bool at_end() const { return at_ == text_.size(); }
  std::size_t offset() const { return at_; }
  char peek() const { return at_end() ? '\0' : text_[at_]; }
  bool take(char c);
  bool take(std::string_view word);

  void skip_blanks();  // spaces and tabs
  // Blanks, a comment perhaps, then a line's or the text's end.
  Expected<void> end_line();
  // Blanks, comments and new lines.
  Expected<void> skip_lines();

  struct KeyPart {
    std::string name;
    std::size_t offset;
  };
  // At most `most` parts of a dotted key, of at most `part_bytes` each, with the blanks around
  // them.
  Expected<std::vector<KeyPart>> key(std::size_t most, std::size_t part_bytes);
  // Any value but an array or an inline table.
  Expected<Json> scalar();

  // In constant time per byte as long as offsets do not go back.
  TomlPosition position(std::size_t offset);
  std::unexpected<Error> refuse(std::size_t offset, std::string message,
                                Errc code = Errc::invalid_input, std::string hint = {});

 private:
  bool take_new_line();
  Expected<void> comment();
  Expected<std::string> string();
  Expected<std::string> basic_string(bool many_lines);
  Expected<std::string> literal_string(bool many_lines);
  Expected<void> escape(std::string& out, bool many_lines);
  Expected<void> character(std::string& out, bool many_lines);
  Expected<Json> number();
  Expected<Json> prefixed_integer(std::size_t start, std::string_view digits, int base);

  const std::string_view text_;
  const std::string_view filename_;
  std::size_t at_ = 0;
  std::size_t known_ = 0;  // the offset of known_position_
  TomlPosition known_position_;
};

}  // namespace writ
