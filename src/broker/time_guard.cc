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

milliseconds TimeGuard::behind() const {
  const auto now = to_unix_millis(clock_.now());
  see(now);
  return milliseconds(seen_.load(std::memory_order_relaxed) - now);
}

bool TimeGuard::is_behind() const { return behind() > kTolerance; }

Expected<void> TimeGuard::check() const {
  if (!loaded_.load(std::memory_order_acquire)) {
    return fail(Errc::unavailable, "the latest time that this server has seen is not read yet");
  }
  const auto late = behind();
  if (late > kTolerance) {
    return fail(
        Errc::unavailable,
        "the clock of this server is " + std::to_string(std::chrono::floor<seconds>(late).count()) +
            " seconds behind a time that it has seen before",
        "clock",
        "set the clock right; until then nothing is granted and no call goes on. If it is right "
        "and was wrong before: writ clock reset");
  }
  const auto since = since_.load(std::memory_order_relaxed);
  const auto now = to_unix_millis(clock_.now());
  if (now >= since) return {};
  return fail(Errc::unavailable,
              "the clock was reset, and what was made before is not taken any more: nothing is "
              "granted for " +
                  std::to_string((since - now) / 1000 + 1) + " seconds",
              "clock");
}

Expected<void> TimeGuard::check(TimePoint made) const {
  WRIT_TRY_VOID(check());
  if (to_unix_millis(made) >= since_.load(std::memory_order_relaxed)) return {};
  return fail(Errc::unauthenticated, "it was made before the server's clock was reset", {},
              "make a new one");
}

TimeGuard::View TimeGuard::view() const {
  const std::lock_guard lock(mutex_);
  return {.latest = from_unix_millis(seen_.load(std::memory_order_relaxed)),
          .epoch = durable_.epoch};
}

std::string TimeGuard::Mark::to_text() const {
  JsonObject out{{"v", 1}, {"at", at}};
  if (epoch.number != 0) {
    out["epoch"] = JsonObject{{"number", epoch.number}, {"since", to_unix_millis(epoch.since)}};
  }
  return canonical_json(out);
}

void TimeGuard::take(const Mark& mark) {
  const std::lock_guard lock(mutex_);
  if (durable_.revision < mark.revision) durable_ = mark;
  since_.store(to_unix_millis(durable_.epoch.since), std::memory_order_relaxed);
}

Task<Expected<TimeGuard::Epoch>> TimeGuard::begin_epoch(View from) {
  if (!is_behind())
    co_return fail(Errc::conflict, "the clock is not behind: there is nothing to reset");
  Mark next;
  Unit unit;
  {
    const std::lock_guard lock(mutex_);
    const auto latest = from_unix_millis(seen_.load(std::memory_order_relaxed));
    if (latest != from.latest || durable_.epoch != from.epoch) {
      co_return fail(Errc::conflict, "the clock has moved on since this was signed", {},
                     "look again, and repeat it if it is still needed");
    }
    const auto now = clock_.now();
    next = {.at = to_unix_millis(now),
            .epoch = {.number = durable_.epoch.number + 1,
                      .since = std::chrono::ceil<seconds>(now) + kEpochDelay},
            .revision = durable_.revision + 1};
    unit.puts.push_back(
        {RecordKind::setting, std::string(kSetting), durable_.revision, next.to_text()});
    unit.forget_replays = now;
  }
  auto committed = co_await server_->commit(std::move(unit));
  if (!committed) co_return std::unexpected(std::move(committed).error());
  take(next);
  seen_.store(next.at, std::memory_order_relaxed);
  co_return next.epoch;
}

Task<Expected<TimeGuard::Mark>> TimeGuard::read() const {
  WRIT_CO_TRY(const auto record, co_await server_->get(RecordKind::setting, std::string(kSetting)));
  if (!record) co_return Mark{};
  WRIT_CO_TRY(const auto json, parse_json(record->value));
  ObjectReader reader(json);
  reader.integer("v", {.min = 1, .max = 1});
  const auto at = reader.integer("at", {.min = 0});
  const auto* stored = reader.optional_object("epoch");
  WRIT_CO_TRY_VOID(reader.finish());
  Epoch epoch;
  if (stored != nullptr) {
    ObjectReader e(*stored, "/epoch");
    epoch.number = static_cast<std::uint64_t>(e.integer("number", {.min = 1}));
    epoch.since = from_unix_millis(e.integer("since", {.min = 0}));
    WRIT_CO_TRY_VOID(e.finish());
  }
  co_return Mark{.at = at, .epoch = epoch, .revision = record->revision};
}

Task<Expected<void>> TimeGuard::advance() {
  for (int round = 0; round < kMaxRounds; ++round) {
    if (!loaded_.load(std::memory_order_acquire)) {
      WRIT_CO_TRY(const auto mark, co_await read());
      see(mark.at);
      take(mark);
      loaded_.store(true, std::memory_order_release);
    }
    if (is_behind()) co_return check();
    Mark before;
    {
      const std::lock_guard lock(mutex_);
      before = durable_;
    }
    const Mark next{.at = seen_.load(std::memory_order_relaxed),
                    .epoch = before.epoch,
                    .revision = before.revision + 1};
    if (next.at <= before.at) co_return Expected<void>();
    Unit unit;
    unit.puts.push_back(
        {RecordKind::setting, std::string(kSetting), before.revision, next.to_text()});
    auto committed = co_await server_->commit(std::move(unit));
    if (committed) {
      take(next);
      co_return Expected<void>();
    }
    if (!is_revision_conflict(committed.error(), RecordKind::setting)) {
      co_return std::unexpected(std::move(committed).error());
    }
    // Somebody else raised it: theirs counts too, and is read before it is raised again.
    WRIT_CO_TRY(const auto mark, co_await read());
    see(mark.at);
    take(mark);
  }
  co_return fail(Errc::unavailable, "the latest time seen is written by others all the time");
}

}  // namespace writ::broker
