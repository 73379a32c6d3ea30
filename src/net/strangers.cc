// SPDX-License-Identifier: Apache-2.0
#include "net/strangers.h"

#include <algorithm>
#include <list>
#include <map>
#include <mutex>
#include <utility>

#include <boost/asio/post.hpp>

namespace writ::net {
namespace {

using Address = boost::asio::ip::address;

// Whoever has an IPv6 address has its whole /64.
Address client_of(const Address& address) {
  if (!address.is_v6()) return address;
  auto bytes = address.to_v6().to_bytes();
  if (address.to_v6().is_v4_mapped()) return address;
  std::fill(bytes.begin() + 8, bytes.end(), std::uint8_t{0});
  return boost::asio::ip::address_v6(bytes);
}

}  // namespace

struct Strangers::Guest {
  Guest(const Address& its_address, bool its_many, Loop& its_loop,
        std::function<void()> its_send_away)
      : address(client_of(its_address)),
        many(its_many),
        loop(its_loop),
        send_away(std::move(its_send_away)) {}

  const Address address;
  const bool many;
  Loop& loop;
  std::function<void()> send_away;  // of the loop's thread; empty once the place has ended
  // Under the pool's mutex.
  bool counted = false;
  bool waiting = false;
  std::size_t bytes = 0;
  std::list<std::shared_ptr<Guest>>::iterator at;
};

class Strangers::State {
 public:
  explicit State(StrangerLimits limits) : limits_(limits) {}

  bool enter(const std::shared_ptr<Guest>& guest) {
    const std::lock_guard lock(mutex_);
    if (guest->counted) {
      order_.splice(order_.end(), order_, guest->at);
      return true;
    }
    while (!guest->many && of(guest->address).connections >= limits_.connections_per_address) {
      if (!make_room(&guest->address, false, nullptr)) return false;
    }
    while (order_.size() >= limits_.connections) {
      if (!make_room(nullptr, false, nullptr)) return false;
    }
    guest->at = order_.insert(order_.end(), guest);
    guest->counted = true;
    guest->waiting = false;
    guest->bytes = 0;
    ++addresses_[guest->address].connections;
    return true;
  }

  void leave(Guest& guest) {
    const std::lock_guard lock(mutex_);
    if (guest.counted) remove(guest);
  }

  void set_waiting(Guest& guest, bool waiting) {
    const std::lock_guard lock(mutex_);
    guest.waiting = waiting;
  }

  bool hold(Guest& guest, std::size_t bytes) {
    const std::lock_guard lock(mutex_);
    if (!guest.counted) return false;
    const auto more = bytes > guest.bytes ? bytes - guest.bytes : 0;
    if (more > 0 && !room_for(guest, bytes, more)) return false;
    auto& address = addresses_[guest.address];
    address.bytes = address.bytes - guest.bytes + bytes;
    bytes_ = bytes_ - guest.bytes + bytes;
    guest.bytes = bytes;
    return true;
  }

  std::size_t connections() const {
    const std::lock_guard lock(mutex_);
    return order_.size();
  }
  std::size_t bytes() const {
    const std::lock_guard lock(mutex_);
    return bytes_;
  }

 private:
  struct Count {
    std::size_t connections = 0;
    std::size_t bytes = 0;
  };

  Count of(const Address& address) const {
    const auto found = addresses_.find(address);
    return found == addresses_.end() ? Count() : found->second;
  }

  bool room_for(const Guest& guest, std::size_t bytes, std::size_t more) {
    if (bytes > limits_.bytes || (!guest.many && bytes > limits_.bytes_per_address)) return false;
    while (!guest.many && of(guest.address).bytes + more > limits_.bytes_per_address) {
      if (!make_room(&guest.address, true, &guest)) return false;
    }
    while (bytes_ + more > limits_.bytes) {
      if (!make_room(nullptr, true, &guest)) return false;
    }
    return true;
  }

  // Sends away whoever has waited longest: of this address where there is one, with bytes where
  // these are wanted.
  bool make_room(const Address* address, bool with_bytes, const Guest* but) {
    const auto found = std::ranges::find_if(order_, [&](const auto& each) {
      return each->waiting && each.get() != but &&
             (address == nullptr || each->address == *address) && (!with_bytes || each->bytes > 0);
    });
    if (found == order_.end()) return false;
    const auto guest = *found;
    remove(*guest);
    boost::asio::post(guest->loop.executor(), [guest] {
      if (guest->send_away) guest->send_away();
    });
    return true;
  }

  void remove(Guest& guest) {
    const auto address = addresses_.find(guest.address);
    address->second.bytes -= guest.bytes;
    if (--address->second.connections == 0) addresses_.erase(address);
    bytes_ -= std::exchange(guest.bytes, 0);
    guest.counted = false;
    order_.erase(guest.at);
  }

  const StrangerLimits limits_;
  mutable std::mutex mutex_;
  std::list<std::shared_ptr<Guest>> order_;  // by when they came in
  std::map<Address, Count> addresses_;
  std::size_t bytes_ = 0;
};

Strangers::Strangers(StrangerLimits limits) : state_(std::make_shared<State>(limits)) {}
std::size_t Strangers::connections() const { return state_->connections(); }
std::size_t Strangers::bytes() const { return state_->bytes(); }

Strangers::Place::Place(Strangers& pool, const Address& address, bool many, Loop& loop,
                        std::function<void()> send_away)
    : state_(pool.state_), guest_(std::make_shared<Guest>(address, many, loop, nullptr)) {
  // One that has left the pool in the meantime is known, and stays.
  guest_->send_away = [this, act = std::move(send_away)] {
    if (inside_) act();
  };
}

Strangers::Place::~Place() {
  leave();
  guest_->send_away = nullptr;
}

bool Strangers::Place::enter() {
  inside_ = state_->enter(guest_);
  return inside_;
}

void Strangers::Place::leave() {
  inside_ = false;
  state_->leave(*guest_);
}

void Strangers::Place::set_waiting(bool waiting) {
  if (inside_) state_->set_waiting(*guest_, waiting);
}

bool Strangers::Place::hold(std::size_t bytes) { return !inside_ || state_->hold(*guest_, bytes); }

}  // namespace writ::net
