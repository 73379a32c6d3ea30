// SPDX-License-Identifier: Apache-2.0
#include "broker/token_keys.h"

#include "base/check.h"

namespace writ::broker {

TokenKeys::TokenKeys(std::vector<TokenKey> keys) : keys_(std::move(keys)) {
  WRIT_CHECK(!keys_.empty() && !keys_.back().retires);
}

std::shared_ptr<const jose::Signer> TokenKeys::signer() const {
  const std::lock_guard lock(mutex_);
  return keys_.back().signer;
}

std::shared_ptr<const jose::JwkSet> TokenKeys::public_keys(TimePoint now) const {
  const std::lock_guard lock(mutex_);
  if (public_ == nullptr || now >= public_until_) rebuild(now);
  return public_;
}

void TokenKeys::rebuild(TimePoint now) const {
  std::vector<jose::Jwk> living;
  public_until_ = TimePoint::max();
  for (const auto& key : keys_) {
    if (key.retires && *key.retires <= now) continue;
    if (key.retires) public_until_ = std::min(public_until_, *key.retires);
    living.push_back(key.signer->public_jwk());
  }
  auto set = jose::JwkSet::of(std::move(living));
  WRIT_CHECK(set.has_value());
  public_ = std::make_shared<const jose::JwkSet>(std::move(*set));
}

void TokenKeys::rotate(TokenKey next, TimePoint retires) {
  const std::lock_guard lock(mutex_);
  keys_.back().retires = retires;
  keys_.push_back(std::move(next));
  public_ = nullptr;
}

}  // namespace writ::broker
