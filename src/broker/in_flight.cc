// SPDX-License-Identifier: Apache-2.0
#include "broker/in_flight.h"

#include <utility>

namespace writ::broker {

struct InFlight::State {
  struct Counts {
    std::size_t calls = 0;
    std::size_t held = 0;
  };

  explicit State(InFlightLimits all) : limits(all) {}

  const InFlightLimits limits;
  std::mutex mutex;
  std::unordered_map<RunId, Counts> runs;
  std::size_t held_bytes = 0;
};

InFlight::InFlight(InFlightLimits limits) : state_(std::make_shared<State>(limits)) {}

Expected<InFlight::Slot> InFlight::call(RunId run) {
  Slot slot;
  const std::lock_guard lock(state_->mutex);
  auto& counts = state_->runs[run];
  if (counts.calls >= state_->limits.calls_per_run) {
    return fail(Errc::rate_limited, "the run has too many calls under way", {},
                "wait until one of them has ended");
  }
  ++counts.calls;
  slot.state_ = state_;
  slot.run_ = run;
  return slot;
}

Expected<InFlight::Slot> InFlight::held(RunId run, std::size_t bytes) {
  Slot slot;
  const std::lock_guard lock(state_->mutex);
  auto& counts = state_->runs[run];
  if (counts.held >= state_->limits.held_per_run) {
    return fail(Errc::rate_limited, "the run has too many calls that wait for approval", {},
                "send this one without waiting, and again once it is approved");
  }
  if (bytes > state_->limits.held_bytes - state_->held_bytes) {
    return fail(Errc::rate_limited, "too much waits for approval on this server", {},
                "send this one without waiting, and again once it is approved");
  }
  ++counts.held;
  state_->held_bytes += bytes;
  slot.state_ = state_;
  slot.run_ = run;
  slot.bytes_ = bytes;
  slot.held_ = true;
  return slot;
}

InFlight::Slot& InFlight::Slot::operator=(Slot&& other) noexcept {
  if (this != &other) {
    release();
    state_ = std::move(other.state_);
    run_ = other.run_;
    bytes_ = other.bytes_;
    held_ = other.held_;
  }
  return *this;
}

void InFlight::Slot::release() {
  const auto state = std::exchange(state_, nullptr);
  if (state == nullptr) return;
  const std::lock_guard lock(state->mutex);
  const auto counts = state->runs.find(run_);
  if (held_) {
    --counts->second.held;
    state->held_bytes -= bytes_;
  } else {
    --counts->second.calls;
  }
  if (counts->second.calls == 0 && counts->second.held == 0) state->runs.erase(counts);
}

}  // namespace writ::broker
