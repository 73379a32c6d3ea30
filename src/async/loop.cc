// SPDX-License-Identifier: Apache-2.0
#include "async/loop.h"

#include <algorithm>
#include <csignal>

#include <pthread.h>

#include "base/metered_budget.h"

namespace writ {
namespace {

// Which loop's thread this is: a fact about the thread, set by the thread itself.
thread_local Loop* current_loop = nullptr;

// Signals are for the main thread. A blocked SIGPIPE is how a write to a closed socket becomes an
// error code where no flag can say so, as within OpenSSL.
void block_signals() {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : {SIGPIPE, SIGINT, SIGTERM, SIGHUP, SIGUSR1, SIGUSR2}) {
    sigaddset(&set, signal);
  }
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
}

}  // namespace

Loop::Loop(const Clock& clock, milliseconds tick, TurnWatch watch)
    : clock_(clock),
      watch_(std::move(watch)),
      wheel_(clock.steady_now(), tick, [this] { start_ticking(); }),
      context_(1),
      work_(context_.get_executor()),
      ticker_(context_.get_executor()) {}

Loop::~Loop() {
  stop();
  while (!parked_.empty()) {
    auto& parked = parked_.front();
    parked_.pop_front();
    // The task goes with its handler.
    const auto task = std::exchange(parked.resume, nullptr);
  }
}

void Loop::start(const std::string& name) {
  WRIT_CHECK(!thread_.joinable());
  thread_ = std::thread([this] { run(); });
  pthread_setname_np(thread_.native_handle(), name.substr(0, 15).c_str());
}

void Loop::run() {
  block_signals();
  current_loop = this;
  if (watch_) {
    for (auto before = steps_of_thread(); context_.run_one() > 0; before = steps_of_thread())
      watch_(steps_of_thread() - before);
  } else {
    context_.run();
  }
  current_loop = nullptr;
}

void Loop::stop() {
  if (!thread_.joinable()) return;
  WRIT_CHECK(!is_current());
  context_.stop();
  thread_.join();
}

Loop& Loop::current() {
  WRIT_CHECK(current_loop != nullptr);
  return *current_loop;
}

bool Loop::is_current() const { return current_loop == this; }

void Loop::start_ticking() {
  // The ticker follows real time; what it tells the wheel is the injected clock.
  ticker_.expires_after(wheel_.tick());
  ticker_.async_wait([this](const boost::system::error_code& error) {
    if (error) return;
    wheel_.advance(clock_.steady_now());
    if (!wheel_.empty()) start_ticking();
  });
}

LoopPool::LoopPool(const Clock& clock, std::size_t size, const TurnWatch& watch) {
  if (size == 0) size = std::max(1U, std::thread::hardware_concurrency());
  for (std::size_t i = 0; i < size; ++i)
    loops_.push_back(std::make_unique<Loop>(clock, milliseconds(100), watch));
}

void LoopPool::start() {
  for (std::size_t i = 0; i < loops_.size(); ++i) {
    loops_[i]->start("loop-" + std::to_string(i));
  }
}

void LoopPool::stop() {
  for (auto& loop : loops_) loop->stop();
}

}  // namespace writ
