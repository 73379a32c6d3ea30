// SPDX-License-Identifier: Apache-2.0
// The random half of the suite (store_suite.h): any sequence of calls gives what the store in
// memory gives, which is small enough to be believed.
#pragma once

#include <rapidcheck/gtest.h>

#include "broker/fake_store.h"
#include "store/store_testing.h"

namespace writ::store {

// Both stores, and the same done to each.
class TwoStores {
 public:
  explicit TwoStores(std::unique_ptr<StoreHome> home) : real_(std::move(home)) { real_.use(1); }

  void any_step() {
    const auto workspace = *rc::gen::inRange<std::uint8_t>(0, 3);
    real_.use(workspace);
    model_workspace_ = model_.workspace(StoreTesting::workspace_id(workspace));
    switch (*rc::gen::inRange(0, 12)) {
      case 0:
        real_.clock_.advance(seconds(*rc::gen::element(1, 5, 60)));
        return;
      case 1:
        if (real_.home_->durable()) real_.reopen();
        return;
      case 2:
        return same([index = *rc::gen::inRange<std::uint64_t>(0, 12)](WorkspaceStore& store) {
          return store.erase_sealed(index);
        });
      case 3:
        return same([publication = any_publication()](WorkspaceStore& store) {
          return store.publish(publication);
        });
      case 4: {
        const auto appends = any_appends();
        real_.handle().append_later(appends);
        model_workspace_->append_later(appends);
        // Wait for it: reading is compared after every step.
        return same([](WorkspaceStore& store) { return store.commit(barrier()); });
      }
      case 5: {
        // Many at once, which are decided in the order in which they came.
        std::vector<Unit> units;
        for (int i = *rc::gen::inRange(2, 6); i > 0; --i) units.push_back(any_unit());
        const auto real = real_.commit_at_once(units);
        for (std::size_t i = 0; i < units.size(); ++i) {
          RC_ASSERT(said(real[i]) == said(real_.run(model_workspace_->commit(units[i]))));
        }
        return;
      }
      default:
        return same([unit = any_unit()](WorkspaceStore& store) { return store.commit(unit); });
    }
  }

  // All that can be read.
  void compare() {
    for (std::uint8_t workspace = 0; workspace < 3; ++workspace) {
      real_.use(workspace);
      model_workspace_ = model_.workspace(StoreTesting::workspace_id(workspace));
      for (const auto kind : {RecordKind::run, RecordKind::approval}) {
        same([kind](WorkspaceStore& store) { return store.list(kind, "", 1000); });
        same([kind](WorkspaceStore& store) { return store.list(kind, "a", 2); });
        same([kind](WorkspaceStore& store) { return store.get(kind, "b"); });
      }
      same([](WorkspaceStore& store) { return store.log_size(); });
      same([](WorkspaceStore& store) { return store.read_log(0, 1000); });
      same([](WorkspaceStore& store) { return store.read_log(2, 3); });
      same([](WorkspaceStore& store) { return store.find_log("act_1", 0, 1000); });
      same([](WorkspaceStore& store) { return store.find_log("act_2", 3, 2); });
      same([](WorkspaceStore& store) { return store.latest_checkpoint(); });
      same([](WorkspaceStore& store) { return store.checkpoints(1, 10); });
      same([](WorkspaceStore& store) { return store.tile(0, 1); });
    }
    RC_ASSERT(real_.run(real_.store_->workspaces()).value() ==
              real_.run(model_.workspaces()).value());
  }

 private:
  static std::string any_id() { return *rc::gen::element<std::string>("a", "b", "c", ""); }
  static RecordKind any_kind() { return *rc::gen::element(RecordKind::run, RecordKind::approval); }
  static std::uint64_t any_revision() { return *rc::gen::inRange<std::uint64_t>(0, 4); }
  static std::string any_text() { return *rc::gen::string<std::string>(); }
  Once any_once() const {
    return real_.once(*rc::gen::inRange<std::uint8_t>(0, 6),
                      seconds(*rc::gen::element(-1, 0, 1, 5, 30)));
  }

  std::vector<Append> any_appends() const {
    std::vector<Append> out;
    for (int i = *rc::gen::inRange(0, 3); i > 0; --i) {
      Append append{.entry = any_text(),
                    .sealed = *rc::gen::arbitrary<Bytes>(),
                    .subjects = *rc::gen::container<std::vector<std::string>>(
                        rc::gen::element<std::string>("act_1", "act_2", "")),
                    .proof = std::nullopt};
      if (*rc::gen::inRange(0, 3) == 0) append.proof = any_once();
      out.push_back(std::move(append));
    }
    return out;
  }

  Unit any_unit() const {
    Unit unit;
    const auto some = [](auto make) {
      for (int i = *rc::gen::inRange(-2, 3); i > 0; --i) make();
    };
    some([&] { unit.checks.push_back({any_kind(), any_id(), any_revision()}); });
    some([&] { unit.once.push_back(any_once()); });
    some([&] { unit.puts.push_back({any_kind(), any_id(), any_revision(), any_text()}); });
    some([&] { unit.erases.push_back({any_kind(), any_id(), any_revision()}); });
    unit.appends = any_appends();
    return unit;
  }
  static Unit barrier() {
    Unit unit;
    unit.appends.push_back(StoreTesting::entry("barrier"));
    return unit;
  }

  static Publication any_publication() {
    Publication out{
        .size = *rc::gen::inRange<std::uint64_t>(0, 12), .checkpoint = any_text(), .tiles = {}};
    for (int i = *rc::gen::inRange(0, 2); i > 0; --i) {
      out.tiles.push_back({.level = *rc::gen::inRange(0U, 2U),
                           .index = *rc::gen::inRange<std::uint64_t>(0, 3),
                           .hashes = Bytes(32, *rc::gen::inRange<std::uint8_t>(0, 2))});
    }
    return out;
  }

  // What a result says to its caller, as text that can be compared.
  static std::string said(const Error& error) {
    return std::string(name(error.code)) + " " + error.where;
  }
  static std::string said(const Committed& committed) {
    return std::to_string(committed.first_index);
  }
  static std::string said(std::uint64_t number) { return std::to_string(number); }
  static std::string said(const std::string& text) { return text + "\n"; }
  static std::string said(const Bytes& bytes) { return to_text(bytes); }
  static std::string said(const Record& record) {
    return record.id + "@" + std::to_string(record.revision) + "=" + record.value;
  }
  static std::string said(const LogRow& row) {
    return std::to_string(row.index) + ":" + row.entry + "|" + to_text(row.leaf) + "|" +
           to_text(row.sealed);
  }
  static std::string said(const Publication& publication) {
    return std::to_string(publication.size) + ":" + publication.checkpoint;
  }
  template <typename T>
  static std::string said(const std::optional<T>& value) {
    return value ? "one " + said(*value) : "none";
  }
  template <typename T>
    requires(!std::same_as<T, std::uint8_t>)
  static std::string said(const std::vector<T>& values) {
    std::string out = std::to_string(values.size()) + " ";
    for (const auto& value : values) out += said(value) + ";";
    return out;
  }
  template <typename T>
  static std::string said(const Expected<T>& result) {
    if (!result) return "error " + said(result.error());
    if constexpr (std::is_void_v<T>) {
      return "done";
    } else {
      return "is " + said(*result);
    }
  }

  template <typename Call>
  void same(Call call) {
    const auto real = said(real_.run(call(real_.handle())));
    const auto model = said(real_.run(call(*model_workspace_)));
    RC_ASSERT(real == model);
  }

  StoreTesting real_;
  broker::FakeStore model_{real_.clock_};
  std::shared_ptr<WorkspaceStore> model_workspace_;
};

class StoreModelSuite : public testing::TestWithParam<MakeHome> {};

TEST_P(StoreModelSuite, AnySequenceOfCallsGivesWhatTheModelGives) {
  const auto make_home = GetParam();
  EXPECT_TRUE(rc::check("same results", [&] {
    TwoStores stores(make_home());
    for (int i = *rc::gen::inRange(1, 40); i > 0; --i) stores.any_step();
    stores.compare();
  }));
}

}  // namespace writ::store
