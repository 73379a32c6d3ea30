// SPDX-License-Identifier: Apache-2.0
// `writ demo`: the refund story on this machine alone: a server, a billing API, five people and
// three agents, real requests between them, and what came of each.
#pragma once

#include <span>
#include <string>

namespace writ::demo {

// The arguments after "demo". Returns an exit status: 0 only if all of the story held, 1 if not, 2
// for wrong usage, 130 when it was interrupted. From the main thread, before any other is started.
int run(std::span<const std::string> arguments);

}  // namespace writ::demo
