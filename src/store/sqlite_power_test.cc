// SPDX-License-Identifier: Apache-2.0
// Power loss and kill -9: what comes back is a prefix of what was committed, with everything that
// was acknowledged in it (I1-I3).
#include <csignal>
#include <filesystem>
#include <mutex>
#include <random>

#include <sys/wait.h>
#include <unistd.h>

#include "audit/tree.h"
#include "store/sqlite_disk_testing.h"
#include "store/sqlite_testing.h"

namespace writ::store {
namespace {

struct Crash {
  std::uint64_t seed;
  TestDisk::Image image;
  std::uint64_t acknowledged;  // entries of the log, before the power went
};

// The n-th unit of a caller: its record, its entry and a digest of its own, in one.
Unit unit_number(const FakeClock& clock, int caller, int number) {
  Unit unit;
  unit.puts.push_back(StoreTesting::put("caller" + std::to_string(caller),
                                        static_cast<std::uint64_t>(number),
                                        std::string(static_cast<std::size_t>(number) * 7, 'v')));
  const auto name = std::to_string(caller) + "/" + std::to_string(number);
  unit.appends.push_back(StoreTesting::entry(name, {"caller" + std::to_string(caller)}));
  Digest digest{};
  digest[0] = static_cast<std::uint8_t>(caller);
  digest[1] = static_cast<std::uint8_t>(number);
  const Once once{.digest = digest, .expires = clock.now() + seconds(60)};
  // As a row of its own and within the entry, by turns.
  if (number % 2 == 0) {
    unit.once.push_back(once);
  } else {
    unit.appends[0].proof = once;
  }
  return unit;
}

TEST(SqlitePower, I1_I2_I3_WhatComesBackAfterPowerLossIsAPrefixWithAllThatWasAcknowledged) {
  constexpr int kCallers = 6;
  constexpr int kUnits = 40;
  TestDisk disk("power");
  std::mutex mutex;
  std::vector<Crash> crashes;
  std::uint64_t acknowledged = 0;
  std::uint64_t events = 0;
  disk.before_each([&] {
    const std::lock_guard lock(mutex);
    // In every few calls, and more often while little has happened.
    if (++events % 11 != 0 && events > 40) return;
    std::mt19937_64 random(events);
    crashes.push_back({.seed = events, .image = disk.crash(random), .acknowledged = acknowledged});
  });

  std::vector<std::string> whole;
  {
    // Checkpoints run all the time, in both of their forms.
    StoreTesting testing(std::make_unique<SqliteHome>(
        SqliteOptions{.log = {.passive_pages = 20, .truncate_pages = 90}, .vfs = disk.name()}));
    testing.use(1);
    std::vector<std::future<void>> futures;
    for (int caller = 0; caller < kCallers; ++caller) {
      std::promise<void> promise;
      futures.push_back(promise.get_future());
      spawn(testing.loop_,
            [](StoreTesting& all, std::mutex& its_mutex, std::uint64_t& count, int its_caller,
               std::promise<void> out) -> Task<void> {
              for (int number = 0; number < kUnits; ++number) {
                auto done =
                    co_await all.handle().commit(unit_number(all.clock_, its_caller, number));
                EXPECT_TRUE(done);
                const std::lock_guard lock(its_mutex);
                count = std::max(count, done->first_index + 1);
              }
              out.set_value();
            }(testing, mutex, acknowledged, caller, std::move(promise)));
    }
    for (auto& future : futures) future.get();
    whole = testing.entries();
  }
  ASSERT_EQ(whole.size(), std::size_t{kCallers * kUnits});
  ASSERT_GT(crashes.size(), 20U);

  std::size_t most = 0;
  for (const auto& crash : crashes) {
    SCOPED_TRACE("seed " + std::to_string(crash.seed));
    auto home = std::make_unique<SqliteHome>();
    std::filesystem::create_directory(home->directory());
    std::filesystem::permissions(home->directory(), std::filesystem::perms::owner_all);
    for (const auto& [name, bytes] : crash.image) {
      // What was being made when the power went was not in its place yet.
      if (name.starts_with("writ.db.new")) continue;
      std::ofstream(home->file(name), std::ios::binary) << as_text(bytes);
    }
    StoreTesting recovered(std::move(home));
    recovered.use(1);
    const auto rows = recovered.log();
    most = std::max(most, rows.size());
    ASSERT_GE(rows.size(), crash.acknowledged);
    ASSERT_LE(rows.size(), whole.size());
    std::vector<int> units(kCallers);
    for (std::size_t i = 0; i < rows.size(); ++i) {
      ASSERT_EQ(rows[i].index, i);
      ASSERT_EQ(rows[i].entry, whole[i]);
      ASSERT_EQ(rows[i].leaf, audit::leaf_hash(as_bytes(rows[i].entry)));
      ++units[static_cast<std::size_t>(rows[i].entry[0] - '0')];
    }
    // The records, the index and what was consumed say the same as the log.
    for (int caller = 0; caller < kCallers; ++caller) {
      const auto count = units[static_cast<std::size_t>(caller)];
      const auto record = recovered.get("caller" + std::to_string(caller));
      ASSERT_EQ(record ? record->revision : 0, static_cast<std::uint64_t>(count));
      ASSERT_EQ(
          recovered.run(recovered.handle().find_log("caller" + std::to_string(caller), 0, 1000))
              .value()
              .size(),
          static_cast<std::size_t>(count));
      if (count == 0) continue;
      auto again = unit_number(recovered.clock_, caller, count - 1);
      again.puts.clear();
      const auto refused = recovered.commit(again);
      ASSERT_FALSE(refused);
      ASSERT_EQ(refused.error().where, again.once.empty() ? "proof" : "once");
    }
  }
  EXPECT_GT(most, whole.size() / 2);
}

// The child commits and says so, until it is killed.
[[noreturn]] void commit_until_killed(const SqliteHome& home, int say) {
  SystemClock clock;
  observe::NullLog log;
  auto store =
      open_sqlite({.directory = home.directory()}, seal_key().row_keys(), clock, log).value();
  const auto workspace = store->workspace(StoreTesting::workspace_id(1));
  Loop loop(clock);
  loop.start("child");
  for (int caller = 0; caller < 4; ++caller) {
    spawn(loop,
          [](std::shared_ptr<WorkspaceStore> handle, int its_caller, int its_say) -> Task<void> {
            for (std::uint64_t number = 0;; ++number) {
              Unit unit;
              unit.puts.push_back(StoreTesting::put("r" + std::to_string(its_caller), number));
              unit.appends.push_back(StoreTesting::entry(std::to_string(its_caller)));
              const auto done = co_await handle->commit(std::move(unit));
              if (!done) std::_Exit(1);
              const auto size = done->first_index + 1;
              if (::write(its_say, &size, sizeof size) != sizeof size) std::_Exit(1);
            }
          }(workspace, caller, say));
  }
  for (;;) ::pause();
}

TEST(SqlitePower, I3_WhatWasAcknowledgedIsThereAfterKill9) {
  SqliteHome home;
  std::uint64_t size_before = 0;
  for (int round = 0; round < 3; ++round) {
    if (round > 0) std::filesystem::remove_all(home.directory());
    int pipe[2];
    ASSERT_EQ(::pipe(pipe), 0);
    const auto child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) commit_until_killed(home, pipe[1]);
    ::close(pipe[1]);
    std::uint64_t acknowledged = 0;
    std::uint64_t size = 0;
    int answers = 0;
    while (::read(pipe[0], &size, sizeof size) == sizeof size) {
      acknowledged = std::max(acknowledged, size);
      if (++answers == 40 + round * 60) {
        ASSERT_EQ(::kill(child, SIGKILL), 0);
      }
    }
    ::close(pipe[0]);
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFSIGNALED(status)) << status;
    ASSERT_GE(answers, 40);

    FakeClock clock;
    Loop loop(clock, milliseconds(1));
    loop.start("test");
    const auto store = home.open(clock);
    const auto workspace = store->workspace(StoreTesting::workspace_id(1));
    const auto rows = run_on(loop, workspace->read_log(0, 1'000'000)).value();
    EXPECT_GE(rows.size(), acknowledged);
    std::map<std::string, std::uint64_t> units;
    for (const auto& row : rows) ++units["r" + row.entry];
    for (const auto& [id, count] : units)
      EXPECT_EQ(run_on(loop, workspace->get(RecordKind::run, id)).value()->revision, count);
    size_before = rows.size();
  }
  EXPECT_GT(size_before, 100U);
}

}  // namespace
}  // namespace writ::store
