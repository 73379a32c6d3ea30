// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/fake_clock.h"
#include "base/fake_random.h"
#include "vault/credential.h"
#include "vault/keys.h"
#include "wire/canonical.h"

namespace writ::vault {
namespace {

class Vault : public testing::Test {
 protected:
  Credential make(std::string_view value = "sk_test_0123456789abcdef") {
    return new_credential(key_.key, random_, workspace_, CredentialId::make(clock_, random_),
                          "billing-api-key", origin_, SecretBytes::copy_of(value), clock_.now())
        .value();
  }
  Expected<SecretBytes> opened(const Credential& credential, std::size_t version) {
    return key_.key.open(credential.versions.at(version).sealed,
                         {.use = "credential",
                          .workspace = workspace_,
                          .owner = credential.id.to_string(),
                          .version = credential.versions.at(version).number});
  }

  FakeClock clock_;
  FakeRandom random_;
  SealKey seal_ = SealKey::from_text(SealKey::generate_text(random_)).value();
  WorkspaceId workspace_ = WorkspaceId::make(clock_, random_);
  SealKey::NewDataKey key_ = seal_.new_data_key(random_, workspace_);
  Origin origin_{"http", "127.0.0.1", 8700};
};

TEST_F(Vault, ADataKeyUnwrapsForItsOwnWorkspaceAlone) {
  EXPECT_TRUE(seal_.unwrap_data_key(key_.wrapped, workspace_).has_value());
  EXPECT_FALSE(seal_.unwrap_data_key(key_.wrapped, WorkspaceId::make(clock_, random_)).has_value());
  const auto other = SealKey::from_text(SealKey::generate_text(random_)).value();
  EXPECT_FALSE(other.unwrap_data_key(key_.wrapped, workspace_).has_value());
}

TEST_F(Vault, ASealedValueOpensForItsPurposeOwnerAndVersionAlone) {
  const Purpose purpose{
      .use = "credential", .workspace = workspace_, .owner = "crd_1", .version = 2};
  const auto sealed = key_.key.seal(random_, as_bytes("value"), purpose);
  EXPECT_EQ(key_.key.open(sealed, purpose)->reveal_text(), "value");
  auto other = purpose;
  other.use = "result";
  EXPECT_FALSE(key_.key.open(sealed, other).has_value());
  other = purpose;
  other.owner = "crd_2";
  EXPECT_FALSE(key_.key.open(sealed, other).has_value());
  other = purpose;
  other.version = 1;
  EXPECT_FALSE(key_.key.open(sealed, other).has_value());
  other = purpose;
  other.workspace = WorkspaceId::make(clock_, random_);
  EXPECT_FALSE(key_.key.open(sealed, other).has_value());
}

TEST_F(Vault, EveryBitOfASealedValueCounts) {
  const Purpose purpose{.use = "credential", .workspace = workspace_, .owner = "crd_1"};
  const auto sealed = key_.key.seal(random_, as_bytes("value"), purpose);
  for (std::size_t bit = 0; bit < sealed.size() * 8; ++bit) {
    auto changed = sealed;
    changed[bit / 8] ^= static_cast<std::uint8_t>(1U << (bit % 8));
    EXPECT_FALSE(key_.key.open(changed, purpose).has_value()) << bit;
  }
  for (std::size_t size = 0; size < sealed.size(); ++size) {
    EXPECT_FALSE(key_.key.open(BytesView(sealed).first(size), purpose).has_value()) << size;
  }
}

TEST_F(Vault, P22_ASealKeyIsExactlySixtyFourDigits) {
  for (const auto* bad : {"", "abc", "zz"})
    EXPECT_FALSE(SealKey::from_text(SecretBytes::copy_of(bad)).has_value());
  EXPECT_FALSE(SealKey::from_text(SecretBytes::copy_of(std::string(65, 'a'))).has_value());
  EXPECT_TRUE(SealKey::from_text(SecretBytes::copy_of(std::string(64, 'a') + "\n")).has_value());
}

TEST_F(Vault, P18_AShortSecretAndOneThatCouldEndALineAreRefusedAtEntry) {
  for (const auto* bad : {"fifteen-bytes-x", "sixteen bytes ok", "value-with-a-line\r\nX: y",
                          "ends-in-newline-1\n"}) {
    EXPECT_FALSE(check_secret(SecretBytes::copy_of(bad)).has_value()) << bad;
  }
  EXPECT_TRUE(check_secret(SecretBytes::copy_of("sixteen-bytes-ok")).has_value());
  EXPECT_EQ(check_secret(SecretBytes(16 * 1024 + 1)).error().code, Errc::too_large);
}

TEST_F(Vault, ARotationIsCurrentAtOnceAndTheOldOneStaysForItsGrace) {
  const auto first = make();
  const auto second =
      rotate(key_.key, random_, workspace_, first, SecretBytes::copy_of("sk_test_fedcba9876543210"),
             seconds(60), true, clock_.now())
          .value();
  EXPECT_EQ(opened(second, 1)->reveal_text(), "sk_test_fedcba9876543210");
  EXPECT_EQ(opened(second, 0)->reveal_text(), "sk_test_0123456789abcdef");
  EXPECT_FALSE(destroy_expired(second, clock_.now() + seconds(59)).versions[0].destroyed());
  const auto later = destroy_expired(second, clock_.now() + seconds(60));
  ASSERT_EQ(later.versions.size(), 1U);
  EXPECT_EQ(later.current().number, 2U);
  EXPECT_FALSE(later.current().destroyed());
}

// P22: what is destroyed is out of the record, which stays one that can be read again.
TEST_F(Vault, P22_ARecordIsReadAgainHoweverOftenTheCredentialWasRotated) {
  const auto value = SecretBytes::copy_of("sk_test_fedcba9876543210");
  for (const auto grace : {seconds(0), seconds(3600)}) {
    auto credential = make();
    for (int i = 0; i < 1100; ++i)
      credential =
          rotate(key_.key, random_, workspace_, credential, value, grace, true, clock_.now())
              .value();
    EXPECT_EQ(credential.versions.size(), grace == seconds(0) ? 1U : 16U);
    const auto again = Credential::from_json(credential.to_json());
    ASSERT_TRUE(again.has_value()) << again.error().to_string();
    EXPECT_EQ(again->current().number, 1101U);
    EXPECT_EQ(opened(*again, again->versions.size() - 1)->reveal_text(),
              "sk_test_fedcba9876543210");
  }
}

// Those that were destroyed stayed in it, without their bytes.
TEST_F(Vault, ALongRecordOfOldIsRead) {
  auto old = make();
  const auto current = old.versions.back();
  for (std::uint64_t number = 1; number <= 1500; ++number) {
    auto destroyed = current;
    destroyed.number = number;
    destroyed.sealed.clear();
    destroyed.destroy_at = clock_.now();
    old.versions.insert(old.versions.end() - 1, destroyed);
  }
  old.versions.back().number = 1501;
  const auto text = canonical_json(old.to_json());
  const auto again = Credential::from_json(parse_json(text).value());
  ASSERT_TRUE(again.has_value()) << again.error().to_string();
  ASSERT_EQ(again->versions.size(), 1U);
  EXPECT_EQ(again->current().number, 1501U);
}

TEST_F(Vault, P12_ARotationKeepsTheAccountAndAnotherAccountIsAnotherGeneration) {
  const auto first = make();
  const auto value = SecretBytes::copy_of("sk_test_fedcba9876543210");
  EXPECT_EQ(rotate(key_.key, random_, workspace_, first, value, seconds(0), true, clock_.now())
                ->generation,
            1U);
  EXPECT_EQ(rotate(key_.key, random_, workspace_, first, value, seconds(0), false, clock_.now())
                ->generation,
            2U);
}

TEST_F(Vault, TheStoredFormRoundTripsAndHoldsNoPlaintext) {
  const auto credential = make();
  const auto text = canonical_json(credential.to_json());
  EXPECT_THAT(text, testing::Not(testing::HasSubstr("sk_test")));
  const auto again = Credential::from_json(credential.to_json());
  ASSERT_TRUE(again.has_value()) << again.error().to_string();
  EXPECT_EQ(canonical_json(again->to_json()), text);
}

}  // namespace
}  // namespace writ::vault
