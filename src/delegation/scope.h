// SPDX-License-Identifier: Apache-2.0
// Scope: what a run may use and what it may hand down (protocol.md P1).
//
// A ToolSet maps tool names to bounds on their arguments. It is closed: a tool that is not named is
// not in it, an empty set holds nothing, and there are no patterns, so inclusion is decidable and
// reads off the page. Plain values without I/O; every function is pure and thread-safe.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "wire/json.h"

namespace writ::delegation {

// Limits of what parses.
inline constexpr std::size_t kMaxTools = 256;    // in one set
inline constexpr std::size_t kMaxBounds = 32;    // on one tool
inline constexpr std::size_t kMaxChoices = 256;  // in one `one_of`

// A bound on one argument: what is set must hold, an integer within [min, max], a value equal to
// one of `one_of`. A bound with nothing set admits nothing, and does not parse. An argument that is
// bounded must be present in the call.
struct Bound {
  std::optional<std::int64_t> min;
  std::optional<std::int64_t> max;
  // Strings, integers and booleans, sorted by canonical form, unique, not empty.
  std::optional<std::vector<Json>> one_of;

  bool admits(const Json& value) const;
  bool satisfiable() const;  // whether it admits anything
  // Whether every value that `inner` admits is admitted here.
  bool contains(const Bound& inner) const;
  // Exactly the values that both admit; nothing where there are none.
  std::optional<Bound> intersect(const Bound& other) const;

  std::string to_text() const;  // for messages: "1 to 500000", "one of "EUR", "USD""
  friend bool operator==(const Bound&, const Bound&) = default;
};

// Bounds by argument name; the empty map admits every value of every argument that the tool's
// schema admits.
using Bounds = std::map<std::string, Bound, std::less<>>;

class ToolSet {
 public:
  ToolSet() = default;
  explicit ToolSet(std::map<std::string, Bounds, std::less<>> tools) : tools_(std::move(tools)) {}

  // [{"tool": "billing.refund.execute", "where": {"amount": {"max": 50000}, "currency": {"one_of":
  // ["EUR"]}}}, …] or a plain tool name in place of the object. Duplicate tools, unknown keys and
  // empty bounds are invalid_input with the JSON pointer, `where` being that of `value`.
  static Expected<ToolSet> parse(const Json& value, std::string_view where);
  Json to_json() const;  // canonical: sorted by tool; round-trips through parse

  const std::map<std::string, Bounds, std::less<>>& tools() const { return tools_; }
  bool empty() const { return tools_.empty(); }
  bool names(std::string_view tool) const { return tools_.contains(tool); }

  // Whether a call of `tool` with these arguments lies within.
  bool allows(std::string_view tool, const JsonObject& arguments) const;
  // Whether every call that `inner` allows is allowed here.
  bool contains(const ToolSet& inner) const { return !outside(inner).has_value(); }
  // Exactly the calls that both allow (a tool whose bounds exclude each other is left out).
  ToolSet intersect(const ToolSet& other) const;

  // For messages. Why allows() is false, as the end of a sentence ("does not name it", "admits
  // amount 1 to 500000"); and the first tool of `inner` that contains() fails on.
  std::string objection(std::string_view tool, const JsonObject& arguments) const;
  std::optional<std::string> outside(const ToolSet& inner) const;

  friend bool operator==(const ToolSet&, const ToolSet&) = default;

 private:
  std::map<std::string, Bounds, std::less<>> tools_;
};

// The two scopes are separate: to hand a tool down one need not be able to use it.
struct Scope {
  ToolSet use;
  ToolSet delegate;

  // {"use": […], "delegate": […]}; what is absent is the empty set, which holds nothing.
  static Expected<Scope> parse(const Json& value, std::string_view where);
  Json to_json() const;
  Scope intersect(const Scope& other) const;
  friend bool operator==(const Scope&, const Scope&) = default;
};

// "billing.refund.execute": two to six words of lower-case letters, digits, _ and -, joined by
// dots, each beginning with a letter; at most 128 bytes. No pattern or separator of another grammar
// can hide in one (failures.md 13).
bool is_tool_name(std::string_view text);

}  // namespace writ::delegation
