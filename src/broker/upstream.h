// SPDX-License-Identifier: Apache-2.0
// Step 4 of a call as the broker sees it: a connection that is dialled, its address validated and
// its TLS verified, and on which no application byte has been sent. gateway/ implements Dialer over
// net/.
#pragma once

#include <memory>

#include "action/call.h"
#include "async/task.h"
#include "broker/in_flight.h"

namespace writ::broker {

// What a Dialer gives; only it knows what is inside.
class Upstream {
 public:
  virtual ~Upstream() = default;
};

class Dialer {
 public:
  virtual ~Dialer() = default;
  // unavailable where nothing answers; denied where the address may not be dialled (P19).
  virtual Task<Expected<std::unique_ptr<Upstream>>> dial(
      const action::AuthorizedAction& action) = 0;
};

// An authorized action together with the connection made for it. Made by Calls alone.
class ReadyUpstream {
 public:
  const action::AuthorizedAction& authorized() const { return authorized_; }

 private:
  friend class Calls;
  ReadyUpstream(action::AuthorizedAction authorized, std::unique_ptr<Upstream> upstream)
      : authorized_(std::move(authorized)), upstream_(std::move(upstream)) {}

  action::AuthorizedAction authorized_;
  std::unique_ptr<Upstream> upstream_;
};

// A recorded action and the connection to send it on. While it lives the call counts against its
// run's share (P17).
struct Sendable {
  action::RecordedAction action;
  std::unique_ptr<Upstream> upstream;
  InFlight::Slot slot;
};

}  // namespace writ::broker
