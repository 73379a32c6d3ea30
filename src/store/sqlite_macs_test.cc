// SPDX-License-Identifier: Apache-2.0
// P36: who can write to the files and has no seal key adds, changes, moves, removes or puts back no
// row unnoticed.
#include <filesystem>
#include <fstream>
#include <functional>

#include <gmock/gmock.h>

#include "store/sqlite_connection.h"
#include "store/sqlite_schema.h"
#include "store/sqlite_testing.h"

namespace writ::store {
namespace {

using ::testing::HasSubstr;

constexpr auto kRun = RecordKind::run;

class SqliteMacs : public testing::Test {
 protected:
  SqliteMacs() {
    auto home = std::make_unique<SqliteHome>();
    home_ = home.get();
    testing_.emplace(std::move(home));
    testing_->use(1);
    auto with = StoreTesting::entry("e0", {"act_0", "act_0", "run_0"});
    with.sealed = to_bytes("sealed");
    with.proof = testing_->once(1);
    EXPECT_TRUE(testing_->commit(
        unit_of(StoreTesting::put("a"), StoreTesting::put("alice", 0, "her key", RecordKind::user),
                testing_->once(2), with, StoreTesting::entry("e1", {"act_0"}))));
    EXPECT_TRUE(testing_->run(
        testing_->handle().publish({.size = 2,
                                    .checkpoint = "note",
                                    .tiles = {{.level = 0, .index = 0, .hashes = Bytes(32)}}})));
    EXPECT_TRUE(testing_->commit(unit_of(StoreTesting::put("a", 1, "second"))));
  }

  void close() {
    testing_->workspace_.reset();
    testing_->store_.reset();
  }
  // A thief's statements, while the server is stopped.
  void tamper(const std::string& sql) {
    close();
    const auto connection =
        Connection::open(home_->database(), Connection::Mode::read_write, "").value();
    const auto done = connection->execute(sql);
    ASSERT_TRUE(done) << sql << ": " << done.error().to_string();
  }
  // What the next start says of workspace 1.
  Expected<void> opened() {
    testing_->reopen();
    return testing_->handle().sound();
  }
  void expect_writes_refused() {
    EXPECT_EQ(testing_->commit(unit_of(StoreTesting::put("new"))).error().code, Errc::unavailable);
    EXPECT_FALSE(testing_->run(
        testing_->handle().publish({.size = 2, .checkpoint = "another", .tiles = {}})));
    EXPECT_FALSE(testing_->run(testing_->handle().erase_sealed(0)));
  }

  SqliteHome* home_ = nullptr;
  std::optional<StoreTesting> testing_;
};

TEST_F(SqliteMacs, P36_WhatNobodyTouchedIsSound) {
  EXPECT_TRUE(opened());
  ASSERT_TRUE(
      testing_->commit(unit_of(broker::Erase{.kind = RecordKind::run, .id = "a", .expected = 2})));
  ASSERT_TRUE(testing_->run(testing_->handle().erase_sealed(0)));
  ASSERT_TRUE(testing_->run(
      testing_->handle().publish({.size = 2, .checkpoint = "the same size", .tiles = {}})));
  const auto sound = opened();
  EXPECT_TRUE(sound) << sound.error().to_string();
}

TEST_F(SqliteMacs, P36_WhatExpiredAndWasForgottenIsMissedByNobody) {
  close();
  testing_->clock_.advance(std::chrono::hours(1));
  {
    SqliteOptions tidy{.directory = home_->directory(), .housekeeping = milliseconds(1)};
    const auto store =
        open_sqlite(tidy, seal_key().row_keys(), testing_->clock_, home_->log()).value();
    const auto workspace = store->workspace(StoreTesting::workspace_id(1));
    for (int i = 0; i < 20; ++i) {
      Unit unit;
      unit.appends.push_back(StoreTesting::entry("meanwhile"));
      ASSERT_TRUE(testing_->run(workspace->commit(std::move(unit))));
    }
  }
  const auto sound = opened();
  EXPECT_TRUE(sound) << sound.error().to_string();
}

// Each table, and each way: its rows removed, changed, added.
TEST_F(SqliteMacs, P36_NoRowIsChangedAddedOrRemovedUnnoticed) {
  const auto untouched = home_->directory() + "/untouched";
  close();
  std::filesystem::copy(home_->database(), untouched);
  const auto* const entry_again =
      "INSERT INTO log SELECT key + 2, leaf, proof, proof_expires, entry, sealed, mac FROM log"
      " WHERE key & 1 = 1";
  for (const std::string sql : {
           "UPDATE record SET value = 'another key' WHERE kind = 'user'",
           "UPDATE record SET revision = 7 WHERE id = 'a'",
           "UPDATE record SET id = 'b' WHERE id = 'a'",
           "UPDATE record SET kind = 'grant' WHERE id = 'a'",
           "UPDATE record SET kind = 'unknown' WHERE id = 'a'",
           "UPDATE record SET mac = x'' WHERE id = 'a'",
           "UPDATE record SET mac = (SELECT mac FROM record WHERE kind = 'user') WHERE id = 'a'",
           "DELETE FROM record WHERE kind = 'user'",
           "DELETE FROM record WHERE workspace = 2",
           "INSERT INTO record VALUES (2, 'run', 'z', 1, '{}', zeroblob(16))",
           "INSERT INTO record SELECT 2, kind, 'z', revision, value, mac FROM record WHERE id='a'",
           "DELETE FROM once",
           "UPDATE once SET expires = expires - 1",
           "UPDATE log SET entry = 'forged' WHERE key & 1 = 0",
           "UPDATE log SET leaf = zeroblob(32)",
           "UPDATE log SET proof = NULL",
           "UPDATE log SET proof_expires = 1 WHERE proof IS NOT NULL",
           "UPDATE log SET sealed = x''",
           "DELETE FROM log WHERE key & 1 = 0",
           "DELETE FROM log WHERE key & 1 = 1",
           "DELETE FROM log",
           entry_again,
           "DELETE FROM subject WHERE subject = 'act_0' AND position = 0",
           "INSERT INTO subject VALUES (2, 'act_9', 0)",
           "DELETE FROM checkpoint",
           "UPDATE checkpoint SET note = 'another'",
           "DELETE FROM tile",
           "UPDATE tile SET hashes = zeroblob(31)",
           "DELETE FROM state WHERE workspace = 2",
           "UPDATE state SET records = zeroblob(16) WHERE workspace = 2",
           "UPDATE state SET log = zeroblob(16) WHERE workspace = 2",
           "UPDATE workspace SET replay_floor = 2 WHERE number = 2",
           "DELETE FROM log; DELETE FROM subject; DELETE FROM tile; DELETE FROM checkpoint",
           "DELETE FROM record; DELETE FROM once",
       }) {
    SCOPED_TRACE(sql);
    close();
    std::filesystem::copy(untouched, home_->database(),
                          std::filesystem::copy_options::overwrite_existing);
    tamper(sql);
    auto store = home_->try_open(testing_->clock_);
    if (!store) {  // where the server's own part was touched too
      EXPECT_EQ(store.error().code, Errc::denied);
      EXPECT_FALSE(store.error().hint.empty());
      continue;
    }
    store->reset();
    const auto sound = opened();
    ASSERT_FALSE(sound);
    EXPECT_FALSE(sound.error().hint.empty());
    expect_writes_refused();
    // And the start after that finds the same: nothing vouched for it meanwhile.
    EXPECT_FALSE(opened());
  }
}

TEST_F(SqliteMacs, P36_ARecordThatIsNotOursIsAnErrorAndNeverAbsent) {
  tamper("UPDATE record SET value = 'another key' WHERE kind = 'user'");
  EXPECT_FALSE(opened());
  const auto read = testing_->run(testing_->handle().get(RecordKind::user, "alice"));
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code, Errc::internal);
  EXPECT_FALSE(testing_->run(testing_->handle().list(RecordKind::user, "", 10)));
}

TEST_F(SqliteMacs, P36_AnEntryThatIsNotOursIsNamedAndTheRestIsRead) {
  tamper("UPDATE log SET entry = 'forged' WHERE key & 1 = 1");
  const auto sound = opened();
  ASSERT_FALSE(sound);
  EXPECT_THAT(sound.error().message, HasSubstr("entry 1 "));
  EXPECT_TRUE(testing_->run(testing_->handle().read_log(0, 1)));
  EXPECT_FALSE(testing_->run(testing_->handle().read_log(1, 1)));
  EXPECT_FALSE(testing_->run(testing_->handle().find_log("act_0", 0, 10)));
  EXPECT_TRUE(testing_->run(testing_->handle().get(RecordKind::user, "alice")));
}

// The start counts every row; what is read later is held against its MAC again.
TEST_F(SqliteMacs, P36_WhatIsChangedWhileTheServerRunsIsSeen) {
  const auto untouched = home_->directory() + "/untouched";
  close();
  std::filesystem::copy(home_->database(), untouched);
  const std::string record = "UPDATE record SET value = 'forged' WHERE id = 'a'";
  const std::string row = "UPDATE log SET sealed = x'00' WHERE key & 1 = 0";
  struct Case {
    std::string sql;
    std::function<bool()> acts;
  };
  for (const auto& [sql, acts] : {
           Case{record, [&] { return bool(testing_->run(testing_->handle().get(kRun, "a"))); }},
           Case{record, [&] { return bool(testing_->run(testing_->handle().list(kRun, "", 9))); }},
           Case{record, [&] { return bool(testing_->commit(unit_of(StoreTesting::put("a", 2)))); }},
           Case{row, [&] { return bool(testing_->run(testing_->handle().erase_sealed(0))); }},
       }) {
    close();
    std::filesystem::copy(untouched, home_->database(),
                          std::filesystem::copy_options::overwrite_existing);
    ASSERT_TRUE(opened());
    ASSERT_TRUE(Connection::open(home_->database(), Connection::Mode::read_write, "")
                    .value()
                    ->execute(sql));
    EXPECT_FALSE(acts());
    EXPECT_FALSE(testing_->handle().sound());
    expect_writes_refused();
    // What can wait is not written either: a commit of another workspace comes after it.
    testing_->handle().append_later({StoreTesting::entry("later")});
    testing_->use(2);
    ASSERT_TRUE(testing_->commit(unit_of(StoreTesting::put("b"))));
    testing_->use(1);
    EXPECT_EQ(testing_->run(testing_->handle().log_size()).value(), 2U);
    // Of damaged records none is believed, of a damaged log they are.
    const bool believes = sql == row;
    EXPECT_EQ(bool(testing_->run(testing_->handle().get(RecordKind::user, "alice"))), believes);
    EXPECT_EQ(bool(testing_->run(testing_->handle().list(RecordKind::user, "", 9))), believes);
  }
}

// Housekeeping goes on beside damage, and vouches for none of it.
TEST_F(SqliteMacs, P36_HousekeepingVouchesForNoDamage) {
  tamper("DELETE FROM checkpoint");
  testing_->clock_.advance(std::chrono::hours(1));
  {
    SqliteOptions tidy{.directory = home_->directory(), .housekeeping = milliseconds(1)};
    const auto store =
        open_sqlite(tidy, seal_key().row_keys(), testing_->clock_, home_->log()).value();
    const auto other = store->workspace(StoreTesting::workspace_id(2));
    for (int i = 0; i < 20; ++i) {
      Unit unit;
      unit.appends.push_back(StoreTesting::entry("meanwhile"));
      ASSERT_TRUE(testing_->run(other->commit(std::move(unit))));
    }
  }
  EXPECT_FALSE(opened());
}

// An older copy of one row is authentic, and not what was written last.
TEST_F(SqliteMacs, P36_AnOlderCopyOfARowIsSeen) {
  close();
  const auto older = home_->directory() + "/older";
  std::filesystem::copy(home_->database(), older);
  testing_->reopen();
  ASSERT_TRUE(testing_->commit(unit_of(StoreTesting::put("alice", 1, "disabled", RecordKind::user),
                                       StoreTesting::entry("e2"))));
  const auto attach = "ATTACH '" + older + "' AS older; ";
  tamper(attach +
         "INSERT OR REPLACE INTO main.record SELECT * FROM older.record"
         " WHERE kind = 'user'");
  EXPECT_FALSE(opened());
  // Together with its state row: then the log is too long.
  tamper(attach + "INSERT OR REPLACE INTO main.state SELECT * FROM older.state");
  EXPECT_FALSE(opened());
}

TEST_F(SqliteMacs, P36_RowsOfAnotherWorkspaceAreNotOnesOwn) {
  testing_->use(2);
  ASSERT_TRUE(testing_->commit(
      unit_of(StoreTesting::put("a"), StoreTesting::put("alice", 0, "his key", RecordKind::user))));
  tamper(
      "UPDATE workspace SET number = 100 WHERE number = 2;"
      "UPDATE workspace SET number = 2 WHERE number = 3;"
      "UPDATE workspace SET number = 3 WHERE number = 100");
  EXPECT_FALSE(opened());
  testing_->use(2);
  EXPECT_FALSE(testing_->handle().sound());
}

TEST_F(SqliteMacs, P36_AnotherWorkspaceIsNotInTheWay) {
  testing_->use(2);
  ASSERT_TRUE(testing_->commit(unit_of(StoreTesting::put("b"))));
  tamper("DELETE FROM log");
  EXPECT_FALSE(opened());
  testing_->use(2);
  EXPECT_TRUE(testing_->handle().sound());
  EXPECT_TRUE(testing_->commit(unit_of(StoreTesting::put("b", 1))));
}

TEST_F(SqliteMacs, P36_TheServersOwnPartIsNeededToStart) {
  for (const std::string sql :
       {"DELETE FROM workspace WHERE number = 1", "DELETE FROM state WHERE workspace = 1",
        "INSERT INTO record VALUES (1, 'enrolment', 'thief', 1, '{}', zeroblob(16))",
        "UPDATE forgotten SET through = through - 1"}) {
    tamper(sql);
    const auto store = home_->try_open(testing_->clock_);
    ASSERT_FALSE(store) << sql;
    EXPECT_EQ(store.error().code, Errc::denied) << store.error().to_string();
  }
}

TEST_F(SqliteMacs, P36_AnotherSealKeyOpensNothing) {
  close();
  FakeRandom random(7);
  const auto other = vault::SealKey::from_text(vault::SealKey::generate_text(random)).value();
  const auto store = open_sqlite({.directory = home_->directory()}, other.row_keys(),
                                 testing_->clock_, home_->log());
  ASSERT_FALSE(store);
  EXPECT_EQ(store.error().code, Errc::denied);
}

TEST_F(SqliteMacs, P36_ATriggerIsRefused) {
  tamper("CREATE TRIGGER t AFTER INSERT ON record BEGIN DELETE FROM once; END");
  const auto store = home_->try_open(testing_->clock_);
  ASSERT_FALSE(store);
  EXPECT_EQ(store.error().code, Errc::invalid_input);
}

TEST_F(SqliteMacs, P36_AStoreThatIsNotThereIsNotMadeByAServer) {
  const TemporaryDirectory folder;
  const auto store = open_sqlite({.directory = folder.file("data"), .create = false},
                                 seal_key().row_keys(), testing_->clock_, home_->log());
  ASSERT_FALSE(store);
  EXPECT_EQ(store.error().code, Errc::not_found);
  EXPECT_THAT(store.error().hint, HasSubstr("backup"));
  EXPECT_FALSE(std::filesystem::exists(folder.file("data/writ.db")));
}

TEST_F(SqliteMacs, ANewerReleaseIsRefusedByItsName) {
  tamper("UPDATE release SET name = '0.9'; PRAGMA user_version = 9");
  const auto store = home_->try_open(testing_->clock_);
  ASSERT_FALSE(store);
  EXPECT_EQ(store.error().code, Errc::unsupported);
  EXPECT_THAT(store.error().message, HasSubstr("Writ 0.9"));
}

// A store whose MACs were taken away is not one that never had any.
TEST_F(SqliteMacs, P36_AStoreOfRelease01IsNotOpenedButUpgraded) {
  tamper("PRAGMA user_version = 1");
  const auto store = home_->try_open(testing_->clock_);
  ASSERT_FALSE(store);
  EXPECT_EQ(store.error().code, Errc::unsupported);
  EXPECT_EQ(age_of_store(home_->directory()).value(), StoreAge::unsealed);
}

}  // namespace
}  // namespace writ::store
