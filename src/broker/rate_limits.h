// SPDX-License-Identifier: Apache-2.0
// RateLimits: how often each caller may ask (P25). A token bucket per key, in memory: it bounds a
// flood, and decides nothing that has to survive a restart.
#pragma once

#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/clock.h"
#include "base/error.h"

namespace writ::broker {

struct RatePolicy {
  double per_second = 50;
  double burst = 200;
  // Callers that are remembered at once; beyond it those that have been quiet longest enough to be
  // full again are forgotten, which changes nothing for them.
  std::size_t callers = 10'000;
};

// Thread-safe. The clock outlives it.
class RateLimits {
 public:
  explicit RateLimits(const Clock& clock, RatePolicy policy = {})
      : clock_(clock), policy_(policy) {}

  // One request of `caller`: rate_limited if it is too soon; `hint` then says how long to wait.
  Expected<void> take(const std::string& caller);
  // The Retry-After that fits every refusal: whole seconds until one request is free.
  seconds retry_after() const;

 private:
  struct Bucket {
    double level = 0;
    SteadyPoint at{};
  };
  double filled(const Bucket& bucket, SteadyPoint now) const;

  const Clock& clock_;
  const RatePolicy policy_;
  std::mutex mutex_;
  std::unordered_map<std::string, Bucket> buckets_;
};

}  // namespace writ::broker
