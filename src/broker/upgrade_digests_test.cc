// SPDX-License-Identifier: Apache-2.0
#include "broker/upgrade_digests.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/encoding.h"
#include "broker/action_state.h"
#include "broker/approval_record.h"
#include "broker/calls_testing.h"
#include "broker/entries.h"
#include "broker/facts.h"
#include "broker/grant_record.h"
#include "crypto/hash.h"
#include "wire/canonical.h"

namespace writ::broker {
namespace {

class DigestUpgradeTest : public CallsTest {
 protected:
  static Record record(RecordKind kind, std::string id, std::string value,
                       std::uint64_t revision = 1) {
    return {.kind = kind, .id = std::move(id), .revision = revision, .value = std::move(value)};
  }
  // As 0.1 stored it: without salt, under version 1.
  Record old_approval(const approval::Approval& approval) {
    auto object = approval.to_json().get_object();
    object.erase("salt");
    object["v"] = 1;
    const auto id = approval.id.to_string();
    const auto sealed = acme_.workspace().data_key().seal(
        acme_.random(), as_bytes(canonical_json(object)),
        {.use = "approval", .workspace = acme_.workspace().id(), .owner = id});
    return record(RecordKind::approval, id,
                  canonical_json(JsonObject{{"v", 1}, {"sealed", base64url_encode(sealed)}}), 3);
  }
  approval::Approval upgraded(const approval::Approval& approval) {
    const auto done = upgrade_.record(old_approval(approval)).value();
    EXPECT_EQ(done.record.revision, 3U);
    EXPECT_EQ(done.entry.has_value(), !approval::is_final(approval.state));
    return parse_approval_record(acme_.workspace(), done.record).value();
  }

  const std::string run_ = billing_->id.to_string();
  DigestUpgrade upgrade_{acme_.workspace().id(), acme_.workspace().data_key(), acme_.clock(),
                         acme_.random()};
};

// What was done before the upgrade still stands after it: the claim looks it up under its new id.
TEST_F(DigestUpgradeTest, P38_AFactIsFoundUnderItsNewId) {
  acme_.preview(*billing_);
  const auto facts = acme_.run(acme_.workspace().store().list(RecordKind::fact, "", 10)).value();
  ASSERT_EQ(facts.size(), 1U);
  const auto plain = crypto::sha256(canonical_json(JsonObject{
      {"operation", "billing.refund.preview"},
      {"same", JsonObject{{"amount", 12'000}, {"currency", "EUR"}, {"invoice", "inv_1"}}}}));
  const auto done =
      upgrade_.record(record(RecordKind::fact, run_ + ":" + hex_encode(plain), "{}")).value();
  EXPECT_EQ(done.record.id, facts[0].id);
  EXPECT_EQ(done.record.revision, kFactRevision);
  EXPECT_EQ(done.record.value, "{}");
}

TEST_F(DigestUpgradeTest, P38_AnIdempotencyKeyAndItsActionAreFoundUnderTheirNewForms) {
  approved("k");
  const auto sent = prepare(acme_.refund(*billing_, "k"));
  ASSERT_TRUE(sent.has_value()) << describe(sent);
  const auto id = sent->action.id().to_string();
  auto& store = acme_.workspace().store();
  const auto now = acme_.run(store.get(RecordKind::action, id)).value().value();

  const auto key = upgrade_.record(
      record(RecordKind::idempotency, run_ + ":" + hex_encode(crypto::sha256("k")), id));
  EXPECT_TRUE(acme_.run(store.get(RecordKind::idempotency, key->record.id))->has_value());
  EXPECT_EQ(key->record.value, id);

  auto old = parse_json_object(now.value).value();
  old.erase("digest_hmac");
  old["digest"] = hex_encode(sent->action.proposed().digest());
  old["v"] = 1;
  EXPECT_EQ(upgrade_.record(record(RecordKind::action, id, canonical_json(old)))->record.value,
            now.value);
}

TEST_F(DigestUpgradeTest, P38_AUsersTokenIsCountedUnderItsNewId) {
  const auto plain = crypto::sha256("header.claims");
  const auto hmac = user_token_hmac(acme_.workspace().digest_key(), plain);
  const auto use = UserTokenUse{.runs = 3, .expires = acme_.clock().now()}.to_text();
  const auto counted = upgrade_.record(record(RecordKind::grant, hex_encode(plain), use)).value();
  EXPECT_EQ(counted.record.id, grant_record_id(hmac));
  EXPECT_EQ(counted.record.value, use);
  // A refresh token cannot be guessed.
  RefreshGrant refresh;
  refresh.run = billing_->id;
  refresh.agent = billing_->agent;
  const auto kept =
      upgrade_.record(record(RecordKind::grant, hex_encode(plain), refresh.to_text())).value();
  EXPECT_EQ(kept.record.id, hex_encode(plain));

  RunRecord run{.run = *billing_, .ended = std::nullopt};
  run.run.user_token = plain;
  auto done = upgrade_.record(record(RecordKind::run, run_, canonical_json(run.to_json()))).value();
  run.run.user_token = hmac;
  EXPECT_EQ(done.record.value, canonical_json(run.to_json()));
  run.run.user_token.reset();
  done = upgrade_.record(record(RecordKind::run, run_, canonical_json(run.to_json()))).value();
  EXPECT_EQ(done.record.value, canonical_json(run.to_json()));
}

TEST_F(DigestUpgradeTest, P38_ALikenessIsFoundUnderItsNewSubject) {
  approved("k");
  const auto sent = prepare(acme_.refund(*billing_, "k"));
  ASSERT_TRUE(sent.has_value()) << describe(sent);
  const auto subject =
      upgrade_.subject("like_" + hex_encode(sent->action.proposed().likeness())).value();
  EXPECT_EQ(acme_.run(acme_.workspace().store().find_log(subject, 0, 10))->size(), 1U);
  EXPECT_EQ(upgrade_.subject(run_).value(), run_);
}

TEST_F(DigestUpgradeTest, P38_AnEndedApprovalGetsASalt) {
  acme_.preview(*billing_);
  const auto question = needed(prepare(acme_.refund(*billing_, "k")));
  auto before = *acme_.decide(*question, "bob", {"finance"}, approval::Verdict::deny).value();
  auto after = upgraded(before);
  EXPECT_NE(after.salt, Digest{});
  after.salt = before.salt;
  before.revision = after.revision;
  EXPECT_EQ(after, before);
}

// P20: what was signed is of another form, so nobody's consent is carried over.
TEST_F(DigestUpgradeTest, P20_AnOpenApprovalEndsVisibly) {
  acme_.preview(*billing_);
  const auto pending = needed(prepare(acme_.refund(*billing_, "k")));
  const auto given = acme_.decide(*pending, "bob", {"finance"}).value();
  for (const auto& open : {pending, given}) {
    const auto after = upgraded(*open);
    EXPECT_EQ(after.state, approval::State::superseded);
    EXPECT_EQ(after.ended_at, acme_.clock().now());
    const auto done = upgrade_.record(old_approval(*open)).value();
    const auto entry = audit::Entry::parse(as_bytes(done.entry->entry)).value();
    EXPECT_EQ(entry.kind(), audit::Kind::approval_expired);
    EXPECT_EQ(entry.subjects().approval, open->id);
    EXPECT_EQ(field(entry, "state"), "superseded");
    EXPECT_THAT(field(entry, "detail"), testing::HasSubstr("before an upgrade"));
    EXPECT_THAT(done.entry->subjects,
                testing::ElementsAre(open->id.to_string(), open->run.to_string()));
  }
}

TEST_F(DigestUpgradeTest, WhatIsOfNoDigestStaysAsItIs) {
  const auto old = record(RecordKind::user, "usr_1", "{\"v\":1}", 7);
  const auto done = upgrade_.record(old).value();
  EXPECT_EQ(done.record.id, old.id);
  EXPECT_EQ(done.record.value, old.value);
  EXPECT_EQ(done.record.revision, 7U);
  EXPECT_FALSE(done.entry.has_value());
}

TEST_F(DigestUpgradeTest, WhatVersion01DidNotWriteIsRefused) {
  EXPECT_FALSE(upgrade_.record(record(RecordKind::fact, run_, "{}")));
  EXPECT_FALSE(upgrade_.record(record(RecordKind::fact, run_ + ":00", "{}")));
  EXPECT_FALSE(upgrade_.record(record(RecordKind::idempotency, run_ + ":zz", "act_1")));
  EXPECT_FALSE(upgrade_.record(record(RecordKind::action, "act_1", "{\"v\":2}")));
  EXPECT_FALSE(upgrade_.record(record(RecordKind::action, "act_1", "{\"v\":1}")));
  EXPECT_FALSE(upgrade_.record(record(RecordKind::approval, "apr_1", "{}")));
  EXPECT_FALSE(upgrade_.subject("like_00"));
  // One that was brought over already.
  acme_.preview(*billing_);
  const auto question = needed(prepare(acme_.refund(*billing_, "k")));
  EXPECT_FALSE(upgrade_.record(record(RecordKind::approval, question->id.to_string(),
                                      to_record(acme_.workspace(), acme_.random(), *question))));
}

}  // namespace
}  // namespace writ::broker
