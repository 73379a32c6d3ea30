// SPDX-License-Identifier: Apache-2.0
#include "approval/approval.h"

#include <map>

#include <gtest/gtest.h>

#include "action/test_steps.h"
#include "base/fake_clock.h"
#include "base/fake_random.h"
#include "crypto/ed25519.h"
#include "crypto/es256.h"

namespace writ::approval {
namespace {

using std::chrono::hours;
using std::chrono::minutes;

// Alice's run asks for a refund; Bob is in finance, Carol in controllers, Dora in both.
class ApprovalTest : public testing::Test {
 protected:
  struct Person {
    crypto::Es256PrivateKey key = crypto::Es256PrivateKey::generate();
    Approver approver;
  };

  FakeClock clock_;
  FakeRandom random_;
  Terms terms_{.request_life = minutes(15), .approval_life = minutes(5), .back_off = minutes(2)};
  std::map<std::string, Person> people_;
  std::shared_ptr<delegation::Run> run_ = std::make_shared<delegation::Run>();
  JsonObject refund_{{"invoice", "inv_1"}, {"amount", 12000}, {"currency", "EUR"}};

  ApprovalTest() {
    add("alice", {"finance", "billing"});
    add("bob", {"finance"});
    add("carol", {"controllers"});
    add("dora", {"controllers", "finance"});
    add("erin", {"billing"});
    run_->id = RunId::make(clock_, random_);
    run_->workspace = WorkspaceId::make(clock_, random_);
    run_->agent = AgentId::make(clock_, random_);
    run_->name = "settle-1";
    run_->agent_name = "billing";
    run_->user = id("alice");
    run_->user_name = "alice";
    run_->ends = clock_.now() + hours(1);
  }
  void add(const std::string& name, std::vector<std::string> groups) {
    Person person;
    person.approver = {.id = UserId::make(clock_, random_),
                       .name = name,
                       .active = true,
                       .groups = std::move(groups),
                       .key = jose::Jwk(person.key.public_key()),
                       .enrolled = clock_.now()};
    people_.emplace(name, std::move(person));
  }

  UserId id(const std::string& name) { return people_.at(name).approver.id; }
  Approver& approver(const std::string& name) { return people_.at(name).approver; }
  delegation::Lineage lineage() const { return {{run_}}; }
  TimePoint now() const { return clock_.now(); }

  Expected<Approval> ask(std::set<std::string> groups) {
    const auto action =
        policy::Decider::authorize(action::propose_refund(lineage(), refund_), std::move(groups));
    return request(action, ApprovalId::make(clock_, random_), {id("alice")}, {}, terms_, now(),
                   random_);
  }
  SignedDecision sign(const Approval& about, const std::string& name,
                      std::vector<std::string> groups, Verdict verdict = Verdict::approve) {
    SignedDecision decision{
        .verdict = verdict, .commitment = commitment_of(about), .groups = groups, .signature = {}};
    const auto bytes = canonical_decision(statement_of(about, verdict, std::move(groups)));
    decision.signature = people_.at(name).key.sign(as_bytes(bytes));
    return decision;
  }
  Expected<Approval> answer(const Approval& about, const std::string& name,
                            std::vector<std::string> groups, Verdict verdict = Verdict::approve) {
    return decide(about, sign(about, name, std::move(groups), verdict), approver(name), now());
  }
  Approval approved() { return answer(ask({"finance"}).value(), "bob", {"finance"}).value(); }
  Approval denied() {
    return answer(ask({"finance"}).value(), "bob", {"finance"}, Verdict::deny).value();
  }
  // The decisions of the same approval, denied by Bob.
  std::vector<Decision> denied_like(Approval about) {
    about.state = State::pending;
    about.decisions.clear();
    return answer(about, "bob", {"finance"}, Verdict::deny)->decisions;
  }
  Claim claim_of(const Approval& about, std::set<std::string> groups = {"finance"}) {
    return {.action = ActionId::make(clock_, random_),
            .run = about.run,
            .digest = about.digest,
            .groups = std::move(groups),
            .barred = {id("alice")},
            .person = [this](UserId user) -> std::optional<Approver> {
              for (const auto& [name, person] : people_) {
                if (person.approver.id == user) return person.approver;
              }
              return std::nullopt;
            }};
  }
};

template <typename T>
Errc code(const Expected<T>& result) {
  EXPECT_FALSE(result.has_value());
  return result ? Errc::internal : result.error().code;
}
template <typename T>
std::string where(const Expected<T>& result) {
  return result ? "" : result.error().where;
}

TEST_F(ApprovalTest, ARequestHoldsTheExactActionAndEnds) {
  const auto action =
      policy::Decider::authorize(action::propose_refund(lineage(), refund_), {"finance"});
  const auto asked = request(action, ApprovalId::make(clock_, random_), {id("alice")},
                             {.done = 1, .unknown = 2}, terms_, now(), random_);
  ASSERT_TRUE(asked.has_value());
  EXPECT_EQ(asked->state, State::pending);
  EXPECT_EQ(asked->statement, action.proposed().statement());
  EXPECT_EQ(asked->digest, action.proposed().digest());
  EXPECT_NE(asked->salt, Digest{});
  EXPECT_EQ(commitment_of(*asked), commitment(asked->salt, asked->digest));
  EXPECT_EQ(asked->likeness, action.proposed().likeness());
  EXPECT_EQ(asked->title, "Refund 12000 EUR on invoice inv_1");
  EXPECT_EQ(asked->groups, std::vector<std::string>{"finance"});
  EXPECT_EQ(asked->nonce.size(), 32U);
  EXPECT_EQ(asked->identical, (Identical{.done = 1, .unknown = 2}));
  EXPECT_EQ(asked->request_expires, now() + minutes(15));
  EXPECT_NE(asked->nonce, ask({"finance"})->nonce);
}

TEST_F(ApprovalTest, P4_AQuestionForNobodyIsNeverAsked) {
  EXPECT_EQ(code(ask({})), Errc::internal);
}

TEST_F(ApprovalTest, P20_ARequestEndsWithItsRun) {
  run_->ends = now() + minutes(3);
  EXPECT_EQ(ask({"finance"})->request_expires, run_->ends);
  clock_.advance(minutes(3));
  EXPECT_EQ(code(ask({"finance"})), Errc::denied);
}

TEST_F(ApprovalTest, WhatNobodyCanReadIsNotAsked) {
  refund_["note"] = std::string(kMaxStatementBytes, 'x');
  EXPECT_EQ(code(ask({"finance"})), Errc::too_large);
}

// A path is shown anew for each value under it.
TEST_F(ApprovalTest, P11_WhatNobodyCanBeShownIsNotAsked) {
  const auto with_values = [&](std::size_t count) {
    JsonArray list;
    for (std::size_t i = 0; i < count; ++i) list.emplace_back(1);
    refund_["labels"] = JsonObject{{std::string(30'000, 'k'), std::move(list)}};
    return ask({"finance"});
  };
  EXPECT_TRUE(with_values(30).has_value());
  EXPECT_EQ(code(with_values(15'000)), Errc::too_large);
}

TEST_F(ApprovalTest, P4_TheUserOfTheRunOrAnAncestorIsBarred) {
  EXPECT_EQ(barred_from(lineage(), [](AgentId) { return std::nullopt; }),
            std::set<UserId>{id("alice")});
  auto parent = std::make_shared<delegation::Run>(*run_);
  parent->user = id("bob");
  EXPECT_EQ(barred_from({{run_, parent}}, [](AgentId) { return std::nullopt; }),
            (std::set<UserId>{id("alice"), id("bob")}));
}

TEST_F(ApprovalTest, P4_TheOwnerOfAnAgentIsBarredWhereThereIsNoUser) {
  const auto owner_of = [this](AgentId agent) -> std::optional<UserId> {
    return agent == run_->agent ? std::optional(id("bob")) : std::nullopt;
  };
  EXPECT_EQ(barred_from(lineage(), owner_of), std::set<UserId>{id("alice")});
  run_->user.reset();
  EXPECT_EQ(barred_from(lineage(), owner_of), std::set<UserId>{id("bob")});
}

TEST_F(ApprovalTest, OnePersonOfTheGroupApproves) {
  const auto done = approved();
  EXPECT_EQ(done.state, State::approved);
  EXPECT_EQ(done.approved_at, now());
  EXPECT_EQ(done.approval_expires, now() + minutes(5));
  ASSERT_EQ(done.decisions.size(), 1U);
  EXPECT_EQ(done.decisions[0].user, id("bob"));
  EXPECT_EQ(done.decisions[0].user_name, "bob");
}

TEST_F(ApprovalTest, P4_WhoTheRunIsForMayNotApproveIt) {
  const auto asked = ask({"finance"}).value();
  const auto refused = answer(asked, "alice", {"finance"});
  EXPECT_EQ(code(refused), Errc::denied);
  EXPECT_EQ(where(refused), "approver");
  EXPECT_TRUE(groups_open_to(asked, approver("alice")).empty());
  EXPECT_EQ(code(answer(asked, "alice", {"finance"}, Verdict::deny)), Errc::denied);
}

TEST_F(ApprovalTest, P4_AnInactivePersonMayNotApprove) {
  const auto asked = ask({"finance"}).value();
  approver("bob").active = false;
  EXPECT_EQ(code(answer(asked, "bob", {"finance"})), Errc::denied);
  EXPECT_TRUE(groups_open_to(asked, approver("bob")).empty());
}

TEST_F(ApprovalTest, P4_APersonOutsideTheGroupMayNotApprove) {
  const auto asked = ask({"finance"}).value();
  EXPECT_EQ(code(answer(asked, "erin", {"finance"})), Errc::denied);
  EXPECT_EQ(code(answer(asked, "erin", {"billing"})), Errc::invalid_input);
  EXPECT_EQ(code(answer(asked, "carol", {"controllers"})), Errc::invalid_input);
  EXPECT_EQ(code(answer(asked, "erin", {"finance"}, Verdict::deny)), Errc::denied);
  EXPECT_EQ(groups_open_to(asked, approver("dora")), std::vector<std::string>{"finance"});
}

TEST_F(ApprovalTest, ADecisionNamesItsGroupsSortedAndOnce) {
  const auto asked = ask({"finance", "controllers"}).value();
  EXPECT_EQ(code(answer(asked, "dora", {})), Errc::invalid_input);
  EXPECT_EQ(code(answer(asked, "dora", {"finance", "controllers"})), Errc::invalid_input);
  EXPECT_EQ(code(answer(asked, "dora", {"finance", "finance"})), Errc::invalid_input);
  EXPECT_TRUE(answer(asked, "dora", {"controllers", "finance"}).has_value());
}

TEST_F(ApprovalTest, P4_TwoGroupsNeedTwoPeople) {
  const auto asked = ask({"finance", "controllers"}).value();
  const auto once = answer(asked, "dora", {"controllers", "finance"}).value();
  EXPECT_EQ(once.state, State::pending);
  EXPECT_EQ(answer(once, "bob", {"finance"})->state, State::approved);
  EXPECT_EQ(answer(once, "carol", {"controllers"})->state, State::approved);

  const auto finance = answer(asked, "bob", {"finance"}).value();
  EXPECT_EQ(finance.state, State::pending);
  EXPECT_EQ(answer(finance, "carol", {"controllers"})->state, State::approved);
}

TEST_F(ApprovalTest, P4_ADecisionCountsForNoMoreGroupsThanItNames) {
  const auto asked = ask({"finance", "controllers"}).value();
  const auto dora = answer(asked, "dora", {"finance"}).value();
  EXPECT_EQ(answer(dora, "bob", {"finance"})->state, State::pending);
}

TEST_F(ApprovalTest, OnePersonDecidesOnce) {
  const auto asked = ask({"finance", "controllers"}).value();
  const auto once = answer(asked, "dora", {"finance"}).value();
  EXPECT_EQ(code(answer(once, "dora", {"controllers"})), Errc::conflict);
}

TEST_F(ApprovalTest, P20_OnlyTheEnrolledKeySigns) {
  const auto asked = ask({"finance"}).value();
  auto decision = sign(asked, "carol", {"finance"});
  EXPECT_EQ(code(decide(asked, decision, approver("bob"), now())), Errc::unauthenticated);
  decision = sign(asked, "bob", {"finance"});
  approver("bob").key.reset();
  EXPECT_EQ(code(decide(asked, decision, approver("bob"), now())), Errc::unauthenticated);
}

TEST_F(ApprovalTest, P40_AKeyEnrolledAnewDecidesNothingThatWasAskedBefore) {
  const auto asked = ask({"finance"}).value();
  const auto decision = sign(asked, "bob", {"finance"});
  for (const auto enrolled :
       {std::optional(asked.created + milliseconds(1)), std::optional<TimePoint>()}) {
    approver("bob").enrolled = enrolled;
    EXPECT_EQ(code(decide(asked, decision, approver("bob"), now())), Errc::denied);
  }
  approver("bob").enrolled = asked.created;
  EXPECT_TRUE(decide(asked, decision, approver("bob"), now()));
}

// Also where it is the very key: who enrolled it anew may be somebody else.
TEST_F(ApprovalTest, P40_WhatAKeyApprovedBeforeItWasEnrolledAnewIsNotClaimed) {
  const auto asked = ask({"finance"}).value();
  const auto approved = decide(asked, sign(asked, "bob", {"finance"}), approver("bob"), now());
  ASSERT_TRUE(approved);
  EXPECT_TRUE(claimable(*approved, claim_of(*approved, {"finance"}), now()));
  approver("bob").enrolled = asked.created + milliseconds(1);
  EXPECT_EQ(code(claimable(*approved, claim_of(*approved, {"finance"}), now())), Errc::denied);
}

TEST_F(ApprovalTest, P20_AKeyOfAnotherAlgorithmDoesNotApprove) {
  const auto asked = ask({"finance"}).value();
  const auto key = crypto::Ed25519PrivateKey::generate(random_);
  approver("bob").key = jose::Jwk(key.public_key());
  auto decision = sign(asked, "bob", {"finance"});
  decision.signature =
      key.sign(as_bytes(canonical_decision(statement_of(asked, Verdict::approve, {"finance"}))));
  EXPECT_EQ(code(decide(asked, decision, approver("bob"), now())), Errc::unauthenticated);
}

TEST_F(ApprovalTest, P20_WhatIsSignedIsThisVeryDecision) {
  const auto asked = ask({"finance", "controllers"}).value();
  const auto good = statement_of(asked, Verdict::approve, {"finance"});
  const auto refused = [&](const DecisionStatement& statement) {
    SignedDecision decision{
        .verdict = Verdict::approve,
        .commitment = commitment_of(asked),
        .groups = {"finance"},
        .signature = people_.at("bob").key.sign(as_bytes(canonical_decision(statement)))};
    auto result = decide(asked, decision, approver("bob"), now());
    return !result && result.error().code == Errc::unauthenticated;
  };
  EXPECT_FALSE(refused(good));
  auto other = good;
  other.workspace = WorkspaceId::make(clock_, random_);
  EXPECT_TRUE(refused(other));
  other = good;
  other.approval = ApprovalId::make(clock_, random_).to_string();
  EXPECT_TRUE(refused(other));
  other = good;
  other.subject = Subject::plan;
  EXPECT_TRUE(refused(other));
  other = good;
  other.commitment[0] ^= 1;
  EXPECT_TRUE(refused(other));
  other = good;
  other.verdict = Verdict::deny;
  EXPECT_TRUE(refused(other));
  other = good;
  other.groups = {"controllers"};
  EXPECT_TRUE(refused(other));
  other = good;
  other.nonce[0] ^= 1;
  EXPECT_TRUE(refused(other));
  other = good;
  other.expires += milliseconds(1);
  EXPECT_TRUE(refused(other));
}

TEST_F(ApprovalTest, P20_TheApproversCommitmentMustBeTheQuestions) {
  const auto asked = ask({"finance"}).value();
  auto decision = sign(asked, "bob", {"finance"});
  decision.commitment[0] ^= 1;
  const auto refused = decide(asked, decision, approver("bob"), now());
  EXPECT_EQ(code(refused), Errc::conflict);
  EXPECT_EQ(where(refused), "commitment");
}

TEST_F(ApprovalTest, P20_ARequestExpiresAfterR) {
  const auto asked = ask({"finance"}).value();
  clock_.advance(minutes(15) - milliseconds(1));
  EXPECT_EQ(state_at(asked, now()), State::pending);
  EXPECT_FALSE(expire(asked, now()).has_value());
  EXPECT_TRUE(answer(asked, "bob", {"finance"}).has_value());
  clock_.advance(milliseconds(1));
  EXPECT_EQ(state_at(asked, now()), State::expired);
  EXPECT_EQ(code(answer(asked, "bob", {"finance"})), Errc::conflict);
  const auto gone = expire(asked, now() + hours(1)).value();
  EXPECT_EQ(gone.state, State::expired);
  EXPECT_EQ(gone.ended_at, asked.request_expires);
  EXPECT_FALSE(expire(gone, now()).has_value());
}

TEST_F(ApprovalTest, P20_AnApprovalExpiresAAfterTheDecision) {
  const auto asked = ask({"finance"}).value();
  clock_.advance(minutes(14));
  const auto done = answer(asked, "bob", {"finance"}).value();
  // R has passed meanwhile, which no longer matters.
  clock_.advance(minutes(5) - milliseconds(1));
  EXPECT_TRUE(claimable(done, claim_of(done), now()).has_value());
  clock_.advance(milliseconds(1));
  EXPECT_EQ(state_at(done, now()), State::expired);
  EXPECT_EQ(code(claimable(done, claim_of(done), now())), Errc::conflict);
  EXPECT_EQ(expire(done, now())->ended_at, done.approval_expires);
}

TEST_F(ApprovalTest, ADenialByOneEndsIt) {
  const auto asked = ask({"finance", "controllers"}).value();
  const auto once = answer(asked, "bob", {"finance"}).value();
  const auto no = answer(once, "carol", {"controllers"}, Verdict::deny).value();
  EXPECT_EQ(no.state, State::denied);
  EXPECT_EQ(no.ended_at, now());
  EXPECT_EQ(code(answer(no, "dora", {"controllers"})), Errc::conflict);
  EXPECT_EQ(code(claimable(no, claim_of(no), now())), Errc::conflict);
}

TEST_F(ApprovalTest, AnApprovalIsTakenBackUntilItIsClaimed) {
  const auto done = approved();
  EXPECT_EQ(answer(done, "bob", {"finance"}, Verdict::deny)->state, State::denied);
  EXPECT_EQ(answer(done, "dora", {"finance"}, Verdict::deny)->state, State::denied);
  EXPECT_EQ(code(answer(done, "dora", {"finance"})), Errc::conflict);
  const auto used = claim(done, claim_of(done), now()).value();
  EXPECT_EQ(code(answer(used, "bob", {"finance"}, Verdict::deny)), Errc::conflict);
}

TEST_F(ApprovalTest, ADenialImposesABackOff) {
  const auto no = denied();
  EXPECT_EQ(retry_after(no, now()), now() + minutes(2));
  clock_.advance(minutes(2) - milliseconds(1));
  EXPECT_TRUE(retry_after(no, now()).has_value());
  clock_.advance(milliseconds(1));
  EXPECT_FALSE(retry_after(no, now()).has_value());
  EXPECT_FALSE(retry_after(approved(), now()).has_value());
}

TEST_F(ApprovalTest, I1_AnApprovalIsClaimedOnce) {
  const auto done = approved();
  const auto by = claim_of(done);
  const auto used = claim(done, by, now()).value();
  EXPECT_EQ(used.state, State::claimed);
  EXPECT_EQ(used.claimed_by, by.action);
  EXPECT_EQ(code(claim(used, claim_of(used), now())), Errc::conflict);
}

TEST_F(ApprovalTest, APendingRequestIsNotClaimed) {
  const auto asked = ask({"finance"}).value();
  EXPECT_EQ(code(claim(asked, claim_of(asked), now())), Errc::conflict);
}

TEST_F(ApprovalTest, P12_AnApprovalIsForOneDigestAndOneRun) {
  const auto done = approved();
  auto other = claim_of(done);
  other.digest[31] ^= 1;
  EXPECT_EQ(code(claimable(done, other, now())), Errc::conflict);
  other = claim_of(done);
  other.run = RunId::make(clock_, random_);
  EXPECT_EQ(code(claimable(done, other, now())), Errc::conflict);
}

TEST_F(ApprovalTest, P4_AClaimThatAsksForNoGroupIsRefused) {
  const auto done = approved();
  EXPECT_EQ(code(claimable(done, claim_of(done, {}), now())), Errc::internal);
}

TEST_F(ApprovalTest, P4_AGroupThatPolicyAsksForNowWasAsked) {
  const auto done = approved();
  EXPECT_EQ(code(claimable(done, claim_of(done, {"controllers", "finance"}), now())), Errc::denied);
  EXPECT_EQ(code(claimable(done, claim_of(done, {"controllers"}), now())), Errc::denied);
  auto both = ask({"controllers", "finance"}).value();
  both = answer(both, "bob", {"finance"}).value();
  both = answer(both, "carol", {"controllers"}).value();
  EXPECT_TRUE(claimable(both, claim_of(both, {"finance"}), now()).has_value());
}

TEST_F(ApprovalTest, P4_TheApproverIsActiveAndInTheGroupAtTheClaim) {
  const auto done = approved();
  approver("bob").active = false;
  EXPECT_EQ(code(claimable(done, claim_of(done), now())), Errc::denied);
  approver("bob").active = true;
  EXPECT_TRUE(claimable(done, claim_of(done), now()).has_value());
  approver("bob").groups = {"billing"};
  EXPECT_EQ(code(claimable(done, claim_of(done), now())), Errc::denied);
  people_.erase("bob");
  EXPECT_EQ(code(claimable(done, claim_of(done), now())), Errc::denied);
}

TEST_F(ApprovalTest, P4_WhoIsBarredByNowDoesNotCount) {
  const auto done = approved();
  auto by = claim_of(done);
  by.barred = {id("bob")};
  EXPECT_EQ(code(claimable(done, by, now())), Errc::denied);
  auto stored = done;
  stored.barred = {id("bob")};
  EXPECT_EQ(code(claimable(stored, claim_of(stored), now())), Errc::denied);
}

TEST_F(ApprovalTest, P20_AnApprovalFallsWithTheKeyThatSignedIt) {
  const auto done = approved();
  approver("bob").key = jose::Jwk(crypto::Es256PrivateKey::generate().public_key());
  EXPECT_EQ(code(claimable(done, claim_of(done), now())), Errc::denied);
  approver("bob").key.reset();
  EXPECT_EQ(code(claimable(done, claim_of(done), now())), Errc::denied);
}

// Whoever can write the database still cannot approve.
TEST_F(ApprovalTest, P20_AForgedDecisionIsNotClaimed) {
  auto forged = ask({"finance"}).value();
  forged.state = State::approved;
  forged.approved_at = now();
  forged.approval_expires = now() + hours(1);
  forged.decisions.push_back({.user = id("bob"),
                              .user_name = "bob",
                              .verdict = Verdict::approve,
                              .groups = {"finance"},
                              .at = now(),
                              .key = approver("bob").key->thumbprint(),
                              .signature = Bytes(64, 1)});
  EXPECT_EQ(code(claimable(forged, claim_of(forged), now())), Errc::denied);
  forged.decisions.clear();
  EXPECT_EQ(code(claimable(forged, claim_of(forged), now())), Errc::denied);
  // A denial is signed too, and is none the less a denial.
  forged.decisions = denied_like(forged);
  EXPECT_EQ(code(claimable(forged, claim_of(forged), now())), Errc::denied);
}

TEST_F(ApprovalTest, P4_AnApprovalIsByThePersonWhoGaveIt) {
  const auto done = approved();
  auto by = claim_of(done);
  by.person = [this](UserId) {
    auto other = approver("dora");
    other.key = approver("bob").key;
    return std::optional(other);
  };
  EXPECT_EQ(code(claimable(done, by, now())), Errc::denied);
}

TEST_F(ApprovalTest, P4_TwoGroupsNeedTwoPeopleAtTheClaimToo) {
  auto both = ask({"controllers", "finance"}).value();
  both = answer(both, "dora", {"controllers", "finance"}).value();
  both = answer(both, "carol", {"controllers"}).value();
  ASSERT_EQ(both.state, State::approved);
  EXPECT_TRUE(claimable(both, claim_of(both, {"controllers", "finance"}), now()).has_value());
  approver("dora").groups = {"controllers"};
  EXPECT_EQ(code(claimable(both, claim_of(both, {"controllers", "finance"}), now())), Errc::denied);
  approver("dora").groups = {"controllers", "finance"};
  approver("carol").active = false;
  EXPECT_EQ(code(claimable(both, claim_of(both, {"controllers", "finance"}), now())), Errc::denied);
}

TEST_F(ApprovalTest, P12_AnotherAccountSupersedesVisibly) {
  const auto next = ApprovalId::make(clock_, random_);
  for (const auto& open : {ask({"finance"}).value(), approved()}) {
    const auto gone = supersede(open, next, now()).value();
    EXPECT_EQ(gone.state, State::superseded);
    EXPECT_EQ(gone.superseded_by, next);
    EXPECT_EQ(code(claimable(gone, claim_of(gone), now())), Errc::conflict);
    EXPECT_EQ(code(answer(gone, "dora", {"finance"})), Errc::conflict);
  }
}

TEST_F(ApprovalTest, ARevokedRunCancels) {
  for (const auto& open : {ask({"finance"}).value(), approved()}) {
    const auto gone = cancel(open, now()).value();
    EXPECT_EQ(gone.state, State::cancelled);
    EXPECT_EQ(gone.ended_at, now());
    EXPECT_EQ(code(claimable(gone, claim_of(gone), now())), Errc::conflict);
  }
}

TEST_F(ApprovalTest, NothingFollowsAFinalState) {
  const auto asked = ask({"finance"}).value();
  const auto done = approved();
  for (const auto& final :
       {denied(), cancel(asked, now()).value(), supersede(asked, std::nullopt, now()).value(),
        claim(done, claim_of(done), now()).value(), expire(asked, asked.request_expires).value()}) {
    EXPECT_TRUE(is_final(final.state));
    EXPECT_EQ(code(cancel(final, now())), Errc::conflict) << name(final.state);
    EXPECT_EQ(code(supersede(final, std::nullopt, now())), Errc::conflict) << name(final.state);
    EXPECT_EQ(code(claim(final, claim_of(final), now())), Errc::conflict) << name(final.state);
    EXPECT_EQ(code(answer(final, "dora", {"finance"})), Errc::conflict) << name(final.state);
    EXPECT_EQ(code(answer(final, "dora", {"finance"}, Verdict::deny)), Errc::conflict);
    EXPECT_FALSE(expire(final, now() + hours(9)).has_value()) << name(final.state);
    EXPECT_EQ(state_at(final, now() + hours(9)), final.state);
  }
}

TEST_F(ApprovalTest, EveryStateSurvivesItsRecord) {
  run_->user_name = "alice";
  const auto asked = ask({"controllers", "finance"}).value();
  const auto half = answer(asked, "bob", {"finance"}).value();
  const auto done = approved();
  for (const auto& each :
       {asked, half, done, denied(), cancel(half, now()).value(),
        supersede(asked, asked.id, now()).value(), claim(done, claim_of(done), now()).value(),
        expire(done, now() + hours(1)).value()}) {
    const auto again = Approval::from_json(parse_json(write_json(each.to_json())).value());
    ASSERT_TRUE(again.has_value()) << again.error().to_string();
    EXPECT_EQ(*again, each) << name(each.state);
  }
}

TEST_F(ApprovalTest, ARecordThatNoMachineWroteIsRefused) {
  const auto done = approved();
  const JsonObject whole = done.to_json().get_object();
  const auto where_with = [&](std::string_view member, Json value) {
    JsonObject changed = whole;
    changed[member] = std::move(value);
    return where(Approval::from_json(changed));
  };
  for (const auto& member : whole) {
    JsonObject lacks = whole;
    lacks.erase(text_of(member));
    if (text_of(member) != "user") EXPECT_FALSE(Approval::from_json(lacks)) << text_of(member);
    EXPECT_EQ(where_with(text_of(member), nullptr), json_pointer("", text_of(member)));
  }
  EXPECT_EQ(where_with("v", 1), "/v");
  EXPECT_EQ(where_with("v", 3), "/v");
  EXPECT_EQ(where_with("groups", JsonArray()), "/groups");
  EXPECT_EQ(where_with("groups", JsonArray{"finance", "controllers"}), "/groups");
  EXPECT_EQ(where_with("groups", JsonArray{"controllers"}), "/decisions");
  EXPECT_EQ(where_with("statement", "{}"), "/digest");
  EXPECT_EQ(where_with("state", "Approved"), "/state");
  EXPECT_EQ(where_with("state", "claimed"), "/ended_at");
  EXPECT_EQ(where_with("claimed_by", Json(ActionId::make(clock_, random_).to_string())),
            "/claimed_by");
  EXPECT_EQ(where_with("more", 1), "/more");
  EXPECT_EQ(where_with("nonce", "AAAA"), "/nonce");
  const auto& decision = whole.at("decisions").get_array()[0];
  EXPECT_EQ(where_with("decisions", JsonArray{decision, decision}), "/decisions");
}

}  // namespace
}  // namespace writ::approval
