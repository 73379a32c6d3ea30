// SPDX-License-Identifier: Apache-2.0
// RateLimiter: how many calls an agent may make (P25). One token bucket for each agent, on the
// monotonic clock; it is asked once a caller's proof has held, so nobody can use up another's.
#pragma once

#include <array>
#include <mutex>
#include <optional>
#include <unordered_map>

#include "base/clock.h"
#include "base/error.h"
#include "base/id.h"
#include "broker/shares.h"

namespace writ::broker {

// At most `burst` at once, and `per_second` in the long run. Both at least 1.
struct RateLimits {
  std::uint32_t per_second = 200;
  std::uint32_t burst = 400;
};

// Thread-safe. The clock outlives it.
class RateLimiter {
 public:
  RateLimiter(const Clock& clock, RateLimits limits);

  // Takes one token of the agent's. rate_limited, of calls_per_second (exceeded() of shares.h),
  // where there is none; then nothing is taken.
  Expected<void> take(AgentId agent);

 private:
  // The time at which an agent's bucket is full again stands for what is in it (GCRA): it lies at
  // most `burst` intervals ahead, and in the past for one that is full, which can be forgotten.
  struct Shard {
    std::mutex mutex;
    std::unordered_map<AgentId, SteadyPoint> full_at;
  };
  static constexpr std::size_t kMaxPerShard = 4096;

  const Clock& clock_;
  const SteadyPoint::duration interval_;
  const SteadyPoint::duration depth_;
  std::array<Shard, 16> shards_;
};

}  // namespace writ::broker
