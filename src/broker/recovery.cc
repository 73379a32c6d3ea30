// SPDX-License-Identifier: Apache-2.0
#include "broker/recovery.h"

#include <map>

#include "broker/action_state.h"
#include "broker/entries.h"
#include "broker/resume_point.h"
#include "wire/canonical.h"

namespace writ::broker {
namespace {

constexpr std::size_t kActionsOfUnit = 100;

using OpenActions = std::map<ActionId, RunId>;

// What the log leaves open, of the intents from `from` on.
Task<Expected<OpenActions>> open_actions(WorkspaceStore& store, std::uint64_t from) {
  OpenActions open;
  for (;;) {
    WRIT_CO_TRY(const auto rows, co_await store.read_log(from, kMaxList));
    for (const auto& row : rows) {
      WRIT_CO_TRY(const auto entry, audit::Entry::parse(as_bytes(row.entry)));
      const auto& about = entry.subjects();
      switch (entry.kind()) {
        case audit::Kind::action_intent:
          open.emplace(about.action, about.run);
          break;
        case audit::Kind::action_done:
        case audit::Kind::action_failed:
        case audit::Kind::action_unknown:
        case audit::Kind::action_resolved:
        case audit::Kind::recovery_unknown:
          open.erase(about.action);
          break;
        default:
          break;
      }
    }
    if (rows.empty()) co_return open;
    from = rows.back().index + 1;
  }
}

// The write that makes the action's record say unknown; nothing for a read, which has none.
Task<Expected<std::optional<Put>>> unknown(WorkspaceStore& store, ActionId id) {
  WRIT_CO_TRY(const auto record, co_await store.get(RecordKind::action, id.to_string()));
  if (!record) co_return std::optional<Put>();
  WRIT_CO_TRY(const auto json, parse_json(record->value));
  WRIT_CO_TRY(auto state, ActionState::from_json(json));
  // Record and entry are written in one commit, so a record that knows an outcome has an entry that
  // says it; where it has not, the record is no ground to overwrite what it knows.
  if (state.phase != ActionPhase::intent) co_return std::optional<Put>();
  state.phase = ActionPhase::unknown;
  co_return Put{RecordKind::action, id.to_string(), record->revision,
                canonical_json(state.to_json())};
}

}  // namespace

Task<Expected<std::size_t>> recover(LiveWorkspace& workspace, const Clock& clock, Random& random,
                                    observe::Log& log) {
  auto& store = workspace.store();
  WRIT_CO_TRY(auto point, co_await read_resume_point(store));
  WRIT_CO_TRY(const auto open, co_await open_actions(store, point.log));
  const EntryWriter writer(workspace.id(), workspace.data_key(), clock, random);
  Unit unit;
  for (auto at = open.begin(); at != open.end();) {
    const auto& [action, run] = *at;
    WRIT_CO_TRY(auto put, co_await unknown(store, action));
    if (put) unit.puts.push_back(std::move(*put));
    unit.appends.push_back(writer.recovered(action, run));
    log.warning(
        "recovery.unknown",
        {{"action", action.to_string()}, {"run", run.to_string()}, {"write", put.has_value()}});
    ++at;
    if (unit.appends.size() == kActionsOfUnit || at == open.end()) {
      WRIT_CO_TRY_VOID(co_await store.commit(std::exchange(unit, {})));
    }
  }
  WRIT_CO_TRY(point.log, co_await store.log_size());
  Unit resume;
  resume.puts.push_back(to_put(point));
  WRIT_CO_TRY_VOID(co_await store.commit(std::move(resume)));
  co_return open.size();
}

}  // namespace writ::broker
