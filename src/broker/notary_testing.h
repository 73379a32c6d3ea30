// SPDX-License-Identifier: Apache-2.0
// NotaryTest: a workspace's log and its notary over a store that can be tampered with and an anchor
// that can fail.
#pragma once

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
#include "broker/notary.h"
#include "observe/capture.h"

namespace writ::broker {

inline Error error(Errc code, std::string message) {
  return fail(code, std::move(message)).error();
}

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

  Expected<void> sound() const override { return inner_->sound(); }
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
  Task<Expected<std::vector<Record>>> list_back(RecordKind kind, std::string before,
                                                std::size_t limit) override {
    return inner_->list_back(kind, std::move(before), limit);
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
  Task<Expected<std::vector<WorkspaceId>>> logs() override {
    if (unreadable) co_return std::unexpected(*unreadable);
    std::vector<WorkspaceId> out;
    out.reserve(notes.size());
    for (const auto& [id, note] : notes) out.push_back(id);
    co_return out;
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
                                                   .random = random_,
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
    EXPECT_THAT(notary_->ready().error().to_string(), ::testing::HasSubstr(why));
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

}  // namespace writ::broker
