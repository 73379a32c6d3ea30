// SPDX-License-Identifier: Apache-2.0
#include "broker/revocations.h"

#include "async/event.h"
#include "base/check.h"
#include "broker/stopping.h"
#include "wire/canonical.h"
#include "wire/utf8.h"

namespace writ::broker {
namespace {

// Records of one commit; what comes after is dead already through its ancestors' records.
constexpr std::size_t kRunsOfUnit = 256;
constexpr std::size_t kMaxReason = 1000;
// How often a revocation is written anew because the person's standing or the workspace moved.
constexpr int kAttempts = 4;

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

std::string stop_key(RunId run) {
  return Stop{.kind = RecordKind::run, .id = run.to_string(), .revision = 0, .at = {}, .cause = {}}
      .key();
}

std::unexpected<Error> not_durable(Kept kept, const Error& error) {
  return std::unexpected(stop_not_recorded("the runs are stopped", kept, error));
}

}  // namespace

Task<Expected<std::vector<RunId>>> Revocations::revoke(LiveWorkspace& workspace,
                                                       std::vector<RunId> roots,
                                                       RevocationCause cause) {
  co_return co_await revoke(workspace, std::move(roots), std::move(cause), nullptr, Keep::here);
}

Task<Expected<std::vector<RunId>>> Revocations::revoke(LiveWorkspace& workspace, RunId root,
                                                       std::string reason, Authority by) {
  RevocationCause cause{
      .by = by.user().id.to_string(), .by_name = by.user().name, .reason = std::move(reason)};
  co_return co_await revoke(workspace, {root}, std::move(cause), &by, Keep::here);
}

Task<Expected<std::vector<RunId>>> Revocations::revoke(LiveWorkspace& workspace,
                                                       std::vector<RunId> roots,
                                                       RevocationCause cause, const Authority* by,
                                                       Keep keep) {
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
    WRIT_CO_TRY(const auto now, co_await end(workspace, std::move(family), cause, by, keep));
    ended.insert(ended.end(), now.begin(), now.end());
    by = nullptr;  // what follows is a consequence
    // A child whose birth was on its way when its parent's end was written. No more can follow: the
    // store refuses children of ended parents.
    family = workspace.runs().select(
        [&gone](const delegation::Run& run) { return run.parent && gone.contains(*run.parent); });
  }
  // What was revoked while the store took nothing: asked again, it is acknowledged when durable.
  if (auto settled = co_await settle(workspace); !settled)
    co_return not_durable(kept(workspace), settled.error());
  co_return ended;
}

Task<Expected<std::vector<RunId>>> Revocations::revoke_where(
    LiveWorkspace& workspace, std::function<bool(const delegation::Run&)> test,
    RevocationCause cause, Keep keep) {
  std::vector<RunId> ended;
  for (auto found = workspace.runs().select(test); !found.empty();
       found = workspace.runs().select(test)) {
    WRIT_CO_TRY(const auto now, co_await revoke(workspace, std::move(found), cause, nullptr, keep));
    ended.insert(ended.end(), now.begin(), now.end());
  }
  co_return ended;
}

Task<Expected<std::vector<RunId>>> Revocations::end(LiveWorkspace& workspace,
                                                    std::vector<RunId> family,
                                                    RevocationCause cause, const Authority* by,
                                                    Keep keep) {
  Endings endings{
      .runs = {}, .ending = {.at = clock_.now(), .cause = std::move(cause)}, .keep = keep};
  for (const auto id : family) {
    // What has ended in memory is durable, or owed.
    if (workspace.runs().has_ended(id)) continue;
    if (auto run = workspace.runs().find(id)) endings.runs.push_back(std::move(run));
  }
  std::vector<RunId> held;
  held.reserve(endings.runs.size());
  for (const auto& run : endings.runs) held.push_back(run->id);
  const OneShot<bool> halted;
  workspace.runs().hold(held, [halted] { halted.set(true); });
  (void)co_await halted.wait();

  auto written = co_await write_down(workspace, endings, by);
  if (!written && !store_refused(written.error())) {
    workspace.runs().release(held);
    co_return std::unexpected(std::move(written).error());
  }
  if (!written) {
    log_.error("revocation.not_durable",
               {{"runs", endings.runs.size()}, {"error", written.error().message}});
    auto stops = keep == Keep::here ? stops_of(endings) : std::vector<Stop>();
    // Before they show as ended: who finds nothing left to end must find that it is owed.
    owe(workspace, std::move(endings));
    if (!stops.empty()) (void)co_await stops_.keep(workspace, std::move(stops));
  }

  // Also where nothing could be written: what must stop stops now.
  const OneShot<bool> stopped;
  workspace.runs().end(family, [stopped] { stopped.set(true); });
  (void)co_await stopped.wait();
  if (!written) co_return not_durable(kept(workspace), written.error());
  workspace.runs().retire(family);
  if (auto told = co_await approvals_.cancel(workspace, std::move(family)); !told) {
    // The questions cannot be claimed any more and expire by themselves.
    log_.warning("revocation.questions_left_open", {{"error", told.error().message}});
  }
  co_return written;
}

Task<Expected<std::vector<RunId>>> Revocations::write_down(LiveWorkspace& workspace,
                                                           Endings& endings, const Authority* by) {
  std::optional<Authority> authority;
  if (by != nullptr) authority = *by;
  int attempts = 0;
  const EntryWriter writer(workspace.id(), workspace.data_key(), clock_, random_);
  std::vector<RunId> written;
  while (!endings.runs.empty()) {
    const auto count = std::min(endings.runs.size(), kRunsOfUnit);
    Unit unit;
    unit.ends = true;
    if (authority) authority->bind(Operation::revoke, unit);
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
      authority.reset();
      continue;
    }
    if (authority && authority->is_moved(committed.error())) {
      // Something moved that need not concern the person: a stop is not lost to an apply.
      if (++attempts == kAttempts) co_return std::unexpected(Authority::moved());
      WRIT_CO_TRY(authority, authority->again());
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
    auto written = co_await write_down(workspace, endings, nullptr);
    std::set<RunId> durable(runs.begin(), runs.end());
    for (const auto& run : endings.runs) durable.erase(run->id);
    forget_owed(workspace, durable);
    workspace.runs().retire({durable.begin(), durable.end()});
    for (const auto id : durable) co_await stops_.drop(workspace, stop_key(id));
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

// Of the runs that are not below another of them: what is below ends with it.
std::vector<Stop> Revocations::stops_of(const Endings& endings) {
  std::set<RunId> all;
  for (const auto& run : endings.runs) all.insert(run->id);
  std::vector<Stop> out;
  for (const auto& run : endings.runs) {
    if (run->parent && all.contains(*run->parent)) continue;
    out.push_back({.kind = RecordKind::run,
                   .id = run->id.to_string(),
                   .revision = LiveRuns::kAliveRevision,
                   .at = endings.ending.at,
                   .cause = endings.ending.cause});
  }
  return out;
}

Kept Revocations::kept(const LiveWorkspace& workspace) {
  for (const auto& endings : owed(workspace)) {
    if (endings.keep == Keep::elsewhere) continue;
    for (const auto& stop : stops_of(endings)) {
      if (stops_.where(workspace, stop.key()) == Kept::in_memory) return Kept::in_memory;
    }
  }
  return Kept::in_file;
}

bool Revocations::resume(LiveWorkspace& workspace, const Stop& stop) {
  const auto root = RunId::parse(stop.id);
  WRIT_CHECK(root.has_value());
  auto family = workspace.runs().subtree(*root);
  if (family.empty()) return false;
  Endings endings{.runs = {}, .ending = {.at = stop.at, .cause = stop.cause}, .keep = Keep::here};
  for (const auto id : family) endings.runs.push_back(workspace.runs().find(id));
  owe(workspace, std::move(endings));
  workspace.runs().end(family, {});
  return true;
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
