// SPDX-License-Identifier: Apache-2.0
#include "broker/revocations.h"

#include <atomic>
#include <future>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "broker/testing.h"

namespace writ::broker {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class RevocationsTest : public testing::Test {
 protected:
  Expected<std::vector<RunId>> revoke(RunId id, std::string reason = "it went astray") {
    return acme_.run(revocations_.revoke(acme_.workspace(), {id}, cause(std::move(reason))));
  }
  static RevocationCause cause(std::string reason) {
    return {.by = "server", .by_name = "", .reason = std::move(reason)};
  }
  bool alive(const delegation::Run& about) {
    return acme_.workspace().runs().alive(about.id, acme_.clock().now()).has_value();
  }
  std::uint64_t revision(const delegation::Run& about) { return record(about.id)->revision; }

  std::optional<Record> record(RunId id) {
    return acme_.run(acme_.workspace().store().get(RecordKind::run, id.to_string())).value();
  }
  std::vector<JsonObject> ends() {
    std::vector<JsonObject> out;
    for (const auto& entry : acme_.entries(audit::Kind::run_revoked)) out.push_back(entry.json());
    return out;
  }

  Acme acme_;
  Revocations revocations_{acme_.approvals(), acme_.stops(), acme_.clock(), acme_.random(),
                           acme_.log()};
  Acme::SharedRun plan_ = acme_.start("plan");
  Acme::SharedRun triage_ = acme_.delegate(plan_, "triage");
  Acme::SharedRun settle_ = acme_.delegate(triage_, "settle");
  Acme::SharedRun other_ = acme_.start("plan", "bob");
};

TEST_F(RevocationsTest, P15_ARunEndsWithAllThatDescendFromItAndNobodyElse) {
  EXPECT_THAT(revoke(plan_->id).value(), ElementsAre(plan_->id, triage_->id, settle_->id));
  for (const auto& ended : {plan_, triage_, settle_}) {
    EXPECT_FALSE(alive(*ended));
    EXPECT_EQ(revision(*ended), 2U);
    const auto json = parse_json(record(ended->id)->value).value();
    const auto stored = RunRecord::from_json(json).value();
    EXPECT_EQ(stored.run, *ended);
    EXPECT_EQ(stored.ended->cause, cause("it went astray"));
    EXPECT_EQ(stored.ended->at, acme_.clock().now());
  }
  EXPECT_TRUE(alive(*other_));
  EXPECT_EQ(revision(*other_), 1U);
}

TEST_F(RevocationsTest, P15_AChildEndsAloneAndItsParentGoesOn) {
  EXPECT_THAT(revoke(triage_->id).value(), ElementsAre(triage_->id, settle_->id));
  EXPECT_TRUE(alive(*plan_));
}

TEST_F(RevocationsTest, EachEndIsInTheLogWithItsCause) {
  ASSERT_TRUE(revoke(triage_->id).has_value());
  const auto log = ends();
  ASSERT_EQ(log.size(), 2U);
  EXPECT_EQ(log[0].at("run"), Json(triage_->id.to_string()));
  EXPECT_EQ(log[1].at("run"), Json(settle_->id.to_string()));
  EXPECT_EQ(log[1].at("reason"), Json("it went astray"));
  EXPECT_EQ(log[1].at("by"), Json("server"));
}

TEST_F(RevocationsTest, ASecondRevocationEndsNothingMore) {
  ASSERT_TRUE(revoke(plan_->id).has_value());
  EXPECT_THAT(revoke(plan_->id).value(), IsEmpty());
  EXPECT_EQ(revision(*plan_), 2U);
  EXPECT_EQ(ends().size(), 3U);
}

TEST_F(RevocationsTest, AnUnknownRunIsPassedOver) {
  EXPECT_THAT(revoke(RunId::make(acme_.clock(), acme_.random())).value(), IsEmpty());
}

TEST_F(RevocationsTest, TwoAtOnceBothSucceedAndWriteOneEntryEach) {
  acme_.store().hold_commits();
  auto first = std::async([&] { return revoke(plan_->id); });
  auto second = std::async([&] { return revoke(plan_->id); });
  while (acme_.store().held() < 2) std::this_thread::yield();
  acme_.store().release_commits();
  const auto a = first.get().value();
  const auto b = second.get().value();
  EXPECT_EQ(a.size() + b.size(), 3U);
  EXPECT_EQ(ends().size(), 3U);
}

// I4: nothing is acknowledged while something of the run could still send.
TEST_F(RevocationsTest, P15_ItIsAcknowledgedOnlyWhenWhatIsInFlightHasStopped) {
  Loop other(acme_.clock(), milliseconds(1));
  other.start("in-flight");
  std::promise<void> registered;
  std::promise<void> go_on;
  std::atomic<bool> stopped = false;
  std::unique_ptr<CancelRegistration> registration;
  other.post([&] {
    registration = std::make_unique<CancelRegistration>(acme_.workspace().runs().token(settle_->id),
                                                        other, [&] {
                                                          go_on.get_future().wait();
                                                          stopped = true;
                                                        });
    registered.set_value();
  });
  registered.get_future().wait();

  auto revoked = std::async([&] {
    auto out = revoke(plan_->id);
    EXPECT_TRUE(stopped);
    return out;
  });
  while (alive(*plan_)) std::this_thread::yield();
  // Who revokes again meanwhile waits just so.
  auto again = std::async([&] {
    auto out = revoke(plan_->id);
    EXPECT_TRUE(stopped);
    return out;
  });
  EXPECT_EQ(revoked.wait_for(milliseconds(20)), std::future_status::timeout);
  EXPECT_EQ(again.wait_for(milliseconds(0)), std::future_status::timeout);
  go_on.set_value();
  EXPECT_EQ(revoked.get()->size(), 3U);
  EXPECT_TRUE(again.get()->empty());
  std::promise<void> gone;
  other.post([&] {
    registration.reset();
    gone.set_value();
  });
  gone.get_future().wait();
  other.stop();
}

// A child that is born while its parent's end is on its way to the disk.
TEST_F(RevocationsTest, AChildBornMeanwhileEndsToo) {
  acme_.store().hold_commits();
  auto revoked = std::async([&] { return revoke(plan_->id); });
  while (acme_.store().held() < 1) std::this_thread::yield();
  auto late = std::make_shared<delegation::Run>(*triage_);
  late->id = RunId::make(acme_.clock(), acme_.random());
  ASSERT_TRUE(acme_.workspace().runs().add(late).has_value());
  acme_.store().release_commits();
  ASSERT_TRUE(revoked.get().has_value());
  EXPECT_TRUE(acme_.workspace().runs().token(late->id).cancelled());
}

// failures.md, Faults: disk full, and the kill switch stays up.
TEST_F(RevocationsTest, P23_WithAFullDiskTheRunsStopAllTheSameAndTheAnswerSaysForHowLong) {
  acme_.store().fail_commits(fail(Errc::unavailable, "the disk is full").error());
  const auto failed = revoke(plan_->id);
  ASSERT_FALSE(failed.has_value());
  EXPECT_EQ(failed.error().code, Errc::unavailable);
  EXPECT_THAT(failed.error().hint, testing::HasSubstr("it holds, also after a restart"));
  EXPECT_FALSE(alive(*plan_));
  EXPECT_TRUE(acme_.workspace().runs().token(settle_->id).cancelled());
  EXPECT_EQ(revision(*plan_), 1U);
  // Asked again, it does not claim more than holds.
  EXPECT_FALSE(revoke(plan_->id).has_value());

  acme_.store().fail_commits(std::nullopt);
  EXPECT_TRUE(acme_.run(revocations_.settle(acme_.workspace())).has_value());
  for (const auto& ended : {plan_, triage_, settle_}) EXPECT_EQ(revision(*ended), 2U);
  EXPECT_EQ(ends().size(), 3U);
  EXPECT_TRUE(revoke(plan_->id).has_value());
}

// Somebody else is about to write it down, and may not succeed.
TEST_F(RevocationsTest, P23_WhatIsOwedIsNotAcknowledgedBeforeItIsDurable) {
  acme_.store().fail_commits(fail(Errc::unavailable, "the disk is full").error());
  ASSERT_FALSE(revoke(plan_->id).has_value());
  acme_.store().fail_commits(std::nullopt);
  acme_.store().hold_commits();
  auto settled = std::async([&] { return acme_.run(revocations_.settle(acme_.workspace())); });
  while (acme_.store().held() < 1) std::this_thread::yield();
  auto again = std::async([&] { return revoke(plan_->id); });
  EXPECT_EQ(again.wait_for(milliseconds(20)), std::future_status::timeout);
  acme_.store().release_commits();
  EXPECT_TRUE(settled.get().has_value());
  EXPECT_TRUE(again.get().has_value());
  EXPECT_EQ(revision(*settle_), 2U);
  EXPECT_EQ(ends().size(), 3U);
  // Nothing is owed any more.
  const auto commits = acme_.store().commits();
  EXPECT_TRUE(acme_.run(revocations_.settle(acme_.workspace())).has_value());
  EXPECT_EQ(acme_.store().commits(), commits);
}

TEST_F(RevocationsTest, P9_AllRunsOfAUserEndTogether) {
  const auto alice = acme_.user_id("alice");
  const auto ended = acme_.run(revocations_.revoke_where(
      acme_.workspace(), [alice](const delegation::Run& each) { return each.user == alice; },
      cause("disabled")));
  EXPECT_EQ(ended->size(), 3U);
  EXPECT_TRUE(alive(*other_));
  EXPECT_FALSE(alive(*settle_));
}

TEST_F(RevocationsTest, AReasonIsBounded) {
  EXPECT_FALSE(revoke(plan_->id, std::string(1001, 'x')).has_value());
  EXPECT_FALSE(revoke(plan_->id, "\xff").has_value());
  EXPECT_TRUE(alive(*plan_));
}

}  // namespace
}  // namespace writ::broker
