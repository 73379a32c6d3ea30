// SPDX-License-Identifier: Apache-2.0
#include "jose/token_cache.h"

#include <algorithm>
#include <cstring>
#include <mutex>
#include <unordered_map>
#include <utility>
#include <vector>

#include "crypto/hash.h"

namespace writ::jose {
namespace {

constexpr std::size_t kShards = 16;

// Any bytes of a SHA-256 are as good as a hash of it.
struct DigestHash {
  std::size_t operator()(const Digest& digest) const noexcept {
    std::size_t value;
    std::memcpy(&value, digest.data(), sizeof(value));
    return value;
  }
};

}  // namespace

struct VerifiedTokenCache::Shard {
  struct Slot {
    Digest digest;
    std::shared_ptr<const VerifiedJwt> token;
    bool used = false;
  };

  std::shared_ptr<const VerifiedJwt> find(const Digest& digest) {
    const std::lock_guard lock(mutex);
    const auto found = places.find(digest);
    if (found == places.end()) return nullptr;
    ++hits;
    slots[found->second].used = true;
    return slots[found->second].token;
  }

  void put(const Digest& digest, std::shared_ptr<const VerifiedJwt> token) {
    const std::lock_guard lock(mutex);
    ++misses;
    if (const auto found = places.find(digest); found != places.end()) {
      slots[found->second].token = std::move(token);  // under a newer key
      return;
    }
    if (slots.size() < capacity) {
      places.emplace(digest, slots.size());
      slots.push_back({.digest = digest, .token = std::move(token)});
      return;
    }
    while (std::exchange(slots[hand].used, false)) hand = (hand + 1) % slots.size();
    places.erase(slots[hand].digest);
    places.emplace(digest, hand);
    slots[hand] = {.digest = digest, .token = std::move(token)};
    hand = (hand + 1) % slots.size();
  }

  mutable std::mutex mutex;
  std::size_t capacity = 1;
  std::unordered_map<Digest, std::size_t, DigestHash> places;
  std::vector<Slot> slots;
  std::size_t hand = 0;  // CLOCK: passes over what was used since it last came by
  std::uint64_t hits = 0;
  std::uint64_t misses = 0;
};

VerifiedTokenCache::VerifiedTokenCache(std::size_t capacity, const JwsLimits& limits)
    : limits_(limits), shards_(std::make_unique<Shard[]>(kShards)) {
  for (std::size_t i = 0; i < kShards; ++i) {
    shards_[i].capacity = std::max<std::size_t>(1, (capacity + kShards - 1) / kShards);
  }
}

VerifiedTokenCache::~VerifiedTokenCache() = default;

VerifiedTokenCache::Shard& VerifiedTokenCache::shard_of(const Digest& digest) const {
  return shards_[digest.back() % kShards];
}

Expected<std::shared_ptr<const VerifiedJwt>> VerifiedTokenCache::verify(std::string_view token,
                                                                        const JwkSet& keys,
                                                                        const ExpectedJwt& expected,
                                                                        TimePoint now) {
  if (token.size() > limits_.text) return fail(Errc::unauthenticated, "the token is too long");
  const auto digest = crypto::sha256(token);
  auto& shard = shard_of(digest);
  if (auto known = shard.find(digest)) {
    // The key that verify() would choose today must be the one that verified it then.
    const Jwk* key = keys.find(known->kid());
    if (key != nullptr && key->algorithm() == known->algorithm() &&
        key->thumbprint() == known->key_thumbprint()) {
      WRIT_TRY_VOID(check_claims(*known, expected, now));
      return known;
    }
  }
  WRIT_TRY(const auto unverified, UnverifiedJwt::parse(token, limits_));
  WRIT_TRY(auto verified, jose::verify(unverified, keys, expected, now));
  auto shared = std::make_shared<const VerifiedJwt>(std::move(verified));
  shard.put(digest, shared);
  return shared;
}

VerifiedTokenCache::Statistics VerifiedTokenCache::statistics() const {
  Statistics sum;
  for (std::size_t i = 0; i < kShards; ++i) {
    const std::lock_guard lock(shards_[i].mutex);
    sum.hits += shards_[i].hits;
    sum.misses += shards_[i].misses;
  }
  return sum;
}

std::size_t VerifiedTokenCache::size() const {
  std::size_t sum = 0;
  for (std::size_t i = 0; i < kShards; ++i) {
    const std::lock_guard lock(shards_[i].mutex);
    sum += shards_[i].slots.size();
  }
  return sum;
}

}  // namespace writ::jose
