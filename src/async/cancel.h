// SPDX-License-Identifier: Apache-2.0
// CancelSource, CancelToken: telling work on any loop to stop, from any thread.
//
// Whoever must stop registers a callback, which runs on its own loop. A cancellation can be
// acknowledged: the source learns when every callback that was registered has run, so "revoked" can
// mean that no more bytes will leave (protocol.md P15).
//
//   CancelSource run_alive;
//   ...
//   CancelRegistration stop(run_alive.token(), Loop::current(), [&] { stream.abort(); });
//   ...
//   run_alive.cancel([] { /* every stream is aborted */ });
#pragma once

#include <functional>
#include <memory>

#include "async/loop.h"

namespace writ {

namespace cancel_detail {
class State;
struct Entry;
}  // namespace cancel_detail

// Thread-safe, cheap to copy. A default-constructed token is never cancelled.
class CancelToken {
 public:
  CancelToken() = default;
  bool cancelled() const;

 private:
  friend class CancelSource;
  friend class CancelRegistration;
  explicit CancelToken(std::shared_ptr<cancel_detail::State> state) : state_(std::move(state)) {}

  std::shared_ptr<cancel_detail::State> state_;
};

// Thread-safe; a copy is the same source. Dropping a source cancels nothing.
class CancelSource {
 public:
  CancelSource();

  CancelToken token() const { return CancelToken(state_); }
  bool cancelled() const;

  // Idempotent. `acknowledged` runs once every callback registered before has run or its
  // registration has ended, on some thread, perhaps before cancel() returns; it does not block.
  // A second cancel() waits for the callbacks of the first just so.
  void cancel(std::move_only_function<void()> acknowledged = {});

  // From now on this source is cancelled when `token` is, acknowledgement included.
  void follow(const CancelToken& token);

 private:
  std::shared_ptr<cancel_detail::State> state_;
};

// While it lives, `callback` runs on `loop` at most once, when the token is cancelled; at once
// (posted) if it is already. Made and destroyed on that loop; after the destructor the callback
// does not run.
class CancelRegistration {
 public:
  CancelRegistration() = default;
  CancelRegistration(const CancelToken& token, Loop& loop, std::function<void()> callback);
  CancelRegistration(CancelRegistration&& other) noexcept = default;
  CancelRegistration& operator=(CancelRegistration&& other) noexcept;
  ~CancelRegistration();

  void reset();

 private:
  std::shared_ptr<cancel_detail::Entry> entry_;
};

}  // namespace writ
