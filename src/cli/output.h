// SPDX-License-Identifier: Apache-2.0
// How results look on a terminal. Renderers make texts from a Style and never write by themselves,
// so what a person sees is tested without a terminal. Text from outside goes through
// visible_text() before it comes here.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "wire/json.h"

namespace writ::cli {

struct Style {
  bool colour = false;
  std::size_t width = 80;

  std::string bold(std::string_view text) const { return paint("1", text); }
  std::string dim(std::string_view text) const { return paint("2", text); }
  std::string good(std::string_view text) const { return paint("32", text); }
  std::string bad(std::string_view text) const { return paint("31", text); }
  std::string notice(std::string_view text) const { return paint("33", text); }

 private:
  std::string paint(std::string_view code, std::string_view text) const;
};

// Of a file descriptor: colours on a terminal alone, and not where NO_COLOR is set or TERM is dumb
// (no-color.org); its width, at most 100 columns, 80 where there is none.
Style style_of(int descriptor);

// visible_text() of each line; those after the first are indented.
std::string visible_lines(std::string_view text, std::size_t indent = 0);

// Characters, not bytes.
std::size_t columns(std::string_view text);

// Breaks at spaces so that no line is longer than `width` unless a single word is; each line but
// the first begins with `indent` spaces, for which the first must leave room itself (`used`).
std::string wrap(std::string_view text, std::size_t width, std::size_t indent = 0,
                 std::size_t used = 0);

// At most `most` bytes of `text`, whole characters, and then how many more there are and how to see
// them. `text` is visible.
std::string shortened(std::string_view text, std::size_t most);

// Output is at most a few times its input, whatever the input: padding is bounded, and so is a
// cell.
inline constexpr std::size_t kWidestPadding = 40;
inline constexpr std::size_t kLongestCell = 200;

// A table without borders: columns padded to their widest cell, at most kWidestPadding, two spaces
// between, the last one as it is. Rows are cells of text without colours, shortened() at
// kLongestCell.
std::string table(const std::vector<std::vector<std::string>>& rows, const Style& style);

// "2 runs", "1 run".
std::string counted(std::size_t count, std::string_view one, std::string_view many = {});

// The result for programs: JSON for --json, with a newline.
std::string json_text(const Json& value);

}  // namespace writ::cli
