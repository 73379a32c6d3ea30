// SPDX-License-Identifier: Apache-2.0
// What works while the clock is behind, and the signed way out (P24).
#include "broker/clock_reset.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "broker/control_testing.h"
#include "broker/enrolments.h"
#include "broker/grant_record.h"

namespace writ::broker {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using testing::IsEmpty;
using testing::SizeIs;

class ClockResetTest : public testing::Test, public ControlPlane {
 protected:
  // The clock was a month ahead for a while, and is right again.
  void glitch() {
    const auto right = acme.clock().now();
    acme.clock().set_wall(right + hours(24 * 30));
    WRIT_CHECK(acme.run(acme.time().advance()).has_value());
    acme.clock().set_wall(right + seconds(5));
    WRIT_CHECK(!acme.time().check().has_value());
  }
  SignedReset signed_by(std::string_view who, TimePoint time) {
    SignedReset out{.of = acme.time().view(), .time = time, .signature = {}};
    const auto bytes = approval::canonical_clock_statement({.server = std::string(kUrl),
                                                            .workspace = acme.workspace().id(),
                                                            .epoch = out.of.epoch.number,
                                                            .latest = out.of.latest,
                                                            .time = out.time});
    out.signature = acme.key(who).sign(as_bytes(bytes));
    return out;
  }
  SignedReset right_now() { return signed_by("admin", acme.clock().now()); }
  Expected<TimeGuard::Epoch> reset(SignedReset with) {
    return acme.run(clock_reset.reset(acme.workspace(), std::move(with),
                                      acme.authority("admin", Operation::reset_clock)));
  }
  // On the session's key, for an operation.
  Expected<Session> use_for(const TestSession& of, Operation operation) {
    const auto path = std::string("/v1/session");
    const auto made = proof(of, "GET", path);
    const auto url = std::string(kUrl) + path;
    return sessions.authenticate({.scheme = "DPoP",
                                  .token = of.text,
                                  .proof = made,
                                  .method = "GET",
                                  .url = url,
                                  .operation = operation});
  }

  ClockReset clock_reset{{.store = acme.store(),
                          .live = acme.live(),
                          .approvals = acme.approvals(),
                          .time = acme.time(),
                          .clock = acme.clock(),
                          .random = acme.random()},
                         std::string(kUrl)};
};

TEST_F(ClockResetTest, P24_ReadingTheLogRevokingAndDisablingNeedNoClock) {
  const auto run = acme.start("plan", "bob");
  glitch();
  // Signing in does not either: else nobody could.
  const auto admins = session("admin");
  for (const auto operation : {Operation::read_log, Operation::revoke, Operation::disable_user,
                               Operation::see_run, Operation::see_self}) {
    EXPECT_TRUE(use_for(admins, operation)) << name(operation);
  }
  for (const auto operation : {Operation::apply, Operation::invite, Operation::enable_user,
                               Operation::keep_credentials, Operation::decide_approval,
                               Operation::resolve, Operation::get_user_token, Operation::explain}) {
    const auto refused = use_for(admins, operation);
    ASSERT_FALSE(refused) << name(operation);
    EXPECT_EQ(refused.error().code, Errc::unavailable) << name(operation);
  }
  EXPECT_THAT(acme.run(revocations.revoke(acme.workspace(), run->id, "enough",
                                          acme.authority("admin", Operation::revoke)))
                  .value(),
              SizeIs(1));
  EXPECT_TRUE(acme.run(
      users.disable(acme.workspace(), "bob", acme.authority("admin", Operation::disable_user))));
  // An assertion is of use once by any clock.
  broker::TestSession mine;
  const auto assertion = login(acme.key("admin"), "acme", "admin", mine.key);
  EXPECT_TRUE(sign_in("acme", "admin", assertion));
  EXPECT_FALSE(sign_in("acme", "admin", assertion));
}

TEST_F(ClockResetTest, P24_AnOperatorsSignedResetBeginsAnEpoch) {
  glitch();
  const auto epoch = reset(right_now());
  ASSERT_TRUE(epoch) << epoch.error().to_string();
  EXPECT_EQ(epoch->number, 1U);
  const auto log = entries(audit::Kind::clock_reset);
  ASSERT_THAT(log, SizeIs(1));
  EXPECT_EQ(log[0].at("by_name"), Json("admin"));
  // Not yet: what was made before could look as if it were made after.
  EXPECT_EQ(acme.time().check().error().code, Errc::unavailable);
  acme.clock().advance(TimeGuard::kEpochDelay + seconds(1));
  EXPECT_TRUE(acme.time().check());
  // It is durable, and the mark goes on from there.
  TimeGuard restarted(acme.clock(), acme.store().workspace(WorkspaceId()));
  ASSERT_TRUE(acme.run(restarted.advance()));
  EXPECT_TRUE(restarted.check());
  EXPECT_EQ(restarted.view().epoch, *epoch);
  EXPECT_FALSE(restarted.check(epoch->since - seconds(1)));
}

TEST_F(ClockResetTest, P24_WhatIsFromBeforeTheEpochIsRefused) {
  const auto run = acme.refund_chain("alice");
  acme.preview(*run);
  FakeDialer dialer;
  auto asked =
      acme.run(acme.calls().prepare(acme.workspace(), acme.refund(*run, "key-1"), dialer, {}));
  const auto question = std::get<ApprovalNeeded>(asked.error()).approval;
  const auto code =
      acme.run(invite(acme.workspace(), "bob", acme.authority("admin", Operation::invite),
                      signature("admin"), acme.clock(), acme.random()));
  acme.put(RecordKind::grant, std::string(64, 'a'), 0,
           RefreshGrant{.run = run->id,
                        .agent = run->agent,
                        .key = {},
                        .resources = {},
                        .expires = run->ends,
                        .used = false}
               .to_text());
  const auto server = acme.store().workspace(WorkspaceId());
  ASSERT_TRUE(acme.run(issue_founding_code(*server, acme.clock(), acme.random())));
  glitch();
  const auto bobs = session("bob");
  broker::TestSession mine;
  const auto assertion = login(acme.key("alice"), "acme", "alice", mine.key);
  const auto old_proof = proof(bobs, "GET", "/v1/session");
  auto old_call = acme.read(*run);
  ASSERT_TRUE(reset(right_now()));
  acme.clock().advance(TimeGuard::kEpochDelay - seconds(10));

  // Codes, refresh tokens and open approvals are gone before the epoch begins.
  EXPECT_EQ(acme.approvals().find(acme.workspace(), question->id)->state,
            approval::State::cancelled);
  EXPECT_FALSE(
      acme.run(find_enrolment(acme.workspace().store(), code->code, acme.clock().now())).value());
  EXPECT_THAT(acme.run(acme.workspace().store().list(RecordKind::grant, "", 10)).value(),
              IsEmpty());
  EXPECT_THAT(acme.run(server->list(RecordKind::enrolment, "", 10)).value(), IsEmpty());
  acme.clock().advance(seconds(11));
  ASSERT_TRUE(acme.time().check());
  // Proofs and assertions are so old by then that their time refuses them; one that was made a
  // little ahead of the clock is refused by the epoch.
  const auto since = acme.time().view().epoch.since;
  EXPECT_EQ(acme.time().check(since - milliseconds(1)).error().code, Errc::unauthenticated);
  EXPECT_FALSE(sign_in("acme", "alice", assertion));
  EXPECT_FALSE(use(bobs, old_proof));
  EXPECT_FALSE(acme.run(acme.calls().prepare(acme.workspace(), std::move(old_call), dialer, {})));
  // What is made now is taken.
  acme.clock().advance(seconds(1));
  EXPECT_TRUE(use(bobs));
}

TEST_F(ClockResetTest, P24_NobodyElseAndNothingElseResetsIt) {
  // Not behind.
  EXPECT_EQ(reset(right_now()).error().code, Errc::conflict);
  glitch();
  const auto good = right_now();
  auto other_key = good;
  other_key.signature = signed_by("bob", good.time).signature;
  EXPECT_EQ(reset(other_key).error().code, Errc::unauthenticated);
  auto other_view = good;
  other_view.of.latest += seconds(1);
  EXPECT_EQ(reset(other_view).error().code, Errc::unauthenticated);
  auto other_time = good;
  other_time.time += seconds(1);
  EXPECT_EQ(reset(other_time).error().code, Errc::unauthenticated);
  // Signed for a time that the server's clock does not show.
  EXPECT_EQ(reset(signed_by("admin", acme.clock().now() + minutes(2))).error().code,
            Errc::invalid_input);
  EXPECT_EQ(acme.time().view().epoch.number, 0U);
  // What is refused is refused before anything of it is done: nothing was written or ended.
  EXPECT_THAT(entries(audit::Kind::clock_reset), IsEmpty());
  // Of use once.
  ASSERT_TRUE(reset(good));
  EXPECT_EQ(reset(good).error().code, Errc::conflict);
  EXPECT_THAT(entries(audit::Kind::clock_reset), SizeIs(1));
}

}  // namespace
}  // namespace writ::broker
