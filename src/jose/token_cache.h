// SPDX-License-Identifier: Apache-2.0
// VerifiedTokenCache: spares the signature check of a token seen before.
//
// P23: an entry says "these bytes verify under this key" and no more. Time, issuer, audience, type
// and whether the key is still in the set are checked on each call; liveness of what the token
// stands for is the caller's to look up. Entries are keyed by the SHA-256 of the token's bytes and
// made only for tokens that verified, so strangers cannot fill it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/error.h"
#include "jose/jwk.h"
#include "jose/jwt.h"

namespace writ::jose {

// Thread-safe. Bounded: the oldest unused entries make room (CLOCK, in shards of one lock each).
class VerifiedTokenCache {
 public:
  // `capacity` is the number of tokens, rounded up to a multiple of the shards; at least 1. One
  // takes a few kilobytes.
  explicit VerifiedTokenCache(std::size_t capacity = 16384, const JwsLimits& limits = {});
  ~VerifiedTokenCache();
  VerifiedTokenCache(const VerifiedTokenCache&) = delete;
  VerifiedTokenCache& operator=(const VerifiedTokenCache&) = delete;

  // What UnverifiedJwt::parse() and jose::verify() would give, cheaper the second time.
  Expected<std::shared_ptr<const VerifiedJwt>> verify(std::string_view token, const JwkSet& keys,
                                                      const ExpectedJwt& expected, TimePoint now);

  struct Statistics {
    std::uint64_t hits = 0;    // found, whatever its claims then said
    std::uint64_t misses = 0;  // verified, and put in
  };
  Statistics statistics() const;
  std::size_t size() const;

 private:
  struct Shard;
  Shard& shard_of(const Digest& digest) const;

  JwsLimits limits_;
  std::unique_ptr<Shard[]> shards_;
};

}  // namespace writ::jose
