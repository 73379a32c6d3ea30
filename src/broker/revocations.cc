// SPDX-License-Identifier: Apache-2.0
#include "broker/revocations.h"

#include "async/event.h"
#include "wire/canonical.h"
#include "wire/utf8.h"

namespace writ::broker {
namespace {

// Records of one commit; what comes after is dead already through its ancestors' records.
constexpr std::size_t kRunsOfUnit = 256;
constexpr std::size_t kMaxReason = 1000;

Append revoked(EntryWriter writer, const delegation::Run& run, const RunEnding& ending) {
  auto entry = writer.entry(audit::Kind::run_revoked);
  entry.run(run.id)
      .set("by", ending.cause.by)
      .set("by_name", ending.cause.by_name)
      .set("reason", ending.cause.reason)
      .set("agent", run.agent.to_string())
      .set("agent_name", run.agent_name)
      .set("run_name", run.name);
  if (run.user) entry.set("user", run.user->to_string()).set("user_name", run.user_name);
  if (run.parent) entry.set("parent_run", run.parent->to_string());
  return EntryWriter::append(entry, {run.id.to_string()});
}

// The run whose record has moved, where that is why a commit failed.
std::optional<RunId> moved_run(const Error& error) {
  if (!is_revision_conflict(error, RecordKind::run)) return std::nullopt;
  const auto at = error.where.rfind(':');
  const auto id = RunId::parse(std::string_view(error.where).substr(at + 1));
  return id ? std::optional(*id) : std::nullopt;
}

std::unexpected<Error> not_durable(const Error& error) {
  return fail(
      Errc::unavailable,
      "the runs are stopped, but this could not be written down: " + error.message, {},
      "it holds until the server restarts; make room for its store, and revoke again to see "
      "that it is durable");
}

}  // namespace

Task<Expected<std::vector<RunId>>> Revocations::revoke(LiveWorkspace& workspace,
                                                       std::vector<RunId> roots,
                                                       RevocationCause cause) {
  if (cause.reason.size() > kMaxReason || !is_utf8(cause.reason)) {
    co_return fail(Errc::invalid_input, "a reason is UTF-8 text of at most 1000 bytes", "/reason");
  }
  std::vector<RunId> family;
  std::set<RunId> seen;
  for (const auto root : roots) {
    for (const auto id : workspace.runs().family(root)) {
      if (seen.insert(id).second) family.push_back(id);
    }
  }
  std::vector<RunId> ended;
  while (!family.empty()) {
    const std::set<RunId> gone(family.begin(), family.end());
    WRIT_CO_TRY(const auto now, co_await end(workspace, std::move(family), cause));
    ended.insert(ended.end(), now.begin(), now.end());
    // A child whose birth was on its way when its parent's end was written. No more can follow: the
    // store refuses children of ended parents.
    family = workspace.runs().select(
        [&gone](const delegation::Run& run) { return run.parent && gone.contains(*run.parent); });
  }
  // What was revoked while the store took nothing: asked again, it is acknowledged when durable.
  if (auto settled = co_await settle(workspace); !settled) co_return not_durable(settled.error());
  co_return ended;
}

Task<Expected<std::vector<RunId>>> Revocations::revoke_where(
    LiveWorkspace& workspace, std::function<bool(const delegation::Run&)> test,
    RevocationCause cause) {
  std::vector<RunId> ended;
  for (auto found = workspace.runs().select(test); !found.empty();
       found = workspace.runs().select(test)) {
    WRIT_CO_TRY(const auto now, co_await revoke(workspace, std::move(found), cause));
    ended.insert(ended.end(), now.begin(), now.end());
  }
  co_return ended;
}

Task<Expected<std::vector<RunId>>> Revocations::end(LiveWorkspace& workspace,
                                                    std::vector<RunId> family,
                                                    RevocationCause cause) {
  Endings endings{.runs = {}, .ending = {.at = clock_.now(), .cause = std::move(cause)}};
  for (const auto id : family) {
    // What has ended in memory is durable, or owed.
    if (workspace.runs().token(id).cancelled()) continue;
    if (auto run = workspace.runs().find(id)) endings.runs.push_back(std::move(run));
  }
  auto written = co_await write_down(workspace, endings);
  if (!written) {
    log_.error("revocation.not_durable",
               {{"runs", endings.runs.size()}, {"error", written.error().message}});
    // Before they show as ended: who finds nothing left to end must find that it is owed.
    owe(workspace, std::move(endings));
  }

  // Also where nothing could be written: what must stop stops now.
  const OneShot<bool> stopped;
  workspace.runs().end(family, [stopped] { stopped.set(true); });
  (void)co_await stopped.wait();
  if (!written) co_return not_durable(written.error());
  workspace.runs().retire(family);
  if (auto told = co_await approvals_.cancel(workspace, std::move(family)); !told) {
    // The questions cannot be claimed any more and expire by themselves.
    log_.warning("revocation.questions_left_open", {{"error", told.error().message}});
  }
  co_return written;
}

Task<Expected<std::vector<RunId>>> Revocations::write_down(LiveWorkspace& workspace,
                                                           Endings& endings) {
  const EntryWriter writer(workspace.id(), workspace.data_key(), clock_, random_);
  std::vector<RunId> written;
  while (!endings.runs.empty()) {
    const auto count = std::min(endings.runs.size(), kRunsOfUnit);
    Unit unit;
    unit.ends = true;
    for (std::size_t i = 0; i < count; ++i) {
      const auto& run = *endings.runs[i];
      const RunRecord record{.run = run, .ended = endings.ending};
      unit.puts.push_back({RecordKind::run, run.id.to_string(), LiveRuns::kAliveRevision,
                           canonical_json(record.to_json())});
      unit.appends.push_back(revoked(writer, run, endings.ending));
    }
    const auto committed = co_await workspace.store().commit(std::move(unit));
    if (committed) {
      for (std::size_t i = 0; i < count; ++i) written.push_back(endings.runs[i]->id);
      endings.runs.erase(endings.runs.begin(), endings.runs.begin() + static_cast<long>(count));
      continue;
    }
    // Somebody else ended that one: its end is durable, so it is left out here.
    const auto moved = moved_run(committed.error());
    const auto before = endings.runs.size();
    if (moved) std::erase_if(endings.runs, [&](const auto& run) { return run->id == *moved; });
    if (endings.runs.size() == before) co_return std::unexpected(committed.error());
  }
  co_return written;
}

Task<Expected<void>> Revocations::settle(LiveWorkspace& workspace) {
  // Of a copy: what another call is writing down at this moment stays owed until it is durable, so
  // that neither of them says so before.
  auto all = owed(workspace);
  std::optional<Error> failed;
  for (auto& endings : all) {
    std::vector<RunId> runs;
    runs.reserve(endings.runs.size());
    for (const auto& run : endings.runs) runs.push_back(run->id);
    auto written = co_await write_down(workspace, endings);
    std::set<RunId> durable(runs.begin(), runs.end());
    for (const auto& run : endings.runs) durable.erase(run->id);
    forget_owed(workspace, durable);
    workspace.runs().retire({durable.begin(), durable.end()});
    if (!written) {
      failed = std::move(written).error();
      break;
    }
    if (auto told = co_await approvals_.cancel(workspace, std::move(runs)); !told)
      log_.warning("revocation.questions_left_open", {{"error", told.error().message}});
  }
  if (failed) co_return std::unexpected(std::move(*failed));
  co_return Expected<void>();
}

std::vector<Revocations::Endings> Revocations::owed(const LiveWorkspace& workspace) {
  const std::lock_guard lock(mutex_);
  const auto found = owed_.find(workspace.id());
  return found == owed_.end() ? std::vector<Endings>() : found->second;
}

void Revocations::owe(const LiveWorkspace& workspace, Endings endings) {
  const std::lock_guard lock(mutex_);
  owed_[workspace.id()].push_back(std::move(endings));
}

void Revocations::forget_owed(const LiveWorkspace& workspace, const std::set<RunId>& durable) {
  const std::lock_guard lock(mutex_);
  const auto found = owed_.find(workspace.id());
  if (found == owed_.end()) return;
  for (auto& endings : found->second)
    std::erase_if(endings.runs, [&](const SharedRun& run) { return durable.contains(run->id); });
  std::erase_if(found->second, [](const Endings& endings) { return endings.runs.empty(); });
  if (found->second.empty()) owed_.erase(found);
}

}  // namespace writ::broker
