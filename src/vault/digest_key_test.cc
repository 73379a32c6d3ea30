// SPDX-License-Identifier: Apache-2.0
#include "vault/digest_key.h"

#include <set>

#include <gtest/gtest.h>

#include "base/encoding.h"
#include "crypto/hash.h"
#include "crypto/random.h"

namespace writ::vault {
namespace {

SealingKey data_key(std::uint8_t byte) {
  const Bytes raw(crypto::AeadKey::kKeySize, byte);
  return {1, crypto::AeadKey::from(SecretBytes::copy_of(raw)).value()};
}

// Pinned: what is stored is looked up by it.
TEST(DigestKey, P38_IsAnHmacUnderAKeyOfTheDataKey) {
  const Digest digest = crypto::sha256("content");
  const auto key = crypto::hkdf_sha256(Bytes(32, 7), {}, as_bytes("writ-guessable-v1"), 32);
  Bytes message = to_bytes(as_bytes(std::string_view("fact\0run_1\0", 11)));
  message.insert(message.end(), digest.begin(), digest.end());
  EXPECT_EQ(DigestKey(data_key(7)).of("fact", "run_1", digest),
            crypto::hmac_sha256(key.reveal(), message));
}

TEST(DigestKey, P38_NoTwoKeysUsesOwnersOrContentsAgree) {
  std::set<Digest> seen;
  for (const std::uint8_t byte : {std::uint8_t{1}, std::uint8_t{2}}) {
    const DigestKey key(data_key(byte));
    for (const auto* use : {"fact", "likeness"})
      for (const auto* owner : {"", "run_1", "run_2"})
        for (const auto* content : {"a", "b"})
          seen.insert(key.of(use, owner, crypto::sha256(content)));
  }
  EXPECT_EQ(seen.size(), 24U);
}

}  // namespace
}  // namespace writ::vault
