// SPDX-License-Identifier: Apache-2.0
#include "approval/chain.h"

#include <map>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "approval/decision.h"
#include "base/encoding.h"
#include "base/fake_clock.h"
#include "base/fake_random.h"
#include "crypto/es256.h"
#include "jose/signer.h"
#include "wire/canonical.h"
#include "wire/time_text.h"

namespace writ::approval {
namespace {

using audit::EntryBuilder;
using audit::Kind;
using testing::HasSubstr;

// A log in which one action was approved; a test changes one thing of it.
class ApprovalChainTest : public testing::Test {
 protected:
  struct Person {
    UserId id;
    jose::Es256Signer key;
  };
  Person person() { return {UserId::make(clock_, random_), new_key()}; }
  static jose::Es256Signer new_key() {
    return jose::Es256Signer(crypto::Es256PrivateKey::generate());
  }

  EntryBuilder builder(Kind kind) const { return {kind, clock_.now(), workspace_}; }
  std::optional<std::string> give(const EntryBuilder& builder) {
    return chain_.give(builder.build().value().bytes());
  }
  std::optional<std::string> enrol(const Person& who) {
    return give(builder(Kind::user_enrolled)
                    .set("user", who.id.to_string())
                    .set("key", who.key.public_jwk().thumbprint()));
  }
  std::optional<std::string> ask() {
    return give(builder(Kind::approval_requested)
                    .approval(approval_)
                    .run(run_)
                    .set("commitment", hex_encode(commitment_)));
  }
  DecisionStatement statement(Verdict verdict, std::vector<std::string> groups) const {
    return {.workspace = workspace_,
            .approval = approval_.to_string(),
            .commitment = commitment_,
            .verdict = verdict,
            .groups = std::move(groups),
            .nonce = Bytes(32, 5),
            .expires = expires_};
  }
  // The entry of a decision that says `said`, signed as `signed_`; it names their key unless said.
  EntryBuilder decision(const Person& who, const DecisionStatement& said,
                        const DecisionStatement& signed_,
                        const std::optional<std::string>& named = std::nullopt) const {
    auto out = builder(Kind::approval_decided);
    out.approval(approval_)
        .run(run_)
        .set("commitment", hex_encode(said.commitment))
        .set("by", who.id.to_string())
        .set("decision", std::string(name(said.verdict)))
        .set("groups", JsonArray(said.groups.begin(), said.groups.end()))
        .set("nonce", base64url_encode(said.nonce))
        .set("expiry", format_time(said.expires))
        .set("key", named.value_or(who.key.public_jwk().thumbprint()))
        .set("public_key", who.key.public_jwk().required_members())
        .set("signature", base64url_encode(who.key.sign(as_bytes(canonical_decision(signed_)))));
    return out;
  }
  std::optional<std::string> decide(const Person& who, Verdict verdict = Verdict::approve,
                                    std::vector<std::string> groups = {"finance"}) {
    const auto said = statement(verdict, std::move(groups));
    return give(decision(who, said, said));
  }
  EntryBuilder intent(const Digest& commitment, std::vector<std::string> groups) const {
    auto out = builder(Kind::action_intent);
    out.action(action_)
        .approval(approval_)
        .run(run_)
        .set("commitment", hex_encode(commitment))
        .set("approval_groups", JsonArray(groups.begin(), groups.end()));
    return out;
  }
  std::optional<std::string> act(std::vector<std::string> groups = {"finance"}) {
    return give(intent(commitment_, std::move(groups)));
  }

  FakeClock clock_;
  FakeRandom random_;
  WorkspaceId workspace_ = WorkspaceId::make(clock_, random_);
  ApprovalId approval_ = ApprovalId::make(clock_, random_);
  RunId run_ = RunId::make(clock_, random_);
  ActionId action_ = ActionId::make(clock_, random_);
  Digest commitment_{1, 2, 3};
  TimePoint expires_ = clock_.now() + std::chrono::minutes(15);
  Person bob_ = person();
  Person carol_ = person();
  ApprovalChain chain_;
};

TEST_F(ApprovalChainTest, P20_FromApprovalToActionByTheLeavesAlone) {
  EXPECT_EQ(enrol(bob_), std::nullopt);
  EXPECT_EQ(enrol(carol_), std::nullopt);
  EXPECT_EQ(ask(), std::nullopt);
  EXPECT_EQ(decide(bob_), std::nullopt);
  EXPECT_EQ(decide(carol_, Verdict::approve, {"controllers"}), std::nullopt);
  EXPECT_EQ(act({"controllers", "finance"}), std::nullopt);
}

TEST_F(ApprovalChainTest, P20_AnActionWithoutItsApprovalIsFound) {
  enrol(bob_);
  EXPECT_THAT(act().value_or(""), HasSubstr("no open request"));
  ask();
  EXPECT_THAT(act().value_or(""), HasSubstr("not every group"));
}

TEST_F(ApprovalChainTest, P20_AnotherCommitmentOrRunIsFound) {
  enrol(bob_);
  ask();
  decide(bob_);
  EXPECT_THAT(give(intent(Digest{9}, {"finance"})).value_or(""), HasSubstr("commitment"));
  run_ = RunId::make(clock_, random_);
  EXPECT_THAT(act().value_or(""), HasSubstr("run"));
}

TEST_F(ApprovalChainTest, P20_AnApprovalIsConsumedOnce) {
  enrol(bob_);
  ask();
  decide(bob_);
  EXPECT_EQ(act(), std::nullopt);
  action_ = ActionId::make(clock_, random_);
  EXPECT_THAT(act().value_or(""), HasSubstr("no open request"));
}

TEST_F(ApprovalChainTest, P20_ADecisionThatIsNotSignedAsItSaysIsFound) {
  enrol(bob_);
  ask();
  const auto said = statement(Verdict::approve, {"finance"});
  const auto wrong = [&](auto change) {
    auto other = said;
    change(other);
    return give(decision(bob_, said, other)).value_or("");
  };
  EXPECT_THAT(wrong([](auto& s) { s.verdict = Verdict::deny; }), HasSubstr("signature"));
  EXPECT_THAT(wrong([](auto& s) { s.groups = {"controllers"}; }), HasSubstr("signature"));
  EXPECT_THAT(wrong([](auto& s) { s.nonce[0] ^= 1; }), HasSubstr("signature"));
  EXPECT_THAT(wrong([](auto& s) { s.commitment[0] ^= 1; }), HasSubstr("signature"));
  EXPECT_THAT(wrong([](auto& s) { s.subject = Subject::plan; }), HasSubstr("signature"));
  EXPECT_THAT(wrong([](auto& s) { s.expires += milliseconds(1); }), HasSubstr("signature"));
  EXPECT_EQ(wrong([](auto&) {}), "");
}

TEST_F(ApprovalChainTest, P20_AKeyThatItsPersonDidNotEnrolIsFound) {
  ask();
  EXPECT_THAT(decide(bob_).value_or(""), HasSubstr("enrolled"));
  enrol(bob_);
  // Carol's key under Bob's name.
  EXPECT_THAT(decide({bob_.id, carol_.key}).value_or(""), HasSubstr("enrolled"));
  EXPECT_EQ(decide(bob_), std::nullopt);
  // Another key since: what the first one gave holds no more.
  enrol({bob_.id, new_key()});
  EXPECT_THAT(act().value_or(""), HasSubstr("not every group"));
}

// The entry names Bob's key, and was signed with another, which it shows.
TEST_F(ApprovalChainTest, P20_AnotherKeyThanTheOneNamedIsFound) {
  enrol(bob_);
  ask();
  const auto said = statement(Verdict::approve, {"finance"});
  const auto forged =
      decision({bob_.id, carol_.key}, said, said, bob_.key.public_jwk().thumbprint());
  EXPECT_THAT(give(forged).value_or(""), HasSubstr("enrolled"));
  EXPECT_THAT(act().value_or(""), HasSubstr("not every group"));
}

TEST_F(ApprovalChainTest, P20_AnApprovalIsAskedForOnce) {
  EXPECT_EQ(ask(), std::nullopt);
  commitment_ = Digest{9};
  EXPECT_THAT(ask().value_or(""), HasSubstr("asked for before"));
}

TEST_F(ApprovalChainTest, P20_TwoGroupsAreTwoPeople) {
  enrol(bob_);
  ask();
  EXPECT_EQ(decide(bob_, Verdict::approve, {"controllers", "finance"}), std::nullopt);
  EXPECT_THAT(decide(bob_).value_or(""), HasSubstr("approved before"));
  EXPECT_THAT(act({"controllers", "finance"}).value_or(""), HasSubstr("not every group"));
}

TEST_F(ApprovalChainTest, P20_ADeniedOrEndedOrLateApprovalCarriesNothing) {
  enrol(bob_);
  enrol(carol_);
  ask();
  decide(bob_);
  EXPECT_EQ(decide(carol_, Verdict::deny), std::nullopt);
  EXPECT_THAT(act().value_or(""), HasSubstr("no open request"));

  approval_ = ApprovalId::make(clock_, random_);
  ask();
  decide(bob_);
  EXPECT_EQ(give(builder(Kind::approval_expired).approval(approval_).run(run_)), std::nullopt);
  EXPECT_THAT(act().value_or(""), HasSubstr("no open request"));

  approval_ = ApprovalId::make(clock_, random_);
  ask();
  clock_.advance(std::chrono::minutes(15));
  EXPECT_THAT(decide(bob_).value_or(""), HasSubstr("expired"));
}

TEST_F(ApprovalChainTest, P38_VersionOneEndsWhereVersionTwoBegins) {
  const auto old = [&](Kind kind) {
    auto object = builder(kind)
                      .approval(approval_)
                      .run(run_)
                      .set("user", bob_.id.to_string())
                      .set("key", "k")
                      .build()
                      ->json();
    object["v"] = 1;
    return canonical_json(object);
  };
  const auto text = old(Kind::approval_decided);
  // Nothing can be computed from it again, and nothing new rests on it.
  EXPECT_EQ(chain_.give(as_bytes(text)), std::nullopt);
  EXPECT_EQ(give(builder(Kind::session_ended)), std::nullopt);
  EXPECT_THAT(chain_.give(as_bytes(text)).value_or(""), HasSubstr("version 1"));
}

TEST_F(ApprovalChainTest, WhatSaysNothingOfApprovalsIsNotRead) {
  EXPECT_EQ(chain_.give(as_bytes("entry 17 was otherwise")), std::nullopt);
  EXPECT_TRUE(chain_.give(as_bytes(R"({"approval":"apr_x"})")).has_value());
}

}  // namespace
}  // namespace writ::approval
