// SPDX-License-Identifier: Apache-2.0
// The data directory and the database's file: who may have them, what is refused, copies, what is
// erased.
#include <array>
#include <filesystem>
#include <fstream>

#include <sys/stat.h>

#include "base/fake_random.h"
#include "store/data_directory.h"
#include "store/sqlite_connection.h"
#include "store/sqlite_schema.h"
#include "store/sqlite_testing.h"

namespace writ::store {
namespace {

std::string contents(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

unsigned mode_of(const std::string& path) {
  struct stat status{};
  return ::stat(path.c_str(), &status) == 0 ? status.st_mode & 0777U : 0;
}

class SqliteFile : public testing::Test {
 protected:
  SqliteFile() {
    auto home = std::make_unique<SqliteHome>();
    home_ = home.get();
    testing_.emplace(std::move(home));
    testing_->use(1);
  }
  void close() {
    testing_->workspace_.reset();
    testing_->store_.reset();
  }
  // Opening it is refused, with this code, and changes neither the database nor its log.
  Error refused(Errc code) {
    const auto database = contents(home_->database());
    const auto log = contents(home_->database() + "-wal");
    const auto store = home_->try_open(testing_->clock_);
    EXPECT_FALSE(store);
    if (store) return {};
    EXPECT_EQ(store.error().code, code) << store.error().to_string();
    EXPECT_FALSE(store.error().hint.empty());
    EXPECT_EQ(contents(home_->database()), database);
    EXPECT_EQ(contents(home_->database() + "-wal"), log);
    return store.error();
  }
  std::unique_ptr<Connection> raw() {
    return Connection::open(home_->database(), Connection::Mode::read_write, "").value();
  }

  SqliteHome* home_ = nullptr;
  std::optional<StoreTesting> testing_;
};

TEST_F(SqliteFile, IsForItsOwnerAlone) {
  ASSERT_TRUE(testing_->commit(unit_of(StoreTesting::put("a"))));
  EXPECT_EQ(mode_of(home_->directory()), 0700U);
  std::size_t files = 0;
  for (const auto& file : std::filesystem::directory_iterator(home_->directory())) {
    EXPECT_EQ(mode_of(file.path()), 0600U) << file.path();
    ++files;
  }
  EXPECT_GE(files, 3U);
}

TEST_F(SqliteFile, ADirectoryThatOthersMayReadIsRefused) {
  close();
  std::filesystem::permissions(home_->directory(), std::filesystem::perms(0750));
  EXPECT_NE(refused(Errc::denied).hint.find("chmod 700"), std::string::npos);
}

TEST_F(SqliteFile, ASecondServerOnItIsRefused) {
  EXPECT_NE(refused(Errc::conflict).message.find("another server"), std::string::npos);
  close();
  EXPECT_TRUE(home_->try_open(testing_->clock_));
}

TEST_F(SqliteFile, WhatIsNoDatabaseIsRefusedAndUntouched) {
  close();
  std::filesystem::remove(home_->database());
  for (const auto& text : {std::string(), std::string("not a database"), std::string(5000, 'x'),
                           std::string("SQLite format 3\0", 16)}) {
    std::ofstream(home_->database(), std::ios::binary | std::ios::trunc) << text;
    refused(Errc::invalid_input);
  }
}

TEST_F(SqliteFile, AnotherProgramsDatabaseIsRefusedAndUntouched) {
  close();
  ASSERT_TRUE(raw()->execute("PRAGMA application_id=7"));
  EXPECT_NE(refused(Errc::invalid_input).message.find("not one of Writ's"), std::string::npos);
}

TEST_F(SqliteFile, ANewerVersionIsRefusedAndUntouched) {
  close();
  ASSERT_TRUE(raw()->execute("PRAGMA user_version=99"));
  EXPECT_NE(refused(Errc::unsupported).message.find("version 99"), std::string::npos);
}

TEST_F(SqliteFile, ANewerVersionInTheWriteAheadLogIsRefusedAndUntouched) {
  close();
  {
    const auto connection = raw();
    connection->checkpoint_on_close(false);
    ASSERT_TRUE(connection->execute("PRAGMA user_version=99"));
  }
  ASSERT_FALSE(contents(home_->database() + "-wal").empty());
  EXPECT_NE(refused(Errc::unsupported).message.find("version 99"), std::string::npos);
}

TEST_F(SqliteFile, ACreationThatWasCutOffIsBegunAnew) {
  close();
  std::filesystem::rename(home_->database(), home_->database() + ".new");
  std::ofstream(home_->database() + ".new-journal") << "rest";
  testing_->reopen();
  EXPECT_TRUE(testing_->commit(unit_of(StoreTesting::put("a"))));
  EXPECT_FALSE(std::filesystem::exists(home_->database() + ".new"));
}

TEST_F(SqliteFile, AnOlderVersionIsBroughtUpToDateInStepsThatAreWholeOrNotAtAll) {
  const TemporaryDirectory folder;
  const auto directory = DataDirectory::open(folder.path()).value();
  constexpr std::array<std::string_view, 3> kSteps{
      "CREATE TABLE a (x INTEGER) STRICT; INSERT INTO a VALUES (1)", "INSERT INTO a VALUES (2)",
      "INSERT INTO a VALUES (3)"};
  constexpr std::array<std::string_view, 3> kBroken{
      kSteps[0], kSteps[1], "INSERT INTO a VALUES (4); INSERT INTO nowhere VALUES (1)"};
  const auto open = [&](std::span<const std::string_view> steps) {
    return open_database(*directory, {.steps = steps});
  };
  ASSERT_TRUE(open(std::span(kSteps).first(1)));
  ASSERT_TRUE(open(std::span(kSteps).first(2)));
  EXPECT_FALSE(open(kBroken));
  {
    const auto connection = open(std::span(kSteps).first(2)).value();
    EXPECT_EQ(connection->integer("SELECT sum(x) FROM a"), 3);
  }
  const auto connection = open(kSteps).value();
  EXPECT_EQ(connection->integer("SELECT sum(x) FROM a"), 6);
  EXPECT_EQ(connection->integer("PRAGMA user_version"), 3);
}

// The released versions, so that nobody edits what is on people's disks.
TEST_F(SqliteFile, ReleasedMigrationsStayAsTheyAre) { EXPECT_EQ(migrations().size(), 2U); }

TEST_F(SqliteFile, ABackupOfAServerInUseIsWholeAndPrivate) {
  const TemporaryDirectory folder;
  const auto copy = folder.file("copy");
  // Commits before, while and after it is taken.
  std::vector<std::future<void>> futures;
  for (int caller = 0; caller < 4; ++caller) {
    std::promise<void> promise;
    futures.push_back(promise.get_future());
    spawn(testing_->loop_,
          [](StoreTesting& all, int its_caller, std::promise<void> out) -> Task<void> {
            for (std::uint64_t i = 0; i < 100; ++i) {
              auto unit = unit_of(StoreTesting::put("r" + std::to_string(its_caller), i),
                                  StoreTesting::entry(std::to_string(its_caller)));
              EXPECT_TRUE(co_await all.handle().commit(std::move(unit)));
            }
            out.set_value();
          }(*testing_, caller, std::move(promise)));
  }
  testing_->await_log(40);
  ASSERT_TRUE(testing_->run(testing_->store_->backup(copy)));
  for (auto& future : futures) future.get();
  const auto whole = testing_->entries();

  EXPECT_EQ(mode_of(copy), 0600U);
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder.path()), {}), 1);
  // What stands there already is left alone.
  const auto bytes = contents(copy);
  EXPECT_EQ(testing_->run(testing_->store_->backup(copy)).error().code, Errc::conflict);
  EXPECT_EQ(contents(copy), bytes);
  EXPECT_EQ(testing_->run(testing_->store_->backup("/nowhere/copy")).error().code,
            Errc::unavailable);

  auto restored_home = std::make_unique<SqliteHome>();
  std::filesystem::create_directory(restored_home->directory());
  std::filesystem::permissions(restored_home->directory(), std::filesystem::perms::owner_all);
  std::filesystem::copy(copy, restored_home->database());
  StoreTesting restored(std::move(restored_home));
  restored.use(1);
  const auto entries = restored.entries();
  ASSERT_GE(entries.size(), 40U);
  ASSERT_LE(entries.size(), whole.size());
  EXPECT_TRUE(std::equal(entries.begin(), entries.end(), whole.begin()));
  for (int caller = 0; caller < 4; ++caller) {
    const auto name = std::to_string(caller);
    EXPECT_EQ(restored.get("r" + name)->revision,
              static_cast<std::uint64_t>(std::ranges::count(entries, name)));
  }
}

// "Destroyed" means that the bytes are gone from every file that is ours.
TEST_F(SqliteFile, P22_WhatWasErasedIsInNoFileAfterAScrub) {
  FakeRandom random;
  const std::string canary = "CANARY-6f1d0e7a";
  const auto found = [&] {
    std::vector<std::string> files;
    for (const auto& file : std::filesystem::directory_iterator(home_->directory())) {
      if (contents(file.path()).find(canary) != std::string::npos)
        files.push_back(file.path().filename());
    }
    return files;
  };
  const auto secret = [&](int number, std::size_t size) {
    return canary + std::to_string(number) + std::string(size, 'x') + canary;
  };
  // Among others, small and large, written more than once, in pages that were split meanwhile.
  for (int i = 0; i < 120; ++i) {
    auto entry = StoreTesting::entry("entry " + std::to_string(i));
    entry.sealed = to_bytes(i % 3 == 0 ? secret(i, static_cast<std::size_t>(i) * 60) : "kept");
    const auto id = "crd_" + std::to_string(i * 7919 % 120);
    ASSERT_TRUE(testing_->commit(
        unit_of(StoreTesting::put(id, 0, secret(i, static_cast<std::size_t>(i) * 40),
                                  RecordKind::credential),
                StoreTesting::put(id, 1, secret(i, 300), RecordKind::credential), entry)));
  }
  ASSERT_FALSE(found().empty());
  for (int i = 0; i < 120; ++i) {
    const auto id = "crd_" + std::to_string(i);
    // Overwritten or erased, by turns.
    if (i % 2 == 0) {
      ASSERT_TRUE(
          testing_->commit(unit_of(StoreTesting::put(id, 2, "destroyed", RecordKind::credential))));
    } else {
      ASSERT_TRUE(testing_->commit(
          unit_of(broker::Erase{.kind = RecordKind::credential, .id = id, .expected = 2})));
    }
    if (i % 3 == 0) {
      ASSERT_TRUE(testing_->run(testing_->handle().erase_sealed(static_cast<std::uint64_t>(i))));
    }
  }
  EXPECT_FALSE(found().empty());
  ASSERT_TRUE(testing_->run(testing_->store_->scrub()));
  EXPECT_EQ(found(), std::vector<std::string>());
  EXPECT_EQ(testing_->log()[1].sealed, to_bytes("kept"));
}

}  // namespace
}  // namespace writ::store
