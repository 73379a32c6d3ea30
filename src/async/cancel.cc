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

// Shared by all callbacks of one cancellation; runs its function when the last lets go.
class Acknowledgement {
 public:
  explicit Acknowledgement(std::move_only_function<void()> function)
      : function_(std::move(function)) {}
  Acknowledgement(const Acknowledgement&) = delete;
  Acknowledgement& operator=(const Acknowledgement&) = delete;
  ~Acknowledgement() {
    if (function_) function_();
  }

 private:
  std::move_only_function<void()> function_;
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
    entry->self = entry;
    entries_.push_back(*entry);
    if (cancelled()) deliver(entry, nullptr);
  }

  void remove(Entry& entry) {
    const std::lock_guard lock(mutex_);
    entry.unlink();
    entry.self.reset();
  }

  void follow(const std::shared_ptr<State>& follower) {
    {
      const std::lock_guard lock(mutex_);
      std::erase_if(followers_, [](const auto& weak) { return weak.expired(); });
      followers_.push_back(follower);
      if (!cancelled()) return;
    }
    follower->cancel(nullptr);
  }

  // A registration is met by every cancellation until it ends: a loop runs in order what is posted
  // to it, so whoever cancels later waits too for a callback that is still to run.
  void cancel(const std::shared_ptr<Acknowledgement>& acknowledgement) {
    std::vector<std::shared_ptr<State>> followers;
    {
      // A registration ends under the lock too, so its loop is still there.
      const std::lock_guard lock(mutex_);
      cancelled_.store(true, std::memory_order_release);
      for (const auto& entry : entries_) deliver(entry.self, acknowledgement);
      for (const auto& weak : followers_) {
        if (auto follower = weak.lock()) followers.push_back(std::move(follower));
      }
    }
    for (const auto& follower : followers) follower->cancel(acknowledgement);
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
};

}  // namespace cancel_detail

using cancel_detail::Acknowledgement;
using cancel_detail::Entry;
using cancel_detail::State;

bool CancelToken::cancelled() const { return state_ && state_->cancelled(); }

CancelSource::CancelSource() : state_(std::make_shared<State>()) {}

bool CancelSource::cancelled() const { return state_->cancelled(); }

void CancelSource::cancel(std::move_only_function<void()> acknowledged) {
  state_->cancel(std::make_shared<Acknowledgement>(std::move(acknowledged)));
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
