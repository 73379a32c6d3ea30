// SPDX-License-Identifier: Apache-2.0
// StepProbe: told just before each labelled step of a call: dial, claim, intent, first-byte,
// last-byte, outcome, reply. Fault tests end the process there; production has none.
#pragma once

#include <string_view>

namespace writ::broker {

// Thread-safe. reached() may not return.
class StepProbe {
 public:
  virtual ~StepProbe() = default;
  virtual void reached(std::string_view step) = 0;
};

// With a null probe nothing happens.
inline void before_step(StepProbe* probe, std::string_view step) {
  if (probe != nullptr) probe->reached(step);
}

}  // namespace writ::broker
