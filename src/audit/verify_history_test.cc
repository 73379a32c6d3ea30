// SPDX-License-Identifier: Apache-2.0
// P21: a cut tail, a changed checkpoint, a forked or rewritten history.
#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "audit/verify.h"
#include "audit/verify_testing.h"
#include "base/encoding.h"

namespace writ::audit {
namespace {

TEST(LogVerifier, P21_a_cut_tail_is_named) {
  for (const std::uint64_t left : {0, 1, 299, 300, 400, 512, 599}) {
    auto log = log_of(600, {300});
    log.stored.resize(left);
    const auto report = verify(log);
    const auto at = std::to_string(left);
    EXPECT_EQ(said(first(report)), "cut_tail 0/" + at + " leaf " + at);
    EXPECT_NE(first(report).what.find("checkpoint 1"), std::string::npos);
    EXPECT_EQ(report.covered, left >= 300 ? 300U : 0U);
  }
  // The tile that the tail leaves partial again need not be stored.
  auto log = log_of(600, {300});
  log.stored.resize(300);
  log.tiles.erase({0, 1});
  EXPECT_EQ(kinds(verify(log)), Kinds{ProblemKind::cut_tail});
  // The tail cut with its checkpoints: a saved one remembers.
  log = log_of(600, {300});
  const auto saved = log.checkpoints;
  log.stored.resize(300);
  log.checkpoints.pop_back();
  // A full tile left behind tells of more leaves.
  EXPECT_EQ(said(first(verify(log))), "changed_node 0/300 node (0, 300) in tile/0/001.p/44");
  log.tiles.erase({0, 1});
  EXPECT_TRUE(verify(log).ok);
  const auto report = verify(log, {.saved_checkpoints = saved});
  EXPECT_EQ(kinds(report), Kinds{ProblemKind::cut_tail});
  EXPECT_EQ(said(first(report)), "cut_tail 0/300 leaf 300");
  EXPECT_NE(first(report).what.find("leaves 300 to 599"), std::string::npos);
  EXPECT_NE(first(report).what.find("saved checkpoint 1"), std::string::npos);
  // All of it gone.
  EXPECT_EQ(said(first(verify(FakeLog(), {.saved_checkpoints = saved}))), "cut_tail 0/0 leaf 0");
}

TEST(LogVerifier, P21_a_changed_checkpoint_is_named) {
  const auto good = log_of(600, {100, 300});
  for (const std::size_t number : {0, 1, 2}) {
    const auto expected =
        "bad_checkpoint 0/" + std::to_string(number) + " checkpoint " + std::to_string(number);
    for (const std::string& instead :
         {std::string(), std::string("nonsense"), good.checkpoints[number] + "\n",
          fake_signer(std::string(kFakeOrigin), 2).sign("log.example/acme\n").value(),
          FakeLog(good).sign(fake_signer(std::string(kFakeOrigin), 2)),
          FakeLog(good).sign(fake_signer("log.example/other", 1)),
          signer().sign("log.example/other\n0\n" + base64_encode(empty_root()) + "\n").value(),
          signer().sign("log.example/acme\nnonsense\n").value()}) {
      auto log = good;
      log.checkpoints[number] = instead;
      const auto report = verify(log);
      EXPECT_EQ(said(first(report)), expected);
      EXPECT_EQ(report.problems.size(), 1U);
      EXPECT_EQ(report.checkpoints, 3U);
      EXPECT_EQ(report.covered, number == 2 ? 300U : 600U);
    }
  }
}

// Signed with the log's own key over what the log does not say.
TEST(LogVerifier, P21_a_checkpoint_over_another_tree_is_named) {
  auto log = log_of(600, {100});
  log.checkpoints[0] = log_of(100, {}, " elsewhere").checkpoints.back();
  auto report = verify(log);
  EXPECT_EQ(said(first(report)), "wrong_root 0/0 checkpoint 0");
  EXPECT_EQ(report.problems.size(), 1U);
  EXPECT_EQ(report.covered, 600U);
  log.checkpoints = {log_of(600, {}, " elsewhere").checkpoints.back()};
  report = verify(log);
  EXPECT_EQ(said(first(report)), "wrong_root 0/0 checkpoint 0");
  EXPECT_EQ(report.covered, 0U);
  // Of nothing, with the root of something.
  log = FakeLog();
  log.checkpoints = {
      SignedCheckpoint::sign(
          {.origin = std::string(kFakeOrigin), .size = 0, .root = leaf_hash({}), .extensions = {}},
          signer())
          .value()
          .note()};
  EXPECT_EQ(said(first(verify(log))), "wrong_root 0/0 checkpoint 0");
}

// What a removed checkpoint covered, a later one covers. The last one removed leaves less covered,
// which the report says; only a saved one can tell that there was more.
TEST(LogVerifier, P21_a_removed_checkpoint_covers_nothing) {
  auto log = log_of(600, {100, 300});
  log.checkpoints.erase(log.checkpoints.begin());
  EXPECT_TRUE(verify(log).ok);
  EXPECT_EQ(verify(log).covered, 600U);
  log.checkpoints.pop_back();
  const auto report = verify(log);
  EXPECT_EQ(report.covered, 300U);
  EXPECT_EQ(report.checkpoints, 1U);
}

TEST(LogVerifier, P21_checkpoints_out_of_order_are_named) {
  auto log = log_of(600, {100, 300});
  std::swap(log.checkpoints[1], log.checkpoints[2]);
  const auto report = verify(log);
  EXPECT_EQ(said(first(report)), "shrunk 0/2 checkpoint 2");
  EXPECT_EQ(report.problems.size(), 1U);
}

TEST(LogVerifier, P21_a_forked_log_is_named) {
  auto log = log_of(600, {300});
  log.checkpoints.insert(log.checkpoints.begin() + 1,
                         log_of(300, {}, " elsewhere").checkpoints.back());
  const auto report = verify(log);
  EXPECT_EQ(said(first(report)), "forked 0/1 checkpoint 1");
  EXPECT_EQ(report.problems.size(), 1U);
  // Said twice is no fork.
  log = log_of(600, {300, 300});
  EXPECT_TRUE(verify(log).ok);
  EXPECT_EQ(verify(log).checkpoints, 3U);
  // The other branch first.
  log = log_of(600, {300});
  log.checkpoints.insert(log.checkpoints.begin(), log_of(300, {}, " elsewhere").checkpoints.back());
  EXPECT_EQ(kinds(verify(log)), (Kinds{ProblemKind::wrong_root, ProblemKind::forked}));
}

TEST(LogVerifier, P21_a_fully_resigned_history_contradicts_a_saved_checkpoint) {
  const auto before = log_of(600, {100, 300, 600});
  const auto after = log_of(600, {100, 300, 600}, " rewritten");
  EXPECT_TRUE(verify(after).ok);  // by itself it is without fault
  for (const std::size_t number : {0, 1, 2}) {
    const auto report = verify(after, {.saved_checkpoints = {before.checkpoints[number]}});
    EXPECT_EQ(said(first(report)), "saved_contradicted 0/0 saved checkpoint 0");
    EXPECT_EQ(report.problems.size(), 1U);
  }
  // Rewritten from one leaf on: what was saved before it still holds, in whatever order it comes.
  auto partly = log_of(300, {100, 300});
  partly.append_many(300, " rewritten");
  partly.sign(signer());
  const auto report = verify(partly, {.saved_checkpoints = {
                                          before.checkpoints[2],
                                          before.checkpoints[0],
                                          before.checkpoints[1],
                                      }});
  EXPECT_EQ(report.problems.size(), 1U);
  EXPECT_EQ(said(first(report)), "saved_contradicted 0/0 saved checkpoint 0");
  EXPECT_TRUE(
      verify(partly, {.saved_checkpoints = {before.checkpoints[1], before.checkpoints[0]}}).ok);
}

// Every leaf is still there: it is what comes before cutting them off.
TEST(LogVerifier, P21_a_checkpoint_that_was_taken_back_is_named) {
  auto log = log_of(600, {100, 300});
  const auto saved = log.checkpoints;
  log.checkpoints.pop_back();
  auto report = verify(log, {.saved_checkpoints = {saved[2], saved[0], saved[1]}});
  EXPECT_EQ(kinds(report), Kinds{ProblemKind::withdrawn});
  EXPECT_EQ(said(first(report)), "withdrawn 0/0 saved checkpoint 0");
  EXPECT_NE(first(report).what.find("600 leaves"), std::string::npos);
  EXPECT_NE(first(report).what.find("end at 300"), std::string::npos);
  // One as large as the saved one is enough, and a larger one too.
  EXPECT_TRUE(verify(log, {.saved_checkpoints = {saved[1]}}).ok);
  EXPECT_TRUE(verify(log, {.saved_checkpoints = {saved[0]}}).ok);
  log.checkpoints.clear();
  report = verify(log, {.saved_checkpoints = {saved[0]}});
  EXPECT_EQ(kinds(report), (Kinds{ProblemKind::withdrawn, ProblemKind::unsigned_log}));
}

TEST(LogVerifier, P21_a_saved_checkpoint_binds_leaves_that_were_not_signed_since) {
  // Saved at 600, and the log's own checkpoints end at 300.
  auto log = log_of(600, {300});
  const auto saved = log.checkpoints.back();
  log.checkpoints.pop_back();
  EXPECT_EQ(kinds(verify(log, {.saved_checkpoints = {saved}})), Kinds{ProblemKind::withdrawn});
  rewrite(log, 599);
  EXPECT_TRUE(verify(log).ok);
  EXPECT_EQ(said(first(verify(log, {.saved_checkpoints = {saved}}))),
            "saved_contradicted 0/0 saved checkpoint 0");
}

}  // namespace
}  // namespace writ::audit
