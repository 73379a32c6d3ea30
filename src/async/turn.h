// SPDX-License-Identifier: Apache-2.0
// Turns of a loop: from the moment in which it takes up a task to the one in which it lets it go. A
// turn does at most one budget's worth of steps, and few beside (protocol.md P48): whoever is about
// to spend a budget ends a turn in which another one was spent.
//
//   if (turn_is_heavy()) co_await end_turn();
//   MeteredBudget budget(kDecisionSteps);
#pragma once

#include <cstdint>

#include "async/task.h"

namespace writ {

// What may be spent before a further budget without ending the turn: some hundred microseconds.
inline constexpr std::uint64_t kLightTurn = 20'000;

// On a loop: whether more was spent there (base/metered_budget.h) since the last end_turn().
bool turn_is_heavy();
// On a loop: goes on after the tasks that are ready there.
Task<void> end_turn();

}  // namespace writ
