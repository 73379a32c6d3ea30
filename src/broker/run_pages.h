// SPDX-License-Identifier: Apache-2.0
// RunPages: the runs of a workspace a page at a time (P34): those that live, from memory; then
// those that have ended, from the store, the latest first. The work of a page is bounded, whoever
// asks and however many runs there were: a page may hold fewer than was asked for, or none, and
// still say that there is more.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "broker/history.h"

namespace writ::broker {

enum class RunState : std::uint8_t { any, living, ended };

// Where a page begins: after this run, among the living or among those that have ended.
struct RunCursor {
  bool living = true;
  RunId after;

  // "living-run_…", "ended-run_…", and back; invalid_input for anything else.
  std::string to_string() const;
  static Expected<RunCursor> parse(std::string_view text);
  friend bool operator==(const RunCursor&, const RunCursor&) = default;
};

struct RunPageLimits {
  std::size_t runs = 100;
  std::size_t records = 512;  // that are read for one page
};

struct ListedRun {
  KnownRun run;
  bool living = false;
  RunCursor cursor() const { return {.living = living, .after = run.run->id}; }
};

struct RunPage {
  std::vector<ListedRun> runs;
  std::optional<RunCursor> next;  // nothing: there are no more
};

// Those of `state` for which `test` holds, from `from` on. `test` outlives the call.
Task<Expected<RunPage>> list_runs(LiveWorkspace& workspace, RunState state,
                                  std::optional<RunCursor> from,
                                  const std::function<bool(const delegation::Run&)>& test,
                                  RunPageLimits limits = {});

}  // namespace writ::broker
