// SPDX-License-Identifier: Apache-2.0
#include "cli/signing_page.h"

#include <algorithm>
#include <limits>
#include <optional>

#include "wire/utf8.h"

namespace writ::cli {
namespace {

// Begins every row of a value but the first. Six columns.
constexpr std::string_view kGoesOn = "    > ";
// Begins what is said about a cut; no value can begin a row with it.
constexpr std::string_view kCut = "    … ";
constexpr std::size_t kRowsOfValue = 6;
constexpr std::size_t kRowsOfRepeated = 2;
constexpr std::size_t kAllRows = std::numeric_limits<std::size_t>::max();

struct Folded {
  std::vector<std::string> rows;
  std::size_t bytes_left = 0;  // that did not fit into the rows
};

// `used` columns of the first row are taken. One column stays free, because some terminals begin a
// new row as soon as the last column is written. Characters outside ASCII count double, as the
// widest of them are.
Folded fold(std::string_view text, std::size_t width, std::size_t used, std::size_t most_rows) {
  Folded out;
  out.rows.emplace_back();
  for (std::size_t at = 0; at < text.size();) {
    const auto start = at;
    const auto c = next_code_point(text, at);
    if (!c) ++at;
    const std::size_t columns = c && *c < 0x80 ? 1 : 2;
    if (used + columns + 1 > width) {
      if (out.rows.size() == most_rows) {
        out.bytes_left = text.size() - start;
        return out;
      }
      out.rows.emplace_back(kGoesOn);
      used = kGoesOn.size();
    }
    out.rows.back().append(text, start, at - start);
    used += columns;
  }
  return out;
}

// "61,204".
std::string grouped(std::size_t count) {
  auto out = std::to_string(count);
  for (auto at = static_cast<std::ptrdiff_t>(out.size()) - 3; at > 0; at -= 3)
    out.insert(static_cast<std::size_t>(at), ",");
  return out;
}

class Writer {
 public:
  Writer(const Style& style, std::size_t rows_of_value, std::string_view how_to_see)
      : style_(style), rows_of_value_(rows_of_value), how_to_see_(how_to_see) {}

  void heading(const std::string& text) {
    for (const auto& row : fold(text, style_.width, 0, kAllRows).rows)
      out_ += style_.bold(row) + '\n';
  }
  void line(const SigningPage::Line& line, SigningPage::Paint paint = nullptr) {
    if (paint == nullptr) paint = line.paint;
    const auto folded = fold(line.text, style_.width, columns(line.label), rows_of_value_);
    bool first = true;
    for (const auto& row : folded.rows) {
      if (first) out_ += style_.dim(line.label);
      first = false;
      out_ += (paint != nullptr ? (style_.*paint)(row) : row) + '\n';
      ++rows_;
    }
    if (folded.bytes_left > 0) cut(grouped(folded.bytes_left) + " more bytes");
  }
  void part(const SigningPage::Part& part, std::size_t most_rows) {
    if (!part.heading.empty()) heading(part.heading);
    const auto end = rows_ + most_rows;
    for (std::size_t i = 0; i < part.lines.size(); ++i) {
      if (most_rows != kAllRows && rows_ >= end) {
        std::size_t bytes = 0;
        for (auto left = i; left < part.lines.size(); ++left)
          bytes += part.lines[left].label.size() + part.lines[left].text.size();
        cut(grouped(part.lines.size() - i) + " more lines, " + grouped(bytes) + " bytes");
        return;
      }
      line(part.lines[i]);
    }
  }
  RenderedPage take() { return {.text = std::move(out_), .is_cut = is_cut_}; }

 private:
  void cut(const std::string& what) {
    is_cut_ = true;
    std::string row(kCut);
    for (const auto& each : fold(what + how_to_see_, style_.width, columns(kCut), kAllRows).rows) {
      out_ += style_.notice(row + each) + '\n';
      row.clear();
    }
  }

  const Style& style_;
  std::size_t rows_of_value_;
  std::string how_to_see_;
  std::string out_;
  std::size_t rows_ = 0;
  bool is_cut_ = false;
};

// All of it, a screen at a time.
Expected<void> show_whole(Asker& asker, const SigningPage& page, const Screen& screen) {
  const auto text = render_parts(page, screen.style, Detail::whole).text;
  const auto most = std::max<std::size_t>(screen.rows, 4) - 1;
  for (std::size_t at = 0; at < text.size();) {
    auto end = at;
    for (std::size_t rows = 0; rows < most && end < text.size(); ++rows)
      end = std::min(text.find('\n', end), text.size() - 1) + 1;
    WRIT_TRY_VOID(asker.show(std::string_view(text).substr(at, end - at)));
    at = end;
    if (at == text.size()) return {};
    WRIT_TRY(const auto answer, asker.line("Enter goes on, q ends: "));
    if (answer == "q") return {};
  }
  return {};
}

// Until nothing that was cut is asked for any more. The width it was shown at.
Expected<std::size_t> show_page(Asker& asker, const SigningPage& page) {
  for (;;) {
    const auto screen = asker.screen();
    if (screen.style.width < kNarrowestPage) {
      return fail(Errc::unsupported,
                  "this terminal has " + counted(screen.style.width, "column") +
                      ": too few to show what you would sign",
                  {}, "make it at least " + std::to_string(kNarrowestPage) + " columns wide");
    }
    const auto shown = render_parts(page, screen.style, Detail::cut);
    WRIT_TRY_VOID(asker.show(shown.text));
    if (shown.is_cut) {
      WRIT_TRY(const auto answer, asker.line("m shows all of it, Enter goes on: "));
      if (answer == "m") {
        WRIT_TRY_VOID(show_whole(asker, page, screen));
      }
      if (!answer.empty()) continue;
    }
    WRIT_TRY_VOID(asker.show(render_recap(page, screen.style)));
    return screen.style.width;
  }
}

}  // namespace

RenderedPage render_parts(const SigningPage& page, const Style& style, Detail detail) {
  const bool whole = detail == Detail::whole;
  Writer writer(style, whole ? kAllRows : kRowsOfValue, "; m shows them");
  writer.heading(page.title);
  for (const auto& part : page.parts) writer.part(part, whole ? kAllRows : part.rows);
  return writer.take();
}

std::string render_recap(const SigningPage& page, const Style& style) {
  Writer writer(style, kRowsOfRepeated, ", above");
  for (const auto& part : page.recap) writer.part(part, kAllRows);
  writer.line({.label = {}, .text = page.question}, page.question_paint);
  return writer.take().text;
}

Expected<SecretBytes> ask_to_sign(Asker& asker, const SigningPage& page, std::string_view prompt) {
  for (;;) {
    WRIT_TRY(const auto width, show_page(asker, page));
    WRIT_TRY(auto passphrase, asker.secret(prompt));
    // A terminal that became narrower has folded the rows by itself.
    if (asker.screen().style.width >= width) return passphrase;
    WRIT_TRY_VOID(asker.show("The terminal is narrower now: look again.\n"));
  }
}

}  // namespace writ::cli
