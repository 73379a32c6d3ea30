// SPDX-License-Identifier: Apache-2.0
#include "broker/calls.h"

#include "async/turn.h"
#include "broker/facts.h"
#include "broker/history.h"
#include "broker/outcomes.h"
#include "crypto/hash.h"
#include "wire/canonical.h"

namespace writ::broker {
namespace {

// How often one call is decided anew because the workspace moved under it.
constexpr int kMaxDecisions = 4;

std::string key_id(const LiveWorkspace& workspace, const action::ProposedAction& proposed) {
  return idempotency_id(workspace.digest_key(), proposed.call().run().id.to_string(),
                        crypto::sha256(*proposed.idempotency_key()));
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

Error used_proof() {
  return {.code = Errc::unauthenticated,
          .message = "this DPoP proof was used before",
          .where = "DPoP",
          .hint = "make a new proof for each request"};
}

// What was matched, as the workspace declares it now: the definition may have changed since, while
// the call was held above all. The canonical bytes are what was asked for, so they are what is
// matched.
Expected<void> match_again(const workspace::Version& version, Matched& matched) {
  auto current = version.server(matched.server->name());
  if (current == matched.server) return {};
  const auto& before = matched.request;
  const auto name = before.operation->name;
  if (current != nullptr) {
    auto again = tools::match_request(*current, before.method, before.target, before.fields,
                                      as_bytes(before.body));
    if (again && again->operation->name == name) {
      matched.request = std::move(*again);
      matched.server = std::move(current);
      return {};
    }
  }
  return fail(Errc::not_found, name + " is not declared any more as it was when this call came", {},
              "read what the tool server offers now, then send a call that fits");
}

// Whether the workspace, the approval, one who approved or the key moved between the decision and
// the commit: then it is decided again on what is now.
std::optional<Error> has_moved(const Stopped& stopped) {
  const auto* error = std::get_if<Error>(&stopped);
  const auto moved = [&](RecordKind kind) { return is_revision_conflict(*error, kind); };
  if (error == nullptr || !(moved(RecordKind::workspace) || moved(RecordKind::approval) ||
                            moved(RecordKind::user) || moved(RecordKind::idempotency))) {
    return std::nullopt;
  }
  return *error;
}

std::unexpected<Stopped> stop(Error error) { return std::unexpected(Stopped(std::move(error))); }

}  // namespace

Task<Calls::Step<action::AuthorizedAction>> Calls::decide(LiveWorkspace& workspace,
                                                          Matched& matched, ActionId id) {
  const auto& proof = matched.call.proof();
  auto right = proof ? parts_.time.check(proof->made) : parts_.time.check();
  if (!right) co_return stop(std::move(right).error());
  // P48: each of these may spend a budget, and so may who called this.
  if (turn_is_heavy()) co_await end_turn();
  const auto version = workspace.version();
  if (auto again = match_again(*version, matched); !again) co_return stop(std::move(again).error());
  // P14, of what it is now: a call that was held may have become one that moves money.
  if (matched.request.operation->effect == tools::Effect::money && !matched.idempotency_key) {
    co_return stop(Errc::invalid_input, "a call that moves money carries an Idempotency-Key",
                   "Idempotency-Key",
                   "send a new key for each new action, the same key to ask again");
  }
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
  if (auto known = co_await check_known(workspace, matched, proposed); !known)
    co_return std::unexpected(std::move(known).error());
  if (turn_is_heavy()) co_await end_turn();
  auto decided =
      version->decider().decide(std::move(proposed), version->terms(), parts_.clock.now());
  if (decided) co_return std::move(*decided);
  for (const auto& error : decided.error().errors) {
    parts_.log.warning(
        "policy.error",
        {{"run", decided.error().proposed.call().run().id.to_string()}, {"error", error}});
  }
  co_return std::unexpected(co_await refuse(workspace, std::move(decided).error()));
}

// A refusal is in the log before the agent hears of it.
Task<Stopped> Calls::refuse(LiveWorkspace& workspace, policy::Denied denied,
                            bool proof_used) const {
  const auto id = denied.proposed.id();
  Unit unit;
  unit.appends.push_back(writer(workspace).refusal(denied));
  if (proof_used) unit.appends.back().proof.reset();
  auto recorded = co_await workspace.store().commit(std::move(unit));
  if (!recorded) {
    if (recorded.error().where == kProofConflict) co_return Stopped(used_proof());
    co_return Stopped(std::move(recorded).error());
  }
  co_return Stopped(Refused{id, std::move(denied.refusal)});
}

Task<Calls::Step<void>> Calls::check_known(LiveWorkspace& workspace, Matched& matched,
                                           const action::ProposedAction& proposed) const {
  if (!proposed.idempotency_key() || !has_record(proposed)) co_return Step<void>();
  auto owner = co_await workspace.store().get(RecordKind::idempotency, key_id(workspace, proposed));
  if (!owner) co_return std::unexpected(Stopped(std::move(owner).error()));
  if (!*owner) co_return Step<void>();
  const auto id = ActionId::parse((*owner)->value);
  if (!id) co_return std::unexpected(Stopped(id.error()));
  auto known = co_await state(workspace, *id);
  if (!known) co_return std::unexpected(Stopped(std::move(known).error()));
  if (!*known) co_return stop(Errc::internal, "an idempotency key without its action");
  // What was done is told to who proves anew who asks, as doing it is.
  if (auto used = co_await use_proof(workspace, matched); !used) co_return used;
  if ((*known)->digest_hmac != action_hmac(workspace.digest_key(), proposed.digest())) {
    co_return stop(Errc::conflict, "this Idempotency-Key was used for another action in this run",
                   "Idempotency-Key", "use a new key for a new action");
  }
  co_return std::unexpected(Stopped(KnownAction{std::move(**known)}));
}

Task<std::expected<Sendable, Stopped>> Calls::prepare(LiveWorkspace& workspace, Matched matched,
                                                      Dialer& dialer, Hold hold) {
  const auto id = ActionId::make(parts_.clock, parts_.random);
  std::optional<Error> moved;
  for (int attempt = 0; attempt < kMaxDecisions; ++attempt) {
    auto decided = co_await decide(workspace, matched, id);
    if (!decided) co_return std::unexpected(std::move(decided).error());

    std::optional<Approvals::Ready> approval;
    if (!decided->approvals().empty()) {
      // Also in the commit; here so that nobody is asked about what could not go on anyway.
      std::vector<Check> checks;
      if (auto required = co_await check_requirements(workspace, decided->proposed(), checks);
          !required)
        co_return std::unexpected(std::move(required).error());
      auto gate = co_await approved(workspace, matched, *decided, hold);
      if (!gate && (moved = has_moved(gate.error()))) continue;
      if (!gate) co_return std::unexpected(std::move(gate).error());
      if (!*gate) {
        // Everything is decided again on the held bytes; the wait itself is not an attempt.
        --attempt;
        continue;
      }
      approval = std::move(**gate);
    }

    before_step(parts_.steps, "dial");
    auto upstream = co_await dialer.dial(*decided);
    if (!upstream) co_return stop(std::move(upstream).error());
    if (hold.client_gone.cancelled()) co_return stop(Errc::unavailable, "the client has gone");
    auto recorded = co_await record(
        workspace, ReadyUpstream(std::move(*decided), std::move(*upstream)), approval);
    if (recorded) {
      recorded->slot = std::move(matched.slot);
      co_return std::move(*recorded);
    }
    if (!(moved = has_moved(recorded.error())))
      co_return std::unexpected(std::move(recorded).error());
  }
  co_return stop(Errc::unavailable,
                 "the workspace changed while this call was decided: " + moved->message, {},
                 "safe to send again");
}

// The approval to claim; nothing where people have answered meanwhile and everything is to be
// decided again.
Task<Calls::Step<std::optional<Approvals::Ready>>> Calls::approved(
    LiveWorkspace& workspace, Matched& matched, const action::AuthorizedAction& decided,
    const Hold& hold) {
  auto gate = co_await parts_.approvals.require(workspace, decided);
  if (!gate && gate.error().where == kOnceConflict) co_return stop(used_proof());
  if (!gate) co_return stop(std::move(gate).error());
  if (auto* ready = std::get_if<Approvals::Ready>(&*gate)) co_return std::move(*ready);
  const auto& pending = std::get<Approvals::Pending>(*gate);
  if (pending.proof_used) matched.call = Authenticator::proof_used(std::move(matched.call));
  if (auto used = co_await use_proof(workspace, matched); !used)
    co_return std::unexpected(std::move(used).error());
  if (hold.deadline <= parts_.clock.steady_now())
    co_return std::unexpected(Stopped(ApprovalNeeded{pending.approval}));

  const auto run = matched.call.run().id;
  const auto slot = in_flight_.held(holder_of(matched.call.run()));
  if (!slot) co_return stop(slot.error());
  const bool answered = co_await parts_.approvals.wait(
      workspace, pending, hold.deadline, hold.client_gone, workspace.runs().token(run));
  if (hold.client_gone.cancelled()) co_return stop(Errc::unavailable, "the client has gone");
  if (auto alive = parts_.authenticator.still_alive(workspace, matched.call); !alive) {
    co_return std::unexpected(
        co_await refuse(workspace,
                        {.refusal = {delegation::Operand::run, alive.error().message},
                         .policies = {},
                         .errors = {},
                         .proposed = decided.proposed()},
                        true));
  }
  if (!answered) co_return std::unexpected(Stopped(ApprovalNeeded{pending.approval}));
  // One that nobody answered ends the call, which must not go on asking by itself.
  auto now = co_await find_approval(workspace, parts_.approvals, pending.approval->id);
  if (!now) co_return stop(std::move(now).error());
  if (*now == nullptr ||
      approval::state_at(**now, parts_.clock.now()) == approval::State::expired) {
    co_return stop(Errc::denied, "nobody answered the approval request in time", "approval",
                   "send the call again to ask anew");
  }
  co_return std::optional<Approvals::Ready>();
}

// P8: people take longer than a proof lasts, so the proof of a call that waits for them is consumed
// now and not with the intent: else it could be used again once it is forgotten.
Task<Calls::Step<void>> Calls::use_proof(LiveWorkspace& workspace, Matched& matched) const {
  if (const auto& proof = matched.call.proof()) {
    Unit unit;
    unit.once.push_back({proof->digest, proof->expires});
    auto committed = co_await workspace.store().commit(std::move(unit));
    if (!committed && committed.error().where == kOnceConflict) co_return stop(used_proof());
    if (!committed) co_return stop(std::move(committed).error());
  }
  matched.call = Authenticator::proof_used(std::move(matched.call));
  co_return Step<void>();
}

// P2: what the operation requires is done, by a fact that the commit checks.
Task<Calls::Step<void>> Calls::check_requirements(LiveWorkspace& workspace,
                                                  const action::ProposedAction& proposed,
                                                  std::vector<Check>& checks) {
  for (const auto& requirement : proposed.operation().requires_done) {
    const auto wanted = facts_wanted(workspace.digest_key(), proposed, requirement);
    auto found = std::ranges::find_if(
        wanted, [&](const auto& id) { return workspace.known_facts().contains(id); });
    if (found == wanted.end()) {
      for (found = wanted.begin(); found != wanted.end(); ++found) {
        auto fact = co_await workspace.store().get(RecordKind::fact, *found);
        if (!fact) co_return stop(std::move(fact).error());
        if (!*fact) continue;
        workspace.known_facts().add(*found);
        break;
      }
    }
    if (found == wanted.end()) {
      co_return std::unexpected(co_await refuse(
          workspace, {.refusal = {delegation::Operand::step,
                                  proposed.operation().name + " needs " + requirement.operation +
                                      " done before, in this run and for the same arguments"},
                      .policies = {},
                      .errors = {},
                      .proposed = proposed}));
    }
    checks.push_back({RecordKind::fact, *found, kFactRevision});
  }
  co_return Step<void>();
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
  if (auto required = co_await check_requirements(workspace, proposed, unit.checks); !required)
    co_return std::unexpected(std::move(required).error());
  before_step(parts_.steps, "claim");
  std::optional<Approvals::Claiming> claiming;
  if (approval) {
    auto claim = parts_.approvals.claim(workspace, *approval, authorized);
    if (!claim) {
      // It moved since it was found: to be asked again, not a verdict on the call.
      co_return stop(Errc::conflict, claim.error().message,
                     revision_conflict(RecordKind::approval, approval->approval->id.to_string()));
    }
    claiming = std::move(*claim);
    unit.puts.push_back(claiming->put);
    unit.checks.insert(unit.checks.end(), claiming->checks.begin(), claiming->checks.end());
  }
  const std::optional<ApprovalId> claimed =
      claiming ? std::optional(claiming->claimed.id) : std::nullopt;
  if (has_record(proposed)) {
    if (proposed.idempotency_key()) {
      unit.puts.push_back(
          {RecordKind::idempotency, key_id(workspace, proposed), 0, proposed.id().to_string()});
    }
    const ActionState state{.id = proposed.id(),
                            .run = run.id,
                            .tool = proposed.operation().name,
                            .digest_hmac = action_hmac(workspace.digest_key(), proposed.digest()),
                            .phase = ActionPhase::intent,
                            .status = std::nullopt,
                            .approval = claimed,
                            .resolved = false};
    unit.puts.push_back(
        {RecordKind::action, proposed.id().to_string(), 0, canonical_json(state.to_json())});
  }
  unit.appends.push_back(writer(workspace).intent(
      authorized, claiming ? &claiming->claimed : nullptr, workspace.digest_key()));
  // Again, as dialling and waiting take their time.
  if (auto right = parts_.time.check(); !right) co_return stop(std::move(right).error());

  before_step(parts_.steps, "intent");
  // Before it can be in the log: else the resume point could pass it while this task waits its
  // turn.
  const auto begun = workspace.open_intents().begin();
  auto committed = co_await workspace.store().commit(std::move(unit));
  if (!committed) {
    auto& error = committed.error();
    if (error.code == Errc::unknown_outcome) workspace.open_intents().lose_one();
    workspace.open_intents().recorded(begun, std::nullopt);
    if (error.where == kProofConflict) co_return stop(used_proof());
    if (is_revision_conflict(error, RecordKind::run)) {
      co_return std::unexpected(co_await refuse(
          workspace, {.refusal = {delegation::Operand::run,
                                  "the run, or one that it descends from, was revoked"},
                      .policies = {},
                      .errors = {},
                      .proposed = proposed}));
    }
    co_return stop(std::move(error));
  }
  workspace.open_intents().recorded(begun, committed->first_index);
  if (claiming) parts_.approvals.claimed(workspace, std::move(*claiming));
  co_return Sendable{
      action::RecordedAction(std::move(ready.authorized_), committed->first_index, claimed),
      std::move(ready.upstream_), InFlight::Slot()};
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
  KnownOutcome outcome{.intent = action.log_index(),
                       .state = std::nullopt,
                       .facts = {},
                       .entry = writer(workspace).outcome(action, ending, workspace.digest_key())};
  if (ending.outcome == tools::Outcome::done)
    outcome.facts = facts_made(workspace.digest_key(), proposed);
  if (has_record(proposed)) {
    const ActionState state{.id = proposed.id(),
                            .run = proposed.call().run().id,
                            .tool = proposed.operation().name,
                            .digest_hmac = action_hmac(workspace.digest_key(), proposed.digest()),
                            .phase = phase_of(ending.outcome),
                            .status = ending.status,
                            .approval = action.approval(),
                            .resolved = false};
    outcome.state =
        Put{RecordKind::action, proposed.id().to_string(), 1, canonical_json(state.to_json())};
  }
  co_return co_await write_outcome(workspace, std::move(outcome));
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
