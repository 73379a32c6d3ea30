// SPDX-License-Identifier: Apache-2.0
#include "async/timer.h"

#include <algorithm>
#include <utility>

namespace writ {

Deadline::Deadline(TimerWheel& wheel, std::function<void()> expired)
    : wheel_(wheel), expired_(std::move(expired)) {}

Deadline::~Deadline() {
  if (is_linked()) wheel_.unlink(*this);
}

void Deadline::arm(SteadyPoint at) {
  at_ = at;
  if (at == kNever) return;
  const auto tick = std::max(wheel_.tick_of(at), wheel_.current_ + 1);
  // One that stands earlier in the wheel is moved when its slot comes by.
  if (is_linked()) {
    if (tick >= tick_) return;
    wheel_.unlink(*this);
  }
  wheel_.link(*this, tick);
}

TimerWheel::TimerWheel(SteadyPoint start, milliseconds tick, std::function<void()> first)
    : start_(start), tick_(tick), first_(std::move(first)) {}

std::int64_t TimerWheel::tick_of(SteadyPoint at) const {
  const auto since = at - start_;
  const auto tick = since / tick_;
  return since > tick * tick_ ? tick + 1 : tick;
}

void TimerWheel::link(Deadline& deadline, std::int64_t tick) {
  deadline.tick_ = tick;
  slots_[static_cast<std::size_t>(tick % kSlots)].push_back(deadline);
  if (linked_++ == 0 && first_) first_();
}

void TimerWheel::unlink(Deadline& deadline) {
  auto& slot = slots_[static_cast<std::size_t>(deadline.tick_ % kSlots)];
  // Also right while advance() holds it in a list of its own: the nodes of a list without a counted
  // size do not know which list they are in.
  slot.erase(Slot::s_iterator_to(deadline));
  --linked_;
}

void TimerWheel::advance(SteadyPoint now) {
  const auto target = (now - start_) / tick_;
  if (target <= current_) return;
  // After a long pause each slot is due once, not once a tick.
  auto from = std::max(current_ + 1, target - kSlots + 1);
  current_ = target;
  for (; from <= target; ++from) {
    Slot due;
    due.swap(slots_[static_cast<std::size_t>(from % kSlots)]);
    while (!due.empty()) {
      auto& deadline = due.front();
      due.pop_front();
      --linked_;
      if (deadline.at_ == Deadline::kNever) continue;
      if (deadline.at_ > now) {
        link(deadline, std::max(tick_of(deadline.at_), current_ + 1));
        continue;
      }
      deadline.at_ = Deadline::kNever;
      // A copy, because the callback may destroy its deadline.
      const auto expired = deadline.expired_;
      expired();
    }
  }
}

}  // namespace writ
