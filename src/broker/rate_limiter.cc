// SPDX-License-Identifier: Apache-2.0
#include "broker/rate_limiter.h"

#include <charconv>

#include "base/check.h"

namespace writ::broker {

std::optional<seconds> retry_after(const Error& error) {
  std::string_view text = error.where;
  if (error.code != Errc::rate_limited || !text.starts_with(kRetryAfter)) return std::nullopt;
  text.remove_prefix(kRetryAfter.size());
  std::int64_t value = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (problem != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return seconds(value);
}

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
  return fail(Errc::rate_limited, "the agent makes more calls than it may",
              std::string(kRetryAfter) + std::to_string(wait.count()), "wait, then send again");
}

}  // namespace writ::broker
