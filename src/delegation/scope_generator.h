// SPDX-License-Identifier: Apache-2.0
// For property tests: random tool sets over a universe so small that two of them often overlap, and
// calls that stand at and around every bound that can occur in them.
#pragma once

#include <limits>
#include <string>
#include <utility>
#include <vector>

#include <rapidcheck.h>

#include "delegation/scope.h"

namespace writ::delegation {

inline const std::vector<std::string>& universe_of_tools() {
  static const std::vector<std::string> tools{"billing.a", "billing.b", "crm.c"};
  return tools;
}

struct Call {
  std::string tool;
  JsonObject arguments;
};

// Every tool with every value of both arguments, or without them.
inline const std::vector<Call>& universe_of_calls() {
  static const std::vector<Call> calls = [] {
    std::vector<Json> values{nullptr, true, false, "EUR", "USD", "", 1.5, JsonArray{1}};
    for (int i = -5; i <= 6; ++i) values.emplace_back(std::int64_t{i});
    values.emplace_back(std::numeric_limits<std::int64_t>::min());
    values.emplace_back(std::numeric_limits<std::int64_t>::max());
    std::vector<Call> all;
    for (const auto& tool : universe_of_tools()) {
      all.push_back({tool, {}});
      for (const auto& x : values) {
        all.push_back({tool, {{"x", x}}});
        all.push_back({tool, {{"y", x}}});
        for (const auto& y : values) all.push_back({tool, {{"x", x}, {"y", y}}});
      }
    }
    return all;
  }();
  return calls;
}

// One of 0 to n-1, evenly whatever RapidCheck's size: small cases are to be no less varied here.
inline int pick(int n) { return *rc::gen::resize(rc::kNominalSize, rc::gen::inRange(0, n)); }

// The document of a bound that parses.
inline rc::Gen<Json> bound_generator() {
  return rc::gen::exec([]() -> Json {
    const int low = pick(9) - 4;
    const int high = low + pick(6 - low);
    switch (pick(4)) {
      case 0:
        return {{"min", low}};
      case 1:
        return {{"max", high}};
      case 2:
        return {{"min", low}, {"max", high}};
      default: {
        const std::vector<Json> choices{true, "EUR", "USD", 1, 2, 3, -1};
        JsonArray picked;
        for (const auto& choice : choices) {
          if (pick(2) == 0) picked.push_back(choice);
        }
        if (picked.empty()) picked.push_back("EUR");
        JsonObject bound;
        bound["one_of"] = std::move(picked);
        return bound;
      }
    }
  });
}

inline rc::Gen<Json> tool_set_document_generator() {
  return rc::gen::exec([]() -> Json {
    JsonArray items;
    for (const auto& tool : universe_of_tools()) {
      if (pick(4) == 0) continue;
      JsonObject bounds;
      for (const char* argument : {"x", "y"}) {
        if (pick(2) == 0) bounds[argument] = *bound_generator();
      }
      if (bounds.empty()) {
        items.emplace_back(tool);
      } else {
        JsonObject item;
        item["tool"] = tool;
        item["where"] = std::move(bounds);
        items.emplace_back(std::move(item));
      }
    }
    return items;
  });
}

inline rc::Gen<ToolSet> tool_set_generator() {
  return rc::gen::map(tool_set_document_generator(),
                      [](const Json& document) { return ToolSet::parse(document, "").value(); });
}

inline rc::Gen<Scope> scope_generator() {
  return rc::gen::exec(
      [] { return Scope{.use = *tool_set_generator(), .delegate = *tool_set_generator()}; });
}

// As scope_generator(), and often with everything in it.
inline rc::Gen<Scope> wide_scope_generator() {
  return rc::gen::exec([]() -> Scope {
    std::map<std::string, Bounds, std::less<>> all;
    for (const auto& tool : universe_of_tools()) all.emplace(tool, Bounds());
    return {.use = pick(2) == 0 ? ToolSet(all) : *tool_set_generator(),
            .delegate = pick(2) == 0 ? ToolSet(all) : *tool_set_generator()};
  });
}

inline void showValue(const ToolSet& set, std::ostream& out) { out << write_json(set.to_json()); }
inline void showValue(const Scope& scope, std::ostream& out) { out << write_json(scope.to_json()); }

}  // namespace writ::delegation
