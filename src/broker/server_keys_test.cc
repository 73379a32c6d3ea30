// SPDX-License-Identifier: Apache-2.0
#include "broker/server_keys.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/encoding.h"
#include "broker/testing.h"

namespace writ::broker {
namespace {

Error error(Errc code, std::string message) { return fail(code, std::move(message)).error(); }

using ::testing::HasSubstr;
using ::testing::Not;

class ServerKeysTest : public ::testing::Test {
 public:
  ~ServerKeysTest() override { loop_.stop(); }

 protected:
  ServerKeysTest() { loop_.start("keys"); }
  ServerKeys keys() { return {store_, seal_, clock_, random_}; }
  std::vector<TokenKey> load() {
    auto all = run_on(loop_, keys().token_keys());
    EXPECT_TRUE(all) << all.error().to_string();
    return *all;
  }
  static const std::string& kid(const TokenKey& key) { return key.signer->public_jwk().kid(); }

  FakeClock clock_;
  FakeRandom random_;
  FakeStore store_{clock_};
  vault::SealKey seal_ = vault::SealKey::from_text(vault::SealKey::generate_text(random_)).value();
  vault::SealKey other_ = vault::SealKey::from_text(vault::SealKey::generate_text(random_)).value();
  Loop loop_{clock_, milliseconds(1)};
};

TEST_F(ServerKeysTest, P22_TheTokenKeyIsMadeOnceAndFoundAgain) {
  const auto first = load();
  ASSERT_EQ(first.size(), 1U);
  const auto again = load();
  ASSERT_EQ(again.size(), 1U);
  EXPECT_EQ(kid(again[0]), kid(first[0]));
  const auto signature = again[0].signer->sign(as_bytes("text"));
  EXPECT_TRUE(first[0].signer->public_jwk().verify(as_bytes("text"), signature));
}

TEST_F(ServerKeysTest, P22_NoPrivateKeyIsInTheStoreInTheClear) {
  const auto made = load();
  const auto records =
      run_on(loop_, store_.workspace({})->list(RecordKind::signing_key, {}, 10)).value();
  ASSERT_EQ(records.size(), 1U);
  // A PKCS #8 form holds the public point, whose bytes would show that it is not sealed.
  const auto json = parse_json(records[0].value).value();
  const auto sealed = base64url_decode(text_of(json.as_object().at("sealed").get_string())).value();
  const auto x =
      base64url_decode(text_of(made[0].signer->public_jwk().to_json().at("x").get_string()))
          .value();
  EXPECT_EQ(std::ranges::search(sealed, x).size(), 0U);
}

TEST_F(ServerKeysTest, P22_AnotherSealKeyIsRefusedAndMakesNoNewKey) {
  load();
  ServerKeys others(store_, other_, clock_, random_);
  const auto refused = run_on(loop_, others.token_keys());
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::denied);
  EXPECT_THAT(refused.error().to_string(), HasSubstr("seal key"));
  EXPECT_EQ(run_on(loop_, store_.workspace({})->list(RecordKind::signing_key, {}, 10))->size(), 1U);
}

TEST_F(ServerKeysTest, ARotationOverlapsAndThenTheOldKeyIsErased) {
  const auto first = load();
  TokenKeys live(first);
  auto ours = keys();
  ASSERT_TRUE(run_on(loop_, ours.rotate_token_key(live, seconds(600))));
  const auto next = live.signer()->public_jwk().kid();
  EXPECT_NE(next, kid(first[0]));
  EXPECT_NE(live.public_keys(clock_.now())->find(kid(first[0])), nullptr);

  const auto both = load();  // after a restart
  ASSERT_EQ(both.size(), 2U);
  EXPECT_EQ(kid(both[0]), kid(first[0]));
  EXPECT_EQ(kid(both[1]), next);

  clock_.advance(seconds(600));
  EXPECT_EQ(live.public_keys(clock_.now())->find(kid(first[0])), nullptr);
  EXPECT_EQ(load().size(), 1U);
  EXPECT_EQ(run_on(loop_, store_.workspace({})->list(RecordKind::signing_key, {}, 10))->size(), 1U);
}

TEST_F(ServerKeysTest, ARotationThatCannotBeWrittenSignsWithTheKeyBefore) {
  TokenKeys live(load());
  const auto before = live.signer()->public_jwk().kid();
  store_.fail_next_commit(error(Errc::unavailable, "the disk is full"));
  auto ours = keys();
  EXPECT_FALSE(run_on(loop_, ours.rotate_token_key(live, seconds(600))));
  EXPECT_EQ(live.signer()->public_jwk().kid(), before);
}

TEST_F(ServerKeysTest, AKeyRotatesByItselfWhenItIsOld) {
  TokenKeys live(load());
  auto ours = keys();
  const auto due = [&] {
    return run_on(loop_,
                  ours.rotate_token_key_older_than(live, std::chrono::hours(24), seconds(600)))
        .value();
  };
  EXPECT_FALSE(due());
  clock_.advance(std::chrono::hours(24));
  EXPECT_TRUE(due());
  EXPECT_FALSE(due());
}

TEST_F(ServerKeysTest, P21_TheLogKeyIsItsOwnAndKeepsItsOrigin) {
  Acme acme;
  ServerKeys ours(acme.store(), seal_, clock_, random_);
  const auto first = acme.run(ours.log_signer(acme.workspace(), "writ.example"));
  ASSERT_TRUE(first) << first.error().to_string();
  EXPECT_EQ((*first)->name(), "writ.example/log/acme");
  // Whatever public_url becomes, the log stays the same log.
  const auto again = acme.run(ours.log_signer(acme.workspace(), "other.example"));
  ASSERT_TRUE(again);
  EXPECT_EQ((*again)->verifier().to_string(), (*first)->verifier().to_string());
  const auto opened = acme.entries(audit::Kind::log_opened);
  ASSERT_EQ(opened.size(), 1U);
  EXPECT_EQ(opened[0].json().at("key").as_string(), (*first)->verifier().to_string());

  ServerKeys others(acme.store(), other_, clock_, random_);
  const auto refused = acme.run(others.log_signer(acme.workspace(), "writ.example"));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::denied);
}

TEST_F(ServerKeysTest, P10_ALogKeyOfAnotherWorkspaceDoesNotOpen) {
  Acme acme;
  ServerKeys ours(acme.store(), seal_, clock_, random_);
  ASSERT_TRUE(acme.run(ours.log_signer(acme.workspace(), "writ.example")));
  const auto record =
      acme.run(acme.workspace().store().get(RecordKind::signing_key, "log"))->value();

  const auto id = WorkspaceId::make(clock_, random_);
  LiveWorkspace other(id, acme.store().workspace(id), seal_.new_data_key(random_, id).key);
  other.publish(acme.workspace().version(), {}, {});
  Unit unit;
  unit.puts.push_back({RecordKind::signing_key, "log", 0, record.value});
  ASSERT_TRUE(acme.run(other.store().commit(std::move(unit))));
  EXPECT_FALSE(acme.run(ours.log_signer(other, "writ.example")));
}

}  // namespace
}  // namespace writ::broker
