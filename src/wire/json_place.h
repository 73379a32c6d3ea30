// SPDX-License-Identifier: Apache-2.0
// JsonPlace: where in a JSON value a walk stands, a step and what is above it. It costs nothing to
// make and becomes text for an error alone: a pointer built for each value would repeat long names
// as often as there are values under them. Thread-safe; what is above and `name` outlive it.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace writ {

struct JsonPlace {
  const JsonPlace* above = nullptr;  // null for the whole value
  std::string_view name;
  std::size_t index = 0;
  bool is_index = false;
};

// The JSON pointer, its names visible and cut to about 60 characters: for messages.
std::string pointer_to(const JsonPlace& place);

}  // namespace writ
