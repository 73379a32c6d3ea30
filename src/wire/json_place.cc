// SPDX-License-Identifier: Apache-2.0
#include "wire/json_place.h"

#include "wire/json.h"

namespace writ {

std::string pointer_to(const JsonPlace& place) {
  if (place.above == nullptr) return {};
  const auto above = pointer_to(*place.above);
  if (place.is_index) return json_pointer(above, place.index);
  constexpr std::size_t kMost = 64;
  return json_pointer(
      above, place.name.size() <= kMost ? visible_text(place.name) : quoted_extract(place.name));
}

}  // namespace writ
