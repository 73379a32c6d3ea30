// SPDX-License-Identifier: Apache-2.0
#include "broker/in_flight.h"

namespace writ::broker {

InFlight::InFlight(const SharedLimits& limits)
    : calls_(
          {.kind = "calls", .what = "calls under way", .hint = "wait until one of them has ended"},
          limits.calls),
      bytes_({.kind = "call_bytes",
              .what = "bytes of calls under way",
              .hint = "wait until one of the calls has ended"},
             limits.call_bytes),
      held_({.kind = "held",
             .what = "calls that wait for approval",
             .hint = "send this one without waiting, and again once it is approved",
             .after = seconds(10)},
            limits.held) {}

Expected<InFlight::Slot> InFlight::call(const Holder& holder, std::uint64_t bytes) {
  Slot out;
  WRIT_TRY(out.call, calls_.take(holder));
  WRIT_TRY(out.bytes, bytes_.take(holder, bytes));
  return out;
}

}  // namespace writ::broker
