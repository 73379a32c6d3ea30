// SPDX-License-Identifier: Apache-2.0
#include "delegation/workflow.h"

#include <algorithm>

namespace writ::delegation {

const Step* Workflow::step(std::string_view step_name) const {
  const auto at = std::ranges::find_if(
      steps, [&](const Step& candidate) { return candidate.name == step_name; });
  return at == steps.end() ? nullptr : &*at;
}

}  // namespace writ::delegation
