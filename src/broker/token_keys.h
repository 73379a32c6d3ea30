// SPDX-License-Identifier: Apache-2.0
// TokenKeys: the ES256 keys that sign our tokens: one that signs, and those before it, whose tokens
// still verify until the last of them has expired (JWKS overlap at rotation). Their private parts
// are stored sealed (P22); the log's key is another.
#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "base/clock.h"
#include "jose/jwk.h"
#include "jose/signer.h"

namespace writ::broker {

struct TokenKey {
  std::shared_ptr<const jose::Es256Signer> signer;  // its kid is the RFC 7638 thumbprint of the key
  TimePoint created;
  std::optional<TimePoint> retires;  // set when a later one took over; it verifies until then
};

// Thread-safe.
class TokenKeys {
 public:
  // In order of age; the last one signs and has no end. At least one.
  explicit TokenKeys(std::vector<TokenKey> keys);

  std::shared_ptr<const jose::Signer> signer() const;
  // What verifies our tokens at `now`, and what /.well-known/jwks.json shows.
  std::shared_ptr<const jose::JwkSet> public_keys(TimePoint now) const;
  // `next` signs from now on; the one before verifies until `retires`.
  void rotate(TokenKey next, TimePoint retires);

 private:
  void rebuild(TimePoint now) const;

  mutable std::mutex mutex_;
  std::vector<TokenKey> keys_;
  mutable std::shared_ptr<const jose::JwkSet> public_;
  mutable TimePoint public_until_;  // when the next of them retires
};

}  // namespace writ::broker
