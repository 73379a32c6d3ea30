// SPDX-License-Identifier: Apache-2.0
#include "crypto/aead.h"

#include <gtest/gtest.h>

#include "base/fake_random.h"

namespace writ::crypto {
namespace {

class AeadTest : public testing::Test {
 protected:
  FakeRandom random_;
  AeadKey key_ = AeadKey::generate(random_);
  const BytesView context_ = as_bytes("vault/acme/1");
  const Bytes plain_ = to_bytes("a secret");
};

TEST_F(AeadTest, OpensWhatItSealed) {
  const Bytes sealed = key_.seal(random_, plain_, context_);
  EXPECT_EQ(sealed.size(), plain_.size() + AeadKey::kOverhead);
  EXPECT_EQ(key_.open(sealed, context_).value().reveal_text(), "a secret");
  const Bytes nothing = key_.seal(random_, {}, context_);
  EXPECT_TRUE(key_.open(nothing, context_).value().empty());
}

TEST_F(AeadTest, TwoSealingsDiffer) {
  EXPECT_NE(key_.seal(random_, plain_, context_), key_.seal(random_, plain_, context_));
}

TEST_F(AeadTest, AnyChangedBitIsRefused) {
  const Bytes sealed = key_.seal(random_, plain_, context_);
  for (std::size_t bit = 0; bit < sealed.size() * 8; ++bit) {
    Bytes changed = sealed;
    changed[bit / 8] ^= static_cast<std::uint8_t>(1 << bit % 8);
    EXPECT_FALSE(key_.open(changed, context_)) << bit;
  }
}

TEST_F(AeadTest, AnotherPurposeOrKeyIsRefused) {
  const Bytes sealed = key_.seal(random_, plain_, context_);
  EXPECT_FALSE(key_.open(sealed, as_bytes("vault/acme/2")));
  EXPECT_FALSE(AeadKey::generate(random_).open(sealed, context_));
}

TEST_F(AeadTest, ATruncatedValueIsRefused) {
  const Bytes sealed = key_.seal(random_, plain_, context_);
  for (std::size_t size = 0; size < sealed.size(); ++size) {
    const auto opened = key_.open(BytesView(sealed).first(size), context_);
    ASSERT_FALSE(opened) << size;
    EXPECT_EQ(opened.error().code, Errc::invalid_input);
  }
}

TEST_F(AeadTest, AnEmptyPurposeIsABug) {
  EXPECT_DEATH(key_.seal(random_, plain_, {}), "associated_data");
}

TEST_F(AeadTest, AKeyOfAnotherSizeIsRefused) {
  EXPECT_FALSE(AeadKey::from(SecretBytes(16)));
  EXPECT_FALSE(AeadKey::from(SecretBytes()));
  EXPECT_TRUE(AeadKey::from(key_.reveal_key().clone()));
}

}  // namespace
}  // namespace writ::crypto
