// SPDX-License-Identifier: Apache-2.0
#include "broker/startup.h"

#include <algorithm>
#include <functional>
#include <limits>

#include "broker/approval_record.h"
#include "broker/live_records.h"
#include "broker/resume_point.h"
#include "broker/run_record.h"

namespace writ::broker {
namespace {

// Approvals that ended this lately are still asked for.
constexpr std::chrono::hours kRemembered{1};

using Visit = std::function<Expected<void>(const Record&)>;

// An error of `visit` names the record.
Task<Expected<void>> each(WorkspaceStore& store, RecordKind kind, std::string after, Visit visit) {
  for (;;) {
    WRIT_CO_TRY(const auto page, co_await store.list(kind, after, kMaxList));
    for (const auto& record : page) {
      auto visited = visit(record);
      if (visited) continue;
      auto& error = visited.error();
      error.message = "the stored " + std::string(name(kind)) + " " + record.id +
                      " cannot be read: " + error.message;
      co_return std::unexpected(std::move(error));
    }
    if (page.size() < kMaxList) co_return Expected<void>();
    after = page.back().id;
  }
}

Expected<workspace::Built> build(WorkspaceId id, const Record& record,
                                 const WorkspaceRecord& stored, const StartupParts& parts) {
  // Whatever was accepted once is compiled again, before anybody is served.
  const workspace::DocumentLimits accepted{.compilation_steps =
                                               std::numeric_limits<std::uint64_t>::max()};
  auto built = workspace::build_version(id, record.revision, stored.documents, stored.names,
                                        parts.clock, parts.random, stored.rules, accepted);
  if (!built) {
    const auto& errors = built.error();
    auto first = errors.front();
    first.message = "its documents, which were accepted once, are not any more: " + first.message;
    if (errors.size() > 1)
      first.message += ", and " + std::to_string(errors.size() - 1) + " more problems";
    return std::unexpected(std::move(first));
  }
  if (built->names.ids() != stored.names.ids()) {
    // New ids would be other objects than those that runs and the log speak of.
    return fail(Errc::internal, "its stored documents have names without ids");
  }
  return std::move(*built);
}

Task<Expected<void>> load_runs(LiveWorkspace& workspace, TimePoint from,
                               const StartupParts& parts) {
  struct Living {
    std::shared_ptr<const delegation::Run> run;
    std::uint64_t places = 0;
  };
  std::vector<Living> runs;
  WRIT_CO_TRY_VOID(co_await each(workspace.store(), RecordKind::run, before_ids_of<RunId>(from),
                                 [&runs](const Record& record) -> Expected<void> {
                                   WRIT_TRY(const auto json, parse_json(record.value));
                                   WRIT_TRY(auto run, RunRecord::from_json(json));
                                   // The revision is what commits check: it and not the text says
                                   // that a run has ended.
                                   if (run.ended || record.revision != LiveRuns::kAliveRevision)
                                     return {};
                                   runs.push_back(
                                       {std::make_shared<const delegation::Run>(std::move(run.run)),
                                        places_of_run(record.value.size())});
                                   return {};
                                 }));
  // Parents before their children, whatever the clock was when they began.
  std::ranges::sort(runs, {},
                    [](const auto& each) { return std::pair(each.run->depth, each.run->id); });
  for (auto& [run, places] : runs) {
    const auto id = run->id;
    auto slot = parts.shares.runs.take_existing(holder_of(*run), places);
    if (auto added = workspace.runs().add(std::move(run), std::move(slot)); !added) {
      // Its parent has ended, so it has no authority; nothing is lost by leaving it out.
      parts.log.info("startup.orphan_run", {{"run", id.to_string()}});
    }
  }
  co_return Expected<void>();
}

Task<Expected<void>> load_approvals(LiveWorkspace& workspace, TimePoint from,
                                    const StartupParts& parts) {
  const auto now = parts.clock.now();
  co_return co_await each(workspace.store(), RecordKind::approval, before_ids_of<ApprovalId>(from),
                          [&parts, &workspace, now](const Record& record) -> Expected<void> {
                            WRIT_TRY(auto approval, parse_approval_record(workspace, record));
                            const bool lately =
                                approval.ended_at && now - *approval.ended_at < kRemembered;
                            // A denial counts until its back-off has passed, restart or not
                            // (failures.md 25).
                            const bool counts = !approval::is_final(approval.state) || lately ||
                                                approval::retry_after(approval, now).has_value();
                            if (counts) parts.approvals.load(workspace, std::move(approval));
                            return {};
                          });
}

// What the version of a workspace does not say.
Task<Expected<void>> load_state(LiveWorkspace& workspace, const StartupParts& parts) {
  auto& store = workspace.store();
  WRIT_CO_TRY_VOID(co_await each(store, RecordKind::user, {},
                                 [&workspace](const Record& record) -> Expected<void> {
                                   WRIT_TRY(const auto id, UserId::parse(record.id));
                                   WRIT_TRY(auto standing, parse_standing_record(record));
                                   workspace.set_standing(id, std::move(standing));
                                   return {};
                                 }));
  WRIT_CO_TRY_VOID(co_await each(store, RecordKind::credential, {},
                                 [&workspace](const Record& record) -> Expected<void> {
                                   WRIT_TRY(const auto json, parse_json(record.value));
                                   WRIT_TRY(auto credential, vault::Credential::from_json(json));
                                   workspace.set_credential(std::move(credential), record.revision);
                                   return {};
                                 }));
  WRIT_CO_TRY(const auto point, co_await read_resume_point(store));
  WRIT_CO_TRY_VOID(co_await load_runs(workspace, point.runs, parts));
  co_return co_await load_approvals(workspace, point.approvals, parts);
}

Task<Expected<std::shared_ptr<LiveWorkspace>>> load_one(WorkspaceId id, const Record& data_key,
                                                        const Record& record,
                                                        const StartupParts& parts) {
  WRIT_CO_TRY(const auto wrapped, parse_data_key_record(data_key.value));
  auto key = parts.seal_key.unwrap_data_key(wrapped, id);
  if (!key) {
    co_return fail(Errc::denied, "the seal key does not open the data key of this workspace",
                   "seal key", "start with the seal key that was made together with this data");
  }
  WRIT_CO_TRY(auto stored, parse_workspace_record(record.value));
  WRIT_CO_TRY(auto built, build(id, record, stored, parts));
  auto workspace = std::make_shared<LiveWorkspace>(id, parts.store.workspace(id), std::move(*key));
  workspace->publish(std::move(built.version), std::move(stored.documents), std::move(built.names));
  WRIT_CO_TRY_VOID(co_await load_state(*workspace, parts));
  co_return workspace;
}

// Absence is not innocence (P36): whatever was committed to a workspace was committed together with
// its first version, or after it.
Task<Expected<std::shared_ptr<LiveWorkspace>>> load_if_whole(WorkspaceId id,
                                                             const StartupParts& parts) {
  const auto store = parts.store.workspace(id);
  WRIT_CO_TRY(const auto record, co_await store->get(RecordKind::workspace, id.to_string()));
  WRIT_CO_TRY(const auto data_key, co_await store->get(RecordKind::data_key, id.to_string()));
  if (!record || !data_key) {
    co_return fail(Errc::conflict,
                   record ? "the workspace has no data key" : "the workspace's record is missing",
                   id.to_string(), "restore the newest data and anchor together");
  }
  co_return co_await load_one(id, *data_key, *record, parts);
}

}  // namespace

Task<Expected<std::vector<Unloaded>>> load_live(StartupParts parts) {
  WRIT_CO_TRY(const auto ids, co_await parts.store.workspaces());
  std::vector<Unloaded> unloaded;
  std::size_t sealed_away = 0;
  for (const auto id : ids) {
    auto loaded = co_await load_if_whole(id, parts);
    if (loaded) {
      auto added = parts.live.add(std::move(*loaded));
      if (!added) unloaded.push_back({id, std::move(added).error()});
      continue;
    }
    sealed_away += loaded.error().code == Errc::denied ? 1 : 0;
    unloaded.push_back({id, std::move(loaded).error()});
  }
  if (!ids.empty() && sealed_away == ids.size())
    co_return std::unexpected(std::move(unloaded.front().error));
  for (const auto& [id, error] : unloaded) {
    parts.log.error("startup.workspace_not_loaded",
                    {{"workspace", id.to_string()}, {"error", error.to_string()}});
  }
  co_return unloaded;
}

}  // namespace writ::broker
