// SPDX-License-Identifier: Apache-2.0
// A store that release 0.1 wrote, started by this one (docs/operations.md, Upgrading).
#include <algorithm>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "app/initialize.h"
#include "app/old_store_testing.h"
#include "audit/tree.h"
#include "protocol/approvals.h"
#include "protocol/runs.h"
#include "protocol/workspace.h"
#include "store/sqlite_connection.h"
#include "store/sqlite_schema.h"
#include "wire/canonical.h"

namespace writ::app {
namespace {

using ::testing::HasSubstr;
using testing::OldServer;
using testing::read_text;

class UpgradeTest : public ::testing::Test {
 protected:
  void tamper(const std::string& sql) {
    const auto database = (old_.folder() / "data/writ.db").string();
    const auto done = store::Connection::open(database, store::Connection::Mode::read_write, "")
                          .value()
                          ->execute(sql);
    ASSERT_TRUE(done) << done.error().to_string();
  }
  // The start is refused, and the store is as it was.
  std::string refused(ServerOptions options = {}) {
    const auto before = read_text(old_.folder() / "data/writ.db");
    const auto started = old_.start(options);
    EXPECT_FALSE(started);
    EXPECT_EQ(read_text(old_.folder() / "data/writ.db"), before);
    return started ? "" : started.error().to_string();
  }

  OldServer old_;
};

TEST_F(UpgradeTest, P36_AStoreOfRelease01GoesOnWithEverythingInIt) {
  const auto started = old_.start_ready();
  ASSERT_TRUE(started) << started.error().to_string();
  auto bob = old_.sign_in("bob");
  ASSERT_TRUE(bob) << bob.error().to_string();
  const auto approvals = bob->get<protocol::ApprovalList>("/v1/approvals");
  ASSERT_TRUE(approvals) << approvals.error().to_string();
  // What was open is asked about anew: its approvers would have signed a statement of before.
  EXPECT_TRUE(approvals->approvals.empty());
  auto admin = old_.sign_in("admin");
  ASSERT_TRUE(admin) << admin.error().to_string();
  const auto runs = admin->get<protocol::RunList>("/v1/runs");
  ASSERT_TRUE(runs) << runs.error().to_string();
  const auto has = [&](std::string_view id) {
    return std::ranges::any_of(runs->runs,
                               [&](const auto& run) { return run.id.to_string() == id; });
  };
  EXPECT_TRUE(has(old_.about("run")));
  EXPECT_TRUE(has(old_.about("revoked_run")));
  const auto workspace = admin->get<protocol::WorkspaceView>("/v1/workspace");
  ASSERT_TRUE(workspace);
  EXPECT_EQ(workspace->credentials.size(), 1U);
  EXPECT_EQ(workspace->credentials.at(0).version, 2U);
  // And the next start has nothing to upgrade.
  old_.stop();
  EXPECT_EQ(store::age_of_store((old_.folder() / "data").string()).value(),
            store::StoreAge::current);
  const auto again = old_.start_ready();
  ASSERT_TRUE(again) << again.error().to_string();
}

TEST_F(UpgradeTest, P36_AForgedLogIsNotGivenMacs) {
  tamper("UPDATE log SET entry = replace(entry, 'session.opened', 'session.opencd')");
  EXPECT_THAT(refused(), HasSubstr("not what was signed"));
}

TEST_F(UpgradeTest, P36_AMissingCheckpointTileOrAnchorIsNotPassedOver) {
  tamper("DELETE FROM tile");
  EXPECT_THAT(refused(), HasSubstr("not what was signed"));
}

TEST_F(UpgradeTest, P36_CheckpointsAndAnchorTogetherAreNotPassedOver) {
  tamper("DELETE FROM checkpoint; DELETE FROM tile");
  for (const auto& file : std::filesystem::directory_iterator(old_.folder() / "anchor"))
    std::filesystem::remove(file.path());
  EXPECT_THAT(refused(), HasSubstr("has a checkpoint of the log"));
  EXPECT_THAT(refused({.accept_anchor = true}), HasSubstr("has a checkpoint of the log"));
}

TEST_F(UpgradeTest, P36_AKeyThatNobodyEnrolledIsNotGivenAMac) {
  tamper(
      "UPDATE record SET value = (SELECT value FROM record WHERE kind = 'user' AND value LIKE"
      " '%\"key\"%' ORDER BY id DESC LIMIT 1) WHERE kind = 'user' AND id = (SELECT id FROM"
      " record WHERE kind = 'user' AND value LIKE '%\"key\"%' ORDER BY id LIMIT 1)");
  EXPECT_THAT(refused(), HasSubstr("another key than was enrolled"));
}

// The thief's own key as that of each admin, and an entry that says so behind the last checkpoint,
// where nothing is signed yet.
TEST_F(UpgradeTest, P36_AnEntryThatNobodySignedVouchesForNoKey) {
  const auto database = (old_.folder() / "data/writ.db").string();
  const jose::Jwk thiefs(crypto::Es256PrivateKey::generate().public_key());
  {
    const auto connection =
        store::Connection::open(database, store::Connection::Mode::read_write, "").value();
    auto last = connection->prepare("SELECT key, entry FROM log ORDER BY key DESC LIMIT 1").value();
    std::int64_t key = 0;
    std::string entry;
    ASSERT_TRUE(last.each([&](const store::Row& row) {
      key = row.integer(0);
      entry = row.text(1);
    }));
    auto people =
        connection
            ->prepare("SELECT id, value FROM record WHERE kind = 'user' AND value LIKE '%\"key\"%'")
            .value();
    std::map<std::string, JsonObject> users;
    ASSERT_TRUE(people.each([&](const store::Row& row) {
      users[row.text(0)] = parse_json_object(row.text(1)).value();
    }));
    ASSERT_FALSE(users.empty());
    auto& [id, standing] = *users.begin();
    standing["key"] = thiefs.required_members();
    auto said = parse_json_object(entry).value();
    said["kind"] = "user.enrolled";
    said["user"] = id;
    said["user_name"] = "admin";
    said["key"] = thiefs.thumbprint();
    const auto text = canonical_json(said);
    const auto leaf = audit::leaf_hash(as_bytes(text));
    auto put = connection
                   ->prepare(
                       "INSERT INTO log (key, leaf, entry, sealed, proof_expires)"
                       " VALUES (?1, ?2, ?3, x'', 0)")
                   .value();
    const auto done = put.run(key + 1, BytesView(leaf), std::string_view(text));
    ASSERT_TRUE(done) << done.error().to_string();
    auto set =
        connection->prepare("UPDATE record SET value = ?2 WHERE kind = 'user' AND id = ?1").value();
    ASSERT_TRUE(set.run(std::string_view(id), std::string_view(canonical_json(standing))));
  }
  EXPECT_THAT(refused(), HasSubstr("nobody has signed it"));
}

TEST_F(UpgradeTest, P36_AVersionThatNobodyAppliedIsNotGivenAMac) {
  tamper("UPDATE record SET value = replace(value, 'olivia', 'oliver') WHERE kind = 'workspace'");
  EXPECT_THAT(refused(), HasSubstr("not the one that was applied last"));
}

TEST_F(UpgradeTest, P36_AMissingRecordIsNotPassedOver) {
  tamper("DELETE FROM record WHERE kind = 'workspace'");
  EXPECT_THAT(refused(), HasSubstr("record is missing"));
}

// The MACs are taken away, and the store made to look like one that never had any: with everything
// else in its place, the anchor too.
TEST_F(UpgradeTest, P36_AMissingMacIsNeverOld) {
  ASSERT_TRUE(old_.start_ready());
  old_.stop();
  tamper(
      "ALTER TABLE record DROP COLUMN mac; ALTER TABLE log DROP COLUMN mac; DROP TABLE state;"
      "DROP TABLE release; PRAGMA user_version = 1");
  EXPECT_THAT(refused(), HasSubstr("they were taken away"));
}

TEST_F(UpgradeTest, CodesAndSessionsOfRelease01EndWithIt) {
  ASSERT_TRUE(old_.start_ready());
  old_.stop();
  const auto database = (old_.folder() / "data/writ.db").string();
  const auto connection =
      store::Connection::open(database, store::Connection::Mode::read_only, "").value();
  EXPECT_EQ(connection->integer("SELECT count(*) FROM record WHERE kind IN ('session', 'enrolment')"
                                " AND workspace <> 1"),
            0);
  EXPECT_GT(connection->integer("SELECT count(*) FROM record WHERE kind = 'grant'").value(), 0);
}

// From the log, since the records of release 0.1 do not say it: who has a key still decides.
TEST_F(UpgradeTest, P40_ItIsKnownWhenTheKeysOfRelease01WereEnrolled) {
  const auto upgraded = to_unix_millis(old_.clock().now());
  ASSERT_TRUE(old_.start_ready());
  old_.stop();
  const auto database = (old_.folder() / "data/writ.db").string();
  const auto connection =
      store::Connection::open(database, store::Connection::Mode::read_only, "").value();
  const std::string keys =
      "SELECT count(*) FROM record WHERE kind = 'user' AND value ->> '$.key' IS NOT NULL";
  const auto all = connection->integer(keys).value();
  EXPECT_GT(all, 0);
  EXPECT_EQ(connection->integer(keys + " AND value ->> '$.enrolled' < " + std::to_string(upgraded)),
            all);
}

// --- writ recover: an admin who lost the key

TEST_F(UpgradeTest, OtherCommandsLeaveTheUpgradeToTheServer) {
  const auto code =
      recover_admin(old_.folder() / "writ.toml", "acme", "admin",
                    {.clock = old_.clock(), .random = old_.random(), .log = old_.log()});
  ASSERT_FALSE(code);
  EXPECT_THAT(code.error().to_string(), HasSubstr("writ serve"));
}

TEST_F(UpgradeTest, AnAdminWhoLostTheKeyComesBackAndItShowsFor30Days) {
  ASSERT_TRUE(old_.start_ready());
  const InitializeParts parts{.clock = old_.clock(), .random = old_.random(), .log = old_.log()};
  const auto file = old_.folder() / "writ.toml";
  // Not while the server runs.
  EXPECT_EQ(recover_admin(file, "acme", "admin", parts).error().code, Errc::conflict);
  old_.stop();
  EXPECT_EQ(recover_admin(file, "other", "admin", parts).error().code, Errc::not_found);
  EXPECT_EQ(recover_admin(file, "acme", "nobody", parts).error().code, Errc::not_found);
  EXPECT_EQ(recover_admin(file, "acme", "bob", parts).error().code, Errc::denied);
  auto code = recover_admin(file, "acme", "admin", parts);
  ASSERT_TRUE(code) << code.error().to_string();

  ASSERT_TRUE(old_.start_ready());
  const auto url = parse_url(old_.server().url()).value();
  const auto session =
      cli::open_session(old_.http(), {.server = url.origin(), .workspace = "acme", .user = "admin"},
                        jose::Es256Signer(crypto::Es256PrivateKey::generate()),
                        std::move(code->code), old_.clock(), old_.random());
  ASSERT_TRUE(session) << session.error().to_string();
  EXPECT_FALSE(old_.sign_in("admin"));  // the key before
  const auto shown = [&] {
    const auto view =
        old_.sign_in("bob").value().get<protocol::WorkspaceView>("/v1/workspace").value();
    return std::ranges::any_of(view.findings, [](const auto& finding) {
      return finding.kind == "admin-recovered" && finding.subject == "user admin";
    });
  };
  EXPECT_TRUE(shown());
  old_.clock().advance(std::chrono::days(31));
  EXPECT_FALSE(shown());
}

}  // namespace
}  // namespace writ::app
