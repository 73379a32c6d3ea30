// SPDX-License-Identifier: Apache-2.0
#include "vault/digest_key.h"

#include "base/check.h"
#include "crypto/hash.h"

namespace writ::vault {
namespace {

constexpr std::size_t kKeySize = 32;

}  // namespace

DigestKey::DigestKey(const SealingKey& data_key)
    : key_(data_key.derive("writ-guessable-v1", kKeySize)) {}

Digest DigestKey::of(std::string_view use, std::string_view owner, const Digest& digest) const {
  constexpr char kEnd = '\0';
  WRIT_CHECK(!use.empty() && use.find(kEnd) == std::string_view::npos);
  WRIT_CHECK(owner.find(kEnd) == std::string_view::npos);
  std::string message;
  message.reserve(use.size() + owner.size() + 2 + digest.size());
  (message += use) += kEnd;
  (message += owner) += kEnd;
  message += as_text(digest);
  return crypto::hmac_sha256(key_.reveal(), as_bytes(message));
}

}  // namespace writ::vault
