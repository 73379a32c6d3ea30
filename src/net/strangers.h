// SPDX-License-Identifier: Apache-2.0
// Strangers: connections that have not proved who they are, and the bytes that the server keeps for
// them: heads on their way, bodies of requests that carry their proof inside (P37). A connection is
// a stranger from its acceptance until its request is authenticated, and again once that has been
// answered.
//
// The pool is bounded, for all and for each address. Where it is full, the stranger that has waited
// longest makes room, of the same address where that one has its part: so a flood uses up its own
// places, and whoever sends a whole request without delay is served.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>

#include <boost/asio/ip/address.hpp>

#include "async/loop.h"

namespace writ::net {

struct StrangerLimits {
  std::size_t connections = 2048;
  std::size_t connections_per_address = 512;
  std::size_t bytes = std::size_t{16} << 20;
  std::size_t bytes_per_address = std::size_t{4} << 20;
};

// Thread-safe; each place is of its loop's thread.
class Strangers {
 public:
  explicit Strangers(StrangerLimits limits);

  // One connection's. An IPv6 address stands for its /64. `many` says that it stands for many
  // clients, as a proxy's does: then the bounds of an address do not hold for it.
  class Place;

  // How many are in the pool, and what they hold.
  std::size_t connections() const;
  std::size_t bytes() const;

 private:
  class State;
  struct Guest;
  std::shared_ptr<State> state_;
};

// The pool may end before it.
class Strangers::Place {
 public:
  // `send_away` runs on `loop` when this place is to make room, unless it has left the pool by
  // then.
  Place(Strangers& pool, const boost::asio::ip::address& address, bool many, Loop& loop,
        std::function<void()> send_away);
  Place(const Place&) = delete;
  Place& operator=(const Place&) = delete;
  ~Place();

  // From now on it is a stranger, and the one that came last. False where there is no room: nobody
  // in the pool waits for its peer.
  bool enter();
  // It is known: neither it nor its bytes count any more.
  void leave();
  bool inside() const { return inside_; }
  // Whether it waits for its peer, and may be sent away. At first it may not.
  void set_waiting(bool waiting);
  // What is kept for it, in all. False where there is no room for more, or it was sent away; then
  // nothing has changed. True for one that has left.
  bool hold(std::size_t bytes);

 private:
  const std::shared_ptr<State> state_;
  const std::shared_ptr<Guest> guest_;
  bool inside_ = false;
};

}  // namespace writ::net
