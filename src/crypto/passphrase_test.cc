// SPDX-License-Identifier: Apache-2.0
#include "crypto/passphrase.h"

#include <gtest/gtest.h>

#include "base/fake_random.h"

namespace writ::crypto {
namespace {

constexpr PassphraseCost kCheap{.operations = 1, .memory_kib = 8};

class PassphraseTest : public testing::Test {
 protected:
  Bytes seal() { return *seal_with_passphrase(random_, passphrase_, plain_, context_, kCheap); }
  Expected<SecretBytes> open(BytesView sealed) {
    return open_with_passphrase(passphrase_, sealed, context_);
  }

  FakeRandom random_;
  const SecretBytes passphrase_ = SecretBytes::copy_of("correct horse battery staple");
  const Bytes plain_ = to_bytes("key");
  const BytesView context_ = as_bytes("approver key of bob");
};

TEST_F(PassphraseTest, OpensWhatItSealed) {
  EXPECT_EQ(open(seal()).value().reveal_text(), "key");
  EXPECT_NE(seal(), seal());
}

TEST_F(PassphraseTest, TheDefaultCostIsModerateAndReadable) {
  const auto sealed = seal_with_passphrase(random_, passphrase_, plain_, context_);
  ASSERT_TRUE(sealed);
  EXPECT_EQ(open(*sealed).value().reveal_text(), "key");
}

TEST_F(PassphraseTest, AnotherPassphraseOrPurposeIsRefused) {
  const Bytes sealed = seal();
  const auto wrong = open_with_passphrase(SecretBytes::copy_of("wrong"), sealed, context_);
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().code, Errc::unauthenticated);
  EXPECT_FALSE(open_with_passphrase(passphrase_, sealed, as_bytes("approver key of eve")));
}

TEST_F(PassphraseTest, AnEmptyPassphraseIsRefused) {
  EXPECT_FALSE(seal_with_passphrase(random_, SecretBytes(), plain_, context_, kCheap));
  EXPECT_FALSE(open_with_passphrase(SecretBytes(), seal(), context_));
}

TEST_F(PassphraseTest, EachChangedByteIsRefused) {
  const Bytes sealed = seal();
  for (std::size_t at = 0; at < sealed.size(); ++at) {
    Bytes changed = sealed;
    changed[at] ^= 1;
    EXPECT_FALSE(open(changed)) << at;
  }
  for (std::size_t size = 0; size < sealed.size(); ++size) {
    EXPECT_FALSE(open(BytesView(sealed).first(size))) << size;
  }
}

TEST_F(PassphraseTest, AHostileCostIsRefusedBeforeItIsPaid) {
  const auto refused = [&](std::size_t at, BytesView cost) {
    Bytes hostile = seal();
    std::ranges::copy(cost, hostile.begin() + static_cast<std::ptrdiff_t>(at));
    const auto opened = open(hostile);
    return !opened && opened.error().code == Errc::invalid_input;
  };
  const Bytes huge{0xff, 0xff, 0xff, 0xff};
  const Bytes zero{0, 0, 0, 0};
  const Bytes just_above{0, 0x10, 0, 1};  // 1 GiB and 1 KiB
  EXPECT_TRUE(refused(1, huge));
  EXPECT_TRUE(refused(1, zero));
  EXPECT_TRUE(refused(1, Bytes{0, 0, 0, 11}));
  EXPECT_TRUE(refused(5, huge));
  EXPECT_TRUE(refused(5, zero));
  EXPECT_TRUE(refused(5, just_above));
}

}  // namespace
}  // namespace writ::crypto
