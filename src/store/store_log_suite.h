// SPDX-License-Identifier: Apache-2.0
// The part of the suite (store_suite.h) that concerns the audit log, its checkpoints and tiles.
#pragma once

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "audit/tree.h"
#include "store/store_testing.h"

namespace writ::store {

TEST_P(StoreSuite, I3_TheLogHasEveryEntryInTheOrderOfCommitsWithItsLeafHash) {
  auto first = entry("first", {"run_1", "act_1"});
  first.sealed = to_bytes("sealed");
  const auto a = commit(unit_of(first, entry("second", {"run_1"})));
  ASSERT_TRUE(a);
  EXPECT_EQ(a->first_index, 0U);
  EXPECT_EQ(commit(unit_of(put("x")))->first_index, 0U);
  EXPECT_EQ(commit(unit_of(entry("third")))->first_index, 2U);

  const auto rows = log();
  ASSERT_EQ(rows.size(), 3U);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    EXPECT_EQ(rows[i].index, i);
    EXPECT_EQ(rows[i].leaf, audit::leaf_hash(as_bytes(rows[i].entry)));
  }
  EXPECT_EQ(rows[0].entry, "first");
  EXPECT_EQ(rows[0].sealed, to_bytes("sealed"));
  EXPECT_TRUE(rows[1].sealed.empty());
  EXPECT_EQ(run(handle().log_size()), 3U);
  EXPECT_EQ(run(handle().read_log(1, 1)).value().size(), 1U);
  EXPECT_EQ(run(handle().read_log(1, 1)).value()[0].entry, "second");
  EXPECT_TRUE(run(handle().read_log(3, 10)).value().empty());
  EXPECT_TRUE(run(handle().read_log(0, 0)).value().empty());
}

TEST_P(StoreSuite, EntriesAreFoundByTheirSubjects) {
  for (int i = 0; i < 30; ++i) {
    ASSERT_TRUE(
        commit(unit_of(entry(std::to_string(i), {"run_" + std::to_string(i % 3),
                                                 "act_" + std::to_string(i), "act_x", "act_x"}))));
  }
  const auto found = run(handle().find_log("run_1", 0, 100)).value();
  ASSERT_EQ(found.size(), 10U);
  for (std::size_t i = 0; i < found.size(); ++i) {
    EXPECT_EQ(found[i].index, i * 3 + 1);
    EXPECT_EQ(found[i].entry, std::to_string(i * 3 + 1));
  }
  EXPECT_EQ(run(handle().find_log("run_1", 5, 2)).value()[0].index, 7U);
  EXPECT_EQ(run(handle().find_log("run_1", 5, 2)).value().size(), 2U);
  EXPECT_EQ(run(handle().find_log("act_x", 0, 100)).value().size(), 30U);
  EXPECT_TRUE(run(handle().find_log("run_", 0, 100)).value().empty());
  EXPECT_TRUE(run(handle().find_log("RUN_1", 0, 100)).value().empty());
}

TEST_P(StoreSuite, AppendsThatNobodyWaitsForKeepTheirPlace) {
  handle().append_later({entry("0"), entry("1")});
  ASSERT_TRUE(commit(unit_of(entry("2"))));
  handle().append_later({entry("3")});
  handle().append_later({entry("4", {"act_4"})});
  EXPECT_EQ(commit(unit_of(entry("5")))->first_index, 5U);
  handle().append_later({entry("6")});
  await_log(7);
  EXPECT_EQ(entries(), (std::vector<std::string>{"0", "1", "2", "3", "4", "5", "6"}));
  EXPECT_EQ(run(handle().find_log("act_4", 0, 10)).value().size(), 1U);
}

TEST_P(StoreSuite, AProofOfALaterAppendIsConsumed) {
  Append later = entry("0");
  later.proof = once(1);
  handle().append_later({later});
  handle().append_later({later});
  EXPECT_EQ(place_of(commit(unit_of(once(1)))), "once");
  await_log(2);
}

TEST_P(StoreSuite, WhatLiesBesideAnEntryCanBeErased) {
  auto with = entry("an entry");
  with.sealed = to_bytes("personal");
  ASSERT_TRUE(commit(unit_of(with, with)));
  ASSERT_TRUE(run(handle().erase_sealed(0)));
  ASSERT_TRUE(run(handle().erase_sealed(0)));
  const auto rows = log();
  EXPECT_TRUE(rows[0].sealed.empty());
  EXPECT_EQ(rows[0].leaf, audit::leaf_hash(as_bytes("an entry")));
  EXPECT_EQ(rows[0].entry, "an entry");
  EXPECT_EQ(rows[1].sealed, to_bytes("personal"));
  EXPECT_EQ(run(handle().erase_sealed(2)).error().code, Errc::not_found);
  ASSERT_TRUE(run(store_->scrub()));
}

TEST_P(StoreSuite, CheckpointsGoUpAndTilesStayWhatTheyAre) {
  EXPECT_FALSE(run(handle().latest_checkpoint()).value());
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(commit(unit_of(entry(std::to_string(i)))));
  const auto publish = [&](std::uint64_t size, std::string note,
                           std::vector<Publication::Tile> tiles = {}) {
    return run(
        handle().publish({.size = size, .checkpoint = std::move(note), .tiles = std::move(tiles)}));
  };
  const Publication::Tile tile{.level = 0, .index = 0, .hashes = Bytes(8192, 1)};
  ASSERT_TRUE(publish(3, "three", {tile}));
  // A checkpoint of entries that are not durable could fork the log.
  EXPECT_EQ(publish(6, "six").error().code, Errc::conflict);
  EXPECT_EQ(publish(2, "two").error().code, Errc::conflict);
  const Publication::Tile other{.level = 0, .index = 0, .hashes = Bytes(8192, 2)};
  EXPECT_EQ(publish(5, "five", {other}).error().code, Errc::conflict);
  EXPECT_EQ(run(handle().latest_checkpoint()).value()->checkpoint, "three");
  ASSERT_TRUE(publish(3, "three, again", {tile}));
  ASSERT_TRUE(publish(5, "five", {{.level = 1, .index = 7, .hashes = Bytes(8192, 3)}}));

  const auto latest = run(handle().latest_checkpoint()).value();
  ASSERT_TRUE(latest);
  EXPECT_EQ(latest->size, 5U);
  EXPECT_EQ(latest->checkpoint, "five");
  EXPECT_EQ(run(handle().checkpoints(0, 10)).value(),
            (std::vector<std::string>{"three, again", "five"}));
  EXPECT_EQ(run(handle().checkpoints(4, 10)).value(), (std::vector<std::string>{"five"}));
  EXPECT_EQ(run(handle().checkpoints(0, 1)).value(), (std::vector<std::string>{"three, again"}));
  EXPECT_EQ(run(handle().tile(0, 0)).value(), Bytes(8192, 1));
  EXPECT_EQ(run(handle().tile(1, 7)).value(), Bytes(8192, 3));
  EXPECT_EQ(run(handle().tile(0, 7)).value(), std::nullopt);
}

}  // namespace writ::store
