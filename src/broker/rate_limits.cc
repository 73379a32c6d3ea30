// SPDX-License-Identifier: Apache-2.0
#include "broker/rate_limits.h"

#include <algorithm>
#include <cmath>

namespace writ::broker {

double RateLimits::filled(const Bucket& bucket, SteadyPoint now) const {
  const std::chrono::duration<double> passed = now - bucket.at;
  return std::min(policy_.burst, bucket.level + passed.count() * policy_.per_second);
}

Expected<void> RateLimits::take(const std::string& caller) {
  const auto now = clock_.steady_now();
  const std::lock_guard lock(mutex_);
  if (buckets_.size() >= policy_.callers && !buckets_.contains(caller)) {
    std::erase_if(buckets_,
                  [&](const auto& item) { return filled(item.second, now) >= policy_.burst; });
    // Everyone is busy: a newcomer waits, rather than that memory grows.
    if (buckets_.size() >= policy_.callers)
      return fail(Errc::rate_limited, "too many callers at once", {}, "try again in a second");
  }
  auto& bucket = buckets_.try_emplace(caller, Bucket{policy_.burst, now}).first->second;
  bucket.level = filled(bucket, now);
  bucket.at = now;
  if (bucket.level < 1) {
    return fail(Errc::rate_limited, "too many requests of this caller", {},
                "try again in " + std::to_string(retry_after().count()) + " s");
  }
  bucket.level -= 1;
  return {};
}

seconds RateLimits::retry_after() const {
  return seconds(std::max<std::int64_t>(
      1, static_cast<std::int64_t>(std::ceil(1 / std::max(policy_.per_second, 0.001)))));
}

}  // namespace writ::broker
