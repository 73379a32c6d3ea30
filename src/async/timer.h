// SPDX-License-Identifier: Apache-2.0
// TimerWheel and Deadline: coarse deadlines for connections, where arming, moving and disarming
// must cost next to nothing and a tick's delay does not matter.
//
// A deadline never fires early and at most one tick late. Moving it later, or disarming it, only
// writes a number; the wheel finds that out when it comes by. Of one loop's thread; not
// thread-safe.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>

#include <boost/intrusive/list.hpp>

#include "base/clock.h"

namespace writ {

class TimerWheel;

class Deadline : public boost::intrusive::list_base_hook<> {
 public:
  static constexpr SteadyPoint kNever = SteadyPoint::max();

  // `expired` runs on the loop; it may destroy this deadline and any other.
  Deadline(TimerWheel& wheel, std::function<void()> expired);
  ~Deadline();
  Deadline(const Deadline&) = delete;
  Deadline& operator=(const Deadline&) = delete;

  // Fires once, at or after `at`; arming again moves it. kNever disarms.
  void arm(SteadyPoint at);
  void disarm() { at_ = kNever; }
  SteadyPoint at() const { return at_; }

 private:
  friend TimerWheel;

  TimerWheel& wheel_;
  std::function<void()> expired_;
  SteadyPoint at_ = kNever;
  std::int64_t tick_ = 0;  // where it stands in the wheel, while linked
};

class TimerWheel {
 public:
  // `first` is called when the wheel ceases to be empty: then somebody has to call advance() about
  // once a tick until it is empty again.
  TimerWheel(SteadyPoint start, milliseconds tick, std::function<void()> first);

  // Fires what is due at `now`.
  void advance(SteadyPoint now);
  bool empty() const { return linked_ == 0; }
  milliseconds tick() const { return tick_; }

 private:
  friend Deadline;
  using Slot = boost::intrusive::list<Deadline, boost::intrusive::constant_time_size<false>>;
  static constexpr std::int64_t kSlots = 256;

  std::int64_t tick_of(SteadyPoint at) const;  // the first tick at or after `at`
  void link(Deadline& deadline, std::int64_t tick);
  void unlink(Deadline& deadline);

  SteadyPoint start_;
  milliseconds tick_;
  std::function<void()> first_;
  std::int64_t current_ = 0;  // the last tick that was handled
  std::size_t linked_ = 0;
  std::array<Slot, kSlots> slots_;
};

}  // namespace writ
