// SPDX-License-Identifier: Apache-2.0
// FakeStore: the whole of Store in memory, for tests. It passes the suite that every store passes
// (store/store_suite.h); what a test may do to it besides:
//
//   FakeClock clock;
//   FakeStore store(clock);
//   store.fail_next_commit({.code = Errc::unavailable, .message = "the disk is full"});
//   store.hold_commits();     // units wait, in order; nothing of theirs is seen
//   store.release_commits();  // those that wait are decided now, in that order
//   EXPECT_EQ(store.commits(), 1);
//   store.damage(id, error);  // as if somebody had changed what is stored of the workspace
//
// Thread-safe. A handle may outlive the store. The clock outlives both.
#pragma once

#include <algorithm>
#include <cstddef>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "async/event.h"
#include "audit/tree.h"
#include "broker/store.h"

namespace writ::broker {

// Everything of one workspace, without a lock of its own.
class FakeWorkspaceData {
 public:
  Expected<Committed> commit(Unit unit, TimePoint now) {
    // Decided on a copy of what may change, so that a unit that fails leaves nothing behind.
    auto records = records_;
    auto consumed = consumed_;
    const auto expect = [&](RecordKind kind, const std::string& id,
                            std::uint64_t revision) -> Expected<void> {
      const auto found = records.find({kind, id});
      const auto actual = found == records.end() ? 0 : found->second.revision;
      if (actual == revision) return {};
      return fail(Errc::conflict, "the record is at another revision", revision_conflict(kind, id));
    };
    for (const auto& check : unit.checks) {
      WRIT_TRY_VOID(expect(check.kind, check.id, check.revision));
    }
    for (const auto& once : unit.once) {
      if (!consume(consumed, once, now))
        return fail(Errc::conflict, "consumed already", std::string(kOnceConflict));
    }
    for (auto& put : unit.puts) {
      WRIT_TRY_VOID(expect(put.kind, put.id, put.expected));
      records[{put.kind, put.id}] = {.kind = put.kind,
                                     .id = put.id,
                                     .revision = put.expected + 1,
                                     .value = std::move(put.value)};
    }
    for (const auto& erase : unit.erases) {
      WRIT_TRY_VOID(expect(erase.kind, erase.id, erase.expected));
      records.erase({erase.kind, erase.id});
    }
    for (const auto& append : unit.appends) {
      if (append.proof && !consume(consumed, *append.proof, now))
        return fail(Errc::conflict, "the proof was used already", std::string(kProofConflict));
    }
    used_ = used_ || !unit.once.empty() || !unit.puts.empty() || !unit.erases.empty();
    records_ = std::move(records);
    consumed_ = std::move(consumed);
    return Committed{.first_index = append(std::move(unit.appends))};
  }

  void append_later(std::vector<Append> appends, TimePoint now) {
    for (const auto& append : appends) {
      if (append.proof) consume(consumed_, *append.proof, now);
    }
    append(std::move(appends));
  }

  std::optional<Record> get(RecordKind kind, const std::string& id) const {
    const auto found = records_.find({kind, id});
    return found == records_.end() ? std::nullopt : std::optional(found->second);
  }
  std::vector<Record> list(RecordKind kind, const std::string& after, std::size_t limit) const {
    std::vector<Record> out;
    for (auto at = records_.upper_bound({kind, after});
         at != records_.end() && at->first.first == kind && out.size() < limit; ++at)
      out.push_back(at->second);
    return out;
  }

  std::vector<Record> list_back(RecordKind kind, const std::string& before,
                                std::size_t limit) const {
    std::vector<Record> out;
    for (auto at = records_.lower_bound({kind, before}); at != records_.begin();) {
      --at;
      if (at->first.first != kind || out.size() == limit) break;
      out.push_back(at->second);
    }
    return out;
  }

  std::uint64_t log_size() const { return log_.size(); }
  std::vector<LogRow> read_log(std::uint64_t from, std::size_t limit) const {
    std::vector<LogRow> out;
    for (auto i = from; i < log_.size() && out.size() < limit; ++i) out.push_back(log_[i].row);
    return out;
  }
  std::vector<LogRow> find_log(const std::string& subject, std::uint64_t from,
                               std::size_t limit) const {
    std::vector<LogRow> out;
    for (auto i = from; i < log_.size() && out.size() < limit; ++i) {
      if (std::ranges::find(log_[i].subjects, subject) != log_[i].subjects.end())
        out.push_back(log_[i].row);
    }
    return out;
  }
  Expected<void> erase_sealed(std::uint64_t index) {
    if (index >= log_.size()) return fail(Errc::not_found, "the log has no such entry");
    log_[index].row.sealed.clear();
    return {};
  }

  Expected<void> publish(Publication publication) {
    if (publication.size > log_.size())
      return fail(Errc::conflict, "the checkpoint is of entries that are not in the log");
    if (!checkpoints_.empty() && publication.size < checkpoints_.rbegin()->first)
      return fail(Errc::conflict, "a later checkpoint was published already");
    for (const auto& tile : publication.tiles) {
      const auto found = tiles_.find({tile.level, tile.index});
      if (found != tiles_.end() && found->second != tile.hashes)
        return fail(Errc::conflict, "another tile was published in its place");
    }
    for (auto& tile : publication.tiles)
      tiles_.try_emplace({tile.level, tile.index}, std::move(tile.hashes));
    used_ = true;
    checkpoints_[publication.size] = std::move(publication.checkpoint);
    return {};
  }
  std::optional<Publication> latest_checkpoint() const {
    if (checkpoints_.empty()) return std::nullopt;
    const auto& [size, checkpoint] = *checkpoints_.rbegin();
    return Publication{.size = size, .checkpoint = checkpoint, .tiles = {}};
  }
  std::vector<std::string> checkpoints(std::uint64_t from_size, std::size_t limit) const {
    std::vector<std::string> out;
    for (auto at = checkpoints_.lower_bound(from_size);
         at != checkpoints_.end() && out.size() < limit; ++at)
      out.push_back(at->second);
    return out;
  }
  std::optional<Bytes> tile(unsigned level, std::uint64_t index) const {
    const auto found = tiles_.find({level, index});
    return found == tiles_.end() ? std::nullopt : std::optional(found->second);
  }

  // Whether anything was ever written.
  bool used() const { return used_; }

 private:
  struct Logged {
    LogRow row;
    std::vector<std::string> subjects;
  };

  static bool consume(std::map<Digest, TimePoint>& consumed, const Once& once, TimePoint now) {
    if (once.expires <= now) return false;
    const auto [found, inserted] = consumed.try_emplace(once.digest, once.expires);
    if (inserted) return true;
    if (found->second > now) return false;
    found->second = once.expires;
    return true;
  }

  std::uint64_t append(std::vector<Append> appends) {
    if (appends.empty()) return 0;
    used_ = true;
    const auto first = log_.size();
    for (auto& append : appends) {
      const auto leaf = audit::leaf_hash(as_bytes(append.entry));
      log_.push_back({.row = {.index = log_.size(),
                              .entry = std::move(append.entry),
                              .leaf = leaf,
                              .sealed = std::move(append.sealed)},
                      .subjects = std::move(append.subjects)});
    }
    return first;
  }

  bool used_ = false;
  std::map<std::pair<RecordKind, std::string>, Record> records_;
  std::map<Digest, TimePoint> consumed_;
  std::vector<Logged> log_;
  std::map<std::uint64_t, std::string> checkpoints_;
  std::map<std::pair<unsigned, std::uint64_t>, Bytes> tiles_;
};

class FakeStore final : public Store {
 public:
  explicit FakeStore(const Clock& clock) : shared_(std::make_shared<Shared>(clock)) {}

  // The next unit is refused with `error`, whatever it is.
  void fail_next_commit(Error error) {
    const std::lock_guard lock(shared_->mutex);
    shared_->fail_next = std::move(error);
  }
  // Every unit is, until nullopt; health() says the same.
  void fail_commits(std::optional<Error> error) {
    const std::lock_guard lock(shared_->mutex);
    shared_->broken = std::move(error);
  }
  void hold_commits() {
    const std::lock_guard lock(shared_->mutex);
    shared_->holding = true;
  }
  // The workspace's rows are not what was written; nullopt: they are again.
  void damage(WorkspaceId id, std::optional<Error> error) {
    const std::lock_guard lock(shared_->mutex);
    shared_->damaged.erase(id);
    if (error) shared_->damaged.emplace(id, std::move(*error));
  }
  void release_commits() {
    const std::lock_guard lock(shared_->mutex);
    shared_->holding = false;
    for (auto waiting = std::exchange(shared_->held, {}); auto& unit : waiting)
      unit.done.set(shared_->commit(unit.workspace, std::move(unit.unit), unit.later));
  }
  // Decided now, before those that wait.
  Expected<Committed> commit_before_held(WorkspaceId workspace, Unit unit) {
    const std::lock_guard lock(shared_->mutex);
    return shared_->commit(workspace, std::move(unit), false);
  }
  // Units that wait for release_commits().
  std::size_t held() const {
    const std::lock_guard lock(shared_->mutex);
    return shared_->held.size();
  }
  // Units that were committed, append_later() not among them.
  std::size_t commits() const {
    const std::lock_guard lock(shared_->mutex);
    return shared_->commits;
  }
  // How often a record was read by its id.
  std::size_t gets() const {
    const std::lock_guard lock(shared_->mutex);
    return shared_->gets;
  }

  std::shared_ptr<WorkspaceStore> workspace(WorkspaceId id) override {
    return std::make_shared<Handle>(shared_, id);
  }
  Task<Expected<std::vector<WorkspaceId>>> workspaces() override {
    const std::lock_guard lock(shared_->mutex);
    std::vector<WorkspaceId> out;
    for (const auto& [id, data] : shared_->data) {
      if (!id.is_nil() && data.used()) out.push_back(id);
    }
    co_return out;
  }
  Task<Expected<void>> backup(std::string) override {
    co_return fail(Errc::unsupported, "a store in memory has no backup");
  }
  Task<Expected<void>> scrub() override { co_return Expected<void>(); }
  Expected<void> health() const override {
    const std::lock_guard lock(shared_->mutex);
    if (shared_->broken) return std::unexpected(*shared_->broken);
    return {};
  }

 private:
  struct Waiting {
    WorkspaceId workspace;
    Unit unit;
    bool later = false;
    OneShot<Expected<Committed>> done;
  };
  struct Shared {
    explicit Shared(const Clock& the_clock) : clock(the_clock) {}

    // With the mutex held.
    Expected<Committed> commit(WorkspaceId id, Unit unit, bool later) {
      if (later) {
        data[id].append_later(std::move(unit.appends), clock.now());
        return Committed{};
      }
      if (auto error = std::exchange(fail_next, std::nullopt)) return std::unexpected(*error);
      if (broken) return std::unexpected(*broken);
      if (const auto found = damaged.find(id); found != damaged.end())
        return std::unexpected(found->second);
      auto result = data[id].commit(std::move(unit), clock.now());
      if (result) ++commits;
      return result;
    }

    const Clock& clock;
    std::mutex mutex;
    std::map<WorkspaceId, FakeWorkspaceData> data;
    std::deque<Waiting> held;
    bool holding = false;
    std::optional<Error> fail_next;
    std::optional<Error> broken;
    std::map<WorkspaceId, Error> damaged;
    std::size_t commits = 0;
    std::size_t gets = 0;
  };

  class Handle final : public WorkspaceStore {
   public:
    Handle(std::shared_ptr<Shared> shared, WorkspaceId id) : shared_(std::move(shared)), id_(id) {}

    Expected<void> sound() const override {
      const std::lock_guard lock(shared_->mutex);
      const auto found = shared_->damaged.find(id_);
      if (found == shared_->damaged.end()) return {};
      return std::unexpected(found->second);
    }
    Task<Expected<Committed>> commit(Unit unit) override {
      return commit_unit(shared_, id_, std::move(unit));
    }
    void append_later(std::vector<Append> appends) override {
      const std::lock_guard lock(shared_->mutex);
      Unit unit;
      unit.appends = std::move(appends);
      if (shared_->holding) {
        shared_->held.push_back(
            {.workspace = id_, .unit = std::move(unit), .later = true, .done = {}});
      } else {
        shared_->commit(id_, std::move(unit), true).value();
      }
    }
    Task<Expected<std::optional<Record>>> get(RecordKind kind, std::string id) override {
      const std::lock_guard lock(shared_->mutex);
      ++shared_->gets;
      co_return data().get(kind, id);
    }
    Task<Expected<std::vector<Record>>> list(RecordKind kind, std::string after,
                                             std::size_t limit) override {
      if (limit < 1 || limit > kMaxList)
        co_return fail(Errc::invalid_input, "a list has 1 to 1000 records", "limit");
      const std::lock_guard lock(shared_->mutex);
      co_return data().list(kind, after, limit);
    }
    Task<Expected<std::vector<Record>>> list_back(RecordKind kind, std::string before,
                                                  std::size_t limit) override {
      if (limit < 1 || limit > kMaxList)
        co_return fail(Errc::invalid_input, "a list has 1 to 1000 records", "limit");
      const std::lock_guard lock(shared_->mutex);
      co_return data().list_back(kind, before, limit);
    }
    Task<Expected<std::uint64_t>> log_size() override {
      const std::lock_guard lock(shared_->mutex);
      co_return data().log_size();
    }
    Task<Expected<std::vector<LogRow>>> read_log(std::uint64_t from, std::size_t limit) override {
      const std::lock_guard lock(shared_->mutex);
      co_return data().read_log(from, limit);
    }
    Task<Expected<std::vector<LogRow>>> find_log(std::string subject, std::uint64_t from,
                                                 std::size_t limit) override {
      const std::lock_guard lock(shared_->mutex);
      co_return data().find_log(subject, from, limit);
    }
    Task<Expected<void>> erase_sealed(std::uint64_t index) override {
      const std::lock_guard lock(shared_->mutex);
      co_return data().erase_sealed(index);
    }
    Task<Expected<void>> publish(Publication publication) override {
      const std::lock_guard lock(shared_->mutex);
      co_return data().publish(std::move(publication));
    }
    Task<Expected<std::optional<Publication>>> latest_checkpoint() override {
      const std::lock_guard lock(shared_->mutex);
      co_return data().latest_checkpoint();
    }
    Task<Expected<std::vector<std::string>>> checkpoints(std::uint64_t from_size,
                                                         std::size_t limit) override {
      const std::lock_guard lock(shared_->mutex);
      co_return data().checkpoints(from_size, limit);
    }
    Task<Expected<std::optional<Bytes>>> tile(unsigned level, std::uint64_t index) override {
      const std::lock_guard lock(shared_->mutex);
      co_return data().tile(level, index);
    }

   private:
    static Task<Expected<Committed>> commit_unit(std::shared_ptr<Shared> shared, WorkspaceId id,
                                                 Unit unit) {
      const OneShot<Expected<Committed>> done;
      {
        const std::lock_guard lock(shared->mutex);
        if (!shared->holding) co_return shared->commit(id, std::move(unit), false);
        shared->held.push_back(
            {.workspace = id, .unit = std::move(unit), .later = false, .done = done});
      }
      auto result = co_await done.wait();
      co_return std::move(result).value();
    }
    FakeWorkspaceData& data() const { return shared_->data[id_]; }

    const std::shared_ptr<Shared> shared_;
    const WorkspaceId id_;
  };

  const std::shared_ptr<Shared> shared_;
};

}  // namespace writ::broker
