// SPDX-License-Identifier: Apache-2.0
#include "broker/rate_limiter.h"

#include "base/check.h"

namespace writ::broker {

RateLimiter::RateLimiter(const Clock& clock, RateLimits limits)
    : clock_(clock),
      interval_(SteadyPoint::duration(seconds(1)) / std::max(limits.per_second, 1U)),
      depth_(interval_ * std::max(limits.burst, 1U)) {
  WRIT_CHECK(limits.per_second >= 1 && limits.burst >= 1);
}

Expected<void> RateLimiter::take(AgentId agent) {
  const auto now = clock_.steady_now();
  auto& shard = shards_[std::hash<AgentId>()(agent) % shards_.size()];
  const std::lock_guard lock(shard.mutex);
  if (shard.full_at.size() >= kMaxPerShard) {
    std::erase_if(shard.full_at, [now](const auto& item) { return item.second <= now; });
  }
  auto& full_at = shard.full_at[agent];
  const auto next = std::max(full_at, now) + interval_;
  if (next - now <= depth_) {
    full_at = next;
    return {};
  }
  const auto wait = std::chrono::ceil<seconds>(next - now - depth_);
  return over_limit({.limit = "calls_per_second", .after = wait},
                    "the agent makes more calls than it may (calls_per_second)",
                    "wait, then send again");
}

}  // namespace writ::broker
