// SPDX-License-Identifier: Apache-2.0
// Death: for fault tests, a StepProbe that kills this process at a step of a call (failures.md:
// kill -9 at each labelled step). Only builds with assertions have it; in a release there is none,
// whatever the environment says.
#pragma once

#include <memory>

#include "base/error.h"
#include "broker/steps.h"

namespace writ::app {

#ifndef NDEBUG
// From WRIT_DIE_AT: "STEP", or "STEP:N" for the Nth time it is reached. Null where that is not set;
// invalid_input for what is no step.
Expected<std::unique_ptr<broker::StepProbe>> death_from_environment();
#endif

}  // namespace writ::app
