// SPDX-License-Identifier: Apache-2.0
#include "wire/json.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "base/check.h"
#include "wire/json_scan.h"
#include "wire/utf8.h"

namespace writ {
namespace {

constexpr std::size_t kDeepest = 256;  // the parser and Boost's destructor recurse

// A failure ends the parse at once: each step returns false after refuse().
class Parser {
 public:
  Parser(std::string_view text, const JsonLimits& limits) : text_(text), limits_(limits) {}

  Expected<Json> run() {
    Json root;
    if (parse_document(root)) return root;
    return std::unexpected(std::move(error_));
  }

 private:
  bool parse_document(Json& root) {
    if (text_.size() > limits_.bytes) {
      return refuse(0, "the document is longer than " + std::to_string(limits_.bytes) + " bytes",
                    Errc::too_large);
    }
    if (text_.starts_with("\xEF\xBB\xBF")) return refuse(0, "a byte order mark is not JSON");
    if (!is_utf8(text_)) return refuse(valid_utf8_prefix(text_), "not UTF-8");
    skip_space();
    if (!parse_value(root, 0)) return false;
    skip_space();
    if (at_ != text_.size()) return refuse(at_, "unexpected " + seen() + " after the value");
    return true;
  }

  bool parse_value(Json& out, std::size_t depth) {
    if (++values_ > limits_.values) {
      return refuse(at_, "more than " + std::to_string(limits_.values) + " values",
                    Errc::too_large);
    }
    if (at_ == text_.size()) return refuse(at_, "a value is missing at the end");
    switch (text_[at_]) {
      case '{':
        return enter(depth) && parse_object(out.emplace_object(), depth + 1);
      case '[':
        return enter(depth) && parse_array(out.emplace_array(), depth + 1);
      case '"': {
        std::string_view text;
        if (!parse_string(text)) return false;
        out.emplace_string().assign(text);
        return true;
      }
      case 't':
        out = true;
        return parse_word("true");
      case 'f':
        out = false;
        return parse_word("false");
      case 'n':
        out = nullptr;
        return parse_word("null");
      default:
        return parse_number(out);
    }
  }

  bool enter(std::size_t depth) {
    if (depth < std::min(limits_.depth, kDeepest)) return true;
    return refuse(at_, "nested more than " + std::to_string(limits_.depth) + " deep",
                  Errc::too_large);
  }

  bool parse_object(JsonObject& out, std::size_t depth) {
    ++at_;
    skip_space();
    if (take('}')) return true;
    while (true) {
      if (!at('"')) return refuse(at_, "expected a member's name in quotes, found " + seen());
      const std::size_t start = at_;
      std::string_view name;
      if (!parse_string(name)) return false;
      if (out.size() >= limits_.members) {
        return refuse(start,
                      "an object has more than " + std::to_string(limits_.members) + " members",
                      Errc::too_large);
      }
      const auto [member, is_new] = out.emplace(name, nullptr);
      if (!is_new) return refuse(start, "duplicate name " + quoted_extract(name));
      skip_space();
      if (!take(':')) return refuse(at_, "expected ':', found " + seen());
      skip_space();
      // The member stays where it is: nothing is added to `out` until its value is complete.
      if (!parse_value(member->value(), depth)) return false;
      skip_space();
      if (take('}')) return true;
      if (!take(',')) return refuse(at_, "expected ',' or '}', found " + seen());
      skip_space();
    }
  }

  bool parse_array(JsonArray& out, std::size_t depth) {
    ++at_;
    skip_space();
    if (take(']')) return true;
    while (true) {
      out.emplace_back(nullptr);
      if (!parse_value(out.back(), depth)) return false;
      skip_space();
      if (take(']')) return true;
      if (!take(',')) return refuse(at_, "expected ',' or ']', found " + seen());
      skip_space();
    }
  }

  // `out` is good until the next call.
  bool parse_string(std::string_view& out) {
    const std::size_t start = ++at_;
    const std::size_t end = plain_run_end(text_, start);
    if (end < text_.size() && text_[end] == '"') {  // the usual case: no escapes, no copy
      out = text_.substr(start, end - start);
      at_ = end + 1;
      return fits(start, out.size());
    }
    scratch_.clear();
    while (true) {
      const std::size_t stop = plain_run_end(text_, at_);
      scratch_.append(text_, at_, stop - at_);
      at_ = stop;
      if (!fits(start, scratch_.size())) return false;
      if (at_ == text_.size()) return refuse(start - 1, "a string without its closing quote");
      if (take('"')) break;
      if (text_[at_] != '\\') return refuse(at_, "a control character in a string; escape it");
      if (!parse_escape()) return false;
    }
    out = scratch_;
    return true;
  }

  bool fits(std::size_t start, std::size_t size) {
    if (size <= limits_.string_bytes) return true;
    return refuse(start - 1,
                  "a string is longer than " + std::to_string(limits_.string_bytes) + " bytes",
                  Errc::too_large);
  }

  bool parse_escape() {
    const std::size_t start = at_++;
    if (at_ == text_.size()) return refuse(start, "a string without its closing quote");
    switch (text_[at_++]) {
      case '"':
        scratch_ += '"';
        return true;
      case '\\':
        scratch_ += '\\';
        return true;
      case '/':
        scratch_ += '/';
        return true;
      case 'b':
        scratch_ += '\b';
        return true;
      case 'f':
        scratch_ += '\f';
        return true;
      case 'n':
        scratch_ += '\n';
        return true;
      case 'r':
        scratch_ += '\r';
        return true;
      case 't':
        scratch_ += '\t';
        return true;
      case 'u':
        break;
      default:
        return refuse(start, "an escape that JSON does not have");
    }
    char32_t unit = 0;
    if (!parse_hex4(unit)) return refuse(start, "\\u wants four hex digits");
    if (unit >= 0xD800 && unit <= 0xDFFF) {
      char32_t low = 0;
      const bool pair = unit < 0xDC00 && take('\\') && take('u') && parse_hex4(low) &&
                        low >= 0xDC00 && low <= 0xDFFF;
      if (!pair) return refuse(start, "a lone surrogate is not a character");
      unit = 0x10000 + ((unit - 0xD800) << 10) + (low - 0xDC00);
    }
    append_utf8(unit, scratch_);
    return true;
  }

  bool parse_hex4(char32_t& out) {
    if (text_.size() - at_ < 4) return false;
    std::uint32_t value = 0;
    const char* first = text_.data() + at_;
    const auto [end, failure] = std::from_chars(first, first + 4, value, 16);
    if (failure != std::errc{} || end != first + 4 || *first == '-') return false;
    at_ += 4;
    out = value;
    return true;
  }

  bool parse_word(std::string_view word) {
    if (!text_.substr(at_).starts_with(word))
      return refuse(at_, "expected a value, found " + seen());
    at_ += word.size();
    return true;
  }

  bool parse_digits() {
    const std::size_t start = at_;
    while (at_ < text_.size() && text_[at_] >= '0' && text_[at_] <= '9') ++at_;
    return at_ != start;
  }

  bool parse_number(Json& out) {
    const std::size_t start = at_;
    bool whole = true;
    take('-');
    if (take('0')) {
      if (at_ < text_.size() && text_[at_] >= '0' && text_[at_] <= '9') {
        return refuse(start, "a number with a leading zero");
      }
    } else if (!parse_digits()) {
      return refuse(start, "expected a value, found " + seen());
    }
    if (take('.')) {
      whole = false;
      if (!parse_digits()) return refuse(start, "a number needs digits after its point");
    }
    if (take('e') || take('E')) {
      whole = false;
      if (!take('+')) take('-');
      if (!parse_digits()) return refuse(start, "a number needs digits in its exponent");
    }
    const char* first = text_.data() + start;
    const char* last = text_.data() + at_;
    if (whole && last - first <= 16) {  // fits an int64 for certain
      std::int64_t value = 0;
      std::from_chars(first, last, value);
      if (value >= -kMaxJsonInteger && value <= kMaxJsonInteger) {
        out = value;
        return true;
      }
    }
    double value = 0;
    const auto [end, failure] = std::from_chars(first, last, value);
    if (failure != std::errc{} || end != last || !std::isfinite(value)) {
      return refuse(start, "a number outside the range of a double");
    }
    constexpr auto kMax = static_cast<double>(kMaxJsonInteger);
    if (std::abs(value) <= kMax && value == std::trunc(value)) {
      out = static_cast<std::int64_t>(value);
      return true;
    }
    if (std::abs(value) > kMax && limits_.numbers == JsonNumbers::exact) {
      return refuse(start,
                    "a number beyond 2^53-1, which readers round differently; "
                    "send it as a string");
    }
    out = value;
    return true;
  }

  bool at(char c) const { return at_ < text_.size() && text_[at_] == c; }
  bool take(char c) {
    if (!at(c)) return false;
    ++at_;
    return true;
  }
  void skip_space() {
    while (at(' ') || at('\n') || at('\r') || at('\t')) ++at_;
  }

  // What stands at the cursor, for a message.
  std::string seen() const {
    if (at_ == text_.size()) return "the end";
    std::size_t end = at_;
    next_code_point(text_, end);
    return quoted_extract(text_.substr(at_, end - at_));
  }

  bool refuse(std::size_t offset, std::string message, Errc code = Errc::invalid_input) {
    const std::string_view before = text_.substr(0, offset);
    const auto lines = std::count(before.begin(), before.end(), '\n');
    const std::size_t line_start = before.rfind('\n') + 1;  // npos + 1 is 0
    const auto column =
        std::count_if(before.begin() + static_cast<std::ptrdiff_t>(line_start), before.end(),
                      [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; });
    error_ = Error{.code = code,
                   .message = std::move(message),
                   .where = std::to_string(lines + 1) + ":" + std::to_string(column + 1),
                   .hint = {}};
    return false;
  }

  const std::string_view text_;
  const JsonLimits& limits_;
  std::size_t at_ = 0;
  std::size_t values_ = 0;
  std::string scratch_;
  Error error_;
};

}  // namespace

Expected<Json> parse_json(std::string_view text, const JsonLimits& limits) {
  return Parser(text, limits).run();
}

Expected<JsonObject> parse_json_object(std::string_view text, const JsonLimits& limits) {
  WRIT_TRY(auto value, parse_json(text, limits));
  if (!value.is_object()) {
    return fail(Errc::invalid_input,
                "expected an object, found " + std::string(kind_in_words(value)), "1:1");
  }
  return std::move(value.get_object());
}

std::string_view kind_in_words(const Json& value) {
  switch (value.kind()) {
    case boost::json::kind::null:
      return "null";
    case boost::json::kind::bool_:
      return "a boolean";
    case boost::json::kind::int64:
    case boost::json::kind::uint64:
    case boost::json::kind::double_:
      return "a number";
    case boost::json::kind::string:
      return "a string";
    case boost::json::kind::array:
      return "an array";
    case boost::json::kind::object:
      return "an object";
  }
  WRIT_UNREACHABLE();
}

std::string json_pointer(std::string_view pointer, std::string_view name) {
  std::string out(pointer);
  out += '/';
  for (const char c : name) {
    if (c == '~') {
      out += "~0";
    } else if (c == '/') {
      out += "~1";
    } else {
      out += c;
    }
  }
  return out;
}

std::string json_pointer(std::string_view pointer, std::size_t index) {
  return std::string(pointer) + '/' + std::to_string(index);
}

}  // namespace writ
