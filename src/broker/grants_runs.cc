// SPDX-License-Identifier: Apache-2.0
// How runs begin: for a user or the workspace, and by delegation.
#include <algorithm>
#include <utility>

#include "broker/grant_checks.h"
#include "broker/grant_entries.h"
#include "broker/grants.h"
#include "crypto/hash.h"

namespace writ::broker {
namespace {

// What a start read and its commit found changed; how often the user's token was used among it.
bool start_has_moved(const Error& error) {
  return has_moved(error) || is_revision_conflict(error, RecordKind::grant);
}

std::unexpected<Error> deny_details(std::string message, std::string hint = {}) {
  return fail(Errc::denied, std::move(message), std::string(kDetailsPlace), std::move(hint));
}
std::unexpected<Error> deny_details(const delegation::Refusal& refusal) {
  return deny_details("refused by the " + std::string(delegation::name(refusal.operand)) + ": " +
                      refusal.message);
}

// The key that the run's tokens are bound to: that of the proof. Only an agent that is opted in to
// bearer tokens goes without one (P8).
Expected<std::string> binding(const AuthenticatedClient& client, const identity::Agent& agent) {
  if (!client.proof_key().empty() || agent.sender == identity::SenderConstraint::bearer)
    return client.proof_key();
  return fail(Errc::unauthenticated, "the DPoP proof is missing", std::string(kProofPlace),
              "send one in the field DPoP; the tokens are bound to its key");
}

Check workspace_check(const LiveWorkspace& workspace, const workspace::Version& version) {
  return {RecordKind::workspace, workspace.id().to_string(), version.number()};
}

// That the user still stands as was read: a disabled user's run does not begin.
void check_user(Unit& unit, const LiveWorkspace& workspace, const std::optional<UserId>& user) {
  if (!user) return;
  unit.checks.push_back({RecordKind::user, user->to_string(), workspace.standing(*user).revision});
}

delegation::Run new_run(const workspace::AgentTerms& terms, const delegation::Workflow& workflow,
                        const delegation::Step& step, delegation::Scope scope) {
  delegation::Run run;
  run.name = workflow.name + "/" + step.name;
  run.role = terms.agent->role;
  run.agent = terms.agent->id;
  run.agent_name = terms.agent->name;
  run.workflow = workflow.id;
  run.workflow_name = workflow.name;
  run.workflow_digest = workflow.digest;
  run.step = step.name;
  run.scope = std::move(scope);
  run.pinned = step.scope;
  return run;
}

}  // namespace

Task<Expected<Granted>> Grants::start_for_user(AuthenticatedClient client, AskedRun asked,
                                               SubjectKind kind, std::string subject_token,
                                               std::vector<std::string> resources,
                                               std::string trace_id) {
  WRIT_CO_TRY_VOID(parts_.time.check(client.made()));
  auto subject = co_await parts_.subjects.verify(client.workspace(), client.agent(), kind,
                                                 std::move(subject_token));
  if (!subject) {
    co_return std::unexpected(
        co_await refused({.client = client, .flow = "start"}, std::move(subject).error()));
  }
  co_return co_await start(std::move(client), std::move(asked), std::move(*subject),
                           std::move(resources), std::move(trace_id));
}

Task<Expected<Granted>> Grants::start_for_workspace(AuthenticatedClient client, AskedRun asked,
                                                    std::vector<std::string> resources,
                                                    std::string trace_id) {
  WRIT_CO_TRY_VOID(parts_.time.check(client.made()));
  co_return co_await start(std::move(client), std::move(asked), std::nullopt, std::move(resources),
                           std::move(trace_id));
}

Task<Expected<Granted>> Grants::start(AuthenticatedClient client, AskedRun asked,
                                      std::optional<VerifiedSubject> subject,
                                      std::vector<std::string> resources, std::string trace_id) {
  Error last;
  for (int attempt = 0; attempt < kMaxGrantAttempts; ++attempt) {
    auto out = co_await start_once(client, asked, subject, resources, trace_id);
    if (out) co_return out;
    last = std::move(out).error();
    if (!start_has_moved(last)) {
      co_return std::unexpected(
          co_await refused({.client = client, .flow = "start"}, std::move(last)));
    }
  }
  co_return keeps_moving(last);
}

Task<Expected<Granted>> Grants::start_once(const AuthenticatedClient& client, const AskedRun& asked,
                                           const std::optional<VerifiedSubject>& subject,
                                           const std::vector<std::string>& resources,
                                           const std::string& trace_id) {
  auto& workspace = client.workspace();
  const auto version = workspace.version();
  WRIT_CO_TRY(const auto* terms, Clients::terms(client, *version));
  WRIT_CO_TRY_VOID(check_resources(resources, *version));
  // One answer for what is elsewhere and for what is nowhere (P10).
  const auto* workflow =
      asked.workspace == version->name() ? version->workflow(asked.workflow) : nullptr;
  const auto* step = workflow != nullptr ? workflow->step(asked.step) : nullptr;
  if (step == nullptr) co_return deny_details("this workspace has no such workflow and step");
  if (step->agent != terms->agent->id)
    co_return deny_details("step " + quoted_extract(step->name) + " is another agent's");
  auto scope = delegation::start_scope(asked.scope, *step, terms->ceiling, subject.has_value());
  if (!scope) co_return deny_details(scope.error());

  auto run = new_run(*terms, *workflow, *step, std::move(*scope));
  if (asked.name) run.name = *asked.name;
  WRIT_CO_TRY(run.key_thumbprint, binding(client, *terms->agent));
  run.client_key = client.key();
  run.id = RunId::make(parts_.clock, parts_.random);
  run.grant = GrantId::make(parts_.clock, parts_.random);
  run.workspace = workspace.id();
  run.started = parts_.clock.now();
  run.ends = delegation::run_end(run.started, *step, nullptr);
  run.trace_id = trace_id;

  Birth birth;
  birth.unit.checks.push_back(workspace_check(workspace, *version));
  if (subject) {
    // Anew on each try, as of now.
    const auto user = workspace.active_user(subject->user->id);
    if (user == nullptr) {
      co_return fail(Errc::denied, "the token's user is disabled, or not of this workspace",
                     std::string(kSubjectPlace));
    }
    run.user = user->id;
    run.user_name = user->name;
    // What a provider says of a person can be guessed, so it is recorded keyed (P38).
    run.user_token = user_token_hmac(workspace.digest_key(), subject->token);
    check_user(birth.unit, workspace, run.user);
    const auto id = grant_record_id(*run.user_token);
    WRIT_CO_TRY(const auto record, co_await workspace.store().get(RecordKind::grant, id));
    UserTokenUse use;
    if (record) {
      WRIT_CO_TRY(use, UserTokenUse::parse(record->value));
    }
    if (use.runs >= parts_.limits.runs_per_user_token) {
      co_return fail(Errc::denied, "this token has begun as many runs as one token may",
                     std::string(kSubjectPlace), "ask the user for a new one");
    }
    ++use.runs;
    use.expires = subject->accepted_until;
    birth.unit.puts.push_back({.kind = RecordKind::grant,
                               .id = id,
                               .expected = record ? record->revision : 0,
                               .value = use.to_text()});
  }
  birth.run = std::make_shared<const delegation::Run>(std::move(run));
  birth.lineage.runs = {birth.run};
  co_return co_await begin(client, *version, std::move(birth), resources, "start");
}

Task<Expected<Delegated>> Grants::hand_down(AuthenticatedClient client, std::string access_token,
                                            AskedDelegation asked) {
  WRIT_CO_TRY_VOID(parts_.time.check(client.made()));
  Refusing refusing{.client = client, .flow = "hand_down"};
  const auto token = parts_.tokens.verify_access(access_token);
  if (!token) {
    auto error = token.error();
    error.where = kSubjectPlace;
    co_return std::unexpected(co_await refused(refusing, std::move(error)));
  }
  const auto run = RunId::parse(token->string_claim("run").value_or(""));
  if (!run) {
    co_return std::unexpected(co_await refused(
        refusing,
        fail(Errc::unauthenticated, "the token names no run", std::string(kSubjectPlace)).error()));
  }
  Error last;
  for (int attempt = 0; attempt < kMaxGrantAttempts; ++attempt) {
    auto out = co_await hand_down_once(client, *run, asked);
    if (out) co_return out;
    last = std::move(out).error();
    if (has_moved(last)) continue;
    // Only a run of this workspace is worth naming.
    if (client.workspace().runs().find(*run) != nullptr) refusing.run = *run;
    co_return std::unexpected(co_await refused(refusing, std::move(last)));
  }
  co_return keeps_moving(last);
}

Task<Expected<Delegated>> Grants::hand_down_once(const AuthenticatedClient& client, RunId run,
                                                 const AskedDelegation& asked) {
  auto& workspace = client.workspace();
  const auto version = workspace.version();
  WRIT_CO_TRY(const auto* own, Clients::terms(client, *version));
  WRIT_CO_TRY(const auto parent, standing(workspace, *version, run, kSubjectPlace));
  if (parent.run().agent != client.agent().id) {
    co_return fail(Errc::denied, "the token is another agent's", std::string(kSubjectPlace),
                   "a run is handed down by its own agent alone");
  }
  // The token's key, so that who has stolen a token cannot hand down what it stands for.
  WRIT_CO_TRY_VOID(check_key(client, parent.run(), *own->agent, kSubjectPlace));

  const auto* workflow = version->workflow(parent.run().workflow);
  const auto* step = workflow != nullptr ? workflow->step(asked.step) : nullptr;
  const auto* terms = version->agent(asked.agent);
  if (step == nullptr || terms == nullptr || step->agent != terms->agent->id) {
    co_return deny_details("the run's workflow has no such step of that agent");
  }
  auto scope =
      delegation::child_scope(asked.scope, parent, *step, terms->ceiling, version->terms());
  if (!scope) co_return deny_details(scope.error());
  // What nobody could redeem now is not handed down.
  WRIT_CO_TRY_VOID(parts_.shares.runs.check(
      {.workspace = workspace.id(), .member = terms->agent->id.raw(), .run = {}}));
  auto granted = asked;
  granted.scope = {.use = std::move(scope->use), .delegate = std::move(scope->delegate)};
  WRIT_CO_TRY(auto token, parts_.tokens.delegate(parent, *version, *terms->agent, granted));

  Unit unit;
  unit.checks = LiveWorkspace::checks(parent, workspace.id(), version->number());
  check_user(unit, workspace, parent.run().user);
  unit.once.push_back(client.assertion());
  unit.appends.push_back(
      run_delegated(writer(workspace), parent.run(), *terms->agent, granted, token));
  unit.appends.back().proof = client.proof();
  auto committed = co_await workspace.store().commit(std::move(unit));
  if (!committed)
    co_return std::unexpected(ended_meanwhile(std::move(committed).error(), kSubjectPlace));
  co_return Delegated{.token = std::move(token), .details = granted.to_json()};
}

Task<Expected<Granted>> Grants::take_over(AuthenticatedClient client, std::string delegation_token,
                                          std::vector<std::string> resources) {
  WRIT_CO_TRY_VOID(parts_.time.check(client.made()));
  Refusing refusing{.client = client, .flow = "take_over"};
  const auto handed = parts_.tokens.verify_delegation(delegation_token);
  if (!handed) {
    auto error = handed.error();
    error.where = kSubjectPlace;
    co_return std::unexpected(co_await refused(refusing, std::move(error)));
  }
  Error last;
  for (int attempt = 0; attempt < kMaxGrantAttempts; ++attempt) {
    auto out = co_await take_over_once(client, *handed, resources);
    if (out) co_return out;
    last = std::move(out).error();
    if (has_moved(last)) continue;
    if (client.workspace().runs().find(handed->parent) != nullptr) refusing.run = handed->parent;
    co_return std::unexpected(co_await refused(refusing, std::move(last)));
  }
  co_return keeps_moving(last);
}

Task<Expected<Granted>> Grants::take_over_once(const AuthenticatedClient& client,
                                               const HandedDown& handed,
                                               const std::vector<std::string>& resources) {
  auto& workspace = client.workspace();
  const auto version = workspace.version();
  WRIT_CO_TRY(const auto* terms, Clients::terms(client, *version));
  // RFC 8693 section 4.4: only the agent that may_act names may take its place in the chain.
  if (handed.workspace != version->name() || handed.agent != client.agent().id) {
    co_return fail(Errc::denied, "the delegation is for another agent", std::string(kSubjectPlace));
  }
  WRIT_CO_TRY_VOID(check_resources(resources, *version));
  WRIT_CO_TRY(const auto parent, standing(workspace, *version, handed.parent, kSubjectPlace));
  const auto* workflow = version->workflow(parent.run().workflow);
  const auto* step = workflow != nullptr ? workflow->step(handed.asked.step) : nullptr;
  if (step == nullptr || step->agent != terms->agent->id) {
    co_return fail(Errc::denied, "the step that was handed down is no longer this agent's",
                   std::string(kSubjectPlace));
  }
  // Once more: what was granted may be more than what the parent may hand down by now.
  auto scope =
      delegation::child_scope(handed.asked.scope, parent, *step, terms->ceiling, version->terms());
  if (!scope) {
    co_return fail(Errc::denied, scope.error().message, std::string(kSubjectPlace));
  }

  auto run = new_run(*terms, *workflow, *step, std::move(*scope));
  if (handed.asked.name) run.name = *handed.asked.name;
  if (handed.asked.role) run.role = *handed.asked.role;
  WRIT_CO_TRY(run.key_thumbprint, binding(client, *terms->agent));
  run.client_key = client.key();
  run.id = RunId::make(parts_.clock, parts_.random);
  run.grant = GrantId::make(parts_.clock, parts_.random);
  run.workspace = workspace.id();
  run.user = parent.run().user;
  run.user_name = parent.run().user_name;
  run.parent = parent.run().id;
  run.depth = parent.run().depth + 1;
  run.started = parts_.clock.now();
  run.ends = delegation::run_end(run.started, *step, &parent.run());
  run.trace_id = parent.run().trace_id;

  Birth birth;
  birth.unit.checks = LiveWorkspace::checks(parent, workspace.id(), version->number());
  check_user(birth.unit, workspace, run.user);
  birth.unit.once.push_back(
      {.digest = crypto::Sha256().update("writ-delegation-v1").update(handed.jti).finish(),
       .expires = handed.expires + kDelegationTokenLife});
  birth.delegation = handed.jti;
  birth.run = std::make_shared<const delegation::Run>(std::move(run));
  birth.lineage.runs = {birth.run};
  birth.lineage.runs.insert(birth.lineage.runs.end(), parent.runs.begin(), parent.runs.end());
  auto out = co_await begin(client, *version, std::move(birth), resources, "take_over");
  if (!out && out.error().code == Errc::conflict && out.error().where == kOnceConflict) {
    // Either the token was redeemed before, or the client's assertion was used: recording this
    // refusal consumes the assertion, and finds out.
    co_return fail(Errc::denied, "this delegation was redeemed already", std::string(kSubjectPlace),
                   "the delegating agent can make another");
  }
  if (!out) co_return std::unexpected(ended_meanwhile(std::move(out).error(), kSubjectPlace));
  co_return out;
}

}  // namespace writ::broker
