// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <utility>
#include <vector>

#include "wire/json.h"
#include "wire/time_text.h"

namespace writ {
namespace {

std::string in_quotes(std::string_view name) { return '"' + std::string(name) + '"'; }

std::string is_missing(std::string_view name) { return in_quotes(name) + " is missing"; }

// Whether one becomes the other by few enough changes of a letter to be the same word.
bool is_slip_of(std::string_view text, std::string_view name) {
  constexpr std::size_t kMost = 2;
  if (text.size() > name.size() + kMost) return false;
  std::vector<std::size_t> changes(name.size() +
                                   1);  // from a prefix of the text to each of the name
  for (std::size_t n = 0; n < changes.size(); ++n) changes[n] = n;
  for (std::size_t t = 0; t < text.size(); ++t) {
    auto before = std::exchange(changes[0], t + 1);
    for (std::size_t n = 0; n < name.size(); ++n) {
      const auto replaced = before + (text[t] == name[n] ? 0 : 1);
      before = changes[n + 1];
      changes[n + 1] = std::min({replaced, before + 1, changes[n] + 1});
    }
  }
  return changes.back() <= kMost && changes.back() * 2 < name.size();
}

std::string list_of(std::initializer_list<std::string_view> choices) {
  std::string out;
  for (const auto choice : choices) {
    if (!out.empty()) out += ", ";
    out += in_quotes(choice);
  }
  return out;
}

// What is wrong with the text's length, or nothing.
std::optional<std::string> length_fault(std::string_view text, const TextRule& rule) {
  if (text.size() < rule.min) {
    if (text.empty()) return "must not be empty";
    return "must be at least " + std::to_string(rule.min) + " bytes long";
  }
  if (text.size() > rule.max) return "must be at most " + std::to_string(rule.max) + " bytes long";
  return std::nullopt;
}

std::optional<std::string> count_fault(std::size_t count, const ListRule& rule) {
  if (count < rule.min) {
    return rule.min == 1 ? "must not be empty"
                         : "must have at least " + std::to_string(rule.min) + " elements";
  }
  if (count > rule.max) return "must have at most " + std::to_string(rule.max) + " elements";
  return std::nullopt;
}

std::string known_here(const std::set<std::string, std::less<>>& names) {
  std::string out;
  for (const auto& name : names) out += (out.empty() ? "known here: " : ", ") + name;
  return out;
}

}  // namespace

ObjectReader::ObjectReader(const JsonObject& object, std::string pointer)
    : object_(object), pointer_(std::move(pointer)) {}

ObjectReader::ObjectReader(const Json& value, std::string pointer)
    : object_(value.is_object() ? value.get_object() : empty_object_),
      pointer_(std::move(pointer)) {
  if (!value.is_object()) {
    error_ = Error{.code = Errc::invalid_input,
                   .message = "must be an object, and is " + std::string(kind_in_words(value)),
                   .where = pointer_,
                   .hint = {}};
  }
}

bool ObjectReader::has(std::string_view name) const { return object_.contains(name); }

const Json* ObjectReader::find(std::string_view name) {
  known_.emplace(name);
  return object_.if_contains(name);
}

const Json* ObjectReader::require(std::string_view name) {
  const Json* found = find(name);
  if (found == nullptr) refuse(name, is_missing(name));
  return found;
}

void ObjectReader::refuse(std::string_view name, std::string message, std::string hint) {
  if (error_) return;
  error_ = Error{.code = Errc::invalid_input,
                 .message = std::move(message),
                 .where = json_pointer(pointer_, name),
                 .hint = std::move(hint)};
}

void ObjectReader::wrong_type(std::string_view name, std::string_view wanted, const Json& found) {
  refuse(name, in_quotes(name) + " must be " + std::string(wanted) + ", and is " +
                   std::string(kind_in_words(found)));
}

void ObjectReader::ignore(std::string_view name) { known_.emplace(name); }

std::optional<std::string> ObjectReader::optional_string(std::string_view name, TextRule rule) {
  const Json* found = find(name);
  if (found == nullptr) return std::nullopt;
  if (!found->is_string()) {
    wrong_type(name, "a string", *found);
    return std::nullopt;
  }
  const auto text = text_of(found->get_string());
  if (const auto fault = length_fault(text, rule)) {
    refuse(name, in_quotes(name) + ' ' + *fault);
    return std::nullopt;
  }
  return std::string(text);
}

std::optional<std::int64_t> ObjectReader::optional_integer(std::string_view name,
                                                           IntegerRule rule) {
  const Json* found = find(name);
  if (found == nullptr) return std::nullopt;
  if (!found->is_int64()) {  // parse_json() makes every whole number an int64
    wrong_type(name, "a whole number", *found);
    return std::nullopt;
  }
  const std::int64_t value = found->get_int64();
  if (value < rule.min || value > rule.max) {
    refuse(name, in_quotes(name) + " must be from " + std::to_string(rule.min) + " to " +
                     std::to_string(rule.max));
    return std::nullopt;
  }
  return value;
}

std::optional<bool> ObjectReader::optional_boolean(std::string_view name) {
  const Json* found = find(name);
  if (found == nullptr) return std::nullopt;
  if (found->is_bool()) return found->get_bool();
  wrong_type(name, "true or false", *found);
  return std::nullopt;
}

std::optional<double> ObjectReader::optional_number(std::string_view name) {
  const Json* found = find(name);
  if (found == nullptr) return std::nullopt;
  if (found->is_int64()) return static_cast<double>(found->get_int64());
  if (found->is_double()) return found->get_double();
  wrong_type(name, "a number", *found);
  return std::nullopt;
}

std::optional<std::chrono::milliseconds> ObjectReader::optional_duration(std::string_view name,
                                                                         DurationRule rule) {
  const auto text = optional_string(name);
  if (!text) return std::nullopt;
  const auto span = parse_duration(*text);
  if (!span) {
    refuse(name, in_quotes(name) + ' ' + span.error().message, span.error().hint);
    return std::nullopt;
  }
  if (*span < rule.min || *span > rule.max) {
    refuse(name, in_quotes(name) + " must be from " + format_duration(rule.min) + " to " +
                     format_duration(rule.max));
    return std::nullopt;
  }
  return *span;
}

std::optional<std::string> ObjectReader::optional_choice(
    std::string_view name, std::initializer_list<std::string_view> choices) {
  auto text = optional_string(name);
  if (!text || std::ranges::find(choices, *text) != choices.end()) return text;
  refuse(name, in_quotes(name) + " must be one of " + list_of(choices) + ", and is " +
                   quoted_extract(*text));
  return std::nullopt;
}

std::optional<std::vector<std::string>> ObjectReader::optional_strings(std::string_view name,
                                                                       ListRule rule,
                                                                       TextRule each) {
  const JsonArray* array = optional_array(name, rule);
  if (array == nullptr) return std::nullopt;
  std::vector<std::string> out;
  out.reserve(array->size());
  for (std::size_t i = 0; i < array->size(); ++i) {
    const Json& element = (*array)[i];
    std::optional<std::string> fault;
    if (!element.is_string()) {
      fault = "must be a string, and is " + std::string(kind_in_words(element));
    } else {
      fault = length_fault(text_of(element.get_string()), each);
    }
    if (fault) {
      if (!error_) {
        error_ = Error{.code = Errc::invalid_input,
                       .message = "each element of " + in_quotes(name) + ' ' + *fault,
                       .where = json_pointer(this->pointer(name), i),
                       .hint = {}};
      }
      return std::nullopt;
    }
    out.emplace_back(text_of(element.get_string()));
  }
  return out;
}

const JsonObject* ObjectReader::optional_object(std::string_view name) {
  const Json* found = find(name);
  if (found == nullptr || found->is_object()) {
    return found == nullptr ? nullptr : &found->get_object();
  }
  wrong_type(name, "an object", *found);
  return nullptr;
}

const JsonArray* ObjectReader::optional_array(std::string_view name, ListRule rule) {
  const Json* found = find(name);
  if (found == nullptr) return nullptr;
  if (!found->is_array()) {
    wrong_type(name, "an array", *found);
    return nullptr;
  }
  if (const auto fault = count_fault(found->get_array().size(), rule)) {
    refuse(name, in_quotes(name) + ' ' + *fault);
    return nullptr;
  }
  return &found->get_array();
}

const Json* ObjectReader::optional_value(std::string_view name) { return find(name); }

std::string ObjectReader::string(std::string_view name, TextRule rule) {
  require(name);
  return optional_string(name, rule).value_or(std::string());
}
std::int64_t ObjectReader::integer(std::string_view name, IntegerRule rule) {
  require(name);
  return optional_integer(name, rule).value_or(0);
}
bool ObjectReader::boolean(std::string_view name) {
  require(name);
  return optional_boolean(name).value_or(false);
}
double ObjectReader::number(std::string_view name) {
  require(name);
  return optional_number(name).value_or(0);
}
std::chrono::milliseconds ObjectReader::duration(std::string_view name, DurationRule rule) {
  require(name);
  return optional_duration(name, rule).value_or(std::chrono::milliseconds(0));
}
std::string ObjectReader::choice(std::string_view name,
                                 std::initializer_list<std::string_view> choices) {
  require(name);
  return optional_choice(name, choices).value_or(std::string());
}
std::vector<std::string> ObjectReader::strings(std::string_view name, ListRule rule,
                                               TextRule each) {
  require(name);
  return optional_strings(name, rule, each).value_or(std::vector<std::string>());
}
const JsonObject& ObjectReader::object(std::string_view name) {
  require(name);
  const JsonObject* found = optional_object(name);
  return found != nullptr ? *found : empty_object_;
}
const JsonArray& ObjectReader::array(std::string_view name, ListRule rule) {
  require(name);
  const JsonArray* found = optional_array(name, rule);
  return found != nullptr ? *found : empty_array_;
}
const Json& ObjectReader::value(std::string_view name) {
  const Json* found = require(name);
  return found != nullptr ? *found : null_;
}

Expected<void> ObjectReader::finish() {
  if (error_) {
    // What is missing may be there under a slip of the pen, and then that is the place to look at.
    for (const auto& name : known_) {
      if (object_.contains(name) || error_->where != pointer(name) ||
          error_->message != is_missing(name))
        continue;
      for (const auto& member : object_) {
        const auto found = text_of(member);
        if (allow_unknown_ || known_.contains(found) || !is_slip_of(found, name) ||
            quoted_extract(found) != in_quotes(found))
          continue;
        return fail(Errc::invalid_input, "unknown key " + in_quotes(found), pointer(found),
                    in_quotes(name) + " is missing: is it meant?");
      }
    }
    return std::unexpected(*error_);
  }
  if (allow_unknown_) return {};
  for (const auto& member : object_) {
    const auto name = text_of(member);
    if (known_.contains(name)) continue;
    // The pointer is exact where that is safe to show, so that a document can be asked for it.
    const std::string extract = quoted_extract(name);
    const bool safe = extract == in_quotes(name);
    return fail(Errc::invalid_input, "unknown key " + extract,
                json_pointer(pointer_, safe ? name : extract), known_here(known_));
  }
  return {};
}

}  // namespace writ
