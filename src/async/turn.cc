// SPDX-License-Identifier: Apache-2.0
#include "async/turn.h"

#include "async/loop.h"
#include "base/metered_budget.h"

namespace writ {
namespace {

// A fact about the thread, as the steps are.
std::uint64_t& last_end() {
  thread_local std::uint64_t steps = 0;
  return steps;
}

}  // namespace

bool turn_is_heavy() { return steps_of_thread() - last_end() > kLightTurn; }

Task<void> end_turn() {
  co_await asio::post(Loop::current().executor(), use_task);
  last_end() = steps_of_thread();
}

}  // namespace writ
