// SPDX-License-Identifier: Apache-2.0
// The one way to a credential's plaintext: for a recorded action alone, of the account it was
// decided for, towards the origin that the credential belongs to.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "action/test_steps.h"
#include "base/fake_clock.h"
#include "base/fake_random.h"
#include "vault/vault.h"

namespace writ::vault {
namespace {

class Opening : public testing::Test {
 protected:
  Opening() {
    run_.id = RunId::make(clock_, random_);
    run_.workspace = WorkspaceId::make(clock_, random_);
  }
  Credential make(Origin origin = {"https", "billing.example.com", 443}) {
    return new_credential(key_.key, random_, run_.workspace, id_, "billing-api-key",
                          std::move(origin), SecretBytes::copy_of("sk_test_0123456789abcdef"),
                          clock_.now())
        .value();
  }
  Expected<Opened> open_for(std::optional<action::Account> account, const Credential& credential) {
    auto proposed = action::propose_refund({{std::make_shared<const delegation::Run>(run_)}},
                                           {{"invoice", "i"}, {"amount", 1}, {"currency", "EUR"}},
                                           "key-1", nullptr, account);
    const auto action = broker::Calls::record(policy::Decider::authorize(std::move(proposed), {}));
    return open(action, credential, key_.key);
  }

  FakeClock clock_;
  FakeRandom random_;
  delegation::Run run_;
  CredentialId id_ = CredentialId::make(clock_, random_);
  SealKey seal_ = SealKey::from_text(SealKey::generate_text(random_)).value();
  SealKey::NewDataKey key_ = seal_.new_data_key(random_, WorkspaceId());
};

TEST_F(Opening, TheCurrentSecretOfTheAccountThatWasDecidedOn) {
  const auto first = make();
  auto opened = open_for(action::Account{id_, 1}, first);
  ASSERT_TRUE(opened.has_value()) << opened.error().to_string();
  EXPECT_EQ(opened->value.reveal_text(), "sk_test_0123456789abcdef");
  EXPECT_EQ(opened->version, 1U);
  const auto second =
      rotate(key_.key, random_, run_.workspace, first,
             SecretBytes::copy_of("sk_test_fedcba9876543210"), seconds(0), true, clock_.now())
          .value();
  opened = open_for(action::Account{id_, 1}, second);
  EXPECT_EQ(opened->value.reveal_text(), "sk_test_fedcba9876543210");
  EXPECT_EQ(opened->version, 2U);
}

TEST_F(Opening, P12_AnotherAccountIsNotOpenedForAnActionDecidedBefore) {
  const auto other =
      rotate(key_.key, random_, run_.workspace, make(),
             SecretBytes::copy_of("sk_test_fedcba9876543210"), seconds(0), false, clock_.now())
          .value();
  EXPECT_EQ(open_for(action::Account{id_, 1}, other).error().code, Errc::denied);
  EXPECT_TRUE(open_for(action::Account{id_, 2}, other).has_value());
}

TEST_F(Opening, AnActionWithoutAnAccountOpensNothing) {
  EXPECT_EQ(open_for(std::nullopt, make()).error().code, Errc::denied);
  EXPECT_EQ(open_for(action::Account{CredentialId::make(clock_, random_), 1}, make()).error().code,
            Errc::denied);
}

// failures.md 21: a secret goes only to its bound scheme, host and port.
TEST_F(Opening, P22_ASecretGoesToItsOwnOriginAlone) {
  for (const auto& origin :
       {Origin{"http", "billing.example.com", 443}, Origin{"https", "billing.example.com", 8443},
        Origin{"https", "example.com", 443}, Origin{"https", "evil.example", 443}}) {
    const auto refused = open_for(action::Account{id_, 1}, make(origin));
    ASSERT_FALSE(refused.has_value()) << origin.to_string();
    EXPECT_EQ(refused.error().code, Errc::denied);
    EXPECT_THAT(refused.error().to_string(), testing::Not(testing::HasSubstr("sk_test")));
  }
}

TEST_F(Opening, ASecretThatWasMovedOrChangedDoesNotOpen) {
  auto credential = make();
  credential.versions[0].sealed.back() ^= 1;
  EXPECT_EQ(open_for(action::Account{id_, 1}, credential).error().code, Errc::internal);
  credential = make();
  credential.versions[0].number = 2;
  EXPECT_FALSE(open_for(action::Account{id_, 1}, credential).has_value());
  credential = make();
  run_.workspace = WorkspaceId::make(clock_, random_);
  EXPECT_FALSE(open_for(action::Account{id_, 1}, credential).has_value());
}

TEST_F(Opening, P22_ADestroyedVersionHasNoValue) {
  auto credential = make();
  credential.versions[0].sealed.clear();
  EXPECT_EQ(open_for(action::Account{id_, 1}, credential).error().code, Errc::internal);
}

TEST_F(Opening, P22_ASigningKeyOpensUnderItsOwnIdAlone) {
  const auto sealed = seal_.seal_signing_key(random_, as_bytes("pkcs8"), "k1");
  EXPECT_EQ(seal_.open_signing_key(sealed, "k1")->reveal_text(), "pkcs8");
  EXPECT_FALSE(seal_.open_signing_key(sealed, "k2").has_value());
  EXPECT_FALSE(seal_.unwrap_data_key(sealed, WorkspaceId()).has_value());
  const auto other = SealKey::from_text(SealKey::generate_text(random_)).value();
  EXPECT_FALSE(other.open_signing_key(sealed, "k1").has_value());
}

TEST_F(Opening, RotationsAreHeldToTheRulesOfEntry) {
  const auto credential = make();
  const auto rotated = [&](std::string_view value, seconds grace) {
    return rotate(key_.key, random_, run_.workspace, credential, SecretBytes::copy_of(value), grace,
                  true, clock_.now());
  };
  EXPECT_FALSE(rotated("short", seconds(0)).has_value());
  EXPECT_FALSE(rotated("sk_test_fedcba9876543210", seconds(-1)).has_value());
  EXPECT_FALSE(rotated("sk_test_fedcba9876543210", std::chrono::hours(25)).has_value());
  EXPECT_TRUE(rotated("sk_test_fedcba9876543210", std::chrono::hours(24)).has_value());
}

}  // namespace
}  // namespace writ::vault
