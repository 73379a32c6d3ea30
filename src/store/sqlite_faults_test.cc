// SPDX-License-Identifier: Apache-2.0
// Faults of the disk (docs: Faults): full, failing, hanging; files taken away; too much at once.
#include <cstdlib>
#include <filesystem>

#include "store/last_words.h"
#include "store/sqlite_disk_testing.h"
#include "store/sqlite_testing.h"

namespace writ::store {
namespace {

class SqliteFaults : public testing::Test {
 protected:
  // Has a disk of its own; call open() first.
  void open(SqliteOptions options = {}) {
    options.vfs = disk_.name();
    auto home = std::make_unique<SqliteHome>(std::move(options));
    home_ = home.get();
    testing_.emplace(std::move(home));
    testing_->use(1);
  }
  std::future<Expected<Committed>> begin(Unit unit) {
    std::promise<Expected<Committed>> promise;
    auto future = promise.get_future();
    spawn(testing_->loop_,
          [](std::shared_ptr<WorkspaceStore> store, Unit one,
             std::promise<Expected<Committed>> out) -> Task<void> {
            out.set_value(co_await store->commit(std::move(one)));
          }(testing_->workspace_, std::move(unit), std::move(promise)));
    // Submitted, when the loop has come past it.
    run_on(testing_->loop_, []() -> Task<void> { co_return; }());
    return future;
  }
  Expected<Committed> commit(std::string id) {
    return testing_->commit(unit_of(StoreTesting::put(id), StoreTesting::entry("entry of " + id)));
  }
  void await_health() {
    const auto until = std::chrono::steady_clock::now() + seconds(30);
    while (!testing_->store_->health()) {
      ASSERT_LT(std::chrono::steady_clock::now(), until) << "it does not recover";
      std::this_thread::yield();
    }
  }

  TestDisk disk_{"faults"};
  SqliteHome* home_ = nullptr;
  std::optional<StoreTesting> testing_;
};

TEST_F(SqliteFaults, OnAFullDiskChangesAreUnavailableAndReadsGoOn) {
  open();
  auto before = StoreTesting::entry("entry of before");
  before.sealed = to_bytes("sealed");
  ASSERT_TRUE(testing_->commit(unit_of(StoreTesting::put("before"), before)));
  disk_.set_free(0);
  const auto refused = commit("during");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::unavailable);
  EXPECT_NE(refused.error().message.find("full"), std::string::npos);
  ASSERT_FALSE(testing_->store_->health());
  EXPECT_EQ(testing_->store_->health().error().message, refused.error().message);
  EXPECT_TRUE(testing_->get("before"));
  EXPECT_FALSE(testing_->get("during"));
  EXPECT_EQ(testing_->entries(), (std::vector<std::string>{"entry of before"}));
  EXPECT_EQ(testing_->run(testing_->handle().log_size()), 1U);
  EXPECT_EQ(testing_->run(testing_->handle().erase_sealed(0)).error().code, Errc::unavailable);

  // What tells of the past is kept, and comes before what is committed later.
  testing_->handle().append_later({StoreTesting::entry("an outcome")});
  EXPECT_FALSE(commit("during"));

  // Nobody has to commit for the store to see that there is space again.
  disk_.set_free(std::nullopt);
  await_health();
  ASSERT_TRUE(commit("during"));
  EXPECT_EQ(testing_->entries(),
            (std::vector<std::string>{"entry of before", "an outcome", "entry of during"}));
  testing_->reopen();
  EXPECT_EQ(testing_->entries().size(), 3U);
}

// A group in which the disk fills up in the middle leaves nothing of any of its units, neither on
// the disk nor in what is resident.
TEST_F(SqliteFaults, AGroupThatDoesNotFitLeavesNothing) {
  open();
  ASSERT_TRUE(commit("a"));
  for (const std::int64_t space : {100, 5'000, 20'000, 60'000}) {
    disk_.set_free(space);
    std::vector<Unit> units;
    for (int i = 0; i < 8; ++i) {
      auto unit = unit_of(testing_->once(static_cast<std::uint8_t>(i)),
                          StoreTesting::put("r" + std::to_string(i)),
                          StoreTesting::put("a", static_cast<std::uint64_t>(i) + 1),
                          StoreTesting::entry(std::string(30'000, 'e'), {"run_1"}));
      unit.appends[0].proof = testing_->once(static_cast<std::uint8_t>(100 + i));
      units.push_back(std::move(unit));
    }
    std::size_t committed = 0;
    for (const auto& result : testing_->commit_at_once(units)) {
      if (result) ++committed;
    }
    ASSERT_LT(committed, 8U);
    disk_.set_free(std::nullopt);
    await_health();
    // What was not committed can be committed now, in the same way.
    for (std::size_t i = committed; i < units.size(); ++i)
      ASSERT_TRUE(testing_->commit(units[i])) << i;
    EXPECT_EQ(testing_->get("a")->revision, 9U);
    EXPECT_EQ(testing_->log().size(), 9U);
    EXPECT_EQ(testing_->run(testing_->handle().find_log("run_1", 0, 100)).value().size(), 8U);
    open();
    ASSERT_TRUE(commit("a"));
  }
}

TEST_F(SqliteFaults, AFailedFsyncEndsTheProcess) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  // The process that dies leaves its folder to the one that looks on.
  const TemporaryDirectory folder;
  if (std::getenv("TMPDIR") == nullptr || std::getenv("WRIT_DYING") == nullptr) {
    ::setenv("TMPDIR", folder.path().c_str(), 1);
    ::setenv("WRIT_DYING", "1", 1);
  }
  EXPECT_EXIT(
      {
        open();
        static_cast<void>(commit("a"));
        disk_.fail_syncs();
        static_cast<void>(commit("b"));
      },
      testing::ExitedWithCode(kDiskFailedStatus), "the disk failed, ending");
  ::unsetenv("TMPDIR");
  ::unsetenv("WRIT_DYING");
}

TEST_F(SqliteFaults, AHangingDiskRefusesWithinTheTimeout) {
  open({.commit_timeout = seconds(30)});
  ASSERT_TRUE(commit("before"));
  disk_.hang_syncs(true);
  auto begun = begin(unit_of(StoreTesting::put("begun")));
  disk_.await_hanging_sync();
  auto waiting = begin(unit_of(StoreTesting::put("waiting"), StoreTesting::entry("waiting")));
  testing_->clock_.advance(seconds(31));
  // This one may yet be done, and that one never will be.
  EXPECT_EQ(begun.get().error().code, Errc::unknown_outcome);
  EXPECT_EQ(waiting.get().error().code, Errc::unavailable);
  EXPECT_EQ(testing_->store_->health().error().code, Errc::unavailable);
  EXPECT_TRUE(testing_->get("before"));

  disk_.hang_syncs(false);
  ASSERT_TRUE(commit("after"));
  EXPECT_TRUE(testing_->get("begun"));
  EXPECT_FALSE(testing_->get("waiting"));
  EXPECT_EQ(testing_->entries(), (std::vector<std::string>{"entry of before", "entry of after"}));
  await_health();
}

TEST_F(SqliteFaults, MoreThanTheQueueHoldsIsRefused) {
  open({.queue = {.jobs = 3}});
  ASSERT_TRUE(commit("before"));
  disk_.hang_syncs(true);
  auto begun = begin(unit_of(StoreTesting::put("begun")));
  disk_.await_hanging_sync();
  std::vector<std::future<Expected<Committed>>> waiting;
  waiting.reserve(3);
  for (int i = 0; i < 3; ++i)
    waiting.push_back(begin(unit_of(StoreTesting::put("w" + std::to_string(i)))));
  const auto refused = commit("one too many");
  EXPECT_EQ(refused.error().code, Errc::unavailable);
  // What is only told is never refused.
  testing_->handle().append_later({StoreTesting::entry("an outcome")});
  disk_.hang_syncs(false);
  EXPECT_TRUE(begun.get());
  for (auto& one : waiting) EXPECT_TRUE(one.get());
  testing_->await_log(2);
  ASSERT_TRUE(commit("one too many"));
}

TEST_F(SqliteFaults, AUnitThatIsTooLargeIsRefused) {
  open();
  EXPECT_EQ(testing_->commit(unit_of(StoreTesting::entry(std::string(kMaxUnitBytes + 1, 'e'))))
                .error()
                .code,
            Errc::too_large);
  EXPECT_TRUE(testing_->log().empty());
}

// Audit storage deleted or replaced: fail closed.
TEST_F(SqliteFaults, AFileThatWasTakenAwayStopsAllCommits) {
  for (const auto* name : {"writ.db", "writ.db-wal"}) {
    open();
    ASSERT_TRUE(commit("before"));
    std::filesystem::rename(home_->file(name), home_->file("elsewhere"));
    std::ofstream(home_->file(name)) << "another";
    EXPECT_EQ(commit("after").error().code, Errc::unavailable) << name;
    EXPECT_EQ(testing_->store_->health().error().where, home_->file(name));
    // Put back, it is the same file again.
    std::filesystem::rename(home_->file("elsewhere"), home_->file(name));
    EXPECT_TRUE(commit("after")) << name;
    EXPECT_TRUE(testing_->store_->health());
  }
}

// The write-ahead log does not grow without end, also where no moment comes in which all of it has
// been moved.
TEST_F(SqliteFaults, TheWriteAheadLogIsBounded) {
  open({.log = {.passive_pages = 1'000'000, .truncate_pages = 200}});
  std::uintmax_t most = 0;
  for (int i = 0; i < 100; ++i) {
    ASSERT_TRUE(testing_->commit(unit_of(StoreTesting::entry(std::string(30'000, 'e')))));
    most = std::max(most, std::filesystem::file_size(home_->file("writ.db-wal")));
  }
  EXPECT_LT(most, 300U * 4200U);
  EXPECT_GT(std::filesystem::file_size(home_->database()), 1'000'000U);
}

}  // namespace
}  // namespace writ::store
