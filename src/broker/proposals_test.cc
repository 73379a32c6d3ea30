// SPDX-License-Identifier: Apache-2.0
#include "broker/proposals.h"

#include <future>
#include <mutex>
#include <set>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "broker/control_testing.h"
#include "broker/live_records.h"

namespace writ::broker {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;
using Why = NotApplied::Why;

class ProposalsTest : public testing::Test, protected ControlPlane {
 protected:
  ProposalsTest() {
    acme.documents()["workspace.toml"] += "\n[users.ci]\nroles = [\"proposer\"]\n";
    acme.apply();
    acme.enrol("ci", jose::Jwk(crypto::Es256PrivateKey::generate().public_key()));
    base_ = version();
  }

  // One person more, which widens.
  workspace::Documents wider(const std::string& user = "erin") {
    auto out = acme.documents();
    out["workspace.toml"] += "\n[users." + user + "]\n";
    return out;
  }
  std::expected<Proposals::Shared, NotApplied> propose(workspace::Documents documents,
                                                       std::string_view by = "ci") {
    return acme.run(proposals.propose(acme.workspace(), std::move(documents), std::nullopt,
                                      acme.authority(by, Operation::propose)));
  }
  Proposals::Shared proposed(std::string_view by = "ci") {
    auto out = propose(wider(), by);
    WRIT_CHECK(out.has_value());
    return *out;
  }
  Authority admin() { return acme.authority("admin", Operation::decide_proposal); }
  SignedDifference signature(const Proposal& proposal, std::string_view name = "admin") {
    const auto seen = acme.run(proposals.look(acme.workspace(), proposal, admin()));
    WRIT_CHECK(seen.has_value());
    ApplyAsk ask;
    sign_apply(acme, ask, *seen, name);
    return *ask.signature;
  }
  std::expected<Proposals::Shared, NotApplied> approve(const Proposals::Shared& proposal,
                                                       SignedDifference by) {
    return acme.run(
        proposals.approve(acme.workspace(), proposal, std::move(by), admin(), "as discussed"));
  }
  Expected<Proposals::Shared> deny(const Proposals::Shared& proposal,
                                   std::string_view name = "admin") {
    const auto text = approval::canonical_decision(denial_of(acme.workspace().id(), *proposal));
    return acme.run(proposals.deny(acme.workspace(), proposal, acme.key(name).sign(as_bytes(text)),
                                   admin(), ""));
  }
  // The admin's key, enrolled now.
  void enrol_admin_anew() {
    acme.enrol("admin", jose::Jwk(crypto::Es256PrivateKey::generate().public_key()));
    acme.enrol("admin", acme.key("admin").public_jwk());
  }
  void publish_another_version() {
    acme.documents() = wider("frank");
    acme.apply();
  }
  void settle() { ASSERT_TRUE(acme.run(proposals.settle(acme.workspace()))); }
  ProposalState state(const Proposals::Shared& proposal) {
    const auto found = acme.run(proposals.find(acme.workspace(), proposal->id)).value();
    return proposals.state(acme.workspace(), *found);
  }
  Record record(const Proposal& proposal) {
    return acme.run(acme.workspace().store().get(RecordKind::proposal, proposal.id.to_string()))
        .value()
        .value();
  }
  bool has_documents(const Proposal& proposal) {
    return parse_proposal_record(acme.workspace(), record(proposal))->documents.has_value();
  }
  std::uint64_t version() { return acme.workspace().version()->number(); }

  std::uint64_t base_ = 0;
};

TEST_F(ProposalsTest, P40_DocumentsWaitUntilAnAdminSignsThem) {
  const auto documents = wider();
  const auto asked = propose(documents);
  ASSERT_TRUE(asked.has_value()) << asked.error().error.to_string();
  EXPECT_EQ(version(), base_);
  EXPECT_EQ((*asked)->changes, 1U);
  EXPECT_EQ((*asked)->widening, 1U);
  EXPECT_EQ((*asked)->expires, acme.clock().now() + std::chrono::hours(24));
  EXPECT_THAT(proposals.open(acme.workspace()), SizeIs(1));
  // Sealed: they may hold what only admins may read.
  EXPECT_THAT(record(**asked).value, Not(HasSubstr("erin")));
  const auto requested = entries(audit::Kind::proposal_requested);
  ASSERT_THAT(requested, SizeIs(1));
  EXPECT_EQ(requested[0].at("by_name"), Json("ci"));
  EXPECT_THAT(write_json(requested[0]), Not(HasSubstr("erin")));

  const auto done = approve(*asked, signature(**asked));
  ASSERT_TRUE(done.has_value()) << done.error().error.to_string();
  EXPECT_EQ((*done)->state, ProposalState::applied);
  EXPECT_EQ((*done)->version, base_ + 1);
  EXPECT_EQ(version(), base_ + 1);
  EXPECT_EQ(acme.workspace().documents(), documents);
  EXPECT_FALSE(has_documents(**asked));
  const auto applied = entries(audit::Kind::workspace_applied);
  ASSERT_THAT(applied, SizeIs(1));
  EXPECT_EQ(applied[0].at("by_name"), Json("admin"));
  EXPECT_EQ(applied[0].at("proposed_by_name"), Json("ci"));
  EXPECT_EQ(applied[0].at("proposal"), Json((*asked)->id.to_string()));
  EXPECT_EQ(applied[0].at("signed_by"), Json(acme.key("admin").public_jwk().thumbprint()));
  const auto decided = entries(audit::Kind::proposal_decided);
  ASSERT_THAT(decided, SizeIs(1));
  EXPECT_EQ(decided[0].at("decision"), Json("approve"));
  EXPECT_EQ(decided[0].at("note"), Json("as discussed"));
  // Once.
  EXPECT_FALSE(approve(*done, SignedDifference{}).has_value());
}

// Who moves between the decision and the commit is met by the commit.
TEST_F(ProposalsTest, P35_WhoProposesOrDeniesIsLookedAtInTheCommit) {
  const auto move = [&](std::string_view who) {
    const auto id = acme.user_id(who);
    const auto standing = acme.workspace().standing(id);
    Unit unit;
    unit.puts = {{RecordKind::user, id.to_string(), standing.revision, to_record(standing)}};
    EXPECT_TRUE(acme.store().commit_before_held(acme.workspace().id(), std::move(unit)));
  };
  const auto asked = propose(wider()).value();
  (void)acme.session_of("admin");
  acme.store().hold_commits();
  auto proposing = std::async([&] { return propose(wider("frank")); });
  while (acme.store().held() < 1) std::this_thread::yield();
  move("ci");
  acme.store().release_commits();
  const auto proposed = proposing.get();
  ASSERT_FALSE(proposed.has_value());
  EXPECT_EQ(proposed.error().error.code, Errc::conflict);
  EXPECT_EQ(state(asked), ProposalState::pending);

  acme.store().hold_commits();
  auto denying = std::async([&] { return deny(asked); });
  while (acme.store().held() < 1) std::this_thread::yield();
  move("admin");
  acme.store().release_commits();
  const auto denied = denying.get();
  ASSERT_FALSE(denied.has_value());
  EXPECT_EQ(denied.error().code, Errc::conflict);
  EXPECT_EQ(state(asked), ProposalState::pending);
}

// Also what only narrows: a session alone, which any program in the admin's shell has, applies
// nothing that somebody else made.
TEST_F(ProposalsTest, P40_AProposalIsSignedByTheAdminsOwnKeyWhateverItChanges) {
  auto narrower = acme.documents();
  auto& text = narrower.at("workspace.toml");
  text.replace(text.find("\"15m\""), 5, "\"10m\"");
  const auto asked = propose(narrower).value();
  EXPECT_EQ(asked->widening, 0U);
  const auto why = [&](SignedDifference by) -> std::optional<Why> {
    const auto out = approve(asked, std::move(by));
    return out ? std::nullopt : std::optional(out.error().why);
  };
  EXPECT_EQ(why({}), Why::needs_key);
  EXPECT_EQ(why(signature(*asked, "bob")), Why::needs_key) << "another person's key";
  auto other = signature(*asked);
  other.difference[0] ^= 1;
  EXPECT_EQ(why(other), Why::needs_key) << "another difference";
  EXPECT_EQ(version(), base_);
  EXPECT_EQ(why(signature(*asked)), std::nullopt);
  EXPECT_EQ(version(), base_ + 1);
}

TEST_F(ProposalsTest, P40_AnAdminMaySignTheirOwnProposal) {
  const auto asked = proposed("admin");
  EXPECT_TRUE(approve(asked, signature(*asked)).has_value());
  EXPECT_EQ(version(), base_ + 1);
}

TEST_F(ProposalsTest, P40_AnotherVersionSupersedesAndTheConflictShowsTheDifference) {
  const auto asked = proposed();
  const auto by = signature(*asked);
  publish_another_version();
  EXPECT_EQ(state(asked), ProposalState::superseded);
  for (int time = 0; time < 2; ++time) {
    const auto refused = approve(asked, by);
    ASSERT_FALSE(refused.has_value());
    EXPECT_EQ(refused.error().why, Why::moved);
    EXPECT_EQ(refused.error().base.number, base_ + 1);
    EXPECT_THAT(refused.error().changes, SizeIs(2)) << "one person comes, the other would go";
    settle();  // then it is written down, and says the same
  }
  EXPECT_EQ(deny(asked).error().code, Errc::conflict);
  const auto ended = entries(audit::Kind::proposal_expired);
  ASSERT_THAT(ended, SizeIs(1));
  EXPECT_EQ(ended[0].at("state"), Json("superseded"));
  EXPECT_TRUE(has_documents(*asked));
  acme.clock().advance(std::chrono::hours(25));
  settle();
  EXPECT_FALSE(has_documents(*asked));
  EXPECT_THAT(entries(audit::Kind::proposal_expired), SizeIs(1));
}

// What another version published meanwhile meets is met in the commit as well.
TEST_F(ProposalsTest, P40_TheCommitFindsTheProposalStillOpen) {
  const auto asked = proposed();
  auto by = signature(*asked);
  auto who = admin();
  acme.store().hold_commits();
  auto approving = std::async([&] {
    return acme.run(proposals.approve(acme.workspace(), asked, std::move(by), std::move(who), ""));
  });
  while (acme.store().held() < 1) std::this_thread::yield();
  const auto before = record(*asked);
  Unit unit;
  unit.puts = {{RecordKind::proposal, before.id, before.revision, before.value}};
  EXPECT_TRUE(acme.store().commit_before_held(acme.workspace().id(), std::move(unit)));
  acme.store().release_commits();
  const auto out = approving.get();
  ASSERT_FALSE(out.has_value());
  EXPECT_EQ(out.error().error.code, Errc::conflict);
  EXPECT_EQ(version(), base_);
}

TEST_F(ProposalsTest, P40_AKeyEnrolledAnewDecidesNoProposalFromBefore) {
  const auto asked = proposed();
  acme.clock().advance(milliseconds(1));
  enrol_admin_anew();
  const auto refused = approve(asked, signature(*asked));
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().error.code, Errc::denied);
  EXPECT_EQ(deny(asked).error().code, Errc::denied);
  EXPECT_EQ(state(asked), ProposalState::pending);
  EXPECT_EQ(version(), base_);
  acme.clock().advance(milliseconds(1));
  const auto again = propose(wider("gina")).value();
  EXPECT_TRUE(approve(again, signature(*again)).has_value());
}

TEST_F(ProposalsTest, P40_WhoIsNoAdminAnyMoreAtTheCommitPublishesNothing) {
  const auto asked = proposed();
  const auto by = signature(*asked);
  auto who = admin();
  acme.disable("admin");
  const auto out =
      acme.run(proposals.approve(acme.workspace(), asked, by, std::move(who), std::string()));
  EXPECT_FALSE(out.has_value());
  EXPECT_EQ(version(), base_);
}

TEST_F(ProposalsTest, P20_ADenialIsSignedAndEndsIt) {
  const auto asked = proposed();
  EXPECT_EQ(deny(asked, "bob").error().code, Errc::unauthenticated);
  EXPECT_EQ(state(asked), ProposalState::pending);
  const auto by = signature(*asked);
  const auto denied = deny(asked);
  ASSERT_TRUE(denied) << denied.error().to_string();
  EXPECT_EQ(state(asked), ProposalState::denied);
  EXPECT_FALSE(has_documents(*asked));
  const auto refused = approve(*denied, by);
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().error.code, Errc::conflict);
  const auto log = entries(audit::Kind::proposal_decided);
  ASSERT_THAT(log, SizeIs(1));
  EXPECT_EQ(log[0].at("decision"), Json("deny"));
  EXPECT_TRUE(log[0].contains("signature"));
  EXPECT_EQ(log[0].at("commitment"), entries(audit::Kind::proposal_requested)[0].at("commitment"));
  // For a while the same is not asked again; something else is.
  EXPECT_EQ(propose(wider()).error().error.code, Errc::denied);
  EXPECT_TRUE(propose(wider("gina")).has_value());
  acme.clock().advance(std::chrono::minutes(2));
  EXPECT_TRUE(propose(wider()).has_value());
}

TEST_F(ProposalsTest, P40_WhatNobodyDecidesEndsByItself) {
  const auto asked = proposed();
  acme.clock().advance(std::chrono::hours(24));
  EXPECT_EQ(state(asked), ProposalState::expired);
  EXPECT_FALSE(approve(asked, SignedDifference{}).has_value());
  settle();
  EXPECT_THAT(proposals.open(acme.workspace()), IsEmpty());
  EXPECT_FALSE(has_documents(*asked));
  ASSERT_THAT(entries(audit::Kind::proposal_expired), SizeIs(1));
  EXPECT_EQ(entries(audit::Kind::proposal_expired)[0].at("state"), Json("expired"));
}

TEST_F(ProposalsTest, P24_AProposalOfAClockThatWasAheadHasEnded) {
  const auto asked = proposed();
  acme.clock().set_wall(acme.clock().now() - seconds(30));
  EXPECT_EQ(state(asked), ProposalState::pending) << "clocks are set back a little";
  acme.clock().set_wall(acme.clock().now() - seconds(1));
  EXPECT_EQ(state(asked), ProposalState::expired);
  settle();
  EXPECT_FALSE(has_documents(*asked));
}

TEST_F(ProposalsTest, P25_NobodyProposesMoreThanAFewTimesAMinute) {
  const auto user = acme.user_id("ci");
  for (int i = 0; i < Proposals::kAtOnce; ++i)
    EXPECT_TRUE(proposals.pace(acme.workspace(), user)) << i;
  const auto refused = proposals.pace(acme.workspace(), user);
  ASSERT_FALSE(refused);
  EXPECT_EQ(exceeded(refused.error())->after, Proposals::kPace);
  EXPECT_TRUE(proposals.pace(acme.workspace(), acme.user_id("admin")));
  acme.clock().advance(Proposals::kPace);
  EXPECT_TRUE(proposals.pace(acme.workspace(), user));
  EXPECT_FALSE(proposals.pace(acme.workspace(), user));
}

// A pipeline that runs again and again asks once, about what it wants now.
// Notes who draws from it.
class NotedRandom final : public Random {
 public:
  explicit NotedRandom(Random& from) : from_(from) {}
  void fill(std::span<std::uint8_t> out) override {
    {
      const std::lock_guard lock(mutex_);
      threads_.insert(std::this_thread::get_id());
    }
    from_.fill(out);
  }
  std::set<std::thread::id> threads() const {
    const std::lock_guard lock(mutex_);
    return threads_;
  }

 private:
  Random& from_;
  mutable std::mutex mutex_;
  std::set<std::thread::id> threads_;
};

// Megabytes are sealed anew for each version that leaves a proposal behind. Of that, only the
// sealing draws random bytes.
TEST_F(ProposalsTest, P48_DocumentsAreSealedOffTheLoop) {
  NotedRandom noted(acme.random());
  Proposals noting(applying, builds, acme.shares(), acme.clock(), noted);
  const auto asked = proposed();
  publish_another_version();
  ASSERT_TRUE(acme.run(noting.load(acme.workspace())));
  const auto loop =
      acme.run([]() -> Task<std::thread::id> { co_return std::this_thread::get_id(); }());
  const auto before = noted.threads();
  ASSERT_TRUE(acme.run(noting.settle(acme.workspace())));
  EXPECT_EQ(parse_proposal_record(acme.workspace(), record(*asked))->state,
            ProposalState::superseded);
  EXPECT_TRUE(has_documents(*asked));
  EXPECT_THAT(before, IsEmpty());
  EXPECT_FALSE(noted.threads().empty());
  EXPECT_FALSE(noted.threads().contains(loop));
}

TEST_F(ProposalsTest, P37_AProposerHasOneOpenProposal) {
  const auto first = proposed();
  EXPECT_EQ(proposed()->id, first->id);
  EXPECT_THAT(entries(audit::Kind::proposal_requested), SizeIs(1));
  const auto second = propose(wider("gina")).value();
  EXPECT_NE(second->id, first->id);
  EXPECT_EQ(state(first), ProposalState::superseded);
  EXPECT_FALSE(has_documents(*first));
  EXPECT_THAT(proposals.open(acme.workspace()), SizeIs(1));
  EXPECT_FALSE(approve(first, SignedDifference{}).has_value());
  const Holder holder{
      .workspace = acme.workspace().id(), .member = acme.user_id("ci").raw(), .run = std::nullopt};
  EXPECT_EQ(acme.shares().proposals.held(holder).member, 1U);
  EXPECT_EQ(acme.shares().proposal_bytes.held(holder).member, second->bytes);
}

TEST_F(ProposalsTest, P37_OpenProposalsAndTheirBytesAreBounded) {
  const auto refused = [&](SharedLimits limits, std::string_view key) {
    Shares shares(limits);
    Proposals few(applying, builds, shares, acme.clock(), acme.random());
    const auto ask = [&](std::string_view by) {
      return acme.run(few.propose(acme.workspace(), wider(), std::nullopt,
                                  acme.authority(by, Operation::propose)));
    };
    const auto first = ask("ci");
    const auto second = first ? ask("admin") : first;
    ASSERT_FALSE(second.has_value());
    const auto met = exceeded(second.error().error);
    ASSERT_TRUE(met.has_value()) << second.error().error.to_string();
    EXPECT_EQ(met->limit, key);
  };
  refused({.proposals = {.server = 1, .workspace = 1, .agent = 1}}, "proposals_per_workspace");
  refused({.proposal_bytes = {.server = 64, .workspace = 32, .agent = 16}},
          "proposal_bytes_per_user");
}

TEST_F(ProposalsTest, DocumentsThatChangeNothingAskNobody) {
  EXPECT_EQ(propose(acme.documents()).value(), nullptr);
  EXPECT_THAT(entries(audit::Kind::proposal_requested), IsEmpty());
}

TEST_F(ProposalsTest, AProposalOutlivesARestart) {
  const auto asked = proposed();
  Shares shares;
  Proposals restarted(applying, builds, shares, acme.clock(), acme.random());
  ASSERT_TRUE(acme.run(restarted.load(acme.workspace())));
  const auto open = restarted.open(acme.workspace());
  ASSERT_THAT(open, SizeIs(1));
  EXPECT_EQ(*open[0], *asked);
  const Holder holder{
      .workspace = acme.workspace().id(), .member = acme.user_id("ci").raw(), .run = std::nullopt};
  EXPECT_EQ(shares.proposal_bytes.held(holder).member, asked->bytes);
  EXPECT_TRUE(acme.run(restarted.approve(acme.workspace(), open[0], signature(*asked), admin(), ""))
                  .has_value());
  EXPECT_EQ(version(), base_ + 1);
}

TEST_F(ProposalsTest, AProposalReadsBackAsItWasWritten) {
  auto proposal = *proposed();
  proposal.documents = wider();
  proposal.decided = ProposalDecision{.by = acme.user_id("admin"),
                                      .by_name = "admin",
                                      .verdict = approval::Verdict::approve,
                                      .at = acme.clock().now()};
  proposal.version = 7;
  proposal.ended = acme.clock().now();
  const Record record{.kind = RecordKind::proposal,
                      .id = proposal.id.to_string(),
                      .revision = proposal.revision,
                      .value = to_record(acme.workspace(), acme.random(), proposal)};
  const auto read = parse_proposal_record(acme.workspace(), record);
  ASSERT_TRUE(read) << read.error().to_string();
  EXPECT_EQ(*read, proposal);
  // Under another id it does not open.
  auto moved = record;
  moved.id = ProposalId::make(acme.clock(), acme.random()).to_string();
  EXPECT_FALSE(parse_proposal_record(acme.workspace(), moved));
}

}  // namespace
}  // namespace writ::broker
