// SPDX-License-Identifier: Apache-2.0
// What a test can do to a FakeStore; that it is a store at all, store/ checks with its suite.
#include "broker/fake_store.h"

#include <future>

#include <gtest/gtest.h>

#include "async/loop.h"
#include "base/fake_clock.h"

namespace writ::broker {
namespace {

Unit put(std::string id, std::uint64_t expected = 0) {
  Unit unit;
  unit.puts.push_back(
      {.kind = RecordKind::setting, .id = std::move(id), .expected = expected, .value = "{}"});
  unit.appends.push_back({.entry = "an entry", .sealed = {}, .subjects = {}, .proof = {}});
  return unit;
}

class FakeStoreTest : public testing::Test {
 protected:
  FakeStoreTest() { loop_.start("test"); }

  Expected<Committed> commit(Unit unit) {
    return run_on(loop_, workspace_->commit(std::move(unit)));
  }
  // Returns once the unit has been submitted.
  std::future<Expected<Committed>> begin(Unit unit) {
    std::promise<Expected<Committed>> promise;
    auto future = promise.get_future();
    spawn(loop_,
          [](std::shared_ptr<WorkspaceStore> store, Unit all,
             std::promise<Expected<Committed>> out) -> Task<void> {
            out.set_value(co_await store->commit(std::move(all)));
          }(workspace_, std::move(unit), std::move(promise)));
    std::promise<void> submitted;
    loop_.post([&] { submitted.set_value(); });
    submitted.get_future().wait();
    return future;
  }
  std::uint64_t log_size() { return run_on(loop_, workspace_->log_size()).value(); }

  FakeClock clock_;
  FakeStore store_{clock_};
  std::shared_ptr<WorkspaceStore> workspace_ =
      store_.workspace(WorkspaceId({1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}));
  Loop loop_{clock_, milliseconds(1)};
};

TEST_F(FakeStoreTest, FailsTheNextCommitAlone) {
  const Error error{.code = Errc::unavailable, .message = "full", .where = {}, .hint = {}};
  store_.fail_next_commit(error);
  EXPECT_EQ(commit(put("a")).error(), error);
  EXPECT_EQ(log_size(), 0U);
  EXPECT_TRUE(commit(put("a")));
  EXPECT_EQ(store_.commits(), 1U);
}

TEST_F(FakeStoreTest, FailsUntilItIsMended) {
  const Error error{.code = Errc::unavailable, .message = "full", .where = {}, .hint = {}};
  store_.fail_commits(error);
  EXPECT_EQ(commit(put("a")).error(), error);
  EXPECT_EQ(commit(put("a")).error(), error);
  EXPECT_EQ(store_.health().error(), error);
  store_.fail_commits(std::nullopt);
  EXPECT_TRUE(commit(put("a")));
  EXPECT_TRUE(store_.health());
}

TEST_F(FakeStoreTest, HeldUnitsAreDecidedInOrderWhenReleased) {
  store_.hold_commits();
  auto first = begin(put("a"));
  workspace_->append_later(
      {Append{.entry = "between", .sealed = {}, .subjects = {}, .proof = std::nullopt}});
  auto second = begin(put("a"));
  auto third = begin(put("b"));
  EXPECT_EQ(store_.held(), 4U);
  EXPECT_EQ(log_size(), 0U);
  EXPECT_EQ(store_.commits(), 0U);

  store_.release_commits();
  EXPECT_EQ(first.get().value().first_index, 0U);
  EXPECT_TRUE(is_revision_conflict(second.get().error(), RecordKind::setting));
  EXPECT_EQ(third.get().value().first_index, 2U);
  EXPECT_EQ(store_.commits(), 2U);
}

}  // namespace
}  // namespace writ::broker
