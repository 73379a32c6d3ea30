// SPDX-License-Identifier: Apache-2.0
#include "broker/housekeeping.h"

#include <algorithm>

#include "async/event.h"
#include "broker/entries.h"
#include "broker/run_record.h"
#include "wire/canonical.h"

namespace writ::broker {
namespace {

constexpr std::size_t kRunsOfUnit = 256;

using SharedRun = std::shared_ptr<const delegation::Run>;

Append ended(const EntryWriter& writer, const delegation::Run& run) {
  auto entry = writer.entry(audit::Kind::run_ended);
  entry.run(run.id)
      .set("agent", run.agent.to_string())
      .set("agent_name", run.agent_name)
      .set("run_name", run.name)
      .set("ends", to_unix_millis(run.ends));
  if (run.user) entry.set("user", run.user->to_string()).set("user_name", run.user_name);
  if (run.parent) entry.set("parent_run", run.parent->to_string());
  return EntryWriter::append(entry, {run.id.to_string()});
}

}  // namespace

Task<Expected<std::size_t>> end_runs_past_their_end(LiveWorkspace& workspace, const Clock& clock,
                                                    Random& random) {
  const auto now = clock.now();
  const auto over = workspace.runs().over(now);
  if (over.empty()) co_return 0;
  std::vector<SharedRun> due;
  for (auto& run : workspace.runs().all()) {
    if (run->ends <= now) due.push_back(std::move(run));
  }
  const EntryWriter writer(workspace.id(), workspace.data_key(), clock, random);
  std::size_t count = 0;
  while (!due.empty()) {
    const auto first = due.size() - std::min(due.size(), kRunsOfUnit);
    Unit unit;
    for (auto i = first; i < due.size(); ++i) {
      const auto& run = *due[i];
      const RunRecord record{
          .run = run,
          .ended =
              RunEnding{.at = run.ends,
                        .cause = {.by = "server", .by_name = {}, .reason = "its time was over"}}};
      unit.puts.push_back({RecordKind::run, run.id.to_string(), LiveRuns::kAliveRevision,
                           canonical_json(record.to_json())});
      unit.appends.push_back(ended(writer, run));
    }
    const auto committed = co_await workspace.store().commit(std::move(unit));
    if (committed) {
      count += due.size() - first;
      due.resize(first);
      continue;
    }
    // Somebody revoked that one in the meantime: its end is written already.
    const auto before = due.size();
    std::erase_if(due, [&](const SharedRun& run) {
      return committed.error().where == revision_conflict(RecordKind::run, run->id.to_string());
    });
    if (due.size() == before) co_return std::unexpected(committed.error());
  }
  // Also of those that somebody is revoking at this moment, who would not find them again.
  const OneShot<bool> stopped;
  workspace.runs().end(over, [stopped] { stopped.set(true); });
  (void)co_await stopped.wait();
  workspace.runs().forget(over);
  co_return count;
}

Task<Expected<void>> ResumePoints::move_on(LiveWorkspace& workspace) {
  WRIT_CO_TRY(const auto size, co_await workspace.store().log_size());
  const auto closed_before = std::min(size, workspace.open_intents().oldest().value_or(size));
  const auto [known, first] = closed_before_.try_emplace(workspace.id(), closed_before);
  const auto log = std::min(known->second, closed_before);
  known->second = closed_before;
  if (first) co_return Expected<void>();

  const auto now = clock_.now();
  auto runs = now;
  for (const auto& run : workspace.runs().all()) runs = std::min(runs, made_at(run->id));
  auto approvals = now;
  for (const auto& approval : approvals_.open(workspace))
    approvals = std::min(approvals, made_at(approval->id));
  WRIT_CO_TRY(const auto before, co_await read_resume_point(workspace.store()));
  // Never back: what was over stays over.
  const ResumePoint next{.log = std::max(before.log, log),
                         .runs = std::max(before.runs, runs - kMargin),
                         .approvals = std::max(before.approvals, approvals - kMargin),
                         .revision = before.revision};
  if (next == before) co_return Expected<void>();
  Unit unit;
  unit.puts.push_back(to_put(next));
  WRIT_CO_TRY_VOID(co_await workspace.store().commit(std::move(unit)));
  co_return Expected<void>();
}

}  // namespace writ::broker
