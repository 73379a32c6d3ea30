// SPDX-License-Identifier: Apache-2.0
// What the notary signs, and which logs it does not.
#include "broker/notary_testing.h"

namespace writ::broker {
namespace {

TEST_F(NotaryTest, P21_SignsAnchorsAndPublishesWhatTheLogGrewBy) {
  open();
  append(1000);
  round();
  const auto head = notary_->head(id_);
  ASSERT_NE(head, nullptr);
  EXPECT_EQ(head->origin, "writ.example/log/acme");
  EXPECT_EQ(head->size, 1001U);  // log.opened is the first
  EXPECT_EQ(anchor_.notes.at(id_), head->checkpoint);
  EXPECT_EQ(run_on(loop_, inner_->latest_checkpoint())->value().checkpoint, head->checkpoint);
  const auto report = verify();
  EXPECT_TRUE(report.ok) << write_json(report.to_json());
  EXPECT_EQ(report.covered, 1001U);
}

TEST_F(NotaryTest, WhatIsNotNewIsNotSignedAgain) {
  history();
  const auto kept = anchor_.keeps;
  round();
  round();
  EXPECT_EQ(anchor_.keeps, kept);
  EXPECT_EQ(metrics_.value("writ_log_checkpoints_signed_total"), 2);
}

TEST_F(NotaryTest, ARestartGoesOnWhereTheLogWas) {
  history(700, 70);
  const auto before = notary_->head(id_)->checkpoint;
  restart();
  open();
  ASSERT_TRUE(notary_->ready()) << notary_->ready().error().to_string();
  EXPECT_EQ(notary_->head(id_)->checkpoint, before);
  append(500);
  round();
  EXPECT_EQ(notary_->head(id_)->size, 1271U);
  EXPECT_TRUE(verify().ok);
}

TEST_F(NotaryTest, TheHeadsTilesProveEachEntry) {
  history(600, 33);
  const auto head = notary_->head(id_);
  audit::MemoryTiles tiles;
  for (const auto& id : audit::tiles_for_inclusion(620, head->size)) {
    if (auto stored = run_on(loop_, inner_->tile(id.level, id.index)).value())
      tiles.put(id.level, id.index, std::move(*stored));
  }
  for (const auto& tile : head->partial) tiles.put(tile.id.level, tile.id.index, tile.bytes);
  const auto proof = audit::prove_inclusion(audit::TileHashes(tiles, head->size), 620, head->size);
  ASSERT_TRUE(proof) << proof.error().to_string();
  const auto rows = run_on(loop_, inner_->read_log(620, 1)).value();
  EXPECT_TRUE(audit::verify_inclusion(620, head->size, audit::leaf_hash(as_bytes(rows[0].entry)),
                                      *proof, head->root));
}

TEST_F(NotaryTest, P21_AWorkspaceThatComesLaterIsSignedToo) {
  round();
  const auto id = WorkspaceId::make(clock_, random_);
  auto later = std::make_shared<LiveWorkspace>(id, store_.workspace(id),
                                               seal_.new_data_key(random_, id).key);
  const workspace::Documents documents{{"workspace.toml", "name = \"later\"\n"}};
  auto built = workspace::build_version(id, 1, documents, {}, clock_, random_);
  later->publish(built->version, documents, built->names);
  ASSERT_TRUE(live_.add(later));
  round();
  ASSERT_NE(notary_->head(id), nullptr);
  EXPECT_EQ(notary_->head(id)->origin, "writ.example/log/later");
}

// --- failures.md: database restored from an older backup

TEST_F(NotaryTest, AnOlderBackupOfTheDatabaseIsNotSigned) {
  history(300, 40);
  const auto first = run_on(loop_, inner_->checkpoints(0, 1))->front();
  restart();
  tampered_->cut = 301;
  tampered_->latest = [&](Publication& found) {
    found = {.size = 301, .checkpoint = first, .tiles = {}};
  };
  tampered_->notes = [&](std::vector<std::string>& all) {
    all.resize(std::min<std::size_t>(all.size(), 1));
  };
  expect_refused("restored from an older backup");
}

TEST_F(NotaryTest, AnOlderBackupThatGrewAgainIsAnotherTreeAndIsNotSigned) {
  history(300, 40);
  const auto first = run_on(loop_, inner_->checkpoints(0, 1))->front();
  append(100);
  restart();
  // As many entries as before and more, and others from 301 on.
  tampered_->row = [&](LogRow& row) {
    if (row.index < 301) return;
    const auto at = row.entry.find("\"number\":") + 9;
    row.entry[at] = row.entry[at] == '9' ? '8' : '9';
    row.leaf = audit::leaf_hash(as_bytes(row.entry));
  };
  tampered_->latest = [&](Publication& found) {
    found = {.size = 301, .checkpoint = first, .tiles = {}};
  };
  tampered_->notes = [&](std::vector<std::string>& all) {
    all.resize(std::min<std::size_t>(all.size(), 1));
  };
  expect_refused("the log is not what was signed");
}

TEST_F(NotaryTest, ALogThatShrinksUnderARunningServerIsNotSigned) {
  history();
  tampered_->cut = 200;
  expect_refused("replaced or cut");
}

// --- failures.md: one bit flipped in a leaf, node or checkpoint

TEST_F(NotaryTest, OneBitOfAnEntryIsSeenAtStart) {
  history();
  restart();
  tampered_->row = [](LogRow& row) {
    if (row.index == 17) row.entry[5] = static_cast<char>(row.entry[5] ^ 1);
  };
  expect_refused("leaf 17");
}

TEST_F(NotaryTest, OneBitOfALeafHashIsSeenAtStart) {
  history();
  restart();
  tampered_->row = [](LogRow& row) {
    if (row.index == 17) row.leaf[5] ^= 1;
  };
  expect_refused("leaf 17");
}

TEST_F(NotaryTest, OneBitOfATileIsSeenAtStart) {
  history();
  restart();
  tampered_->hashes = [](unsigned level, std::uint64_t index, Bytes& hashes) {
    if (level == 0 && index == 0) hashes[100] ^= 1;
  };
  expect_refused("the log is not what was signed");
}

TEST_F(NotaryTest, OneBitOfTheLatestCheckpointIsSeenAtStart) {
  history();
  restart();
  tampered_->latest = [](Publication& found) {
    auto& byte = found.checkpoint[found.checkpoint.find("\n\n") - 2];
    byte = byte == 'A' ? 'B' : 'A';
  };
  expect_refused("is not signed by the key of this log");
}

TEST_F(NotaryTest, OneBitOfAnEarlierCheckpointIsSeenAtStart) {
  history();
  restart();
  tampered_->notes = [](std::vector<std::string>& all) {
    if (all.empty()) return;
    auto& byte = all.front()[all.front().find("\n\n") - 2];
    byte = byte == 'A' ? 'B' : 'A';
  };
  expect_refused("checkpoint");
}

TEST_F(NotaryTest, OneBitOfTheAnchoredCheckpointIsSeenAtStart) {
  history();
  restart();
  auto& note = anchor_.notes.at(id_);
  auto& byte = note[note.find("\n\n") - 2];
  byte = byte == 'A' ? 'B' : 'A';
  expect_refused("in the anchor is not signed by the key of this log");
}

TEST_F(NotaryTest, OneBitOfANewEntryIsSeenBeforeItIsSigned) {
  history();
  append(5);
  tampered_->row = [](LogRow& row) {
    if (row.index == 343) row.entry[5] = static_cast<char>(row.entry[5] ^ 1);
  };
  expect_refused("entry 343 is not what its leaf says");
}

TEST_F(NotaryTest, AMissingTileIsSeenAtStart) {
  history();
  restart();
  tampered_->hashes = [](unsigned, std::uint64_t, Bytes& hashes) { hashes.clear(); };
  expect_refused("the log is not what was signed");
}

TEST_F(NotaryTest, ALogWhoseKeyIsGoneIsNotSignedByAnotherOne) {
  history();
  restart();
  const auto record = run_on(loop_, inner_->get(RecordKind::signing_key, "log"))->value();
  Unit unit;
  unit.erases.push_back({RecordKind::signing_key, "log", record.revision});
  ASSERT_TRUE(run_on(loop_, inner_->commit(std::move(unit))));
  expect_refused("its key is gone");
}

// --- failures.md: audit storage deleted, replaced, read-only, hung

}  // namespace
}  // namespace writ::broker
