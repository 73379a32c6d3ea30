// SPDX-License-Identifier: Apache-2.0
// ProofKeys: spares building the key of a DPoP proof anew for each call of one sender.
#pragma once

#include <cstddef>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "jose/jwk.h"

namespace writ::broker {

// Keys that tokens of ours are bound to, by thumbprint. A key here is a key and no more: that a
// proof is of it is checked each time. Thread-safe. Bounded: a full one begins anew.
class ProofKeys {
 public:
  explicit ProofKeys(std::size_t capacity = 16384) : capacity_(capacity) {}

  std::optional<jose::Jwk> find(std::string_view thumbprint) const {
    const std::lock_guard lock(mutex_);
    const auto found = keys_.find(thumbprint);
    return found == keys_.end() ? std::nullopt : std::optional(found->second);
  }

  // To be called for the key of a proof to whose token it is bound, so that no stranger fills it.
  void add(const jose::Jwk& key) {
    const std::lock_guard lock(mutex_);
    if (keys_.size() >= capacity_) keys_.clear();
    keys_.try_emplace(key.thumbprint(), key);
  }

  std::size_t size() const {
    const std::lock_guard lock(mutex_);
    return keys_.size();
  }

 private:
  const std::size_t capacity_;
  mutable std::mutex mutex_;
  std::map<std::string, jose::Jwk, std::less<>> keys_;
};

}  // namespace writ::broker
