// SPDX-License-Identifier: Apache-2.0
#include "async/cancel.h"

#include <algorithm>
#include <atomic>
#include <mutex>
#include <utility>
#include <vector>

#include <boost/intrusive/list.hpp>

namespace writ {
namespace cancel_detail {

// Shared by all callbacks of one cancellation; what waits for them runs when the last lets go.
class Acknowledgement {
 public:
  Acknowledgement() = default;
  Acknowledgement(const Acknowledgement&) = delete;
  Acknowledgement& operator=(const Acknowledgement&) = delete;
  ~Acknowledgement() {
    for (auto& function : waiting_) function();
  }

  void then(std::move_only_function<void()> function) {
    if (!function) return;
    const std::lock_guard lock(mutex_);
    waiting_.push_back(std::move(function));
  }

 private:
  std::mutex mutex_;
  std::vector<std::move_only_function<void()>> waiting_;
};

struct Entry
    : boost::intrusive::list_base_hook<boost::intrusive::link_mode<boost::intrusive::auto_unlink>> {
  std::shared_ptr<State> state;
  Loop* loop = nullptr;
  std::function<void()> callback;  // of the loop's thread; empty once it may not run any more
  std::shared_ptr<Entry> self;     // while linked; guarded by the state's mutex
};

class State {
 public:
  ~State() {
    // A registration shares its state, so none is left here.
    WRIT_CHECK(entries_.empty());
  }

  bool cancelled() const { return cancelled_.load(std::memory_order_acquire); }

  void add(const std::shared_ptr<Entry>& entry) {
    const std::lock_guard lock(mutex_);
    if (cancelled()) {
      deliver(entry, nullptr);
      return;
    }
    entry->self = entry;
    entries_.push_back(*entry);
  }

  void remove(Entry& entry) {
    const std::lock_guard lock(mutex_);
    entry.unlink();
    entry.self.reset();
  }

  void follow(const std::shared_ptr<State>& follower) {
    const std::lock_guard lock(mutex_);
    if (cancelled()) {
      follower->cancel(pending_.lock());
      return;
    }
    std::erase_if(followers_, [](const auto& weak) { return weak.expired(); });
    followers_.push_back(follower);
  }

  void cancel(std::shared_ptr<Acknowledgement> acknowledgement) {
    const std::lock_guard lock(mutex_);
    if (!cancelled()) {
      if (!acknowledgement) acknowledgement = std::make_shared<Acknowledgement>();
      pending_ = acknowledgement;
      cancelled_.store(true, std::memory_order_release);
    }
    // Under the lock: a registration ends under it too, so its loop is still there.
    while (!entries_.empty()) {
      auto& entry = entries_.front();
      entries_.pop_front();
      deliver(std::exchange(entry.self, nullptr), acknowledgement);
    }
    for (const auto& weak : followers_) {
      if (const auto follower = weak.lock()) follower->cancel(acknowledgement);
    }
    followers_.clear();
  }

  // The cancellation that is under way, if its callbacks have not all run.
  std::shared_ptr<Acknowledgement> pending() {
    const std::lock_guard lock(mutex_);
    return pending_.lock();
  }

 private:
  static void deliver(std::shared_ptr<Entry> entry,
                      std::shared_ptr<Acknowledgement> acknowledgement) {
    auto& loop = *entry->loop;
    loop.post([entry = std::move(entry), acknowledgement = std::move(acknowledgement)] {
      if (const auto callback = std::exchange(entry->callback, nullptr)) callback();
    });
  }

  std::mutex mutex_;
  std::atomic<bool> cancelled_ = false;
  boost::intrusive::list<Entry, boost::intrusive::constant_time_size<false>> entries_;
  std::vector<std::weak_ptr<State>> followers_;
  std::weak_ptr<Acknowledgement> pending_;
};

}  // namespace cancel_detail

using cancel_detail::Acknowledgement;
using cancel_detail::Entry;
using cancel_detail::State;

bool CancelToken::cancelled() const { return state_ && state_->cancelled(); }

CancelSource::CancelSource() : state_(std::make_shared<State>()) {}

bool CancelSource::cancelled() const { return state_->cancelled(); }

void CancelSource::cancel(std::move_only_function<void()> acknowledged) {
  if (auto pending = state_->pending()) {
    pending->then(std::move(acknowledged));
    return;
  }
  const auto acknowledgement = std::make_shared<Acknowledgement>();
  acknowledgement->then(std::move(acknowledged));
  state_->cancel(acknowledgement);
}

void CancelSource::follow(const CancelToken& token) {
  if (token.state_) token.state_->follow(state_);
}

CancelRegistration::CancelRegistration(const CancelToken& token, Loop& loop,
                                       std::function<void()> callback) {
  if (!token.state_) return;
  entry_ = std::make_shared<Entry>();
  entry_->state = token.state_;
  entry_->loop = &loop;
  entry_->callback = std::move(callback);
  token.state_->add(entry_);
}

CancelRegistration& CancelRegistration::operator=(CancelRegistration&& other) noexcept {
  if (this != &other) {
    reset();
    entry_ = std::move(other.entry_);
  }
  return *this;
}

CancelRegistration::~CancelRegistration() { reset(); }

void CancelRegistration::reset() {
  if (!entry_) return;
  entry_->callback = nullptr;
  entry_->state->remove(*entry_);
  entry_.reset();
}

}  // namespace writ
