// SPDX-License-Identifier: Apache-2.0
#include "store/replay_memory.h"

#include <algorithm>
#include <cstring>

namespace writ::store {
namespace {

constexpr std::int64_t kStep = 4096;
constexpr std::uint64_t kStretch = 4096;

std::int64_t step_of(std::int64_t expires) { return (expires / kStep + 1) * kStep; }

}  // namespace

std::size_t ReplayMemory::Hash::operator()(const Key& key) const noexcept {
  std::size_t value = 0;
  static_assert(sizeof value <= sizeof key.digest);
  std::memcpy(&value, key.digest.data(), sizeof value);
  return value ^ static_cast<std::size_t>(key.workspace);
}

bool ReplayMemory::fresh(std::int64_t workspace, const Digest& digest, std::int64_t expires,
                         std::int64_t now) const {
  if (expires <= now || expires <= forgotten_) return false;
  const auto found = held_.find({workspace, digest});
  return found == held_.end() || found->second <= now;
}

void ReplayMemory::add(std::int64_t workspace, const Digest& digest, std::int64_t expires) {
  if (expires <= forgotten_) return;
  const Key key{workspace, digest};
  const auto [found, inserted] = held_.try_emplace(key, expires);
  added_.push_back({key, inserted ? std::nullopt : std::optional(found->second)});
  found->second = std::max(found->second, expires);
  by_time_[step_of(found->second)].push_back(key);
}

void ReplayMemory::roll_back() {
  for (auto added = added_.rbegin(); added != added_.rend(); ++added) {
    if (added->before) {
      held_.insert_or_assign(added->key, *added->before);
      by_time_[step_of(*added->before)].push_back(added->key);
    } else {
      held_.erase(added->key);
    }
  }
  added_.clear();
}

void ReplayMemory::forget(std::int64_t now, std::size_t limit) {
  while (limit > 0 && !by_time_.empty() && by_time_.begin()->first <= now) {
    auto& keys = by_time_.begin()->second;
    for (; limit > 0 && !keys.empty(); --limit) {
      // It may be gone already, or have been consumed again until later.
      const auto found = held_.find(keys.back());
      if (found != held_.end() && found->second <= now) {
        forgotten_ = std::max(forgotten_, found->second);
        held_.erase(found);
      }
      keys.pop_back();
    }
    if (keys.empty()) by_time_.erase(by_time_.begin());
  }
}

void ReplayFloor::add(std::uint64_t index, std::int64_t expires) {
  // Stretches that begin later were rolled back; what they held counts for the one before.
  while (!stretches_.empty() && stretches_.back().begin > index) {
    expires = std::max(expires, stretches_.back().expires);
    stretches_.pop_back();
  }
  if (stretches_.empty() || index - stretches_.back().begin >= kStretch) {
    stretches_.push_back({index, expires});
  } else {
    stretches_.back().expires = std::max(stretches_.back().expires, expires);
  }
}

std::optional<std::uint64_t> ReplayFloor::rise(std::int64_t forgotten_through, std::uint64_t size) {
  while (!stretches_.empty() && stretches_.front().expires <= forgotten_through)
    stretches_.pop_front();
  const auto floor = stretches_.empty() ? size : stretches_.front().begin;
  if (floor <= floor_) return std::nullopt;
  floor_ = floor;
  return floor;
}

}  // namespace writ::store
