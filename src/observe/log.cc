// SPDX-License-Identifier: Apache-2.0
#include "observe/log.h"

#include <fmt/format.h>

namespace writ::observe {

std::string_view name(Level level) {
  switch (level) {
    case Level::debug:
      return "debug";
    case Level::info:
      return "info";
    case Level::warning:
      return "warning";
    case Level::error:
      return "error";
  }
  return "error";
}

std::string Value::to_string() const {
  return std::visit([](const auto& value) { return fmt::format("{}", value); }, held_);
}

}  // namespace writ::observe
