// SPDX-License-Identifier: Apache-2.0
#include "base/encoding.h"

#include <gtest/gtest.h>

#include "base/fake_random.h"

namespace writ {
namespace {

TEST(Encoding, EveryLengthRoundTrips) {
  FakeRandom random;
  for (std::size_t size = 0; size < 70; ++size) {
    Bytes bytes(size);
    random.fill(bytes);
    EXPECT_EQ(hex_decode(hex_encode(bytes)).value(), bytes);
    EXPECT_EQ(base64_decode(base64_encode(bytes)).value(), bytes);
    EXPECT_EQ(base64url_decode(base64url_encode(bytes)).value(), bytes);
  }
}

// RFC 4648 section 10.
TEST(Encoding, KnownAnswers) {
  EXPECT_EQ(base64_encode(as_bytes("foob")), "Zm9vYg==");
  EXPECT_EQ(base64url_encode(as_bytes("foob")), "Zm9vYg");
  EXPECT_EQ(hex_encode(as_bytes("foob")), "666f6f62");
}

TEST(Encoding, ASecondSpellingIsRefused) {
  for (const auto* bad : {"Zm9vYh==", "Zm9vYg", "Zm9vYg=", "Zm9v Yg=", "Z", "Zm9v====", "Zm9-"}) {
    EXPECT_FALSE(base64_decode(bad).has_value()) << bad;
  }
  for (const auto* bad : {"Zm9vYh", "Zm9vYg==", "Zm9+", "Z"}) {
    EXPECT_FALSE(base64url_decode(bad).has_value()) << bad;
  }
  for (const auto* bad : {"6", "6G", "AB"}) EXPECT_FALSE(hex_decode(bad).has_value()) << bad;
}

}  // namespace
}  // namespace writ
