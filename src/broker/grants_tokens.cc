// SPDX-License-Identifier: Apache-2.0
// What happens to tokens that were issued: a run goes on, and tokens are looked at and given up.
#include <algorithm>
#include <utility>

#include "broker/grant_checks.h"
#include "broker/grant_entries.h"
#include "broker/grants.h"

namespace writ::broker {
namespace {

std::unexpected<Error> deny_refresh(std::string message) {
  return fail(Errc::denied, std::move(message), std::string(kRefreshPlace));
}

std::string_view token_type(bool bound) { return bound ? "DPoP" : "Bearer"; }

}  // namespace

Task<Expected<Granted>> Grants::go_on(AuthenticatedClient client, SecretBytes refresh_token,
                                      std::vector<std::string> resources) {
  WRIT_CO_TRY_VOID(parts_.time.check(client.made()));
  auto& workspace = client.workspace();
  Refusing refusing{.client = client, .flow = "go_on"};
  const auto id = grant_record_id(refresh_token);
  Error last;
  for (int attempt = 0; attempt < kMaxGrantAttempts; ++attempt) {
    WRIT_CO_TRY(const auto record, co_await workspace.store().get(RecordKind::grant, id));
    // The record of a user's token does not parse as one of a refresh token.
    const auto grant = record ? RefreshGrant::parse(record->value)
                              : fail(Errc::not_found, "no such refresh token");
    if (!grant || grant->agent != client.agent().id) {
      co_return std::unexpected(co_await refused(
          refusing, deny_refresh("the refresh token is not known, or not this client's").error()));
    }
    refusing.run = grant->run;
    bool reused = grant->used;
    if (!reused) {
      auto out = co_await go_on_once(client, *record, *grant, resources);
      if (out) co_return out;
      last = std::move(out).error();
      // Somebody else used it between the read and the commit.
      reused = is_revision_conflict(last, RecordKind::grant);
    }
    if (reused) co_return std::unexpected(co_await end_reused(refusing, grant->run));
    if (!has_moved(last)) co_return std::unexpected(co_await refused(refusing, std::move(last)));
  }
  co_return keeps_moving(last);
}

// The second use ends the run, whoever it was (P9): that is decided before anything that may fail.
// Only a request that was replayed as a whole ends nothing: its assertion proves nothing about who
// sent it, and what holds it holds no more than that request.
Task<Error> Grants::end_reused(Refusing refusing, RunId run) {
  auto error = deny_refresh("the refresh token was used before, so its run is ended").error();
  auto recorded = co_await record_refusal(refusing, error);
  if (recorded.assertion_used) co_return std::move(*recorded.failed);
  auto& workspace = refusing.client.workspace();
  auto revoked = co_await parts_.revocations.revoke(
      workspace, {run},
      {.by = "server", .by_name = {}, .reason = "a refresh token was used twice"});
  if (!revoked) co_return std::move(revoked).error();
  co_return error;
}

Task<Expected<Granted>> Grants::go_on_once(const AuthenticatedClient& client, const Record& record,
                                           const RefreshGrant& grant,
                                           const std::vector<std::string>& resources) {
  auto& workspace = client.workspace();
  const auto version = workspace.version();
  WRIT_CO_TRY(const auto* terms, Clients::terms(client, *version));
  WRIT_CO_TRY(const auto lineage, standing(workspace, *version, grant.run, kRefreshPlace));
  const auto& run = lineage.run();
  WRIT_CO_TRY_VOID(check_key(client, run, *terms->agent, kRefreshPlace));
  for (const auto& resource : resources) {
    if (std::ranges::find(grant.resources, resource) == grant.resources.end()) {
      co_return fail(Errc::not_found, quoted_extract(resource) + " was not granted to this run",
                     std::string(kResourcePlace));
    }
  }
  const auto& wanted = resources.empty() ? grant.resources : resources;
  WRIT_CO_TRY_VOID(check_resources(wanted, *version));
  const auto scope = delegation::effective_scope(lineage, version->terms());
  if (scope.use.empty() && scope.delegate.empty())
    co_return deny_refresh("nothing is left of what the run may do");

  auto tokens = make_tokens(GrantId::make(parts_.clock, parts_.random), lineage, *version, wanted);
  if (!tokens) co_return std::unexpected(std::move(tokens).error());
  // What was granted at first stays askable; this token alone is for less.
  RefreshGrant next = grant;
  tokens->record.value = next.to_text();
  RefreshGrant used = grant;
  used.used = true;

  Unit unit;
  unit.checks = LiveWorkspace::checks(lineage, workspace.id(), version->number());
  if (run.user) {
    unit.checks.push_back(
        {RecordKind::user, run.user->to_string(), workspace.standing(*run.user).revision});
  }
  unit.once.push_back(client.assertion());
  unit.puts.push_back({.kind = RecordKind::grant,
                       .id = record.id,
                       .expected = record.revision,
                       .value = used.to_text()});
  unit.puts.push_back(std::move(tokens->record));
  unit.appends.push_back(grant_issued(writer(workspace), run, tokens->access, "go_on"));
  unit.appends.back().proof = client.proof();
  auto committed = co_await workspace.store().commit(std::move(unit));
  if (!committed) {
    co_return std::unexpected(ended_meanwhile(std::move(committed).error(), kRefreshPlace));
  }
  co_return Granted{.access = std::move(tokens->access),
                    .refresh = std::move(tokens->refresh),
                    .bound = !run.key_thumbprint.empty(),
                    .run = run.id,
                    .run_ends = run.ends};
}

Task<Expected<std::optional<JsonObject>>> Grants::introspect(AuthenticatedClient client,
                                                             SecretBytes token) {
  using Answer = std::optional<JsonObject>;
  WRIT_CO_TRY_VOID(parts_.time.check(client.made()));
  auto& workspace = client.workspace();
  Unit unit;
  unit.once.push_back(client.assertion());
  if (auto consumed = co_await workspace.store().commit(std::move(unit)); !consumed)
    co_return std::unexpected(Clients::replayed(std::move(consumed).error()));
  const auto version = workspace.version();
  WRIT_CO_TRY_VOID(Clients::terms(client, *version));

  JsonObject out;
  RunId run_id;
  if (const auto access = parts_.tokens.verify_access(token.reveal_text())) {
    const auto run = RunId::parse(access->string_claim("run").value_or(""));
    if (!run || access->string_claim("client_id") != client.agent().client_id) co_return Answer();
    run_id = *run;
    for (const auto* member : {"iss", "sub", "aud", "jti", "iat", "exp", "act", "cnf"}) {
      if (const auto* value = access->claims().if_contains(member)) out[member] = *value;
    }
    out["token_type"] = token_type(access->is_sender_constrained());
  } else {
    WRIT_CO_TRY(const auto record,
                co_await workspace.store().get(RecordKind::grant, grant_record_id(token)));
    if (!record) co_return Answer();
    const auto grant = RefreshGrant::parse(record->value);
    if (!grant || grant->used || grant->agent != client.agent().id) co_return Answer();
    run_id = grant->run;
    out["exp"] = to_unix_seconds(grant->expires);
    if (!grant->key.empty()) out["cnf"] = JsonObject{{"jkt", grant->key}};
  }
  const auto lineage = standing(workspace, *version, run_id, {});
  if (!lineage || lineage->run().agent != client.agent().id) co_return Answer();
  out["active"] = true;
  out["client_id"] = client.agent().client_id;
  out["run"] = run_id.to_string();
  out["workspace"] = version->name();
  out["authorization_details"] = JsonArray{run_details(
      lineage->run(), version->name(), delegation::effective_scope(*lineage, version->terms()))};
  co_return Answer(std::move(out));
}

Task<Expected<void>> Grants::revoke(AuthenticatedClient client, SecretBytes token) {
  auto& workspace = client.workspace();
  const auto version = workspace.version();
  WRIT_CO_TRY_VOID(Clients::terms(client, *version));
  std::optional<RunId> run;
  std::string_view kind = "access_token";
  if (const auto access = parts_.tokens.verify_access(token.reveal_text())) {
    if (access->string_claim("client_id") == client.agent().client_id) {
      if (const auto named = RunId::parse(access->string_claim("run").value_or(""))) run = *named;
    }
  } else {
    kind = "refresh_token";
    WRIT_CO_TRY(const auto record,
                co_await workspace.store().get(RecordKind::grant, grant_record_id(token)));
    const auto grant = record ? RefreshGrant::parse(record->value)
                              : fail(Errc::not_found, "no such refresh token");
    if (grant && grant->agent == client.agent().id) run = grant->run;
  }
  Unit unit;
  unit.once.push_back(client.assertion());
  if (run) unit.appends.push_back(token_revoked(writer(workspace), client, *run, kind));
  auto recorded = co_await workspace.store().commit(std::move(unit));
  // A full disk must not keep a run alive: stopping goes on, and says that it is not durable. What
  // was refused as a replay stops nothing.
  if (!recorded && (!run || recorded.error().code == Errc::conflict))
    co_return std::unexpected(Clients::replayed(std::move(recorded).error()));
  if (!run) co_return Expected<void>();
  const RevocationCause cause{.by = client.agent().id.to_string(),
                              .by_name = client.agent().name,
                              .reason = "its agent gave up a token of the run"};
  WRIT_CO_TRY_VOID(co_await parts_.revocations.revoke(workspace, {*run}, cause));
  if (!recorded) co_return std::unexpected(std::move(recorded).error());
  co_return Expected<void>();
}

}  // namespace writ::broker
