// SPDX-License-Identifier: Apache-2.0
#include "crypto/hash.h"

#include <gtest/gtest.h>

#include "base/encoding.h"

namespace writ::crypto {
namespace {

TEST(Sha256, MatchesFips180Examples) {
  EXPECT_EQ(hex_encode(sha256("abc")),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(hex_encode(sha256("")),
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(hex_encode(sha256(std::string(1'000'000, 'a'))),
            "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST(Sha256, PartsHashLikeTheWhole) {
  Sha256 hasher;
  EXPECT_EQ(hasher.update("a").update("").update("bc").finish(), sha256("abc"));
  EXPECT_EQ(hasher.finish(), sha256("")) << "finish() begins anew";
}

TEST(Hkdf, PurposesGiveIndependentKeys) {
  const Bytes key(32, 7);
  const auto one = hkdf_sha256(key, {}, as_bytes("writ-one"), 32);
  EXPECT_FALSE(one == hkdf_sha256(key, {}, as_bytes("writ-two"), 32));
  EXPECT_TRUE(one == hkdf_sha256(key, {}, as_bytes("writ-one"), 32));
}

TEST(HkdfDeathTest, MoreThanTheStandardAllowsIsABug) {
  EXPECT_DEATH(hkdf_sha256({}, {}, {}, 255 * 32 + 1), "size");
}

}  // namespace
}  // namespace writ::crypto
