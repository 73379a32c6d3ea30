// SPDX-License-Identifier: Apache-2.0
#include "delegation/scope.h"

#include <algorithm>
#include <limits>
#include <set>

namespace writ::delegation {
namespace {

constexpr std::size_t kMaxChoiceBytes = 256;

std::optional<std::int64_t> as_integer(const Json& value) {
  if (const auto* whole = value.if_int64()) return *whole;
  if (const auto* whole = value.if_uint64()) {
    if (*whole <= static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) {
      return static_cast<std::int64_t>(*whole);
    }
  }
  return std::nullopt;
}

std::int64_t low(const Bound& bound) {
  return bound.min.value_or(std::numeric_limits<std::int64_t>::min());
}
std::int64_t high(const Bound& bound) {
  return bound.max.value_or(std::numeric_limits<std::int64_t>::max());
}
bool has_range(const Bound& bound) { return bound.min || bound.max; }

// Of a scalar this is its RFC 8785 form.
std::string canonical(const Json& scalar) { return write_json(scalar); }

bool all_satisfiable(const Bounds& bounds) {
  return std::ranges::all_of(bounds, [](const auto& entry) { return entry.second.satisfiable(); });
}

// Nothing where no call fits both.
std::optional<Bounds> intersect_bounds(const Bounds& a, const Bounds& b) {
  Bounds both = a;
  for (const auto& [argument, bound] : b) {
    const auto [at, added] = both.try_emplace(argument, bound);
    if (added) continue;
    auto narrowed = at->second.intersect(bound);
    if (!narrowed) return std::nullopt;
    at->second = std::move(*narrowed);
  }
  if (!all_satisfiable(both)) return std::nullopt;
  return both;
}

// Both sides' bounds are satisfiable, and arguments are independent of one another, so inclusion
// holds exactly if it holds argument by argument.
bool bounds_contain(const Bounds& outer, const Bounds& inner) {
  return std::ranges::all_of(outer, [&](const auto& entry) {
    const auto at = inner.find(entry.first);
    return at != inner.end() && entry.second.contains(at->second);
  });
}

Expected<std::vector<Json>> parse_choices(const JsonArray& choices, const std::string& where) {
  std::map<std::string, Json> sorted;
  for (std::size_t i = 0; i < choices.size(); ++i) {
    const Json& choice = choices[i];
    const std::string at = json_pointer(where, i);
    if (!choice.is_string() && !choice.is_bool() && !as_integer(choice)) {
      return fail(Errc::invalid_input,
                  "a choice is a string, a whole number or a boolean, not " +
                      std::string(kind_in_words(choice)),
                  at);
    }
    if (choice.is_string() && choice.get_string().size() > kMaxChoiceBytes) {
      return fail(Errc::too_large, "a choice has at most 256 bytes", at);
    }
    if (!sorted.emplace(canonical(choice), choice).second) {
      return fail(Errc::invalid_input, "the same choice stands there twice", at);
    }
  }
  std::vector<Json> result;
  result.reserve(sorted.size());
  for (auto& entry : sorted) result.push_back(std::move(entry.second));
  return result;
}

Expected<Bound> parse_bound(const Json& value, const std::string& where) {
  ObjectReader reader(value, where);
  Bound bound;
  bound.min = reader.optional_integer("min");
  bound.max = reader.optional_integer("max");
  const JsonArray* choices = reader.optional_array("one_of", {.min = 1, .max = kMaxChoices});
  WRIT_TRY_VOID(reader.finish());
  if (choices != nullptr) {
    if (has_range(bound)) {
      return fail(Errc::invalid_input, "a bound has either min and max or one_of", where);
    }
    WRIT_TRY(bound.one_of, parse_choices(*choices, json_pointer(where, "one_of")));
  } else if (!has_range(bound)) {
    return fail(Errc::invalid_input, "a bound that bounds nothing", where,
                "give min, max or one_of, or leave the argument out");
  }
  if (!bound.satisfiable()) {
    return fail(Errc::invalid_input, "min is above max, so nothing fits", where);
  }
  return bound;
}

Expected<Bounds> parse_bounds(const Json& value, const std::string& where) {
  const auto* object = value.if_object();
  if (object == nullptr) {
    return fail(Errc::invalid_input,
                "bounds are an object by argument, not " + std::string(kind_in_words(value)),
                where);
  }
  if (object->empty()) {
    return fail(Errc::invalid_input, "bounds without an argument", where,
                "name the tool alone if nothing is bounded");
  }
  if (object->size() > kMaxBounds) {
    return fail(Errc::too_large, "a tool has at most 32 bounded arguments", where);
  }
  Bounds bounds;
  for (const auto& member : *object) {
    const auto argument = text_of(member);
    if (argument.empty() || argument.size() > 128) {
      return fail(Errc::invalid_input, "an argument's name has 1 to 128 bytes", where);
    }
    WRIT_TRY(auto bound, parse_bound(member.value(), json_pointer(where, argument)));
    bounds.emplace(argument, std::move(bound));
  }
  return bounds;
}

Json bound_to_json(const Bound& bound) {
  JsonObject object;
  if (bound.min) object["min"] = *bound.min;
  if (bound.max) object["max"] = *bound.max;
  if (bound.one_of) object["one_of"] = JsonArray(bound.one_of->begin(), bound.one_of->end());
  return object;
}

}  // namespace

bool Bound::admits(const Json& value) const {
  if (!has_range(*this) && !one_of) return false;
  if (has_range(*this)) {
    const auto whole = as_integer(value);
    if (!whole || *whole < low(*this) || *whole > high(*this)) return false;
  }
  return !one_of || std::ranges::find(*one_of, value) != one_of->end();
}

bool Bound::satisfiable() const {
  if (one_of) return std::ranges::any_of(*one_of, [&](const Json& v) { return admits(v); });
  return has_range(*this) && low(*this) <= high(*this);
}

bool Bound::contains(const Bound& inner) const {
  if (inner.one_of) {
    return std::ranges::all_of(*inner.one_of,
                               [&](const Json& v) { return !inner.admits(v) || admits(v); });
  }
  if (!inner.satisfiable()) return true;
  if (!one_of) return has_range(*this) && low(*this) <= low(inner) && high(inner) <= high(*this);
  // Finitely many choices cover a range only if it is no longer than they are many.
  const auto span =
      static_cast<std::uint64_t>(high(inner)) - static_cast<std::uint64_t>(low(inner));
  if (span >= one_of->size()) return false;
  for (std::uint64_t i = 0; i <= span; ++i) {
    if (!admits(Json(low(inner) + static_cast<std::int64_t>(i)))) return false;
  }
  return true;
}

std::optional<Bound> Bound::intersect(const Bound& other) const {
  Bound both;
  if (one_of || other.one_of) {
    both.one_of.emplace();
    for (const auto& choice : one_of ? *one_of : *other.one_of) {
      if (admits(choice) && other.admits(choice)) both.one_of->push_back(choice);
    }
  } else if (has_range(*this) && has_range(other)) {
    if (min || other.min) both.min = std::max(low(*this), low(other));
    if (max || other.max) both.max = std::min(high(*this), high(other));
  }
  if (!both.satisfiable()) return std::nullopt;
  return both;
}

std::string Bound::to_text() const {
  std::string text;
  if (min && max) {
    text = std::to_string(*min) + " to " + std::to_string(*max);
  } else if (min) {
    text = "from " + std::to_string(*min);
  } else if (max) {
    text = "up to " + std::to_string(*max);
  }
  if (one_of) {
    text += text.empty() ? "one of " : ", one of ";
    constexpr std::size_t kShown = 8;
    for (std::size_t i = 0; i < one_of->size() && i < kShown; ++i) {
      if (i != 0) text += ", ";
      text += (*one_of)[i].is_string() ? quoted_extract(text_of((*one_of)[i].get_string()))
                                       : canonical((*one_of)[i]);
    }
    if (one_of->size() > kShown) text += " and others";
  }
  return text.empty() ? "nothing" : text;
}

Expected<ToolSet> ToolSet::parse(const Json& value, std::string_view where) {
  const auto* items = value.if_array();
  if (items == nullptr) {
    return fail(Errc::invalid_input, "tools are an array, not " + std::string(kind_in_words(value)),
                std::string(where));
  }
  if (items->size() > kMaxTools) {
    return fail(Errc::too_large, "a scope names at most 256 tools", std::string(where));
  }
  ToolSet set;
  for (std::size_t i = 0; i < items->size(); ++i) {
    const Json& item = (*items)[i];
    const std::string at = json_pointer(where, i);
    std::string tool;
    Bounds bounds;
    if (const auto* text = item.if_string()) {
      tool = text_of(*text);
    } else {
      ObjectReader reader(item, at);
      tool = reader.string("tool", {.max = 128});
      const Json* limits = reader.optional_value("where");
      WRIT_TRY_VOID(reader.finish());
      if (limits != nullptr) {
        WRIT_TRY(bounds, parse_bounds(*limits, json_pointer(at, "where")));
      }
    }
    if (!is_tool_name(tool)) {
      return fail(Errc::invalid_input, quoted_extract(tool) + " is not a tool's name", at,
                  "a tool is named server.operation, in full and without patterns");
    }
    if (!set.tools_.try_emplace(std::move(tool), std::move(bounds)).second) {
      return fail(Errc::invalid_input, "the same tool stands there twice", at);
    }
  }
  return set;
}

Json ToolSet::to_json() const {
  JsonArray items;
  for (const auto& [tool, bounds] : tools_) {
    if (bounds.empty()) {
      items.emplace_back(tool);
      continue;
    }
    JsonObject limits;
    for (const auto& [argument, bound] : bounds) limits[argument] = bound_to_json(bound);
    JsonObject item;
    item["tool"] = tool;
    item["where"] = std::move(limits);
    items.emplace_back(std::move(item));
  }
  return items;
}

bool ToolSet::allows(std::string_view tool, const JsonObject& arguments) const {
  const auto at = tools_.find(tool);
  if (at == tools_.end()) return false;
  return std::ranges::all_of(at->second, [&](const auto& entry) {
    const Json* value = arguments.if_contains(entry.first);
    return value != nullptr && entry.second.admits(*value);
  });
}

ToolSet ToolSet::intersect(const ToolSet& other) const {
  ToolSet both;
  for (const auto& [tool, bounds] : tools_) {
    const auto at = other.tools_.find(tool);
    if (at == other.tools_.end()) continue;
    if (auto narrowed = intersect_bounds(bounds, at->second)) {
      both.tools_.emplace(tool, std::move(*narrowed));
    }
  }
  return both;
}

std::string ToolSet::objection(std::string_view tool, const JsonObject& arguments) const {
  const auto at = tools_.find(tool);
  if (at == tools_.end()) return "does not name it";
  for (const auto& [argument, bound] : at->second) {
    const Json* value = arguments.if_contains(argument);
    const std::string admitted = quoted_extract(argument) + " " + bound.to_text();
    if (value == nullptr) return "admits only " + admitted + ", and the call leaves it out";
    if (!bound.admits(*value)) return "admits only " + admitted;
  }
  return "allows it";
}

std::optional<std::string> ToolSet::outside(const ToolSet& inner) const {
  for (const auto& [tool, bounds] : inner.tools_) {
    if (!all_satisfiable(bounds)) continue;  // allows nothing
    const auto at = tools_.find(tool);
    if (at == tools_.end() || !bounds_contain(at->second, bounds)) return tool;
  }
  return std::nullopt;
}

Expected<Scope> Scope::parse(const Json& value, std::string_view where) {
  ObjectReader reader(value, std::string(where));
  const Json* use = reader.optional_value("use");
  const Json* delegate = reader.optional_value("delegate");
  WRIT_TRY_VOID(reader.finish());
  Scope scope;
  if (use != nullptr) {
    WRIT_TRY(scope.use, ToolSet::parse(*use, json_pointer(where, "use")));
  }
  if (delegate != nullptr) {
    WRIT_TRY(scope.delegate, ToolSet::parse(*delegate, json_pointer(where, "delegate")));
  }
  return scope;
}

Json Scope::to_json() const {
  JsonObject object;
  object["use"] = use.to_json();
  object["delegate"] = delegate.to_json();
  return object;
}

Scope Scope::intersect(const Scope& other) const {
  return {.use = use.intersect(other.use), .delegate = delegate.intersect(other.delegate)};
}

bool is_tool_name(std::string_view text) {
  if (text.empty() || text.size() > 128) return false;
  int words = 0;
  while (true) {
    const auto dot = text.find('.');
    const auto word = text.substr(0, dot);
    const auto is_letter = [](char c) { return c >= 'a' && c <= 'z'; };
    if (word.empty() || !is_letter(word.front())) return false;
    if (!std::ranges::all_of(word, [&](char c) {
          return is_letter(c) || (c >= '0' && c <= '9') || c == '_' || c == '-';
        })) {
      return false;
    }
    ++words;
    if (dot == std::string_view::npos) break;
    text.remove_prefix(dot + 1);
  }
  return words >= 2 && words <= 6;
}

}  // namespace writ::delegation
