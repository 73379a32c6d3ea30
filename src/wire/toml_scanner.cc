// SPDX-License-Identifier: Apache-2.0
#include "wire/toml_scanner.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>

#include "wire/ascii.h"
#include "wire/utf8.h"

namespace writ {
namespace {

constexpr const char* kTooGreat = "a number beyond 2^53-1; write it as a string";

bool is_bare(char c) { return ascii::is_alnum(c) || c == '_' || c == '-'; }

// `text` without the underscores between its digits, or nothing if one stands elsewhere.
std::optional<std::string> without_underscores(std::string_view text, int base) {
  const auto is_digit = [&](char c) {
    return base == 16 ? ascii::hex_value(c) >= 0 : ascii::is_digit(c);
  };
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '_') {
      out += text[i];
    } else if (i == 0 || i + 1 == text.size() || !is_digit(text[i - 1]) || !is_digit(text[i + 1])) {
      return std::nullopt;
    }
  }
  return out;
}

// Takes digits from the front; whether there were any.
bool take_digits(std::string_view& text) {
  const auto count = std::min(text.find_first_not_of("0123456789"), text.size());
  text.remove_prefix(count);
  return count != 0;
}

enum class NumberKind { none, integer, real };

// Of a text without sign and underscores.
NumberKind number_kind(std::string_view text) {
  if (text.size() > 1 && text[0] == '0' && ascii::is_digit(text[1])) return NumberKind::none;
  if (!take_digits(text)) return NumberKind::none;
  if (text.empty()) return NumberKind::integer;
  if (text.front() == '.') {
    text.remove_prefix(1);
    if (!take_digits(text)) return NumberKind::none;
  }
  if (!text.empty() && (text.front() == 'e' || text.front() == 'E')) {
    text.remove_prefix(1);
    if (!text.empty() && (text.front() == '+' || text.front() == '-')) text.remove_prefix(1);
    if (!take_digits(text)) return NumberKind::none;
  }
  return text.empty() ? NumberKind::real : NumberKind::none;
}

bool looks_like_a_date_or_time(std::string_view text) {
  const auto digits = std::min(text.find_first_not_of("0123456789"), text.size());
  if (digits == text.size()) return false;
  return (digits == 4 && text[4] == '-') || (digits == 2 && text[2] == ':');
}

}  // namespace

bool TomlScanner::take(char c) {
  if (at_end() || text_[at_] != c) return false;
  ++at_;
  return true;
}

bool TomlScanner::take(std::string_view word) {
  if (!text_.substr(at_).starts_with(word)) return false;
  at_ += word.size();
  return true;
}

bool TomlScanner::take_new_line() { return take('\n') || take("\r\n"); }

void TomlScanner::skip_blanks() {
  while (peek() == ' ' || peek() == '\t') ++at_;
}

Expected<void> TomlScanner::comment() {
  if (!take('#')) return {};
  while (!at_end() && peek() != '\n' && !text_.substr(at_).starts_with("\r\n")) {
    if (ascii::is_control(peek()) && peek() != '\t') {
      return refuse(at_, "a control character in a comment");
    }
    ++at_;
  }
  return {};
}

Expected<void> TomlScanner::end_line() {
  skip_blanks();
  WRIT_TRY_VOID(comment());
  if (at_end() || take_new_line()) return {};
  std::size_t end = at_;
  next_code_point(text_, end);
  return refuse(at_,
                "expected the line's end, found " + quoted_extract(text_.substr(at_, end - at_)));
}

Expected<void> TomlScanner::skip_lines() {
  do {
    skip_blanks();
    WRIT_TRY_VOID(comment());
  } while (take_new_line());
  return {};
}

Expected<std::vector<TomlScanner::KeyPart>> TomlScanner::key(std::size_t most,
                                                             std::size_t part_bytes) {
  std::vector<KeyPart> out;
  do {
    skip_blanks();
    const std::size_t start = at_;
    if (out.size() == most) {
      return refuse(start, "a key with more than " + std::to_string(most) + " parts",
                    Errc::too_large);
    }
    if (peek() == '"' || peek() == '\'') {
      if (text_.substr(at_).starts_with("\"\"\"") || text_.substr(at_).starts_with("'''")) {
        return refuse(start, "a key cannot run over many lines");
      }
      WRIT_TRY(auto name, string());
      out.push_back({.name = std::move(name), .offset = start});
    } else {
      while (is_bare(peek())) ++at_;
      if (at_ == start) return refuse(start, "expected a key");
      out.push_back({.name = std::string(text_.substr(start, at_ - start)), .offset = start});
    }
    if (out.back().name.size() > part_bytes) {
      return refuse(start, "a key longer than " + std::to_string(part_bytes) + " bytes",
                    Errc::too_large);
    }
    skip_blanks();
  } while (take('.'));
  return out;
}

Expected<std::string> TomlScanner::string() {
  if (take("\"\"\"")) return basic_string(true);
  if (take('"')) return basic_string(false);
  if (take("'''")) return literal_string(true);
  take('\'');
  return literal_string(false);
}

// One character that stands for itself, a line's end among them where many lines are allowed (CRLF
// reads as LF, so that a document means the same wherever it was checked out).
Expected<void> TomlScanner::character(std::string& out, bool many_lines) {
  if (many_lines && take_new_line()) {
    out += '\n';
    return {};
  }
  if (at_end() || peek() == '\n') return refuse(at_, "a string without its closing quote");
  if (ascii::is_control(peek()) && peek() != '\t') {
    return refuse(at_, "a control character in a string; escape it");
  }
  out += text_[at_++];
  return {};
}

Expected<std::string> TomlScanner::basic_string(bool many_lines) {
  std::string out;
  if (many_lines) take_new_line();
  while (true) {
    if (many_lines ? take("\"\"\"") : take('"')) break;
    if (peek() == '\\') {
      WRIT_TRY_VOID(escape(out, many_lines));
    } else {
      WRIT_TRY_VOID(character(out, many_lines));
    }
  }
  // Up to two quotes may stand directly before the closing three.
  for (int i = 0; many_lines && i < 2 && take('"'); ++i) out += '"';
  return out;
}

Expected<std::string> TomlScanner::literal_string(bool many_lines) {
  std::string out;
  if (many_lines) take_new_line();
  while (!(many_lines ? take("'''") : take('\''))) {
    WRIT_TRY_VOID(character(out, many_lines));
  }
  for (int i = 0; many_lines && i < 2 && take('\''); ++i) out += '\'';
  return out;
}

Expected<void> TomlScanner::escape(std::string& out, bool many_lines) {
  const std::size_t start = at_++;
  constexpr std::string_view kNames = "btnfr\"\\";
  constexpr std::string_view kMeanings = "\b\t\n\f\r\"\\";
  const char c = peek();
  if (!at_end() && ascii::is_one_of(c, kNames)) {
    ++at_;
    out += kMeanings[kNames.find(c)];
    return {};
  }
  if (c == 'u' || c == 'U') {
    const std::size_t count = c == 'u' ? 4 : 8;
    const auto digits = text_.substr(++at_, count);
    std::uint32_t value = 0;
    const auto [end, failure] =
        std::from_chars(digits.data(), digits.data() + digits.size(), value, 16);
    if (digits.size() != count || failure != std::errc{} || end != digits.data() + count) {
      return refuse(start,
                    "\\" + std::string(1, c) + " wants " + std::to_string(count) + " hex digits");
    }
    if (value > 0x10FFFF || (value >= 0xD800 && value <= 0xDFFF)) {
      return refuse(start, "not a character of Unicode");
    }
    at_ += count;
    append_utf8(value, out);
    return {};
  }
  // At a line's end: the end and the white space after it are left out.
  if (many_lines) {
    skip_blanks();
    if (take_new_line()) {
      do {
        skip_blanks();
      } while (take_new_line());
      return {};
    }
  }
  return refuse(start, "an escape that TOML does not have");
}

Expected<Json> TomlScanner::scalar() {
  if (peek() == '"' || peek() == '\'') {
    WRIT_TRY(const auto text, string());
    return Json(std::string_view(text));
  }
  return number();
}

Expected<Json> TomlScanner::number() {
  const std::size_t start = at_;
  while (!at_end() && (is_bare(peek()) || ascii::is_one_of(peek(), "+.:"))) ++at_;
  const auto token = text_.substr(start, at_ - start);
  if (token.empty()) return refuse(start, "expected a value");
  if (token == "true") return Json(true);
  if (token == "false") return Json(false);
  if (looks_like_a_date_or_time(token)) {
    return refuse(start, "dates and times are not used here; write it as a string in quotes");
  }
  const bool is_signed = token.front() == '-' || token.front() == '+';
  const auto body = token.substr(is_signed ? 1 : 0);
  if (body == "inf" || body == "nan") return refuse(start, "infinity and NaN are not used here");
  if (token.starts_with("0x")) return prefixed_integer(start, token.substr(2), 16);
  if (token.starts_with("0o")) return prefixed_integer(start, token.substr(2), 8);
  if (token.starts_with("0b")) return prefixed_integer(start, token.substr(2), 2);

  const auto plain = without_underscores(body, 10);
  const auto kind = plain ? number_kind(*plain) : NumberKind::none;
  if (kind == NumberKind::none) {
    return refuse(start, quoted_extract(token) + " is not a value", Errc::invalid_input,
                  "a string stands in quotes");
  }
  double value = 0;
  const auto [end, failure] = std::from_chars(plain->data(), plain->data() + plain->size(), value);
  constexpr auto kMax = static_cast<double>(kMaxJsonInteger);
  if (failure != std::errc{} && kind == NumberKind::real) {
    return refuse(start, "a number outside the range of a double");
  }
  if (failure != std::errc{} || value > kMax) return refuse(start, kTooGreat);
  if (token.front() == '-') value = -value;
  // As parse_json() reads numbers, so that a document means the same in both languages.
  if (value == std::trunc(value)) return Json(static_cast<std::int64_t>(value));
  return Json(value);
}

Expected<Json> TomlScanner::prefixed_integer(std::size_t start, std::string_view digits, int base) {
  const auto plain = without_underscores(digits, base);
  std::uint64_t value = 0;
  const char* const last = plain ? plain->data() + plain->size() : nullptr;
  if (plain) {
    const auto [end, failure] = std::from_chars(plain->data(), last, value, base);
    if (end == last && failure == std::errc::result_out_of_range) return refuse(start, kTooGreat);
    if (end == last && failure == std::errc{}) {
      if (value > static_cast<std::uint64_t>(kMaxJsonInteger)) return refuse(start, kTooGreat);
      return Json(static_cast<std::int64_t>(value));
    }
  }
  return refuse(start, "malformed digits of a number in base " + std::to_string(base));
}

TomlPosition TomlScanner::position(std::size_t offset) {
  if (offset < known_) {
    known_ = 0;
    known_position_ = {};
  }
  for (; known_ < offset; ++known_) {
    const char c = text_[known_];
    if (c == '\n') {
      known_position_ = {.line = known_position_.line + 1, .column = 1};
    } else if ((static_cast<unsigned char>(c) & 0xC0) != 0x80) {
      ++known_position_.column;
    }
  }
  return known_position_;
}

std::unexpected<Error> TomlScanner::refuse(std::size_t offset, std::string message, Errc code,
                                           std::string hint) {
  const auto [line, column] = position(offset);
  return fail(code, std::move(message),
              std::string(filename_) + ':' + std::to_string(line) + ':' + std::to_string(column),
              std::move(hint));
}

}  // namespace writ
