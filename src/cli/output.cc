// SPDX-License-Identifier: Apache-2.0
#include "cli/output.h"

#include <algorithm>
#include <cstdlib>

#include <sys/ioctl.h>
#include <unistd.h>

#include "wire/utf8.h"

namespace writ::cli {
namespace {

constexpr std::size_t kWidest = 100;
constexpr std::size_t kNarrowest = 40;

bool is_set(const char* name) {
  // NOLINTNEXTLINE(concurrency-mt-unsafe): the command line sets no variables
  const char* value = std::getenv(name);
  return value != nullptr && *value != '\0';
}

}  // namespace

std::string Style::paint(std::string_view code, std::string_view text) const {
  if (!colour || text.empty()) return std::string(text);
  return "\x1b[" + std::string(code) + "m" + std::string(text) + "\x1b[0m";
}

Style style_of(int descriptor) {
  Style style;
  if (::isatty(descriptor) == 0) return style;
  // NOLINTNEXTLINE(concurrency-mt-unsafe): the command line sets no variables
  const char* terminal = std::getenv("TERM");
  style.colour = !is_set("NO_COLOR") && terminal != nullptr &&
                 std::string_view(terminal) != "dumb" && *terminal != '\0';
  winsize size{};
  if (::ioctl(descriptor, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
    style.width = std::clamp<std::size_t>(size.ws_col, kNarrowest, kWidest);
  return style;
}

std::string visible_lines(std::string_view text, std::size_t indent) {
  std::string out;
  while (!text.empty()) {
    const auto end = std::min(text.find('\n'), text.size());
    out += visible_text(text.substr(0, end));
    if (end < text.size()) {
      out += '\n';
      out.append(indent, ' ');
    }
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return out;
}

std::size_t columns(std::string_view text) {
  // Bytes that continue a UTF-8 sequence take no column.
  return static_cast<std::size_t>(std::ranges::count_if(
      text, [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

std::string wrap(std::string_view text, std::size_t width, std::size_t indent, std::size_t used) {
  std::string out;
  std::size_t at = used;
  bool first = true;
  while (!text.empty()) {
    const auto end = std::min(text.find(' '), text.size());
    const auto word = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (word.empty()) continue;
    const auto size = columns(word);
    if (!first && at + 1 + size > width) {
      out += '\n';
      out.append(indent, ' ');
      at = indent;
    } else if (!first) {
      out += ' ';
      ++at;
    }
    out += word;
    at += size;
    first = false;
  }
  return out;
}

std::string shortened(std::string_view text, std::size_t most) {
  if (text.size() <= most) return std::string(text);
  std::size_t end = 0;
  for (auto next = end; next < text.size(); end = next) {
    if (!next_code_point(text, next)) ++next;
    if (next > most) break;
  }
  return std::string(text.substr(0, end)) + "… (" + std::to_string(text.size() - end) +
         " more bytes; --json has all)";
}

std::string table(const std::vector<std::vector<std::string>>& rows, const Style& style) {
  std::vector<std::size_t> widths;
  for (const auto& row : rows) {
    widths.resize(std::max(widths.size(), row.size()));
    for (std::size_t i = 0; i < row.size(); ++i)
      widths[i] = std::min(kWidestPadding, std::max(widths[i], columns(row[i])));
  }
  std::string out;
  for (std::size_t r = 0; r < rows.size(); ++r) {
    std::string line;
    for (std::size_t i = 0; i < rows[r].size(); ++i) {
      const auto cell = shortened(rows[r][i], kLongestCell);
      line += cell;
      if (i + 1 < rows[r].size())
        line.append(std::max(widths[i], columns(cell)) - columns(cell) + 2, ' ');
    }
    while (line.ends_with(' ')) line.pop_back();
    out += r == 0 ? style.dim(line) : line;
    out += '\n';
  }
  return out;
}

std::string counted(std::size_t count, std::string_view one, std::string_view many) {
  std::string out = std::to_string(count) + ' ';
  if (count == 1) return out + std::string(one);
  return out + (many.empty() ? std::string(one) + 's' : std::string(many));
}

std::string json_text(const Json& value) { return write_json_for_people(value) + '\n'; }

}  // namespace writ::cli
