// SPDX-License-Identifier: Apache-2.0
// HeldRandom: for tests, a source of bytes at which one thread can be held up, to look at what
// others do meanwhile.
//
//   random.hold();          // the next one who draws stays there
//   …                       // something draws, on a thread of its own
//   random.wait_for_one();  // it is there
//   random.go_on();
#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>

#include "base/random.h"

namespace writ {

// Thread-safe. `from` outlives it. Nobody is held when it goes.
class HeldRandom final : public Random {
 public:
  explicit HeldRandom(Random& from) : from_(from) {}

  void fill(std::span<std::uint8_t> out) override {
    {
      std::unique_lock lock(mutex_);
      if (state_ == State::armed && (!whom_ || whom_())) {
        state_ = State::held;
        changed_.notify_all();
        changed_.wait(lock, [this] { return state_ == State::open; });
      }
    }
    from_.fill(out);
  }

  // `whom` says on the drawing thread whether it is one to hold; without it, anyone.
  void hold(std::function<bool()> whom = {}) {
    const std::lock_guard lock(mutex_);
    whom_ = std::move(whom);
    state_ = State::armed;
  }
  void wait_for_one() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return state_ == State::held; });
  }
  void go_on() {
    const std::lock_guard lock(mutex_);
    state_ = State::open;
    changed_.notify_all();
  }

 private:
  enum class State : std::uint8_t { open, armed, held };

  Random& from_;
  std::mutex mutex_;
  std::condition_variable changed_;
  State state_ = State::open;
  std::function<bool()> whom_;
};

}  // namespace writ
