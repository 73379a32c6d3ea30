// SPDX-License-Identifier: Apache-2.0
#include "broker/notary.h"

#include <functional>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "async/loop.h"
#include "audit/proof.h"
#include "audit/verify.h"
#include "base/fake_clock.h"
#include "base/fake_random.h"
#include "broker/entries.h"
#include "broker/fake_store.h"
#include "observe/capture.h"

namespace writ::broker {
namespace {

Error error(Errc code, std::string message) { return fail(code, std::move(message)).error(); }

using ::testing::HasSubstr;

// A handle whose answers a test may change, as somebody with a hex editor would the files.
class TamperedStore final : public WorkspaceStore {
 public:
  explicit TamperedStore(std::shared_ptr<WorkspaceStore> inner) : inner_(std::move(inner)) {}

  std::function<void(LogRow&)> row;
  std::function<void(unsigned, std::uint64_t, Bytes&)> hashes;
  std::function<void(Publication&)> latest;
  std::function<void(std::vector<std::string>&)> notes;
  std::optional<std::uint64_t> cut;  // the log ends here
  std::optional<Error> unpublishable;

  Task<Expected<Committed>> commit(Unit unit) override { return inner_->commit(std::move(unit)); }
  void append_later(std::vector<Append> appends) override {
    inner_->append_later(std::move(appends));
  }
  Task<Expected<std::optional<Record>>> get(RecordKind kind, std::string id) override {
    return inner_->get(kind, std::move(id));
  }
  Task<Expected<std::vector<Record>>> list(RecordKind kind, std::string after,
                                           std::size_t limit) override {
    return inner_->list(kind, std::move(after), limit);
  }
  Task<Expected<std::uint64_t>> log_size() override {
    WRIT_CO_TRY(const auto size, co_await inner_->log_size());
    co_return std::min(size, cut.value_or(size));
  }
  Task<Expected<std::vector<LogRow>>> read_log(std::uint64_t from, std::size_t limit) override {
    WRIT_CO_TRY(auto rows, co_await inner_->read_log(from, limit));
    if (cut) std::erase_if(rows, [&](const LogRow& each) { return each.index >= *cut; });
    if (row) std::ranges::for_each(rows, row);
    co_return rows;
  }
  Task<Expected<std::vector<LogRow>>> find_log(std::string subject, std::uint64_t from,
                                               std::size_t limit) override {
    return inner_->find_log(std::move(subject), from, limit);
  }
  Task<Expected<void>> erase_sealed(std::uint64_t index) override {
    return inner_->erase_sealed(index);
  }
  Task<Expected<void>> publish(Publication publication) override {
    if (unpublishable) co_return std::unexpected(*unpublishable);
    co_return co_await inner_->publish(std::move(publication));
  }
  Task<Expected<std::optional<Publication>>> latest_checkpoint() override {
    WRIT_CO_TRY(auto found, co_await inner_->latest_checkpoint());
    if (found && latest) latest(*found);
    co_return found;
  }
  Task<Expected<std::vector<std::string>>> checkpoints(std::uint64_t from_size,
                                                       std::size_t limit) override {
    WRIT_CO_TRY(auto found, co_await inner_->checkpoints(from_size, limit));
    if (notes) notes(found);
    co_return found;
  }
  Task<Expected<std::optional<Bytes>>> tile(unsigned level, std::uint64_t index) override {
    WRIT_CO_TRY(auto found, co_await inner_->tile(level, index));
    if (found && hashes) hashes(level, index, *found);
    co_return found;
  }

 private:
  std::shared_ptr<WorkspaceStore> inner_;
};

class FakeAnchor final : public Anchor {
 public:
  std::map<WorkspaceId, std::string> notes;
  std::optional<Error> unreadable;
  std::optional<Error> unwritable;
  bool writes_before_it_fails = false;
  int keeps = 0;

  Task<Expected<std::optional<std::string>>> latest(WorkspaceId log) override {
    if (unreadable) co_return std::unexpected(*unreadable);
    const auto found = notes.find(log);
    co_return found == notes.end() ? std::nullopt : std::optional(found->second);
  }
  Task<Expected<void>> keep(WorkspaceId log, std::string note) override {
    ++keeps;
    if (!unwritable || writes_before_it_fails) notes[log] = std::move(note);
    if (unwritable) co_return std::unexpected(*unwritable);
    co_return Expected<void>();
  }
};

class NotaryTest : public ::testing::Test {
 public:
  ~NotaryTest() override { loop_.stop(); }

 protected:
  NotaryTest() {
    loop_.start("notary");
    const workspace::Documents documents{{"workspace.toml", "name = \"acme\"\n"}};
    auto built = workspace::build_version(id_, 1, documents, {}, clock_, random_);
    EXPECT_TRUE(built) << built.error().front().to_string();
    workspace_->publish(built->version, documents, built->names);
    EXPECT_TRUE(live_.add(workspace_));
    restart();
  }

  // A new process on the same store and anchor.
  void restart(bool accept_anchor = false) {
    notary_ = std::make_unique<Notary>(NotaryParts{.live = live_,
                                                   .store = gated_,
                                                   .keys = keys_,
                                                   .anchor = anchor_,
                                                   .clock = clock_,
                                                   .log = log_,
                                                   .metrics = metrics_},
                                       NotaryOptions{.authority = "writ.example",
                                                     .patience = seconds(5),
                                                     .recheck = seconds(5),
                                                     .accept_anchor = accept_anchor});
    gated_.gate(id_)->open();
  }
  void open() { run_on(loop_, notary_->open()); }
  void round() { run_on(loop_, notary_->round()); }

  void append(std::size_t count) {
    Unit unit;
    const EntryWriter writer(id_, workspace_->data_key(), clock_, random_);
    for (std::size_t i = 0; i < count; ++i) {
      auto entry = writer.entry(audit::Kind::session_opened);
      entry.set("number", std::int64_t(++entries_));
      unit.appends.push_back(EntryWriter::append(entry, {}));
    }
    ASSERT_TRUE(run_on(loop_, tampered_->commit(std::move(unit))));
  }
  // Some history, signed: `before` entries under a first checkpoint, more under a second.
  void history(std::size_t before = 300, std::size_t after = 40) {
    append(before);
    round();
    append(after);
    round();
    ASSERT_TRUE(notary_->ready()) << notary_->ready().error().to_string();
  }
  void expect_refused(std::string_view why) {
    const auto kept = anchor_.keeps;
    const auto latest = run_on(loop_, inner_->latest_checkpoint())->value().checkpoint;
    open();
    round();
    ASSERT_FALSE(notary_->ready());
    EXPECT_THAT(notary_->ready().error().to_string(), HasSubstr(why));
    EXPECT_FALSE(gated_.gate(id_)->check());
    // Not a thing was signed.
    EXPECT_EQ(anchor_.keeps, kept);
    EXPECT_EQ(run_on(loop_, inner_->latest_checkpoint())->value().checkpoint, latest);
  }
  audit::VerifyReport verify() {
    struct Source final : audit::LogSource {
      Source(Loop& its_loop, WorkspaceStore& its_store) : loop(its_loop), store(its_store) {}
      Loop& loop;
      WorkspaceStore& store;
      Expected<std::uint64_t> size() override { return run_on(loop, store.log_size()); }
      Expected<std::vector<audit::StoredLeaf>> leaves(std::uint64_t first,
                                                      std::size_t count) override {
        std::vector<audit::StoredLeaf> out;
        for (const auto& each : run_on(loop, store.read_log(first, count)).value())
          out.push_back({.entry = to_bytes(each.entry), .hash = each.leaf});
        return out;
      }
      Expected<std::optional<std::string>> checkpoint(std::uint64_t number) override {
        const auto all = run_on(loop, store.checkpoints(0, 1000)).value();
        return number < all.size() ? std::optional(all[number]) : std::nullopt;
      }
      Expected<Bytes> tile(const audit::TileId& id) const override {
        auto found = run_on(loop, store.tile(id.level, id.index)).value();
        if (!found) return fail(Errc::not_found, "no such tile");
        return *found;
      }
    } source(loop_, *inner_);
    return audit::verify_log(source, audit::NoteVerifier::parse(notary_->head(id_)->key).value(),
                             {.saved_checkpoints = {anchor_.notes.at(id_)}, .max_problems = 16})
        .value();
  }

  FakeClock clock_;
  FakeRandom random_;
  observe::CapturingLog log_;
  observe::CapturingMetrics metrics_;
  FakeStore store_{clock_};
  GatedStore gated_{store_};
  vault::SealKey seal_ = vault::SealKey::from_text(vault::SealKey::generate_text(random_)).value();
  WorkspaceId id_ = WorkspaceId::make(clock_, random_);
  std::shared_ptr<WorkspaceStore> inner_ = store_.workspace(id_);
  std::shared_ptr<TamperedStore> tampered_ = std::make_shared<TamperedStore>(inner_);
  std::shared_ptr<LiveWorkspace> workspace_ =
      std::make_shared<LiveWorkspace>(id_, tampered_, seal_.new_data_key(random_, id_).key);
  Live live_;
  ServerKeys keys_{store_, seal_, clock_, random_};
  FakeAnchor anchor_;
  std::unique_ptr<Notary> notary_;
  Loop loop_{clock_, milliseconds(1)};
  std::size_t entries_ = 0;
};

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

TEST_F(NotaryTest, AnAnchorThatWasDeletedIsSeenAtStart) {
  history();
  restart();
  anchor_.notes.clear();
  expect_refused("the anchor has no checkpoint of this log");
}

TEST_F(NotaryTest, AnAnchorThatWentBackIsSeenAtStart) {
  history();
  restart();
  anchor_.notes[id_] = run_on(loop_, inner_->checkpoints(0, 1))->front();
  expect_refused("the anchor has an older checkpoint than the store");
}

TEST_F(NotaryTest, AnAnchorThatWasLostOnPurposeIsMadeAgainWhenAsked) {
  history();
  anchor_.notes.clear();
  restart(true);
  open();
  ASSERT_TRUE(notary_->ready()) << notary_->ready().error().to_string();
  EXPECT_EQ(anchor_.notes.at(id_), notary_->head(id_)->checkpoint);
}

TEST_F(NotaryTest, AcceptingAnAnchorAcceptsNothingElse) {
  history();
  anchor_.notes.clear();
  restart(true);
  tampered_->row = [](LogRow& row) {
    if (row.index == 17) row.leaf[5] ^= 1;
  };
  expect_refused("leaf 17");
  EXPECT_TRUE(anchor_.notes.empty());
}

TEST_F(NotaryTest, AnAnchorThatIsDeletedUnderARunningServerIsSeen) {
  history();
  anchor_.notes.clear();
  round();
  EXPECT_TRUE(notary_->ready());  // nobody looked yet
  clock_.advance(seconds(5));
  expect_refused("deleted or replaced");
}

TEST_F(NotaryTest, AnAnchorThatCannotBeWrittenClosesTheGateWithinItsPatience) {
  history();
  anchor_.unwritable = error(Errc::unavailable, "read-only file system");
  append(1);
  round();
  EXPECT_TRUE(notary_->ready());
  clock_.advance(seconds(5));
  round();
  ASSERT_FALSE(notary_->ready());
  EXPECT_THAT(notary_->ready().error().to_string(), HasSubstr("read-only file system"));
  EXPECT_FALSE(gated_.gate(id_)->check());

  anchor_.unwritable.reset();
  round();
  EXPECT_TRUE(notary_->ready());
  EXPECT_TRUE(gated_.gate(id_)->check());
  EXPECT_EQ(notary_->head(id_)->size, 342U);
}

TEST_F(NotaryTest, AnAnchorThatTookItAndDidNotSayItIsNotMistakenForAReplacedOne) {
  history();
  anchor_.unwritable = error(Errc::unavailable, "not within 5 seconds");
  anchor_.writes_before_it_fails = true;
  append(1);
  round();
  anchor_.unwritable.reset();
  append(1);
  round();
  ASSERT_TRUE(notary_->ready()) << notary_->ready().error().to_string();
  EXPECT_EQ(anchor_.notes.at(id_), notary_->head(id_)->checkpoint);
  EXPECT_EQ(notary_->head(id_)->size, 343U);
}

TEST_F(NotaryTest, ACrashBetweenAnchorAndStoreIsNoContradiction) {
  history();
  tampered_->unpublishable = error(Errc::unavailable, "the disk is full");
  append(300);
  round();
  restart();
  tampered_->unpublishable.reset();
  open();
  round();
  ASSERT_TRUE(notary_->ready()) << notary_->ready().error().to_string();
  EXPECT_EQ(notary_->head(id_)->size, 641U);
  EXPECT_TRUE(verify().ok);
}

TEST_F(NotaryTest, ALogThatCannotBeReadAtStartClosesTheGateAtOnce) {
  history();
  restart();
  anchor_.unreadable = fail(Errc::unavailable, "hung", "/srv/anchor").error();
  open();
  EXPECT_FALSE(notary_->ready());
  ASSERT_FALSE(gated_.gate(id_)->check());
  EXPECT_EQ(gated_.gate(id_)->check().error().where, "") << "is for who runs the server";
  anchor_.unreadable.reset();
  round();
  EXPECT_TRUE(notary_->ready());
}

// I6: what the process before left open is settled while nothing new can begin.
TEST_F(NotaryTest, I6_TheGateOpensWhenThePastIsSettled) {
  history();
  std::optional<Error> trouble = error(Errc::unavailable, "the disk is full");
  int asked = 0;
  bool was_open = false;
  notary_ =
      std::make_unique<Notary>(NotaryParts{.live = live_,
                                           .store = gated_,
                                           .keys = keys_,
                                           .anchor = anchor_,
                                           .clock = clock_,
                                           .log = log_,
                                           .metrics = metrics_,
                                           .checked = [&](LiveWorkspace&) -> Task<Expected<void>> {
                                             ++asked;
                                             was_open = gated_.gate(id_)->check().has_value();
                                             if (trouble) co_return std::unexpected(*trouble);
                                             co_return Expected<void>();
                                           }},
                               NotaryOptions{.authority = "writ.example"});
  anchor_.unreadable = error(Errc::unavailable, "hung");
  open();
  EXPECT_EQ(asked, 0);
  anchor_.unreadable.reset();
  round();
  EXPECT_EQ(asked, 1);
  EXPECT_FALSE(was_open);
  EXPECT_FALSE(gated_.gate(id_)->check());
  trouble.reset();
  round();
  EXPECT_EQ(asked, 2);
  EXPECT_FALSE(was_open);
  EXPECT_TRUE(gated_.gate(id_)->check());
  round();
  EXPECT_EQ(asked, 2);
}

// --- what a closed gate lets through

TEST_F(NotaryTest, AClosedGateRefusesWhatBeginsAndLetsThroughWhatEnds) {
  const auto store = gated_.workspace(id_);
  const EntryWriter writer(id_, workspace_->data_key(), clock_, random_);
  const auto commit = [&](audit::Kind kind) {
    Unit unit;
    auto entry = writer.entry(kind);
    unit.appends.push_back(EntryWriter::append(entry, {}));
    return run_on(loop_, store->commit(std::move(unit)));
  };
  gated_.gate(id_)->close(error(Errc::conflict, "cut"));
  for (const auto kind :
       {audit::Kind::action_intent, audit::Kind::run_started, audit::Kind::run_delegated,
        audit::Kind::grant_issued, audit::Kind::session_opened, audit::Kind::workspace_applied,
        audit::Kind::approval_requested, audit::Kind::approval_decided,
        audit::Kind::credential_added, audit::Kind::credential_rotated, audit::Kind::user_enrolled,
        audit::Kind::user_invited, audit::Kind::user_enabled, audit::Kind::user_token_issued,
        audit::Kind::payload_read}) {
    const auto refused = commit(kind);
    ASSERT_FALSE(refused) << audit::name(kind);
    EXPECT_EQ(refused.error().code, Errc::unavailable);
    EXPECT_THAT(refused.error().message, HasSubstr("cut"));
  }
  for (const auto kind :
       {audit::Kind::action_done, audit::Kind::action_failed, audit::Kind::action_unknown,
        audit::Kind::run_revoked, audit::Kind::run_ended, audit::Kind::recovery_unknown,
        audit::Kind::user_disabled, audit::Kind::session_ended}) {
    EXPECT_TRUE(commit(kind)) << audit::name(kind);
  }
  EXPECT_TRUE(gated_.gate(WorkspaceId::make(clock_, random_))->check());  // another's is its own
  gated_.gate(id_)->open();
  EXPECT_TRUE(commit(audit::Kind::action_intent));
}

TEST_F(NotaryTest, AUnitThatBeginsAndEndsIsABeginning) {
  Unit unit;
  const EntryWriter writer(id_, workspace_->data_key(), clock_, random_);
  unit.appends.push_back(EntryWriter::append(writer.entry(audit::Kind::action_done), {}));
  unit.appends.push_back(EntryWriter::append(writer.entry(audit::Kind::action_intent), {}));
  gated_.gate(id_)->close(error(Errc::conflict, "cut"));
  EXPECT_FALSE(run_on(loop_, gated_.workspace(id_)->commit(std::move(unit))));
}

}  // namespace
}  // namespace writ::broker
