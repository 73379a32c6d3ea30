// SPDX-License-Identifier: Apache-2.0
// ExtensionFunction: the functions and methods of the extension types.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "base/error.h"
#include "cedar/value.h"

namespace writ::cedar {

enum class ExtensionFunction : std::uint8_t {
  decimal,
  less_than,
  less_than_or_equal,
  greater_than,
  greater_than_or_equal,
  ip,
  is_ipv4,
  is_ipv6,
  is_loopback,
  is_multicast,
  is_in_range,
  datetime,
  offset,
  duration_since,
  to_date,
  to_time,
  duration,
  to_milliseconds,
  to_seconds,
  to_minutes,
  to_hours,
  to_days,
};

// The name in the language ("isInRange").
std::string_view name(ExtensionFunction function);
// Whether it is called as x.f(...) rather than f(...).
bool is_method(ExtensionFunction function);
std::optional<ExtensionFunction> find_extension_function(std::string_view name);

// `arguments` has the receiver of a method first. Fails on the wrong number or kind of arguments
// and on a text that the type does not take.
Expected<Value> call(ExtensionFunction function, std::span<const Value* const> arguments);

}  // namespace writ::cedar
