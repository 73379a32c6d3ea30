// SPDX-License-Identifier: Apache-2.0
#include "wire/toml.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/check.h"
#include "wire/utf8.h"

namespace {
// toml++ 3.3 asserts what some inputs break ("[[[1]]]"), and in a release build has the compiler
// assume it, which is undefined behaviour. Here its assertions hold in every build and end the
// parse. This is the only file that includes toml++, so no other definition of its inline functions
// exists.
struct BrokenAssertion {};
[[noreturn]] void throw_broken_assertion() { throw BrokenAssertion(); }
}  // namespace

#undef NDEBUG
#define TOML_ASSERT(condition) (static_cast<bool>(condition) ? void(0) : throw_broken_assertion())
#define TOML_EXCEPTIONS 1
#define TOML_ENABLE_FORMATTERS 0
#define TOML_ENABLE_WINDOWS_COMPAT 0
#include <toml++/toml.h>

namespace writ {
namespace {

struct LineColumn {
  std::size_t line = 1;
  std::size_t column = 1;
};

// The place of a byte offset, as toml++ counts: columns in code points.
LineColumn place_of(std::string_view text, std::size_t offset) {
  LineColumn out;
  for (const char c : text.substr(0, offset)) {
    if (c == '\n') {
      out = {.line = out.line + 1, .column = 1};
    } else if ((static_cast<unsigned char>(c) & 0xC0) != 0x80) {
      ++out.column;
    }
  }
  return out;
}

// toml++ recurses for brackets and its destructors for dotted keys, whose number it does not bound.
// This finds the first offset at which either exceeds `depth` outside strings and comments, before
// toml++ sees the text.
class NestingScanner {
 public:
  NestingScanner(std::string_view text, std::size_t depth) : text_(text), depth_(depth) {}

  std::optional<std::size_t> run() {
    while (at_ < text_.size()) {
      const char c = text_[at_];
      switch (c) {
        case '#':
          at_ = std::min(text_.find('\n', at_), text_.size());
          break;
        case '"':
        case '\'':
          skip_string(c);
          break;
        case '[':
        case '{':
          dots_ = 0;
          if (++open_ > depth_ + 1) return at_;  // "[[" of a header is one level
          ++at_;
          break;
        case ']':
        case '}':
          dots_ = 0;
          if (open_ > 0) --open_;
          ++at_;
          break;
        case '.':
          if (++dots_ > depth_) return at_;
          ++at_;
          break;
        case '\n':
        case '=':
        case ',':
          dots_ = 0;
          ++at_;
          break;
        default:
          ++at_;
      }
    }
    return std::nullopt;
  }

 private:
  void skip_string(char quote) {
    const std::string triple(3, quote);
    const bool many_lines = text_.substr(at_).starts_with(triple);
    at_ += many_lines ? 3 : 1;
    while (at_ < text_.size()) {
      if (many_lines ? text_.substr(at_).starts_with(triple) : text_[at_] == quote) {
        at_ += many_lines ? 3 : 1;
        // Up to two quotes may stand directly before the closing three.
        for (int i = 0; many_lines && i < 2 && at_ < text_.size() && text_[at_] == quote; ++i) {
          ++at_;
        }
        return;
      }
      if (text_[at_] == '\n' && !many_lines) return;  // an error; toml++ says so
      if (text_[at_] == '\\' && quote == '"') ++at_;
      ++at_;
    }
  }

  const std::string_view text_;
  const std::size_t depth_;
  std::size_t at_ = 0;
  std::size_t open_ = 0;
  std::size_t dots_ = 0;
};

}  // namespace

class TomlReader {
 public:
  TomlReader(TomlDocument& out, std::string filename, const TomlLimits& limits)
      : out_(out), limits_(limits) {
    out_.filename_ = std::move(filename);
  }

  Expected<void> read(std::string_view text) {
    if (text.size() > limits_.bytes) {
      return fail(Errc::too_large,
                  "the document is longer than " + std::to_string(limits_.bytes) + " bytes",
                  out_.filename_);
    }
    if (const std::size_t valid = valid_utf8_prefix(text); valid != text.size()) {
      return refuse(place_of(text, valid), "not UTF-8");
    }
    if (const auto deep = NestingScanner(text, limits_.depth).run()) {
      return too_deep(place_of(text, *deep));
    }
    try {
      const toml::table table = toml::parse(text);
      return convert(table, out_.value_.emplace_object(), "", 0);
    } catch (const toml::parse_error& error) {
      const auto& begin = error.source().begin;
      return refuse({.line = begin.line, .column = begin.column},
                    visible_text(error.description()));
    } catch (const BrokenAssertion&) {
      return fail(Errc::invalid_input, "not TOML", out_.filename_);
    }
  }

 private:
  Expected<void> convert(const toml::table& table, JsonObject& out, const std::string& pointer,
                         std::size_t depth) {
    for (const auto& [key, node] : table) {
      const std::string at = json_pointer(pointer, key.str());
      remember(at, key.source().begin);
      WRIT_TRY_VOID(convert(node, out[key.str()], at, depth));
    }
    return {};
  }

  Expected<void> convert(const toml::array& array, JsonArray& out, const std::string& pointer,
                         std::size_t depth) {
    for (std::size_t i = 0; i < array.size(); ++i) {
      const std::string at = json_pointer(pointer, i);
      remember(at, array[i].source().begin);
      WRIT_TRY_VOID(convert(array[i], out.emplace_back(nullptr), at, depth));
    }
    return {};
  }

  Expected<void> convert(const toml::node& node, Json& out, const std::string& pointer,
                         std::size_t depth) {
    const auto& begin = node.source().begin;
    const LineColumn at{.line = begin.line, .column = begin.column};
    if (++values_ > limits_.values) {
      return refuse(at, "more than " + std::to_string(limits_.values) + " values", Errc::too_large);
    }
    switch (node.type()) {
      case toml::node_type::table:
        if (depth + 1 >= limits_.depth) return too_deep(at);
        return convert(*node.as_table(), out.emplace_object(), pointer, depth + 1);
      case toml::node_type::array:
        if (depth + 1 >= limits_.depth) return too_deep(at);
        return convert(*node.as_array(), out.emplace_array(), pointer, depth + 1);
      case toml::node_type::string:
        out = std::string_view(node.as_string()->get());
        return {};
      case toml::node_type::boolean:
        out = node.as_boolean()->get();
        return {};
      case toml::node_type::integer: {
        const std::int64_t value = node.as_integer()->get();
        if (value < -kMaxJsonInteger || value > kMaxJsonInteger) {
          return refuse(at, "a whole number beyond 2^53-1; write it as a string");
        }
        out = value;
        return {};
      }
      case toml::node_type::floating_point:
        return convert_double(node.as_floating_point()->get(), out, at);
      case toml::node_type::date:
      case toml::node_type::time:
      case toml::node_type::date_time:
        return refuse(at, "dates and times are not used here; write it as a string in quotes");
      case toml::node_type::none:
        break;
    }
    WRIT_UNREACHABLE();
  }

  // As parse_json() reads numbers, so that a document means the same in both languages.
  Expected<void> convert_double(double value, Json& out, const LineColumn& at) {
    constexpr auto kMax = static_cast<double>(kMaxJsonInteger);
    if (!std::isfinite(value)) return refuse(at, "infinity and NaN are not used here");
    if (std::abs(value) > kMax) return refuse(at, "a number beyond 2^53-1; write it as a string");
    if (value == std::trunc(value)) {
      out = static_cast<std::int64_t>(value);
    } else {
      out = value;
    }
    return {};
  }

  void remember(const std::string& pointer, const toml::source_position& at) {
    if (at.line == 0) return;
    out_.positions_.emplace(pointer, TomlDocument::Position{.line = at.line, .column = at.column});
  }

  std::unexpected<Error> too_deep(const LineColumn& at) const {
    return refuse(at, "nested more than " + std::to_string(limits_.depth) + " deep",
                  Errc::too_large);
  }

  std::unexpected<Error> refuse(const LineColumn& at, std::string message,
                                Errc code = Errc::invalid_input) const {
    return fail(code, std::move(message),
                out_.filename_ + ':' + std::to_string(at.line) + ':' + std::to_string(at.column));
  }

  TomlDocument& out_;
  const TomlLimits& limits_;
  std::size_t values_ = 0;
};

std::string TomlDocument::place(std::string_view pointer) const {
  while (true) {
    if (const auto found = positions_.find(pointer); found != positions_.end()) {
      return filename_ + ':' + std::to_string(found->second.line) + ':' +
             std::to_string(found->second.column);
    }
    const auto slash = pointer.rfind('/');
    if (slash == std::string_view::npos) return filename_;
    pointer = pointer.substr(0, slash);
  }
}

Error TomlDocument::locate(Error error) const {
  error.where = place(error.where);
  return error;
}

Expected<TomlDocument> parse_toml(std::string_view text, std::string filename,
                                  const TomlLimits& limits) {
  TomlDocument out;
  WRIT_TRY_VOID(TomlReader(out, std::move(filename), limits).read(text));
  return out;
}

}  // namespace writ
