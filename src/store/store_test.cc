// SPDX-License-Identifier: Apache-2.0
// The suite over every store that there is.
#include "broker/fake_store.h"
#include "store/sqlite_testing.h"
#include "store/store_log_suite.h"
#include "store/store_model_suite.h"
#include "store/store_suite.h"

namespace writ::store {
namespace {

class MemoryHome final : public StoreHome {
 public:
  std::unique_ptr<Store> open(const Clock& clock) override {
    return std::make_unique<broker::FakeStore>(clock);
  }
  bool durable() const override { return false; }
};

const MakeHome kMemory = [] { return std::make_unique<MemoryHome>(); };
const MakeHome kSqlite = [] { return std::make_unique<SqliteHome>(); };
// Drops what has expired after every group.
const MakeHome kTidySqlite = [] {
  return std::make_unique<SqliteHome>(SqliteOptions{.housekeeping = milliseconds(1)});
};

std::string name_of(const testing::TestParamInfo<MakeHome>& info) {
  static constexpr const char* kNames[] = {"Memory", "Sqlite", "TidySqlite"};
  return kNames[info.index];
}

INSTANTIATE_TEST_SUITE_P(All, StoreSuite, testing::Values(kMemory, kSqlite, kTidySqlite), name_of);
INSTANTIATE_TEST_SUITE_P(All, StoreModelSuite, testing::Values(kMemory, kSqlite, kTidySqlite),
                         name_of);

}  // namespace
}  // namespace writ::store
