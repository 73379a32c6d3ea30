// SPDX-License-Identifier: Apache-2.0
#include "broker/credentials.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/encoding.h"
#include "broker/control_testing.h"

namespace writ::broker {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr std::string_view kNew = "sk_live_ABCDEFGHIJKLMNOP";

class CredentialsTest : public testing::Test, protected ControlPlane {
 protected:
  Expected<StoredSecret> rotate(std::string_view value = kNew, seconds grace = seconds(60),
                                bool same_account = true) {
    return acme.run(credentials.rotate(
        acme.workspace(), "billing-api-key", SecretBytes::copy_of(value), grace, same_account,
        acme.authority("admin", Operation::keep_credentials), signature("admin")));
  }
  Expected<StoredSecret> add(std::string name, std::string server, std::string_view value = kNew) {
    return acme.run(credentials.add(
        acme.workspace(), std::move(name), std::move(server), SecretBytes::copy_of(value),
        acme.authority("admin", Operation::keep_credentials), signature("admin")));
  }
  void tick() { acme.run(credentials.tick(acme.clock().now())); }
  std::shared_ptr<const vault::Credential> current() {
    return acme.workspace().credential("billing-api-key").credential;
  }
  std::string record() {
    return acme.run(acme.workspace().store().get(RecordKind::credential, current()->id.to_string()))
        .value()
        ->value;
  }
};

TEST_F(CredentialsTest, P22_ARotationIsCurrentAtOnceAndTheOldOneIsDestroyedAfterItsGrace) {
  const auto old_sealed = current()->current().sealed;
  const auto stored = rotate();
  ASSERT_TRUE(stored.has_value());
  EXPECT_EQ(stored->version, 2U);
  EXPECT_EQ(stored->generation, 1U);
  EXPECT_EQ(current()->current().number, 2U);
  EXPECT_FALSE(current()->versions[0].destroyed());
  tick();
  EXPECT_FALSE(current()->versions[0].destroyed());
  EXPECT_THAT(record(), HasSubstr(base64url_encode(old_sealed)));

  acme.clock().advance(seconds(60));
  tick();
  EXPECT_THAT(current()->versions, testing::SizeIs(1));
  EXPECT_FALSE(current()->current().destroyed());
  EXPECT_THAT(record(), Not(HasSubstr(base64url_encode(old_sealed))));
  const auto log = entries(audit::Kind::credential_destroyed);
  ASSERT_EQ(log.size(), 1U);
  EXPECT_EQ(log[0].at("version"), Json(1));
  tick();
  EXPECT_EQ(entries(audit::Kind::credential_destroyed).size(), 1U);
}

TEST_F(CredentialsTest, WithoutGraceTheOldOneIsGoneAtOnce) {
  ASSERT_TRUE(rotate(kNew, seconds(0)).has_value());
  ASSERT_THAT(current()->versions, testing::SizeIs(1));
  EXPECT_EQ(current()->current().number, 2U);
  const auto log = entries(audit::Kind::credential_destroyed);
  ASSERT_EQ(log.size(), 1U);
  EXPECT_EQ(log[0].at("version"), Json(1));
}

TEST_F(CredentialsTest, P12_AnotherAccountIsAnotherGeneration) {
  EXPECT_EQ(rotate(kNew, seconds(60), false)->generation, 2U);
  EXPECT_EQ(entries(audit::Kind::credential_rotated).at(0).at("account"), Json("other"));
}

TEST_F(CredentialsTest, P12_TheSameAccountKeepsApprovalsAndAnotherSupersedesThem) {
  const auto run = acme.refund_chain();
  acme.preview(*run);
  FakeDialer dialer;
  auto stopped =
      acme.run(acme.calls().prepare(acme.workspace(), acme.refund(*run, "key-1"), dialer, {}));
  const auto id = std::get<ApprovalNeeded>(stopped.error()).approval->id;
  EXPECT_TRUE(rotate()->superseded.empty());
  EXPECT_EQ(acme.approvals().find(acme.workspace(), id)->state, approval::State::pending);
  EXPECT_THAT(rotate(kNew, seconds(60), false)->superseded, testing::ElementsAre(id));
  EXPECT_EQ(acme.approvals().find(acme.workspace(), id)->state, approval::State::superseded);
}

TEST_F(CredentialsTest, P18_AValueIsBoundedAtEntryAndNothingIsWritten) {
  const auto before = current();
  for (const std::string& value :
       {std::string("short"), std::string(17'000, 'x'), std::string("with a space in the middle"),
        std::string("with-a-line-break-\n")})
    EXPECT_FALSE(rotate(value).has_value());
  EXPECT_FALSE(rotate(kNew, std::chrono::days(2)).has_value());
  EXPECT_EQ(current(), before);
}

TEST_F(CredentialsTest, NoTextOfItIsInRecordsOrLog) {
  ASSERT_TRUE(rotate().has_value());
  EXPECT_THAT(record(), Not(HasSubstr(kNew)));
  for (const auto& row : acme.run(acme.workspace().store().read_log(0, 1000)).value())
    EXPECT_THAT(row.entry, Not(HasSubstr(kNew)));
  EXPECT_FALSE(acme.log().contains(kNew));
}

TEST_F(CredentialsTest, ACredentialIsBoundToTheServerThatAsksForIt) {
  EXPECT_EQ(add("billing-api-key", "billing").error().code, Errc::conflict);
  EXPECT_EQ(add("other", "billing").error().code, Errc::invalid_input);
  EXPECT_EQ(add("billing-api-key", "nowhere").error().code, Errc::not_found);
  auto& text = acme.documents().at("tools/billing.toml");
  text.replace(text.find("billing-api-key"), 15, "second-api-key");
  acme.apply();
  const auto added = add("second-api-key", "billing");
  ASSERT_TRUE(added.has_value()) << added.error().to_string();
  EXPECT_EQ(added->origin,
            vault::Origin::of(acme.workspace().version()->server("billing")->url()).to_string());
  EXPECT_EQ(entries(audit::Kind::credential_added).size(), 1U);
  EXPECT_EQ(add("second-api-key", "billing").error().code, Errc::conflict);
}

TEST_F(CredentialsTest, WhereItCannotBeWrittenTheOldOneStays) {
  const auto before = current();
  (void)acme.session_of("admin");  // a commit of its own
  acme.store().fail_next_commit(fail(Errc::unavailable, "the disk is full").error());
  EXPECT_EQ(rotate().error().code, Errc::unavailable);
  EXPECT_EQ(current(), before);
}

}  // namespace
}  // namespace writ::broker
