// SPDX-License-Identifier: Apache-2.0
#include "broker/proof_keys.h"

#include <gtest/gtest.h>

#include "crypto/es256.h"

namespace writ::broker {
namespace {

jose::Jwk some_key() { return jose::Jwk(crypto::Es256PrivateKey::generate().public_key()); }

TEST(ProofKeysTest, AKeyIsFoundByItsThumbprint) {
  ProofKeys keys;
  const auto one = some_key();
  const auto other = some_key();
  keys.add(one);
  keys.add(one);
  EXPECT_EQ(keys.size(), 1U);
  EXPECT_EQ(keys.find(one.thumbprint()), one);
  EXPECT_EQ(keys.find(other.thumbprint()), std::nullopt);
  EXPECT_EQ(keys.find(""), std::nullopt);
}

TEST(ProofKeysTest, IsBounded) {
  ProofKeys keys(4);
  for (int i = 0; i < 10; ++i) {
    const auto key = some_key();
    keys.add(key);
    EXPECT_EQ(keys.find(key.thumbprint()), key) << "the newest is there";
    EXPECT_LE(keys.size(), 4U);
  }
}

}  // namespace
}  // namespace writ::broker
