// SPDX-License-Identifier: Apache-2.0
// The suite that every store passes, whatever it is made of. A test file instantiates it:
//
//   INSTANTIATE_TEST_SUITE_P(Memory, StoreSuite, testing::Values(make_memory_home),
//                            testing::PrintToStringParamName());
//
// What concerns the log is in store_log_suite.h, and its random half in store_model_suite.h.
#pragma once

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "audit/tree.h"
#include "store/store_testing.h"

namespace writ::store {

TEST_P(StoreSuite, ARecordIsReadStraightAfterItsCommit) {
  EXPECT_EQ(get("a"), std::nullopt);
  for (std::uint64_t revision = 0; revision < 50; ++revision) {
    const auto value = "{\"n\":" + std::to_string(revision) + "}";
    ASSERT_TRUE(commit(unit_of(put("a", revision, value))));
    const auto read = get("a");
    ASSERT_TRUE(read);
    EXPECT_EQ(read->value, value);
    EXPECT_EQ(read->revision, revision + 1);
    EXPECT_EQ(read->id, "a");
    EXPECT_EQ(read->kind, RecordKind::run);
  }
  EXPECT_EQ(get("a", RecordKind::grant), std::nullopt);
}

TEST_P(StoreSuite, AnErasedRecordIsGoneAndMayBeMadeAnew) {
  ASSERT_TRUE(commit(unit_of(put("a"))));
  const broker::Erase erase{.kind = RecordKind::run, .id = "a", .expected = 1};
  ASSERT_TRUE(commit(unit_of(erase)));
  EXPECT_EQ(get("a"), std::nullopt);
  EXPECT_EQ(place_of(commit(unit_of(erase))), "revision:run:a");
  ASSERT_TRUE(commit(unit_of(put("a"))));
  EXPECT_EQ(get("a")->revision, 1U);
}

// The order that store.h promises: a unit in which everything fails, mended step by step.
TEST_P(StoreSuite, TheFirstConditionThatFailedIsNamed) {
  ASSERT_TRUE(commit(unit_of(once(1), put("a"), put("b"), put("c"))));
  Append proven = entry("e");
  proven.proof = once(1);
  Unit unit = unit_of(broker::Check{.kind = RecordKind::run, .id = "a", .revision = 2}, once(1),
                      put("b", 0), broker::Erase{.kind = RecordKind::run, .id = "c", .expected = 7},
                      proven);
  EXPECT_EQ(place_of(commit(unit)), "revision:run:a");
  unit.checks[0].revision = 1;
  EXPECT_EQ(place_of(commit(unit)), "once");
  unit.once[0] = once(2);
  EXPECT_EQ(place_of(commit(unit)), "revision:run:b");
  unit.puts[0].expected = 1;
  EXPECT_EQ(place_of(commit(unit)), "revision:run:c");
  unit.erases[0].expected = 1;
  EXPECT_EQ(place_of(commit(unit)), "proof");
  unit.appends[0].proof = once(3);
  EXPECT_EQ(place_of(commit(unit)), "committed");
}

TEST_P(StoreSuite, AUnitThatFailsLeavesNothing) {
  ASSERT_TRUE(commit(unit_of(put("taken"))));
  Append proven = entry("never", {"act_1"});
  proven.proof = once(2);
  EXPECT_FALSE(commit(unit_of(once(1), put("new"), put("taken"), proven)));
  EXPECT_EQ(get("new"), std::nullopt);
  EXPECT_TRUE(log().empty());
  EXPECT_TRUE(run(handle().find_log("act_1", 0, 10)).value().empty());
  EXPECT_TRUE(commit(unit_of(once(1), once(2))));
}

TEST_P(StoreSuite, EachWriteOfAUnitCountsForTheNext) {
  ASSERT_TRUE(commit(unit_of(put("a", 0, "1"), put("a", 1, "2"), put("b"),
                             broker::Erase{.kind = RecordKind::run, .id = "b", .expected = 1})));
  EXPECT_EQ(get("a")->revision, 2U);
  EXPECT_EQ(get("a")->value, "2");
  EXPECT_EQ(get("b"), std::nullopt);
  EXPECT_EQ(place_of(commit(unit_of(put("c"), put("c")))), "revision:run:c");
  EXPECT_EQ(place_of(commit(unit_of(once(1), once(1)))), "once");
  Append proven = entry("e");
  proven.proof = once(1);
  EXPECT_EQ(place_of(commit(unit_of(once(1), proven))), "proof");
  EXPECT_EQ(place_of(commit(unit_of(proven, proven))), "proof");
  EXPECT_EQ(place_of(commit(unit_of(proven))), "committed");
}

TEST_P(StoreSuite, AUnitOfChecksAloneHoldsOrNot) {
  ASSERT_TRUE(commit(unit_of(put("a"))));
  const auto check = [](std::uint64_t revision, std::string id) {
    return broker::Check{.kind = RecordKind::run, .id = std::move(id), .revision = revision};
  };
  EXPECT_TRUE(commit(unit_of(check(1, "a"), check(0, "b"))));
  EXPECT_EQ(place_of(commit(unit_of(check(1, "a"), check(1, "b")))), "revision:run:b");
  EXPECT_TRUE(commit(Unit()));
}

// P7, P8, failures 8: whatever was consumed is not consumed again while it lives.
TEST_P(StoreSuite, P8_ADigestIsConsumedOnceAsAOnceOrAsAProof) {
  Append proven = entry("e");
  proven.proof = once(1);
  ASSERT_TRUE(commit(unit_of(proven)));
  EXPECT_EQ(place_of(commit(unit_of(once(1)))), "once");
  EXPECT_EQ(place_of(commit(unit_of(proven))), "proof");
  ASSERT_TRUE(commit(unit_of(once(2))));
  proven.proof = once(2);
  EXPECT_EQ(place_of(commit(unit_of(proven))), "proof");
  if (!home_->durable()) return;
  reopen();
  EXPECT_EQ(place_of(commit(unit_of(once(1)))), "once");
  EXPECT_EQ(place_of(commit(unit_of(once(2)))), "once");
}

TEST_P(StoreSuite, ADigestLivesUntilItExpires) {
  ASSERT_TRUE(commit(unit_of(once(1, seconds(10)))));
  clock_.advance(seconds(10) - milliseconds(1));
  EXPECT_EQ(place_of(commit(unit_of(once(1)))), "once");
  clock_.advance(milliseconds(1));
  EXPECT_TRUE(commit(unit_of(once(1))));
  EXPECT_EQ(place_of(commit(unit_of(once(1)))), "once");
}

TEST_P(StoreSuite, ADigestWhoseTimeHasPassedIsRefused) {
  EXPECT_EQ(place_of(commit(unit_of(once(1, milliseconds(0))))), "once");
  Append proven = entry("e");
  proven.proof = once(2, milliseconds(-1));
  EXPECT_EQ(place_of(commit(unit_of(proven))), "proof");
}

// Faults: clock ± 1 h. What has been forgotten stays refused.
TEST_P(StoreSuite, ADigestDoesNotComeBackToLifeWithTheClock) {
  const auto start = clock_.now();
  const auto expires = start + seconds(60);
  Append proven = entry("e");
  proven.proof = Once{.digest = digest(2), .expires = expires};
  ASSERT_TRUE(commit(unit_of(Once{.digest = digest(1), .expires = expires}, proven)));
  clock_.set_wall(start + seconds(3600));
  for (int i = 0; i < 20; ++i) ASSERT_TRUE(commit(unit_of(entry("meanwhile"))));
  if (home_->durable()) reopen();
  clock_.set_wall(start);
  EXPECT_EQ(place_of(commit(unit_of(Once{.digest = digest(1), .expires = expires}))), "once");
  EXPECT_EQ(place_of(commit(unit_of(proven))), "proof");
}

TEST_P(StoreSuite, P7_OfAHundredUnitsWithOneDigestExactlyOnePasses) {
  const auto results = commit_at_once(100, [&](int i) {
    return unit_of(once(1), put("r" + std::to_string(i)), entry("e" + std::to_string(i)));
  });
  EXPECT_EQ(std::ranges::count_if(results, [](const auto& one) { return one.has_value(); }), 1);
  for (const auto& result : results) {
    if (!result) {
      EXPECT_EQ(place_of(result), "once");
    }
  }
  EXPECT_EQ(log().size(), 1U);
  EXPECT_EQ(run(handle().list(RecordKind::run, "", 1000)).value().size(), 1U);
}

// I1, failures 25.
TEST_P(StoreSuite, I1_OfAHundredClaimsOfOneApprovalExactlyOnePasses) {
  ASSERT_TRUE(commit(unit_of(put("apr_1", 0, "approved", RecordKind::approval))));
  const auto results = commit_at_once(100, [](int i) {
    return unit_of(put("apr_1", 1, "claimed", RecordKind::approval),
                   entry("intent " + std::to_string(i)));
  });
  EXPECT_EQ(std::ranges::count_if(results, [](const auto& one) { return one.has_value(); }), 1);
  EXPECT_EQ(log().size(), 1U);
}

TEST_P(StoreSuite, AUnitThatFailsTakesNoOtherAlong) {
  const auto results = commit_at_once(60, [](int i) {
    return i % 3 == 0 ? unit_of(put("same"), entry("same"))
                      : unit_of(put("r" + std::to_string(i)), entry("own"));
  });
  for (std::size_t i = 0; i < results.size(); ++i)
    EXPECT_EQ(results[i].has_value(), i % 3 != 0 || i == 0) << i;
  EXPECT_EQ(log().size(), 41U);
}

TEST_P(StoreSuite, ListsGoByKindInTheOrderOfBytes) {
  std::vector<Unit> units;
  for (const auto* id : {"b", "a", "c", "B", "aa", "\xc3\xa9"})
    units.push_back(unit_of(put(id), put(id, 0, "g", RecordKind::grant)));
  commit_at_once(std::move(units));
  std::vector<std::string> ids;
  std::string after;
  for (;;) {
    const auto page = run(handle().list(RecordKind::run, after, 2)).value();
    for (const auto& record : page) {
      EXPECT_EQ(record.kind, RecordKind::run);
      EXPECT_EQ(record.value, "{}");
      EXPECT_EQ(record.revision, 1U);
      ids.push_back(record.id);
    }
    if (page.size() < 2) break;
    after = page.back().id;
  }
  EXPECT_EQ(ids, (std::vector<std::string>{"B", "a", "aa", "b", "c", "\xc3\xa9"}));
  std::ranges::reverse(ids);
  std::vector<std::string> back;
  for (std::string before = "\xff";;) {
    const auto page = run(handle().list_back(RecordKind::run, before, 2)).value();
    for (const auto& record : page) back.push_back(record.id);
    if (page.size() < 2) break;
    before = page.back().id;
  }
  EXPECT_EQ(back, ids);
  EXPECT_EQ(run(handle().list_back(RecordKind::run, "", 0)).error().code, Errc::invalid_input);
  EXPECT_EQ(run(handle().list_back(RecordKind::run, "", 1001)).error().code, Errc::invalid_input);
  EXPECT_EQ(run(handle().list(RecordKind::run, "", 0)).error().code, Errc::invalid_input);
  EXPECT_EQ(run(handle().list(RecordKind::run, "", 1001)).error().code, Errc::invalid_input);
}

// Failures 13: two ids are the same only where all of their bytes are.
TEST_P(StoreSuite, IdsAndValuesAreBytes) {
  const std::vector<std::string> ids{"Alice",    "alice",
                                     "alice ",   " alice",
                                     "ali",      std::string("ali") + '\0' + "ce",
                                     "\xc3\xa9", "e\xcc\x81",
                                     "'; --",    "%",
                                     "_",        "\xff\xfe",
                                     "",         std::string(300, 'x')};
  for (const auto& id : ids) {
    const auto expected = get(id) ? 1U : 0U;
    ASSERT_TRUE(commit(unit_of(put(id, expected, "value of " + id), entry(id, {id})))) << id;
  }
  for (const auto& id : ids) {
    const auto read = get(id);
    ASSERT_TRUE(read) << id;
    EXPECT_EQ(read->value, "value of " + id);
    for (const auto& row : run(handle().find_log(id, 0, 10)).value()) EXPECT_EQ(row.entry, id);
  }
}

TEST_P(StoreSuite, P10_WorkspacesDoNotSeeOneAnother) {
  auto with = entry("of one", {"act_1"});
  with.sealed = to_bytes("secret of one");
  ASSERT_TRUE(commit(unit_of(once(1), put("a", 0, "of one"), with)));
  ASSERT_TRUE(run(handle().publish({.size = 1,
                                    .checkpoint = "checkpoint of one",
                                    .tiles = {{.level = 0, .index = 0, .hashes = Bytes(32)}}})));
  use(2);
  const auto sees_nothing = [&] {
    EXPECT_EQ(get("a"), std::nullopt);
    EXPECT_TRUE(run(handle().list(RecordKind::run, "", 10)).value().empty());
    for (const auto from :
         {std::uint64_t{0}, std::uint64_t{1}, std::uint64_t{1} << 39, std::uint64_t{1} << 40,
          (std::uint64_t{1} << 40) + 1, std::uint64_t{1} << 62, std::uint64_t{1} << 63,
          ~std::uint64_t{0} - (std::uint64_t{1} << 40) + 1, ~std::uint64_t{0}}) {
      EXPECT_TRUE(run(handle().read_log(from, 10)).value().empty()) << from;
      EXPECT_TRUE(run(handle().find_log("act_1", from, 10)).value().empty()) << from;
      EXPECT_EQ(run(handle().erase_sealed(from)).error().code, Errc::not_found);
      EXPECT_EQ(run(handle().tile(0, from)).value(), std::nullopt);
    }
    EXPECT_EQ(run(handle().log_size()), 0U);
    EXPECT_FALSE(run(handle().latest_checkpoint()).value());
    EXPECT_TRUE(run(handle().checkpoints(0, 10)).value().empty());
  };
  sees_nothing();
  // Also once it has a place of its own, and what is consumed here is not what was there.
  ASSERT_TRUE(commit(unit_of(once(1))));
  sees_nothing();
  use(0);
  sees_nothing();
  ASSERT_TRUE(commit(unit_of(put("a", 0, "of the server", RecordKind::setting))));
  use(1);
  EXPECT_EQ(get("a")->value, "of one");
  EXPECT_EQ(log()[0].sealed, to_bytes("secret of one"));
}

TEST_P(StoreSuite, WorkspacesAreThoseThatHoldSomething) {
  EXPECT_TRUE(run(store_->workspaces()).value().empty());
  for (const auto number : std::vector<std::uint8_t>{9, 0, 3}) {
    use(number);
    ASSERT_TRUE(commit(unit_of(put("a"))));
  }
  use(5);
  EXPECT_EQ(get("a"), std::nullopt);
  EXPECT_FALSE(commit(unit_of(put("a", 3))));
  EXPECT_EQ(run(store_->workspaces()).value(), (std::vector{workspace_id(3), workspace_id(9)}));
}

TEST_P(StoreSuite, WhatWasCommittedIsThereAfterOpeningAgain) {
  if (!home_->durable()) return;
  auto with = entry("e0", {"act_0"});
  with.sealed = to_bytes("sealed");
  ASSERT_TRUE(commit(unit_of(put("a"), put("b"), with)));
  ASSERT_TRUE(commit(
      unit_of(put("a", 1, "2"), broker::Erase{.kind = RecordKind::run, .id = "b", .expected = 1})));
  ASSERT_TRUE(run(handle().publish(
      {.size = 1, .checkpoint = "one", .tiles = {{.level = 0, .index = 0, .hashes = Bytes(4)}}})));
  // Nobody waited for this one, and closing writes it all the same.
  handle().append_later({entry("e1")});
  const auto before = log();
  reopen();
  EXPECT_EQ(get("a")->revision, 2U);
  EXPECT_EQ(get("b"), std::nullopt);
  const auto rows = log();
  ASSERT_EQ(rows.size(), 2U);
  EXPECT_EQ(rows[0].sealed, to_bytes("sealed"));
  EXPECT_EQ(rows[1].entry, "e1");
  EXPECT_EQ(run(handle().log_size()), 2U);
  EXPECT_EQ(run(handle().find_log("act_0", 0, 10)).value().size(), 1U);
  EXPECT_EQ(run(handle().latest_checkpoint()).value()->checkpoint, "one");
  EXPECT_EQ(run(handle().tile(0, 0)).value(), Bytes(4));
  EXPECT_EQ(commit(unit_of(put("a", 2), entry("e2")))->first_index, 2U);
  EXPECT_EQ(run(store_->workspaces()).value(), (std::vector{workspace_id(1)}));
}

TEST_P(StoreSuite, AHandleMayOutliveItsStore) {
  ASSERT_TRUE(commit(unit_of(put("a"))));
  store_.reset();
  if (!home_->durable()) return;
  EXPECT_EQ(commit(unit_of(put("b"))).error().code, Errc::unavailable);
  EXPECT_EQ(run(handle().get(RecordKind::run, "a")).error().code, Errc::unavailable);
}

TEST_P(StoreSuite, AStoreIsHealthyAtFirst) { EXPECT_TRUE(store_->health()); }

}  // namespace writ::store
