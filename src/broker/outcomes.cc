// SPDX-License-Identifier: Apache-2.0
#include "broker/outcomes.h"

#include <algorithm>

namespace writ::broker {
namespace {

// What refuses an outcome once may take it later. One that may be written already can be tried
// again where the action's record tells whether it was; a read's is for the next start to settle.
bool is_kept(const Error& error, const KnownOutcome& outcome) {
  return error.code == Errc::unavailable ||
         (error.code == Errc::unknown_outcome && outcome.state.has_value());
}

Task<Expected<void>> attempt(LiveWorkspace& workspace, KnownOutcome& outcome) {
  auto& facts = outcome.facts;
  while (true) {
    std::erase_if(facts, [&](const auto& id) { return workspace.known_facts().contains(id); });
    if (!outcome.state && facts.empty()) {
      std::vector<Append> appends;
      appends.push_back(outcome.entry);
      workspace.store().append_later(std::move(appends));
      break;
    }
    Unit unit;
    unit.ends = true;
    unit.appends.push_back(outcome.entry);
    for (const auto& id : facts) unit.puts.push_back({RecordKind::fact, id, 0, "{}"});
    if (outcome.state) unit.puts.push_back(*outcome.state);
    auto committed = co_await workspace.store().commit(std::move(unit));
    if (committed) break;
    const auto& error = committed.error();
    // Another call has made the fact true already; each round there is one less to make.
    const auto known = std::ranges::find_if(facts, [&](const auto& id) {
      return error.where == revision_conflict(RecordKind::fact, id);
    });
    if (known != facts.end()) {
      workspace.known_facts().add(*known);
      continue;
    }
    // Only an outcome moves the record of an action that is under way: the attempt before was done.
    if (outcome.may_be_written && is_revision_conflict(error, RecordKind::action)) break;
    if (error.code == Errc::unknown_outcome) outcome.may_be_written = true;
    co_return std::unexpected(std::move(committed).error());
  }
  for (auto& id : facts) workspace.known_facts().add(std::move(id));
  workspace.open_intents().remove(outcome.intent);
  co_return Expected<void>();
}

}  // namespace

Task<Expected<void>> write_outcome(LiveWorkspace& workspace, KnownOutcome outcome) {
  auto written = co_await attempt(workspace, outcome);
  if (!written && is_kept(written.error(), outcome)) workspace.unwritten().add(std::move(outcome));
  co_return written;
}

Task<Expected<void>> write_unwritten(LiveWorkspace& workspace) {
  Expected<void> result;
  for (auto& outcome : workspace.unwritten().take()) {
    // A store that refuses one refuses the next too: they are not made to wait one by one.
    if (result) result = co_await attempt(workspace, outcome);
    if (!result && is_kept(result.error(), outcome)) workspace.unwritten().add(std::move(outcome));
  }
  co_return result;
}

}  // namespace writ::broker
