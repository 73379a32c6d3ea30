// SPDX-License-Identifier: Apache-2.0
#include "broker/calls.h"

#include "base/encoding.h"
#include "broker/facts.h"
#include "crypto/hash.h"
#include "wire/canonical.h"

namespace writ::broker {
namespace {

// How often one call is decided anew because the workspace moved under it.
constexpr int kMaxDecisions = 4;

std::string idempotency_id(const action::ProposedAction& proposed) {
  return proposed.call().run().id.to_string() + ":" +
         hex_encode(crypto::sha256(*proposed.idempotency_key()));
}

// Writes and money have a record of their own, by which their state can be asked; a read is in the
// log alone.
bool has_record(const action::ProposedAction& proposed) {
  return proposed.operation().effect != tools::Effect::read;
}

std::unexpected<Stopped> stop(Errc code, std::string message, std::string where = {},
                              std::string hint = {}) {
  return std::unexpected(
      Stopped(fail(code, std::move(message), std::move(where), std::move(hint)).error()));
}

ActionPhase phase_of(tools::Outcome outcome) {
  switch (outcome) {
    case tools::Outcome::done:
      return ActionPhase::done;
    case tools::Outcome::failed:
      return ActionPhase::failed;
    case tools::Outcome::unknown:
      break;
  }
  return ActionPhase::unknown;
}

}  // namespace

Task<std::expected<action::AuthorizedAction, Stopped>> Calls::decide(LiveWorkspace& workspace,
                                                                     const Matched& matched,
                                                                     ActionId id) {
  const auto version = workspace.version();
  std::optional<action::Account> account;
  if (const auto& needed = matched.server->credential_name();
      needed && matched.request.operation->credential) {
    const auto stored = workspace.credential(*needed).credential;
    if (stored == nullptr) {
      co_return stop(Errc::unavailable, "the credential " + *needed + " is not in the vault",
                     matched.server->name(),
                     "an operator adds it with: writ credential add " + *needed);
    }
    account = action::Account{stored->id, stored->generation};
  }
  auto proposed =
      action::ProposedAction::propose(matched.call, id, version->name(), matched.server,
                                      matched.request, account, matched.idempotency_key);
  if (auto known = co_await check_known(workspace, proposed); !known)
    co_return std::unexpected(std::move(known).error());
  auto decided =
      version->decider().decide(std::move(proposed), version->terms(), parts_.clock.now());
  if (!decided) {
    auto& denied = decided.error();
    for (const auto& error : denied.errors) {
      parts_.log.warning("policy.error",
                         {{"run", denied.proposed.call().run().id.to_string()}, {"error", error}});
    }
    // A refusal is in the log before the agent hears of it.
    Unit unit;
    unit.appends.push_back(writer(workspace).refusal(denied));
    if (auto recorded = co_await workspace.store().commit(std::move(unit)); !recorded) {
      if (recorded.error().where == kProofConflict) {
        co_return stop(Errc::unauthenticated, "this DPoP proof was used before", "DPoP",
                       "make a new proof for each request");
      }
      co_return std::unexpected(Stopped(std::move(recorded).error()));
    }
    co_return std::unexpected(Stopped(Refused{id, std::move(denied.refusal)}));
  }
  co_return std::move(*decided);
}

Task<std::expected<void, Stopped>> Calls::check_known(
    LiveWorkspace& workspace, const action::ProposedAction& proposed) const {
  if (!proposed.idempotency_key() || !has_record(proposed))
    co_return std::expected<void, Stopped>();
  auto owner = co_await workspace.store().get(RecordKind::idempotency, idempotency_id(proposed));
  if (!owner) co_return std::unexpected(Stopped(std::move(owner).error()));
  if (!*owner) co_return std::expected<void, Stopped>();
  const auto id = ActionId::parse((*owner)->value);
  if (!id) co_return std::unexpected(Stopped(id.error()));
  auto known = co_await state(workspace, *id);
  if (!known) co_return std::unexpected(Stopped(std::move(known).error()));
  if (!*known) co_return stop(Errc::internal, "an idempotency key without its action");
  if ((*known)->digest != proposed.digest()) {
    co_return stop(Errc::conflict, "this Idempotency-Key was used for another action in this run",
                   "Idempotency-Key", "use a new key for a new action");
  }
  co_return std::unexpected(Stopped(KnownAction{std::move(**known)}));
}

Task<std::expected<Sendable, Stopped>> Calls::prepare(LiveWorkspace& workspace, Matched matched,
                                                      Dialer& dialer, Hold hold) {
  if (matched.request.operation->effect == tools::Effect::money && !matched.idempotency_key) {
    co_return stop(Errc::invalid_input, "a call that moves money carries an Idempotency-Key",
                   "Idempotency-Key",
                   "send a new key for each new action, the same key to ask again");
  }
  const auto id = ActionId::make(parts_.clock, parts_.random);
  std::optional<Error> last;
  for (int attempt = 0; attempt < kMaxDecisions; ++attempt) {
    auto decided = co_await decide(workspace, matched, id);
    if (!decided) co_return std::unexpected(std::move(decided).error());

    std::optional<Approvals::Ready> approval;
    if (!decided->approvals().empty()) {
      auto gate = co_await parts_.approvals.require(workspace, *decided);
      if (!gate) co_return std::unexpected(Stopped(std::move(gate).error()));
      if (auto* pending = std::get_if<Approvals::Pending>(&*gate)) {
        const bool held =
            co_await parts_.approvals.wait(workspace, *pending, hold.deadline, hold.client_gone,
                                           workspace.runs().token(matched.call.run().id));
        if (hold.client_gone.cancelled()) {
          co_return stop(Errc::unavailable, "the client has gone");
        }
        if (auto alive = parts_.authenticator.still_alive(workspace, matched.call); !alive) {
          co_return std::unexpected(
              Stopped(Refused{id, {delegation::Operand::run, alive.error().message}}));
        }
        if (!held) co_return std::unexpected(Stopped(ApprovalNeeded{pending->approval}));
        // Everything is decided again on the held bytes; the wait itself is not an attempt.
        --attempt;
        continue;
      }
      approval = std::get<Approvals::Ready>(std::move(*gate));
    }

    before_step(parts_.steps, "dial");
    auto upstream = co_await dialer.dial(*decided);
    if (!upstream) co_return std::unexpected(Stopped(std::move(upstream).error()));
    auto recorded = co_await record(
        workspace, ReadyUpstream(std::move(*decided), std::move(*upstream)), approval);
    if (recorded) co_return std::move(*recorded);
    const auto* error = std::get_if<Error>(&recorded.error());
    if (error == nullptr) co_return std::unexpected(std::move(recorded).error());
    // The workspace, the approval or the key moved between the decision and the commit: decide
    // again on what is now.
    const bool moved = is_revision_conflict(*error, RecordKind::workspace) ||
                       is_revision_conflict(*error, RecordKind::approval) ||
                       is_revision_conflict(*error, RecordKind::idempotency);
    if (!moved) co_return std::unexpected(std::move(recorded).error());
    last = *error;
  }
  co_return stop(Errc::unavailable,
                 "the workspace changed while this call was decided: " + last->message, {},
                 "safe to send again");
}

Task<std::expected<Sendable, Stopped>> Calls::record(
    LiveWorkspace& workspace, ReadyUpstream ready,
    const std::optional<Approvals::Ready>& approval) {
  const auto& authorized = ready.authorized();
  const auto& proposed = authorized.proposed();
  const auto& run = proposed.call().run();
  if (!authorized.approvals().empty() && !approval) {
    co_return stop(Errc::internal, "an action that needs approvals has none");
  }

  Unit unit;
  unit.checks = LiveWorkspace::checks(proposed.call().lineage(), workspace.id(),
                                      authorized.workspace_version());
  for (const auto& requirement : proposed.operation().requires_done) {
    std::optional<Check> satisfied;
    for (auto& id : facts_wanted(proposed, requirement)) {
      auto fact = co_await workspace.store().get(RecordKind::fact, id);
      if (!fact) co_return std::unexpected(Stopped(std::move(fact).error()));
      if (*fact) satisfied = Check{RecordKind::fact, std::move(id), (*fact)->revision};
    }
    if (!satisfied) {
      co_return std::unexpected(
          Stopped(Refused{proposed.id(),
                          {delegation::Operand::step,
                           proposed.operation().name + " needs " + requirement.operation +
                               " done before, in this run and for the same arguments"}}));
    }
    unit.checks.push_back(std::move(*satisfied));
  }
  const approval::Approval* claimed = nullptr;
  before_step(parts_.steps, "claim");
  if (approval) {
    auto claim = parts_.approvals.claim(workspace, *approval, authorized);
    if (!claim) co_return std::unexpected(Stopped(std::move(claim).error()));
    unit.puts.push_back(std::move(*claim));
    claimed = approval->approval.get();
  }
  if (has_record(proposed)) {
    if (proposed.idempotency_key()) {
      unit.puts.push_back(
          {RecordKind::idempotency, idempotency_id(proposed), 0, proposed.id().to_string()});
    }
    const ActionState state{
        .id = proposed.id(),
        .run = run.id,
        .tool = proposed.operation().name,
        .digest = proposed.digest(),
        .phase = ActionPhase::intent,
        .status = std::nullopt,
        .approval = claimed == nullptr ? std::nullopt : std::optional(claimed->id),
        .resolved = false};
    unit.puts.push_back(
        {RecordKind::action, proposed.id().to_string(), 0, canonical_json(state.to_json())});
  }
  unit.appends.push_back(writer(workspace).intent(authorized, claimed));

  before_step(parts_.steps, "intent");
  auto committed = co_await workspace.store().commit(std::move(unit));
  if (!committed) {
    auto& error = committed.error();
    if (error.where == kProofConflict) {
      co_return stop(Errc::unauthenticated, "this DPoP proof was used before", "DPoP",
                     "make a new proof for each request");
    }
    if (is_revision_conflict(error, RecordKind::run)) {
      co_return std::unexpected(Stopped(Refused{
          proposed.id(),
          {delegation::Operand::run, "the run, or one that it descends from, was revoked"}}));
    }
    co_return std::unexpected(Stopped(std::move(error)));
  }
  if (approval) parts_.approvals.claimed(workspace, *approval, proposed.id());
  workspace.open_intents().add(committed->first_index);
  co_return Sendable{
      action::RecordedAction(std::move(ready.authorized_), committed->first_index,
                             claimed == nullptr ? std::nullopt : std::optional(claimed->id)),
      std::move(ready.upstream_)};
}

Expected<vault::Opened> Calls::open_credential(const LiveWorkspace& workspace,
                                               const action::RecordedAction& action) const {
  const auto& needed = action.proposed().server().credential_name();
  if (!needed) return fail(Errc::internal, "the tool server has no credential");
  const auto stored = workspace.credential(*needed).credential;
  if (stored == nullptr)
    return fail(Errc::unavailable, "the credential " + *needed + " is not in the vault any more");
  return vault::open(action, *stored, workspace.data_key());
}

Task<Expected<void>> Calls::finish(LiveWorkspace& workspace, const action::RecordedAction& action,
                                   EntryWriter::Ending ending) {
  const auto& proposed = action.proposed();
  before_step(parts_.steps, "outcome");
  Unit unit;
  unit.appends.push_back(writer(workspace).outcome(action, ending));
  if (ending.outcome == tools::Outcome::done) {
    for (auto& id : facts_made(proposed)) {
      auto before = co_await workspace.store().get(RecordKind::fact, id);
      if (before && !*before) unit.puts.push_back({RecordKind::fact, std::move(id), 0, "{}"});
    }
  }
  if (!has_record(proposed) && unit.puts.empty()) {
    workspace.store().append_later(std::move(unit.appends));
    workspace.open_intents().remove(action.log_index());
    co_return Expected<void>();
  }
  if (has_record(proposed)) {
    const ActionState state{.id = proposed.id(),
                            .run = proposed.call().run().id,
                            .tool = proposed.operation().name,
                            .digest = proposed.digest(),
                            .phase = phase_of(ending.outcome),
                            .status = ending.status,
                            .approval = action.approval(),
                            .resolved = false};
    unit.puts.push_back(
        {RecordKind::action, proposed.id().to_string(), 1, canonical_json(state.to_json())});
  }
  auto committed = co_await workspace.store().commit(std::move(unit));
  if (!committed) co_return std::unexpected(std::move(committed).error());
  workspace.open_intents().remove(action.log_index());
  co_return Expected<void>();
}

Task<Expected<std::optional<ActionState>>> Calls::state(LiveWorkspace& workspace,
                                                        ActionId id) const {
  WRIT_CO_TRY(const auto record,
              co_await workspace.store().get(RecordKind::action, id.to_string()));
  if (!record) co_return std::optional<ActionState>();
  WRIT_CO_TRY(const auto json, parse_json(record->value));
  WRIT_CO_TRY(auto state, ActionState::from_json(json));
  co_return std::optional(std::move(state));
}

Task<Expected<std::optional<std::string>>> Calls::result(LiveWorkspace& workspace,
                                                         const ActionState& state) const {
  WRIT_CO_TRY(const auto rows, co_await workspace.store().find_log(state.id.to_string(), 0, 16));
  for (const auto& row : rows) {
    WRIT_CO_TRY(const auto entry, audit::Entry::parse(as_bytes(row.entry)));
    const auto commitment = entry.commitment(kResult);
    if (!commitment || row.sealed.empty()) continue;
    WRIT_CO_TRY(auto opened, open_payload(workspace.data_key(), workspace.id(),
                                          state.id.to_string(), kResult, row.sealed, *commitment));
    co_return std::optional(std::move(opened));
  }
  co_return std::optional<std::string>();
}

}  // namespace writ::broker
