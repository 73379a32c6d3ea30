// SPDX-License-Identifier: Apache-2.0
// ReplayMemory: the digests that were consumed and have not expired, resident, so that a replay is
// refused without a read of the disk. It forgets a digest only once its time has passed, and then
// remembers up to when it has forgotten: what could have been forgotten is refused too, so that no
// digest comes back to life when the clock goes back.
//
// Times are milliseconds since the epoch. Of one thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <unordered_map>
#include <vector>

#include "base/bytes.h"

namespace writ::store {

class ReplayMemory {
 public:
  explicit ReplayMemory(std::int64_t forgotten_through = 0) : forgotten_(forgotten_through) {}

  // Whether the digest may be consumed now.
  bool fresh(std::int64_t workspace, const Digest& digest, std::int64_t expires,
             std::int64_t now) const;
  // Consumes it, until commit() or roll_back() conditionally.
  void add(std::int64_t workspace, const Digest& digest, std::int64_t expires);
  void commit() { added_.clear(); }
  void roll_back();

  // Forgets at most `limit` of what expired by `now`.
  void forget(std::int64_t now, std::size_t limit);
  // All that has expired up to `time` may have been forgotten, and nothing later: for a clock that
  // was ahead and is right again. What is held stays.
  void restart(std::int64_t time) { forgotten_ = time; }
  // All that has expired up to then may have been forgotten.
  std::int64_t forgotten_through() const { return forgotten_; }
  std::size_t size() const { return held_.size(); }

 private:
  struct Key {
    std::int64_t workspace;
    Digest digest;
    friend bool operator==(const Key&, const Key&) = default;
  };
  struct Hash {
    std::size_t operator()(const Key& key) const noexcept;
  };

  std::unordered_map<Key, std::int64_t, Hash> held_;
  // The keys by when they expire, in steps of some seconds, the step's end as key.
  std::map<std::int64_t, std::vector<Key>> by_time_;
  struct Added {
    Key key;
    std::optional<std::int64_t> before;  // when an earlier consumption expired
  };
  std::vector<Added> added_;
  std::int64_t forgotten_;
};

// ReplayFloor: the least index from which a workspace's log holds proofs that have not been
// forgotten, so that opening reads the log from there and not from its beginning. Of one thread.
class ReplayFloor {
 public:
  explicit ReplayFloor(std::uint64_t floor = 0) : floor_(floor) {}

  // A proof was appended at `index`. One that is rolled back afterwards does no harm.
  void add(std::uint64_t index, std::int64_t expires);
  // All that expired up to `forgotten_through` is forgotten, and the log has `size` entries.
  // Returns the floor where it has risen.
  std::optional<std::uint64_t> rise(std::int64_t forgotten_through, std::uint64_t size);

 private:
  struct Stretch {
    std::uint64_t begin;
    std::int64_t expires;  // the latest of its proofs
  };
  std::deque<Stretch> stretches_;
  std::uint64_t floor_;
};

}  // namespace writ::store
