// SPDX-License-Identifier: Apache-2.0
#include "broker/run_pages.h"

#include <algorithm>

namespace writ::broker {
namespace {

constexpr std::string_view kLiving = "living-";
constexpr std::string_view kEnded = "ended-";
// Records of one read; between two of them others have their turn.
constexpr std::size_t kBatch = 64;

bool lives(const LiveWorkspace& workspace, RunId id) {
  return !workspace.runs().token(id).cancelled();
}

// Whether the page is full; then it goes on after its last run.
bool is_full(RunPage& page, const RunPageLimits& limits) {
  if (page.runs.size() < limits.runs) return false;
  page.next = page.runs.back().cursor();
  return true;
}

}  // namespace

std::string RunCursor::to_string() const {
  return std::string(living ? kLiving : kEnded) + after.to_string();
}

Expected<RunCursor> RunCursor::parse(std::string_view text) {
  for (const bool living : {true, false}) {
    const auto prefix = living ? kLiving : kEnded;
    if (!text.starts_with(prefix)) continue;
    if (const auto id = RunId::parse(text.substr(prefix.size())))
      return RunCursor{.living = living, .after = *id};
  }
  return fail(Errc::invalid_input, "is no cursor of this list", "cursor",
              "send the one that the page before gave");
}

Task<Expected<RunPage>> list_runs(LiveWorkspace& workspace, RunState state,
                                  std::optional<RunCursor> from,
                                  const std::function<bool(const delegation::Run&)>& test,
                                  RunPageLimits limits) {
  RunPage page;
  if (state != RunState::ended && (!from || from->living)) {
    auto living = workspace.runs().all();
    std::ranges::sort(living, std::greater(), [](const auto& run) { return run->id; });
    for (auto& run : living) {
      if ((from && run->id >= from->after) || !test(*run)) continue;
      if (is_full(page, limits)) co_return page;
      page.runs.push_back({.run = {.run = std::move(run), .ended = std::nullopt}, .living = true});
    }
  }
  if (state == RunState::living) co_return page;

  // Past every id.
  auto before =
      from && !from->living ? from->after.to_string() : std::string(RunId::prefix()) + "~";
  for (std::size_t read = 0;;) {
    WRIT_CO_TRY(const auto records,
                co_await workspace.store().list_back(RecordKind::run, before,
                                                     std::min(kBatch, limits.records - read)));
    if (records.empty()) co_return page;
    for (const auto& record : records) {
      before = record.id;
      ++read;
      WRIT_CO_TRY(const auto id, RunId::parse(record.id));
      if (lives(workspace, id)) continue;
      WRIT_CO_TRY(auto known, parse_run_record(record));
      if (!test(*known.run)) continue;
      if (is_full(page, limits)) co_return page;
      page.runs.push_back({.run = std::move(known), .living = false});
    }
    if (read >= limits.records) {
      WRIT_CO_TRY(const auto last, RunId::parse(before));
      page.next = RunCursor{.living = false, .after = last};
      co_return page;
    }
  }
}

}  // namespace writ::broker
