// SPDX-License-Identifier: Apache-2.0
// For tests of stores: a store, a loop to call it from, and short ways to say things.
#pragma once

#include <functional>
#include <future>
#include <memory>
#include <string>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "async/loop.h"
#include "base/fake_clock.h"
#include "broker/store.h"

namespace writ::store {

using broker::Append;
using broker::Committed;
using broker::LogRow;
using broker::Once;
using broker::Publication;
using broker::Record;
using broker::RecordKind;
using broker::Store;
using broker::Unit;
using broker::WorkspaceStore;

// Where a store keeps what it keeps; at most one is open at a time.
class StoreHome {
 public:
  virtual ~StoreHome() = default;
  virtual std::unique_ptr<Store> open(const Clock& clock) = 0;
  // Whether what was committed is there when it is opened again.
  virtual bool durable() const = 0;
};
using MakeHome = std::function<std::unique_ptr<StoreHome>()>;

// A store in its home; its members are for the tests that have one.
class StoreTesting {
 public:
  explicit StoreTesting(std::unique_ptr<StoreHome> home) : home_(std::move(home)) {
    loop_.start("test");
    store_ = home_->open(clock_);
  }

  static WorkspaceId workspace_id(std::uint8_t number) {
    id_detail::Raw raw{};
    raw.back() = number;
    return WorkspaceId(raw);
  }
  static Digest digest(std::uint8_t number) {
    Digest out{};
    out[0] = number;
    return out;
  }
  Once once(std::uint8_t number, milliseconds life = seconds(60)) const {
    return {.digest = digest(number), .expires = clock_.now() + life};
  }
  static broker::Put put(std::string id, std::uint64_t expected = 0, std::string value = "{}",
                         RecordKind kind = RecordKind::run) {
    return {.kind = kind, .id = std::move(id), .expected = expected, .value = std::move(value)};
  }
  static Append entry(std::string text, std::vector<std::string> subjects = {}) {
    return {.entry = std::move(text),
            .sealed = {},
            .subjects = std::move(subjects),
            .proof = std::nullopt};
  }

  template <typename T>
  T run(Task<T> task) {
    return run_on(loop_, std::move(task));
  }
  Expected<Committed> commit(Unit unit) { return run(handle().commit(std::move(unit))); }
  // All are submitted before any of them is waited for.
  std::vector<Expected<Committed>> commit_at_once(std::vector<Unit> units) {
    std::vector<std::future<Expected<Committed>>> futures;
    futures.reserve(units.size());
    for (auto& unit : units) {
      std::promise<Expected<Committed>> promise;
      futures.push_back(promise.get_future());
      spawn(loop_,
            [](std::shared_ptr<WorkspaceStore> store, Unit one,
               std::promise<Expected<Committed>> out) -> Task<void> {
              out.set_value(co_await store->commit(std::move(one)));
            }(workspace_, std::move(unit), std::move(promise)));
    }
    std::vector<Expected<Committed>> out;
    out.reserve(futures.size());
    for (auto& future : futures) out.push_back(future.get());
    return out;
  }
  template <typename Make>
  std::vector<Expected<Committed>> commit_at_once(int count, Make make) {
    std::vector<Unit> units;
    units.reserve(static_cast<std::size_t>(count));
    for (int i = 0; i < count; ++i) units.push_back(make(i));
    return commit_at_once(std::move(units));
  }
  std::optional<Record> get(std::string id, RecordKind kind = RecordKind::run) {
    return run(handle().get(kind, std::move(id))).value();
  }
  std::vector<LogRow> log() { return run(handle().read_log(0, 1'000'000)).value(); }
  std::vector<std::string> entries() {
    std::vector<std::string> out;
    for (auto& row : log()) out.push_back(std::move(row.entry));
    return out;
  }
  // Until the log has as many entries; those that nobody waits for come in their own time.
  void await_log(std::size_t size) {
    const auto until = std::chrono::steady_clock::now() + seconds(30);
    while (run(handle().log_size()).value() < size) {
      ASSERT_LT(std::chrono::steady_clock::now(), until) << "the entries do not come";
      std::this_thread::yield();
    }
  }
  WorkspaceStore& handle() { return *workspace_; }
  void use(std::uint8_t number) { workspace_ = store_->workspace(workspace_id(number)); }
  void reopen() {
    workspace_.reset();
    store_.reset();
    store_ = home_->open(clock_);
    use(1);
  }

  std::unique_ptr<StoreHome> home_;
  FakeClock clock_;
  std::unique_ptr<Store> store_;
  std::shared_ptr<WorkspaceStore> workspace_;
  Loop loop_{clock_, milliseconds(1)};
};

class StoreSuite : public StoreTesting, public testing::TestWithParam<MakeHome> {
 protected:
  StoreSuite() : StoreTesting(GetParam()()) { use(1); }
};

template <typename... Parts>
Unit unit_of(Parts&&... parts) {
  Unit unit;
  const auto add = [&]<typename Part>(Part part) {
    if constexpr (std::is_same_v<Part, broker::Check>) unit.checks.push_back(std::move(part));
    if constexpr (std::is_same_v<Part, Once>) unit.once.push_back(part);
    if constexpr (std::is_same_v<Part, broker::Put>) unit.puts.push_back(std::move(part));
    if constexpr (std::is_same_v<Part, broker::Erase>) unit.erases.push_back(std::move(part));
    if constexpr (std::is_same_v<Part, Append>) unit.appends.push_back(std::move(part));
  };
  (add(std::forward<Parts>(parts)), ...);
  return unit;
}

inline std::string place_of(const Expected<Committed>& result) {
  if (result) return "committed";
  return result.error().code == Errc::conflict ? result.error().where : result.error().to_string();
}

}  // namespace writ::store
