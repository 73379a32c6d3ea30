// SPDX-License-Identifier: Apache-2.0
// InFlight: how many calls each run has under way, and how much is held for people to decide about
// (P17): a confused agent must use up its own share and nobody else's.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <unordered_map>

#include "base/error.h"
#include "base/id.h"

namespace writ::broker {

struct InFlightLimits {
  std::size_t calls_per_run = 64;
  std::size_t held_per_run = 16;
  std::size_t held_bytes = std::size_t{64} << 20;  // of all runs together
};

// Thread-safe.
class InFlight {
 public:
  explicit InFlight(InFlightLimits limits = {});

  // While it lives, its share is taken. Movable; may outlive the InFlight.
  class Slot;

  // rate_limited where the run has too many already.
  Expected<Slot> call(RunId run);
  // The same, and where too many bytes are held already.
  Expected<Slot> held(RunId run, std::size_t bytes);

 private:
  struct State;
  std::shared_ptr<State> state_;
};

class InFlight::Slot {
 public:
  Slot() = default;
  Slot(Slot&& other) noexcept = default;
  Slot& operator=(Slot&& other) noexcept;
  ~Slot() { release(); }

 private:
  friend class InFlight;
  void release();

  std::shared_ptr<State> state_;
  RunId run_;
  std::size_t bytes_ = 0;
  bool held_ = false;
};

}  // namespace writ::broker
