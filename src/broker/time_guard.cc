// SPDX-License-Identifier: Apache-2.0
#include "broker/time_guard.h"

#include "wire/canonical.h"

namespace writ::broker {
namespace {

constexpr std::string_view kSetting = "time";
// Another node may raise the mark at the same moment; each round it has gone up, so few suffice.
constexpr int kMaxRounds = 4;

}  // namespace

void TimeGuard::see(std::int64_t at) const {
  auto seen = seen_.load(std::memory_order_relaxed);
  while (seen < at && !seen_.compare_exchange_weak(seen, at, std::memory_order_relaxed)) {
  }
}

Expected<void> TimeGuard::check() const {
  if (!loaded_.load(std::memory_order_acquire)) {
    return fail(Errc::unavailable, "the latest time that this server has seen is not read yet");
  }
  const auto now = to_unix_millis(clock_.now());
  see(now);
  const auto behind = milliseconds(seen_.load(std::memory_order_relaxed) - now);
  if (behind <= kTolerance) return {};
  return fail(Errc::unavailable,
              "the clock of this server is " +
                  std::to_string(std::chrono::floor<seconds>(behind).count()) +
                  " seconds behind a time that it has seen before",
              "clock", "set the clock right; until then nothing is granted and no call goes on");
}

Task<Expected<TimeGuard::Mark>> TimeGuard::read() const {
  WRIT_CO_TRY(const auto record, co_await server_->get(RecordKind::setting, std::string(kSetting)));
  if (!record) co_return Mark{};
  WRIT_CO_TRY(const auto json, parse_json(record->value));
  ObjectReader reader(json);
  reader.integer("v", {.min = 1, .max = 1});
  const auto at = reader.integer("at", {.min = 0});
  WRIT_CO_TRY_VOID(reader.finish());
  co_return Mark{.at = at, .revision = record->revision};
}

Task<Expected<void>> TimeGuard::advance() {
  for (int round = 0; round < kMaxRounds; ++round) {
    if (!loaded_.load(std::memory_order_acquire)) {
      WRIT_CO_TRY(const auto mark, co_await read());
      see(mark.at);
      {
        const std::lock_guard lock(mutex_);
        durable_ = mark;
      }
      loaded_.store(true, std::memory_order_release);
    }
    WRIT_CO_TRY_VOID(check());
    Mark before;
    {
      const std::lock_guard lock(mutex_);
      before = durable_;
    }
    const Mark next{.at = seen_.load(std::memory_order_relaxed), .revision = before.revision + 1};
    if (next.at <= before.at) co_return Expected<void>();
    Unit unit;
    unit.puts.push_back({RecordKind::setting, std::string(kSetting), before.revision,
                         canonical_json(JsonObject{{"v", 1}, {"at", next.at}})});
    auto committed = co_await server_->commit(std::move(unit));
    if (committed) {
      const std::lock_guard lock(mutex_);
      if (durable_.revision < next.revision) durable_ = next;
      co_return Expected<void>();
    }
    if (!is_revision_conflict(committed.error(), RecordKind::setting)) {
      co_return std::unexpected(std::move(committed).error());
    }
    // Somebody else raised it: theirs counts too, and is read before it is raised again.
    WRIT_CO_TRY(const auto mark, co_await read());
    see(mark.at);
    const std::lock_guard lock(mutex_);
    if (durable_.revision < mark.revision) durable_ = mark;
  }
  co_return fail(Errc::unavailable, "the latest time seen is written by others all the time");
}

}  // namespace writ::broker
