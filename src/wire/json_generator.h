// SPDX-License-Identifier: Apache-2.0
// For tests: values as parse_json() makes them, for RapidCheck properties of this room and others.
#pragma once

#include <cmath>
#include <string>

#include <rapidcheck.h>

#include "wire/json.h"
#include "wire/utf8.h"

namespace writ::testing {

// Text of any characters, among them those that JSON, UTF-16 and people treat in odd ways.
inline std::string any_text() {
  const auto plain = *rc::gen::inRange(0, 4) != 0;
  std::string out;
  const int size = *rc::gen::inRange(0, 12);
  for (int i = 0; i < size; ++i) {
    const auto c = plain ? static_cast<char32_t>(*rc::gen::inRange(0, 0x80))
                         : static_cast<char32_t>(*rc::gen::oneOf(
                               rc::gen::inRange(0x80, 0xD800), rc::gen::inRange(0xE000, 0x10000),
                               rc::gen::inRange(0x10000, 0x110000), rc::gen::just(0x202E)));
    append_utf8(c, out);
  }
  return out;
}

inline Json any_json(int depth = 4) {
  switch (*rc::gen::inRange(0, depth == 0 ? 5 : 7)) {
    case 0:
      return nullptr;
    case 1:
      return *rc::gen::arbitrary<bool>();
    case 2:
      return *rc::gen::inRange<std::int64_t>(-kMaxJsonInteger, kMaxJsonInteger + 1);
    case 3: {
      const double value = *rc::gen::arbitrary<double>();
      const bool fits = std::isfinite(value) && std::abs(value) < 0x1p53;
      return fits && value != std::trunc(value) ? Json(value) : Json(0.1);
    }
    case 4:
      return Json(any_text());
    case 5: {
      JsonArray array;
      for (int i = *rc::gen::inRange(0, 4); i > 0; --i) array.push_back(any_json(depth - 1));
      return array;
    }
    default: {
      JsonObject object;
      for (int i = *rc::gen::inRange(0, 5); i > 0; --i) object[any_text()] = any_json(depth - 1);
      return object;
    }
  }
}

}  // namespace writ::testing
