// SPDX-License-Identifier: Apache-2.0
// Scope: what a run may use and what it may hand down (protocol.md P1).
//
// A ToolSet maps tool names to bounds on their arguments. It is closed: a tool that is not named is
// not in it, an empty set holds nothing, and there are no patterns, so inclusion is decidable and
// reads off the page. Plain values without I/O; every function is pure.
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

// A bound on one argument. What is set must hold: an integer within [min, max], or a value equal to
// one of `one_of`. A bound with nothing set does not parse. An argument that is bounded must be
// present in the call.
struct Bound {
  std::optional<std::int64_t> min;
  std::optional<std::int64_t> max;
  std::optional<std::vector<wire::Json>>
      one_of;  // scalars, sorted by canonical form, unique, not empty

  bool admits(const wire::Json& value) const;
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
  // empty bounds are invalid_input.
  static Expected<ToolSet> parse(const wire::Json& value, std::string_view where);
  wire::Json to_json() const;  // canonical: sorted by tool; round-trips through parse

  const std::map<std::string, Bounds, std::less<>>& tools() const { return tools_; }
  bool empty() const { return tools_.empty(); }
  bool names(std::string_view tool) const { return tools_.contains(tool); }

  // Whether a call of `tool` with these arguments lies within.
  bool allows(std::string_view tool, const wire::JsonObject& arguments) const;
  // Whether every call that `inner` allows is allowed here.
  bool contains(const ToolSet& inner) const;
  // Exactly the calls that both allow (a tool whose bounds exclude each other is left out).
  ToolSet intersect(const ToolSet& other) const;

  friend bool operator==(const ToolSet&, const ToolSet&) = default;

 private:
  std::map<std::string, Bounds, std::less<>> tools_;
};

// The two scopes are separate: to hand a tool down one need not be able to use it.
struct Scope {
  ToolSet use;
  ToolSet delegate;

  static Expected<Scope> parse(const wire::Json& value,
                               std::string_view where);  // {"use": […], "delegate": […]}
  wire::Json to_json() const;
  friend bool operator==(const Scope&, const Scope&) = default;
};

}  // namespace writ::delegation
