// SPDX-License-Identifier: Apache-2.0
// P36: what a thief of the disk, who writes to data/ and anchor/ and has no seal key, can delete or
// rewrite, singly and in pairs, and then the server starts: it is never ready with a log that
// differs from one that was signed, nor with an authority that nobody gave.
#include <functional>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "app/old_store_testing.h"
#include "audit/tree.h"
#include "protocol/log.h"
#include "protocol/workspace.h"
#include "store/sqlite_connection.h"

namespace writ::app {
namespace {

using ::testing::HasSubstr;
using testing::OldServer;
namespace fs = std::filesystem;

class ThiefTest : public ::testing::Test {
 protected:
  // A server with two moments to go back to: `older`, then bob is disabled and more is logged, and
  // `newest`. Both were signed.
  ThiefTest() {
    EXPECT_TRUE(server_.start_ready());
    EXPECT_TRUE(server_.sign_in("admin"));
    server_.stop();
    keep("older");
    EXPECT_TRUE(server_.start_ready());
    auto admin = server_.sign_in("admin");
    EXPECT_TRUE(admin);
    const auto disabled = admin->send_json("POST", "/v1/users/bob/disable", JsonObject());
    EXPECT_TRUE(disabled) << disabled.error().to_string();
    for (int i = 0; i < 3; ++i) EXPECT_TRUE(server_.sign_in("admin"));
    server_.stop();
    keep("newest");
    for (const auto& file : fs::directory_iterator(at("newest/anchor")))
      note_ = file.path().filename().string();
  }

  fs::path at(const std::string& name) const { return server_.folder() / name; }
  static void copy(const fs::path& from, const fs::path& to) {
    fs::remove_all(to);
    fs::create_directory(to);
    fs::permissions(to, fs::perms::owner_all);
    for (const auto& file : fs::directory_iterator(from))
      fs::copy(file.path(), to / file.path().filename());
  }
  void keep(const std::string& name) {
    fs::create_directory(at(name));
    for (const auto* part : {"data", "anchor"}) copy(at(part), at(name + "/" + part));
  }
  void restore() {
    for (const auto* part : {"data", "anchor"}) copy(at(std::string("newest/") + part), at(part));
  }

  // On the database, if it is still there, with the older one attached. What finds nothing to
  // change any more, because the other half of a pair took it, is done all the same.
  void sql(const std::string& statements) {
    const auto file = at("data/writ.db");
    if (!fs::exists(file)) return;
    const auto connection =
        store::Connection::open(file.string(), store::Connection::Mode::read_write, "").value();
    ASSERT_TRUE(connection->execute("ATTACH '" + at("older/data/writ.db").string() + "' AS older"));
    const auto done = connection->execute(statements);
    ASSERT_TRUE(done) << done.error().to_string();
  }
  // An entry and its leaf hash, which need no key.
  void rewrite_entry() {
    const auto file = at("data/writ.db");
    if (!fs::exists(file)) return;
    const auto connection =
        store::Connection::open(file.string(), store::Connection::Mode::read_write, "").value();
    const auto key = connection->integer("SELECT max(key) FROM log WHERE entry LIKE '%disabled%'");
    auto entry =
        connection->text("SELECT entry FROM log WHERE key = " + std::to_string(key.value()))
            .value();
    if (entry.empty()) return;
    entry.replace(entry.find("disabled"), 8, "enabledd");
    const auto leaf = audit::leaf_hash(as_bytes(entry));
    auto update =
        connection->prepare("UPDATE log SET entry = ?1, leaf = ?2 WHERE key = ?3").value();
    ASSERT_TRUE(update.run(std::string_view(entry), BytesView(leaf), key.value()));
  }

  struct Deed {
    std::string name;
    std::function<void()> done;
  };
  std::vector<Deed> deeds() {
    const auto of = [this](std::string name, std::string statements) {
      return Deed{std::move(name), [this, statements = std::move(statements)] { sql(statements); }};
    };
    const auto older_rows = [&](const std::string& name, const std::string& where) {
      return of("older copy: " + name, "DELETE FROM main.record WHERE " + where +
                                           "; INSERT OR REPLACE INTO main.record SELECT * FROM"
                                           " older.record WHERE " +
                                           where);
    };
    return {
        {"an entry rewritten", [this] { rewrite_entry(); }},
        of("entries cut",
           "DELETE FROM log WHERE key > (SELECT max(key) - 3 FROM log WHERE entry <> '')"),
        of("the log", "DELETE FROM log"),
        of("leaves", "UPDATE log SET leaf = zeroblob(32) WHERE key & 1 = 0"),
        of("tiles", "DELETE FROM tile"),
        of("all checkpoints", "DELETE FROM checkpoint"),
        of("the latest checkpoints",
           "DELETE FROM checkpoint WHERE size > (SELECT max(size) FROM older.checkpoint)"),
        {"the anchor's note", [this] { fs::remove(at("anchor") / note_); }},
        {"the anchor's folder", [this] { fs::remove_all(at("anchor")); }},
        of("the log key record", "DELETE FROM record WHERE kind = 'signing_key' AND id = 'log'"),
        of("the workspace record", "DELETE FROM record WHERE kind = 'workspace'"),
        of("the workspace",
           "DELETE FROM workspace WHERE number <> 1;"
           "DELETE FROM record WHERE workspace <> 1; DELETE FROM log;"
           "DELETE FROM checkpoint; DELETE FROM tile; DELETE FROM subject;"
           "DELETE FROM state WHERE workspace <> 1"),
        of("a user's key replaced",
           "UPDATE record SET value = (SELECT value FROM record WHERE kind = 'user' ORDER BY id"
           " DESC LIMIT 1) WHERE kind = 'user'"),
        of("the user records", "DELETE FROM record WHERE kind = 'user'"),
        of("the run records", "DELETE FROM record WHERE kind = 'run'"),
        of("a session made up",
           "INSERT OR REPLACE INTO record SELECT workspace, kind, 'f' || id,"
           " revision, value, mac FROM record WHERE kind = 'session'"),
        of("a code made up",
           "INSERT OR REPLACE INTO record SELECT number, 'enrolment', 'ff', 1,"
           " '{\"expires\":99999999999999,\"founding\":true,\"v\":1}', zeroblob(16)"
           " FROM workspace"),
        older_rows("the users", "kind = 'user'"),
        older_rows("the server's record", "workspace = 1"),
        of("older copy: the states", "INSERT OR REPLACE INTO main.state SELECT * FROM older.state"),
        of("the states", "DELETE FROM state"),
        of("older copy: the workspace with its state",
           "DELETE FROM main.record WHERE workspace <> 1; DELETE FROM main.log;"
           "DELETE FROM main.checkpoint; DELETE FROM main.tile; DELETE FROM main.subject;"
           "DELETE FROM main.once;"
           "INSERT INTO main.record SELECT * FROM older.record WHERE workspace <> 1;"
           "INSERT INTO main.log SELECT * FROM older.log;"
           "INSERT INTO main.checkpoint SELECT * FROM older.checkpoint;"
           "INSERT INTO main.tile SELECT * FROM older.tile;"
           "INSERT INTO main.subject SELECT * FROM older.subject;"
           "INSERT INTO main.once SELECT * FROM older.once WHERE workspace <> 1;"
           "INSERT OR REPLACE INTO main.state SELECT * FROM older.state WHERE workspace <> 1;"
           "INSERT OR REPLACE INTO main.workspace SELECT * FROM older.workspace"),
        of("older copy: the server's part with its state",
           "DELETE FROM main.record WHERE workspace = 1;"
           "INSERT INTO main.record SELECT * FROM older.record WHERE workspace = 1;"
           "UPDATE main.forgotten SET through = (SELECT through FROM older.forgotten);"
           "INSERT OR REPLACE INTO main.state SELECT * FROM older.state WHERE workspace = 1"),
        of("the MACs", "UPDATE record SET mac = x''; UPDATE log SET mac = x''; DELETE FROM state"),
        of("the version of the store", "PRAGMA user_version = 1"),
        {"older copy: the store",
         [this] {
           fs::remove_all(at("data"));
           copy(at("older/data"), at("data"));
         }},
        {"the store", [this] { fs::remove_all(at("data")); }},
        {"older copy: the anchor", [this] { copy(at("older/anchor"), at("anchor")); }},
    };
  }

  // The start is refused, or the server is not ready, and each of them says why and what to do.
  void expect_not_ready() {
    const auto ready = server_.start_ready();
    ASSERT_FALSE(ready);
    EXPECT_FALSE(ready.error().message.empty());
    EXPECT_FALSE(ready.error().hint.empty()) << ready.error().to_string();
    server_.stop();
  }

  OldServer server_;
  std::string note_;
};

TEST_F(ThiefTest, P36_WhatNobodyTouchedIsReady) {
  restore();
  const auto ready = server_.start_ready();
  EXPECT_TRUE(ready) << ready.error().to_string();
}

TEST_F(ThiefTest, P36_NothingThatIsDeletedOrRewrittenIsPassedOver) {
  for (const auto& deed : deeds()) {
    SCOPED_TRACE(deed.name);
    restore();
    deed.done();
    expect_not_ready();
  }
}

TEST_F(ThiefTest, P36_NorAnyTwoOfThem) {
  const auto all = deeds();
  for (std::size_t i = 0; i < all.size(); ++i) {
    for (std::size_t j = i + 1; j < all.size(); ++j) {
      // They fit together, and can be told from outside alone: see below.
      if (all[i].name == "older copy: the store" && all[j].name == "older copy: the anchor")
        continue;
      SCOPED_TRACE(all[i].name + ", then " + all[j].name);
      restore();
      all[i].done();
      all[j].done();
      expect_not_ready();
      if (HasFatalFailure()) return;
    }
  }
}

// --accept-anchor excuses the anchor, and nothing else.
TEST_F(ThiefTest, P36_AcceptingAnAnchorExcusesTheAnchorAlone) {
  for (const auto& deed : deeds()) {
    SCOPED_TRACE(deed.name);
    restore();
    fs::remove(at("anchor") / note_);
    deed.done();
    const bool of_the_anchor =
        deed.name.find("anchor") != std::string::npos || deed.name == "older copy: the store";
    const auto ready = server_.start_ready({.accept_anchor = true});
    EXPECT_EQ(ready.has_value(), of_the_anchor) << (ready ? "ready" : ready.error().to_string());
    if (!ready) continue;
    // And it is on record.
    auto admin = server_.sign_in("admin");
    ASSERT_TRUE(admin);
    server_.stop();
    const auto connection =
        store::Connection::open(at("data/writ.db").string(), store::Connection::Mode::read_only, "")
            .value();
    EXPECT_EQ(connection->integer(
                  "SELECT count(*) FROM log WHERE entry LIKE '%\"kind\":\"anchor.accepted\"%'"),
              1);
  }
}

// The pair that is excepted: an older store and an older anchor that fit together start, and a
// checkpoint that was kept elsewhere tells them.
TEST_F(ThiefTest, P36_AnOlderPairThatFitsIsToldByACheckpointKeptElsewhere) {
  restore();
  ASSERT_TRUE(server_.start_ready());
  auto admin = server_.sign_in("admin");
  ASSERT_TRUE(admin);
  const auto before = admin->get<protocol::LogView>("/v1/log");
  ASSERT_TRUE(before);
  server_.stop();
  for (const auto* part : {"data", "anchor"}) copy(at(std::string("older/") + part), at(part));
  ASSERT_TRUE(server_.start_ready());
  auto again = server_.sign_in("admin");
  ASSERT_TRUE(again);
  const auto after = again->get<protocol::LogView>("/v1/log");
  ASSERT_TRUE(after);
  EXPECT_EQ(after->key, before->key);
  EXPECT_LT(after->size, before->size);
}

// docs/operations.md, Backup and restore, step by step.
TEST_F(ThiefTest, P36_TheRestoreOfTheManualWorksWordForWord) {
  restore();
  ASSERT_TRUE(server_.start_ready());
  const auto backup = at("backup.db");
  fs::copy(at("newest/data/writ.db"), backup);  // as `writ backup` makes it of a quiet server
  ASSERT_TRUE(server_.sign_in("admin"));
  server_.stop();  // 1
  // 2
  fs::remove(at("data/writ.db"));
  fs::copy(backup, at("data/writ.db"));
  fs::remove(at("data/writ.db-wal"));
  fs::remove(at("data/writ.db-shm"));
  // 3, 4: something was signed after the backup.
  const auto refused = server_.start_ready();
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().to_string(), HasSubstr("restored from an older backup"));
  EXPECT_THAT(refused.error().to_string(), HasSubstr("--accept-anchor"));
  server_.stop();
  // With the newer checkpoint still in place, --accept-anchor changes nothing.
  EXPECT_FALSE(server_.start_ready({.accept_anchor = true}));
  server_.stop();
  // 5
  fs::rename(at("anchor") / note_, at("kept.checkpoint"));
  const auto accepted = server_.start_ready({.accept_anchor = true});
  ASSERT_TRUE(accepted) << accepted.error().to_string();
  server_.stop();
  const auto after = server_.start_ready();
  EXPECT_TRUE(after) << after.error().to_string();
}

}  // namespace
}  // namespace writ::app
