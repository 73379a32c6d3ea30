// SPDX-License-Identifier: Apache-2.0
// Stops act in memory first and are owed where the store cannot write (P35).
#include "broker/stops.h"

#include <future>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/encoding.h"
#include "broker/control_testing.h"

namespace writ::broker {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

Error full() { return fail(Errc::unavailable, "the disk is full").error(); }

class StopsTest : public testing::Test, public ControlPlane {
 protected:
  Expected<std::vector<RunId>> disable(std::string name) {
    return acme.run(users.disable(acme.workspace(), std::move(name),
                                  acme.authority("admin", Operation::disable_user)));
  }
  bool alive(const delegation::Run& run) {
    return acme.workspace().runs().alive(run.id, acme.clock().now()).has_value();
  }
  bool active(std::string_view name) {
    return acme.workspace().active_user(acme.user_id(name)) != nullptr;
  }
  Expected<void> settle() {
    WRIT_TRY_VOID(acme.run(users.settle(acme.workspace())));
    WRIT_TRY_VOID(acme.run(revocations.settle(acme.workspace())));
    return acme.run(sessions.settle(acme.workspace()));
  }
  // The workspace as another process would load it, with the stops that the file has.
  struct Restarted {
    std::shared_ptr<LiveWorkspace> workspace;
    std::unique_ptr<Stops> stops;
    std::vector<Stop> kept;
  };
  Restarted restart() {
    const auto id = acme.workspace().id();
    const auto record =
        acme.run(acme.workspace().store().get(RecordKind::data_key, id.to_string())).value();
    auto key = acme.seal_key().unwrap_data_key(parse_data_key_record(record->value).value(), id);
    Restarted out{.workspace = std::make_shared<LiveWorkspace>(id, acme.store().workspace(id),
                                                               std::move(key).value()),
                  .stops = std::make_unique<Stops>(acme.stop_file(), acme.random(), acme.log()),
                  .kept = {}};
    out.workspace->publish(acme.workspace().version(), acme.workspace().documents(),
                           acme.workspace().names());
    for (const auto& user : acme.workspace().version()->users()) {
      out.workspace->set_standing(user->id, acme.workspace().recorded_standing(user->id));
    }
    out.kept = acme.run(out.stops->kept(*out.workspace));
    return out;
  }
};

TEST_F(StopsTest, P35_OnAFullDiskADisabledUserIsStoppedAndItIsOwed) {
  const auto run = acme.refund_chain("bob");
  const auto bobs = session("bob");
  const auto by = acme.authority("admin", Operation::disable_user);
  acme.store().fail_commits(full());
  const auto stopped = acme.run(users.disable(acme.workspace(), "bob", by));
  ASSERT_FALSE(stopped);
  EXPECT_EQ(stopped.error().where, kStopInFile);
  EXPECT_THAT(stopped.error().message, HasSubstr("user bob is stopped"));
  EXPECT_FALSE(active("bob"));
  EXPECT_FALSE(use(bobs));
  EXPECT_FALSE(alive(*run));
  EXPECT_FALSE(sign_in("acme", "bob", login(acme.key("bob"), "acme", "bob", bobs.key)));
  // Asked again, it is still so.
  EXPECT_EQ(acme.run(users.disable(acme.workspace(), "bob", by)).error().where, kStopInFile);

  acme.store().fail_commits(std::nullopt);
  ASSERT_TRUE(settle());
  const auto log = entries(audit::Kind::user_disabled);
  ASSERT_THAT(log, SizeIs(1));
  EXPECT_EQ(log[0].at("by_name"), Json("admin"));
  EXPECT_TRUE(acme.workspace().recorded_standing(acme.user_id("bob")).disabled);
  EXPECT_THAT(entries(audit::Kind::run_revoked), SizeIs(3));
  EXPECT_EQ(acme.stop_file().text_, "[]");
  // Enabled afterwards, the user is as any other.
  ASSERT_TRUE(
      acme.run(users.enable(acme.workspace(), "bob",
                            acme.authority("admin", Operation::enable_user), signature("admin"))));
  EXPECT_TRUE(active("bob"));
}

TEST_F(StopsTest, P35_WhatTheStoreCouldNotTakeSurvivesARestart) {
  const auto run = acme.start("plan", "alice");
  const auto carols = session("carol");
  const auto signed_in = use(carols).value();
  const auto may_disable = acme.authority("admin", Operation::disable_user);
  const auto may_revoke = acme.authority("admin", Operation::revoke);
  acme.store().fail_commits(full());
  EXPECT_FALSE(acme.run(users.disable(acme.workspace(), "bob", may_disable)));
  EXPECT_EQ(
      acme.run(revocations.revoke(acme.workspace(), run->id, "enough", may_revoke)).error().where,
      kStopInFile);
  EXPECT_EQ(acme.run(sessions.end(signed_in)).error().where, kStopInFile);

  auto after = restart();
  ASSERT_THAT(after.kept, SizeIs(3));
  EXPECT_EQ(after.kept[0].id, acme.user_id("bob").to_string());
  EXPECT_EQ(after.kept[0].cause.by_name, "admin");
  EXPECT_EQ(after.kept[1].id, run->id.to_string());
  EXPECT_EQ(after.kept[1].cause.reason, "enough");
  EXPECT_EQ(after.kept[2].id, signed_in.id);

  // As a start does it.
  Revocations its_revocations(acme.approvals(), *after.stops, acme.clock(), acme.random(),
                              acme.log());
  Users its_users(sessions, its_revocations, *after.stops, acme.clock(), acme.random());
  ASSERT_TRUE(after.workspace->runs().add(run));
  its_users.resume(*after.workspace, after.kept[0]);
  EXPECT_EQ(after.workspace->active_user(acme.user_id("bob")), nullptr);
  ASSERT_TRUE(its_revocations.resume(*after.workspace, after.kept[1]));
  EXPECT_FALSE(after.workspace->runs().alive(run->id, acme.clock().now()));
  Sessions its_sessions(acme.live(), acme.time(), *after.stops, acme.clock(), acme.random());
  its_sessions.resume(*after.workspace, after.kept[2]);
  ASSERT_TRUE(acme.run(its_sessions.load(after.workspace)));
  EXPECT_FALSE(its_sessions.again(signed_in, Operation::see_self)) << "its record is still there";

  acme.store().fail_commits(std::nullopt);
  ASSERT_TRUE(acme.run(its_users.settle(*after.workspace)));
  ASSERT_TRUE(acme.run(its_revocations.settle(*after.workspace)));
  EXPECT_THAT(entries(audit::Kind::user_disabled), SizeIs(1));
  EXPECT_THAT(entries(audit::Kind::run_revoked), SizeIs(1));
}

TEST_F(StopsTest, P35_WithoutRoomInTheFileTheAnswerSaysThatARestartEndsIt) {
  acme.stop_file().refuse = full();
  const auto by = acme.authority("admin", Operation::disable_user);
  acme.store().fail_commits(full());
  const auto stopped = acme.run(users.disable(acme.workspace(), "bob", by));
  EXPECT_EQ(stopped.error().where, kStopInMemory);
  EXPECT_THAT(stopped.error().hint, HasSubstr("until the server restarts"));
  EXPECT_FALSE(active("bob"));
}

// Whoever may end runs of their own, with long reasons, leaves room for an operator's stop and for
// other workspaces.
TEST_F(StopsTest, P37_RunsThatPeopleEndLeaveRoomInTheFileForStopsOfUsers) {
  Stops stops(acme.stop_file(), acme.random(), acme.log());
  const auto keep = [&](RecordKind kind, std::string id) {
    return acme.run(stops.keep(
        acme.workspace(),
        {{.kind = kind,
          .id = std::move(id),
          .revision = 1,
          .at = acme.clock().now(),
          .cause = {.by = "usr_x", .by_name = "mallory", .reason = std::string(1000, 'x')}}}));
  };
  const auto until_full = [&](RecordKind kind) {
    int kept = 0;
    while (kept < 1000 && keep(kind, std::to_string(kept)) == Kept::in_file) ++kept;
    return kept;
  };
  const auto room = acme.stop_file().room();
  EXPECT_GT(until_full(RecordKind::run), 10);
  EXPECT_LE(acme.stop_file().text_.size(), room / 4 + 2);
  EXPECT_EQ(keep(RecordKind::session, "one more"), Kept::in_memory);
  EXPECT_EQ(keep(RecordKind::user, "bob"), Kept::in_file);
  EXPECT_GT(until_full(RecordKind::user), 10);
  EXPECT_LE(acme.stop_file().text_.size(), room / 2 + 2);
}

// Nobody without the seal adds, changes or moves one.
TEST_F(StopsTest, P35_AForgedStopCountsForNothing) {
  const auto by = acme.authority("admin", Operation::disable_user);
  acme.store().fail_commits(full());
  EXPECT_FALSE(acme.run(users.disable(acme.workspace(), "bob", by)));
  const auto whole = acme.stop_file().text_;
  for (const auto& [from, to] :
       {std::pair{acme.user_id("bob").to_string(), acme.user_id("carol").to_string()},
        std::pair{std::string("\"sealed\":\""), std::string("\"sealed\":\"AAAA")}}) {
    auto forged = whole;
    forged.replace(forged.find(from), from.size(), to);
    acme.stop_file().text_ = forged;
    EXPECT_THAT(restart().kept, IsEmpty()) << forged;
  }
  for (const auto* garbage : {"{", "{}", "[1]", "[{}]"}) {
    acme.stop_file().text_ = garbage;
    EXPECT_THAT(restart().kept, IsEmpty()) << garbage;
  }
}

// Disabled after the second decision and before the commit: what the person stopped goes on.
TEST_F(StopsTest, P35_WhatWasStoppedByOneWhoMovedIsTakenBack) {
  acme.edit("workspace.toml", "[users.carol]\n", "[users.carol]\nroles = [\"operator\"]\n");
  const auto run = acme.refund_chain("bob");
  const auto bobs = session("bob");
  const auto may_disable = acme.authority("carol", Operation::disable_user);
  const auto may_revoke = acme.authority("carol", Operation::revoke);
  const auto while_carol_goes = [&](auto task) {
    acme.store().hold_commits();
    auto result = std::async(std::launch::async, [&] { return acme.run(task()); });
    while (acme.store().held() == 0) std::this_thread::yield();
    // Already stopped, before anything is durable.
    EXPECT_FALSE(alive(*run));
    auto standing = acme.workspace().recorded_standing(acme.user_id("carol"));
    standing.disabled = !standing.disabled;
    Unit unit;
    unit.puts.push_back({RecordKind::user, acme.user_id("carol").to_string(), standing.revision,
                         to_record(standing)});
    EXPECT_TRUE(acme.store().commit_before_held(acme.workspace().id(), std::move(unit)));
    ++standing.revision;
    acme.workspace().set_standing(acme.user_id("carol"), standing);
    acme.store().release_commits();
    return result.get();
  };
  const auto disabled =
      while_carol_goes([&] { return users.disable(acme.workspace(), "bob", may_disable); });
  EXPECT_EQ(disabled.error().code, Errc::unauthenticated);
  EXPECT_TRUE(active("bob"));
  EXPECT_TRUE(alive(*run));
  EXPECT_TRUE(use(bobs));
  EXPECT_FALSE(acme.workspace().runs().token(run->id).cancelled());

  const auto revoked = while_carol_goes(
      [&] { return revocations.revoke(acme.workspace(), run->id, "enough", may_revoke); });
  EXPECT_EQ(revoked.error().code, Errc::unauthenticated);
  EXPECT_TRUE(alive(*run));
  EXPECT_THAT(entries(audit::Kind::run_revoked), IsEmpty());
  EXPECT_THAT(entries(audit::Kind::user_disabled), IsEmpty());
}

// A stop is not lost to an apply at the same moment.
TEST_F(StopsTest, P35_AnApplyAtTheSameMomentDoesNotUndoAStop) {
  const auto run = acme.start("plan", "bob");
  const auto by = acme.authority("admin", Operation::disable_user);
  acme.store().hold_commits();
  auto result = std::async(std::launch::async,
                           [&] { return acme.run(users.disable(acme.workspace(), "bob", by)); });
  while (acme.store().held() == 0) std::this_thread::yield();
  const auto before = acme.workspace().version();
  Unit unit;
  unit.puts.push_back(
      {RecordKind::workspace, acme.workspace().id().to_string(), before->number(),
       to_record(WorkspaceRecord{acme.workspace().documents(), acme.workspace().names()})});
  ASSERT_TRUE(acme.store().commit_before_held(acme.workspace().id(), std::move(unit)));
  auto next = workspace::build_version(acme.workspace().id(), before->number() + 1,
                                       acme.workspace().documents(), acme.workspace().names(),
                                       acme.clock(), acme.random());
  acme.workspace().publish(next->version, acme.workspace().documents(), next->names);
  acme.store().release_commits();
  ASSERT_TRUE(result.get());
  EXPECT_FALSE(active("bob"));
  EXPECT_FALSE(alive(*run));
}

}  // namespace
}  // namespace writ::broker
