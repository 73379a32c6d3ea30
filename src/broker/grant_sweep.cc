// SPDX-License-Identifier: Apache-2.0
#include "broker/grant_sweep.h"

#include "broker/grant_record.h"

namespace writ::broker {
namespace {

// A clock that was set back a little brings no token back to life (failures.md 8).
constexpr std::chrono::hours kMargin{2};

}  // namespace

Task<Expected<std::size_t>> erase_expired_grants(LiveWorkspace& workspace, const Clock& clock) {
  constexpr std::size_t kPage = 256;
  const auto now = clock.now();
  std::size_t erased = 0;
  std::string after;
  for (;;) {
    WRIT_CO_TRY(auto page, co_await workspace.store().list(RecordKind::grant, after, kPage));
    if (page.empty()) co_return erased;
    after = page.back().id;
    Unit unit;
    for (auto& record : page) {
      const auto expires = grant_record_expiry(record.value);
      if (!expires || *expires + kMargin > now) continue;
      unit.erases.push_back({RecordKind::grant, std::move(record.id), record.revision});
    }
    const auto count = unit.erases.size();
    if (count == 0) continue;
    WRIT_CO_TRY_VOID(co_await workspace.store().commit(std::move(unit)));
    erased += count;
  }
}

}  // namespace writ::broker
