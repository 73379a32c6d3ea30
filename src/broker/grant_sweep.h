// SPDX-License-Identifier: Apache-2.0
// Erases records of kind `grant` whose time has passed: refresh tokens of runs that are over, and
// users' tokens that nobody would accept any more.
#pragma once

#include <cstddef>

#include "broker/live.h"

namespace writ::broker {

// How many were erased. Reads all records of the kind, so an hour or so lies between two calls.
// Errors: those of the store; what is left is for the next time.
Task<Expected<std::size_t>> erase_expired_grants(LiveWorkspace& workspace, const Clock& clock);

}  // namespace writ::broker
