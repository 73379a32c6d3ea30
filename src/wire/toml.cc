// SPDX-License-Identifier: Apache-2.0
#include "wire/toml.h"

#include <utility>

#include "wire/toml_scanner.h"
#include "wire/utf8.h"

namespace writ {

// Reads a document into out_.value_. How a table or array came to be decides what may be added to
// it later (TOML 1.0, "Table" and "Array of Tables"); origins_ keeps that, by JSON pointer.
class TomlReader {
 public:
  TomlReader(TomlDocument& out, std::string_view text, const TomlLimits& limits)
      : out_(out), limits_(limits), in_(text, out.filename_) {}

  Expected<void> read() {
    Place table{.object = &out_.value_.emplace_object(), .pointer = "", .depth = 1};
    while (true) {
      WRIT_TRY_VOID(in_.skip_lines());
      if (in_.at_end()) return {};
      if (in_.take("[[")) {
        WRIT_TRY(table, header(true));
      } else if (in_.take('[')) {
        WRIT_TRY(table, header(false));
      } else {
        WRIT_TRY_VOID(key_and_value(table));
      }
      WRIT_TRY_VOID(in_.end_line());
    }
  }

 private:
  using KeyPart = TomlScanner::KeyPart;

  enum class Origin {
    value,     // a scalar, an array or an inline table: complete
    implied,   // a table on the way of a header: "a" in [a.b]
    header,    // a table with a header of its own, or an element of [[a]]
    dotted,    // a table made by a dotted key: "a" in a.b = 1
    elements,  // the array of all [[a]]
  };

  // A table under construction. The object stays where it is while only it and what it holds grow.
  struct Place {
    JsonObject* object;
    std::string pointer;
    std::size_t depth;
  };

  Expected<Place> header(bool is_element) {
    WRIT_TRY(const auto parts, in_.key(limits_.depth, limits_.key_bytes));
    if (!in_.take(is_element ? "]]" : "]")) {
      return in_.refuse(in_.offset(), is_element ? "expected ]]" : "expected ]");
    }
    Place at{.object = &out_.value_.get_object(), .pointer = "", .depth = 1};
    for (std::size_t i = 0; i + 1 < parts.size(); ++i) {
      WRIT_TRY_VOID(step(at, parts[i], Origin::implied));
    }
    const KeyPart& last = parts.back();
    const std::string pointer = json_pointer(at.pointer, last.name);
    const bool exists = at.object->contains(last.name);
    const Origin origin = exists ? origins_.at(pointer) : Origin::header;
    if (is_element) {
      if (exists && origin != Origin::elements) return taken(last, pointer);
      return new_element(at, last, pointer);
    }
    if (exists && origin != Origin::implied) return taken(last, pointer);
    WRIT_TRY_VOID(step(at, last, Origin::header));
    origins_[at.pointer] = Origin::header;
    return at;
  }

  // Into the table `part` of `at`, or the last element of that array; made if it is absent.
  Expected<void> step(Place& at, const KeyPart& part, Origin origin) {
    std::string pointer = json_pointer(at.pointer, part.name);
    Json* found = at.object->if_contains(part.name);
    if (found == nullptr) {
      WRIT_TRY_VOID(count(part.offset, at.depth + 1));
      WRIT_TRY_VOID(remember(pointer, part.offset, origin));
      found = &(*at.object)[part.name];
      found->emplace_object();
    } else if (const Origin its = origins_.at(pointer);
               its == Origin::value || (origin == Origin::dotted && its != Origin::dotted)) {
      return taken(part, pointer);
    }
    at = {.object = found->if_object(), .pointer = std::move(pointer), .depth = at.depth + 1};
    if (at.object == nullptr) {
      JsonArray& elements = found->get_array();
      at.pointer = json_pointer(at.pointer, elements.size() - 1);
      at.object = &elements.back().get_object();
      ++at.depth;
    }
    return {};
  }

  Expected<Place> new_element(const Place& at, const KeyPart& part, const std::string& pointer) {
    Json* found = at.object->if_contains(part.name);
    if (found == nullptr) {
      WRIT_TRY_VOID(count(part.offset, at.depth + 1));
      WRIT_TRY_VOID(remember(pointer, part.offset, Origin::elements));
      found = &(*at.object)[part.name];
      found->emplace_array();
    }
    WRIT_TRY_VOID(count(part.offset, at.depth + 2));
    JsonArray& elements = found->get_array();
    std::string element = json_pointer(pointer, elements.size());
    WRIT_TRY_VOID(remember(element, part.offset, Origin::header));
    return Place{.object = &elements.emplace_back(JsonObject()).get_object(),
                 .pointer = std::move(element),
                 .depth = at.depth + 2};
  }

  Expected<void> key_and_value(Place at) {
    WRIT_TRY(const auto parts, in_.key(limits_.depth, limits_.key_bytes));
    if (!in_.take('=')) return in_.refuse(in_.offset(), "expected = after the key");
    in_.skip_blanks();
    for (std::size_t i = 0; i + 1 < parts.size(); ++i) {
      WRIT_TRY_VOID(step(at, parts[i], Origin::dotted));
    }
    const KeyPart& last = parts.back();
    const std::string pointer = json_pointer(at.pointer, last.name);
    if (at.object->contains(last.name)) return taken(last, pointer);
    WRIT_TRY_VOID(remember(pointer, last.offset, Origin::value));
    WRIT_TRY(auto parsed, value(pointer, at.depth));
    at.object->emplace(last.name, std::move(parsed));
    return {};
  }

  Expected<Json> value(const std::string& pointer, std::size_t depth) {
    const std::size_t start = in_.offset();
    const bool is_array = in_.take('[');
    const bool is_table = !is_array && in_.take('{');
    WRIT_TRY_VOID(count(start, is_array || is_table ? depth + 1 : depth));
    if (is_array) return array(pointer, depth + 1);
    if (is_table) return inline_table(pointer, depth + 1);
    return in_.scalar();
  }

  Expected<Json> array(const std::string& pointer, std::size_t depth) {
    JsonArray out;
    while (true) {
      WRIT_TRY_VOID(in_.skip_lines());
      if (in_.take(']')) return Json(std::move(out));
      const std::string element = json_pointer(pointer, out.size());
      WRIT_TRY_VOID(remember(element, in_.offset(), Origin::value));
      WRIT_TRY(auto parsed, value(element, depth));
      out.push_back(std::move(parsed));
      WRIT_TRY_VOID(in_.skip_lines());
      if (in_.take(',')) continue;
      if (!in_.take(']')) return in_.refuse(in_.offset(), "expected , or ] in the array");
      return Json(std::move(out));
    }
  }

  Expected<Json> inline_table(const std::string& pointer, std::size_t depth) {
    Json out;
    const Place at{.object = &out.emplace_object(), .pointer = pointer, .depth = depth};
    in_.skip_blanks();
    if (in_.take('}')) return out;
    while (true) {
      WRIT_TRY_VOID(key_and_value(at));
      in_.skip_blanks();
      if (in_.take('}')) return out;
      if (!in_.take(',')) return in_.refuse(in_.offset(), "expected , or } in the inline table");
    }
  }

  Expected<void> count(std::size_t offset, std::size_t depth) {
    if (depth > limits_.depth) {
      return in_.refuse(offset, "nested more than " + std::to_string(limits_.depth) + " deep",
                        Errc::too_large);
    }
    if (++values_ > limits_.values) {
      return in_.refuse(offset, "more than " + std::to_string(limits_.values) + " values",
                        Errc::too_large);
    }
    return {};
  }

  Expected<void> remember(const std::string& pointer, std::size_t offset, Origin origin) {
    pointer_bytes_ += pointer.size();
    if (pointer_bytes_ > limits_.pointer_bytes) {
      return in_.refuse(offset, "too many keys and elements under long keys", Errc::too_large,
                        "shorten the keys around this, or nest it less deep");
    }
    const auto [line, column] = in_.position(offset);
    out_.positions_.insert_or_assign(pointer, TomlDocument::Position{line, column});
    origins_.insert_or_assign(pointer, origin);
    return {};
  }

  std::unexpected<Error> taken(const KeyPart& part, const std::string& pointer) {
    return in_.refuse(part.offset, quoted_extract(part.name) + " is defined already",
                      Errc::invalid_input, "at " + out_.place(pointer));
  }

  TomlDocument& out_;
  const TomlLimits& limits_;
  TomlScanner in_;
  std::map<std::string, Origin, std::less<>> origins_;
  std::size_t values_ = 0;
  std::size_t pointer_bytes_ = 0;  // of the keys of positions_
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
  if (text.size() > limits.bytes) {
    return fail(Errc::too_large,
                "the document is longer than " + std::to_string(limits.bytes) + " bytes",
                std::move(filename));
  }
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);  // as some editors write
  TomlDocument out;
  out.filename_ = std::move(filename);
  if (const std::size_t valid = valid_utf8_prefix(text); valid != text.size()) {
    return TomlScanner(text, out.filename_).refuse(valid, "not UTF-8");
  }
  WRIT_TRY_VOID(TomlReader(out, text, limits).read());
  return out;
}

}  // namespace writ
