// SPDX-License-Identifier: Apache-2.0
#include "broker/resolution.h"

#include "wire/canonical.h"
#include "wire/utf8.h"

namespace writ::broker {

Task<Expected<ActionState>> resolve(LiveWorkspace& workspace, ActionId id,
                                    ActionResolution resolution, Authority by, const Clock& clock,
                                    Random& random) {
  constexpr std::size_t kMaxDetail = 1000;
  if (resolution.detail.empty() || resolution.detail.size() > kMaxDetail ||
      !is_utf8(resolution.detail)) {
    co_return fail(Errc::invalid_input, "say how you know, in at most 1000 bytes", "/detail");
  }
  WRIT_CO_TRY(const auto record,
              co_await workspace.store().get(RecordKind::action, id.to_string()));
  if (!record) co_return fail(Errc::not_found, "there is no such action with a state to settle");
  WRIT_CO_TRY(const auto json, parse_json(record->value));
  WRIT_CO_TRY(auto state, ActionState::from_json(json));
  if (state.phase != ActionPhase::unknown) {
    co_return fail(Errc::conflict, "the outcome of this action is " +
                                       std::string(name(state.phase)) +
                                       (state.resolved ? ", as was settled already" : "") +
                                       "; only an unknown one is settled");
  }
  state.phase = resolution.done ? ActionPhase::done : ActionPhase::failed;
  state.resolved = true;
  const EntryWriter writer(workspace.id(), workspace.data_key(), clock, random);
  auto entry = writer.entry(audit::Kind::action_resolved);
  name_caller(entry, by.caller());
  entry.action(id)
      .run(state.run)
      .set("outcome", name(state.phase))
      .set("detail", resolution.detail);
  Unit unit;
  by.bind(Operation::resolve, unit);
  unit.puts = {
      {RecordKind::action, id.to_string(), record->revision, canonical_json(state.to_json())}};
  unit.appends = {EntryWriter::append(entry, {id.to_string(), state.run.to_string()})};
  auto committed = co_await workspace.store().commit(std::move(unit));
  if (!committed) {
    if (by.is_moved(committed.error())) co_return std::unexpected(Authority::moved());
    if (committed.error().code == Errc::conflict)
      co_return fail(Errc::conflict, "somebody else settled this action at the same moment");
    co_return std::unexpected(std::move(committed).error());
  }
  co_return state;
}

}  // namespace writ::broker
