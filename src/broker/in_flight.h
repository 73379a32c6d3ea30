// SPDX-License-Identifier: Apache-2.0
// InFlight: the calls under way, the bytes of their requests, and those that are held for people to
// decide about (P17, P37): a confused agent uses up its own share and nobody else's.
#pragma once

#include "broker/shares.h"

namespace writ::broker {

// Thread-safe.
class InFlight {
 public:
  explicit InFlight(const SharedLimits& limits = {});

  // While it lives, its share is taken. Movable; may outlive the InFlight.
  struct Slot {
    Share::Slot call;
    Share::Slot bytes;
  };

  // Before a byte of the request's body is read: `bytes` is what it declares, else its limit.
  // Errors: those of Share::take().
  Expected<Slot> call(const Holder& holder, std::uint64_t bytes);
  // The same, of those that wait; its bytes are the call's.
  Expected<Share::Slot> held(const Holder& holder) { return held_.take(holder); }

 private:
  Share calls_;
  Share bytes_;
  Share held_;
};

}  // namespace writ::broker
