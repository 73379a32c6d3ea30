// SPDX-License-Identifier: Apache-2.0
// SigningPage: what a person reads on the terminal before they sign, and how they are asked
// (protocol.md P20).
//
// Everything on it is folded to the width of the terminal that asks. A line that goes on begins
// with a mark with which nothing else begins, so no part of a value looks like a field of its own.
// A value or part that is too long for a screen is cut first and says how much is left; `m` shows
// all of it. What matters most is repeated last, right above the question.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/secret_bytes.h"
#include "cli/output.h"
#include "cli/terminal.h"

namespace writ::cli {

struct SigningPage {
  using Paint = std::string (Style::*)(std::string_view) const;

  // Both are visible (wire/visible.h) and without line ends.
  struct Line {
    std::string label;
    std::string text;
    Paint paint = nullptr;
  };
  struct Part {
    std::string heading{};
    std::vector<Line> lines{};
    // At first no more rows than this are shown; lines beyond are counted.
    std::size_t rows = kManyRows;
  };
  static constexpr std::size_t kManyRows = 1000;

  std::string title;
  std::vector<Part> parts;
  std::vector<Part> recap;  // what is repeated above the question
  std::string question;
  Paint question_paint = nullptr;
};

// A part of a page as text, and whether something of it was cut.
struct RenderedPage {
  std::string text;
  bool is_cut = false;
};
enum class Detail : std::uint8_t { cut, whole };
RenderedPage render_parts(const SigningPage& page, const Style& style, Detail detail);
// What is repeated and the question; each value at most two rows.
std::string render_recap(const SigningPage& page, const Style& style);

// Shows the page and returns the passphrase. Where something was cut the person first says whether
// to see it. Where the terminal became narrower since the page was shown, it is shown again.
// Errors: unsupported without a terminal, or on one narrower than kNarrowestPage.
inline constexpr std::size_t kNarrowestPage = 40;
Expected<SecretBytes> ask_to_sign(Asker& asker, const SigningPage& page, std::string_view prompt);

}  // namespace writ::cli
