// SPDX-License-Identifier: Apache-2.0
// What every flow of grants.h does: its refusals, its tokens, and how a run comes alive.
#include "broker/grants.h"

#include <algorithm>

#include "base/encoding.h"
#include "broker/grant_entries.h"
#include "wire/canonical.h"

namespace writ::broker {
namespace {

// Well within what the reader of these records takes (JsonLimits), so that no run can keep its
// workspace from starting again.
constexpr std::size_t kMostRunRecord = std::size_t{128} * 1024;

// As a start does it.
Expected<RunRecord> read_back(std::string_view record) {
  WRIT_TRY(const auto json, parse_json(record));
  return RunRecord::from_json(json);
}

SecretBytes new_refresh_token(Random& random) {
  SecretBytes raw(32);
  random.fill(raw.writable());
  auto text = base64url_encode(raw.reveal());
  auto out = SecretBytes::copy_of(text);
  wipe({reinterpret_cast<std::uint8_t*>(text.data()), text.size()});
  return out;
}

// Whether the client was refused, rather than that something of ours did not work.
bool is_refusal(const Error& error) {
  switch (error.code) {
    case Errc::unavailable:
    case Errc::unknown_outcome:
    case Errc::internal:
    case Errc::rate_limited:
    case Errc::conflict:  // what was decided is written already, and the assertion is used up
      return false;
    default:
      // A client whose assertion is used up, or whose key has gone, has not proved who it is.
      return error.where != kClientPlace;
  }
}

}  // namespace

Task<Error> Grants::refused(Refusing refusing, Error error) {
  error = Clients::replayed(std::move(error));
  if (!is_refusal(error)) co_return error;
  const auto& client = refusing.client;
  parts_.log.info(
      "grant.refused",
      {{"agent", client.agent().name}, {"flow", refusing.flow}, {"message", error.message}});
  auto recorded = co_await record_refusal(refusing, error);
  if (recorded.failed) co_return std::move(*recorded.failed);
  if (recorded.proof_used) {
    co_return Clients::replayed(
        fail(Errc::conflict, "the proof was used already", std::string(kProofConflict)).error());
  }
  co_return error;
}

Task<Grants::Recorded> Grants::record_refusal(Refusing refusing, Error error) {
  const auto& client = refusing.client;
  auto& workspace = client.workspace();
  Recorded out;
  for (const bool with_proof : {true, false}) {
    Unit unit;
    unit.once.push_back(client.assertion());
    unit.appends.push_back(
        grant_refused(writer(workspace), client, refusing.flow, error, refusing.run));
    if (with_proof) unit.appends.back().proof = client.proof();
    auto recorded = co_await workspace.store().commit(std::move(unit));
    if (recorded) co_return out;
    const auto& failed = recorded.error();
    const bool conflict = failed.code == Errc::conflict;
    // A proof that was used before consumes nothing more; the assertion is still consumed.
    if (with_proof && conflict && failed.where == kProofConflict) {
      out.proof_used = true;
      continue;
    }
    out.assertion_used = conflict && failed.where == kOnceConflict;
    out.failed = Clients::replayed(failed);
    break;
  }
  co_return out;
}

Expected<delegation::Lineage> Grants::standing(const LiveWorkspace& workspace,
                                               const workspace::Version& version, RunId run,
                                               std::string_view place) const {
  auto lineage = workspace.runs().alive(run, parts_.clock.now());
  if (!lineage) return fail(Errc::denied, lineage.error().message, std::string(place));
  if (const auto chain = delegation::check_lineage(*lineage); !chain)
    return fail(Errc::denied, chain.error().message, std::string(place));
  for (const auto& each : lineage->runs) {
    if (version.agent(each->agent) == nullptr)
      return fail(Errc::denied, "agent " + each->agent_name + " is disabled", std::string(place));
    if (each->user && workspace.active_user(*each->user) == nullptr) {
      return fail(Errc::denied, "user " + each->user_name + ", for whom the run is, is disabled",
                  std::string(place));
    }
  }
  return lineage;
}

Expected<void> Grants::check_resources(const std::vector<std::string>& resources,
                                       const workspace::Version& version) const {
  const std::string hint = "name the URL of each tool server that the token is for, " +
                           parts_.tokens.issuer() + "/tools/" + version.name() +
                           "/SERVER, or the API's, " + parts_.tokens.issuer() + "/v1";
  const auto refuse = [&](std::string message) {
    return fail(Errc::not_found, std::move(message), std::string(kResourcePlace), hint);
  };
  if (resources.empty()) return refuse("the request names no resource");
  if (resources.size() > parts_.limits.resources)
    return refuse("the request names too many resources");
  const auto tools = parts_.tokens.issuer() + "/tools/" + version.name() + "/";
  for (const auto& resource : resources) {
    if (resource == parts_.tokens.issuer() + "/v1") continue;
    if (!resource.starts_with(tools) ||
        version.server(std::string_view(resource).substr(tools.size())) == nullptr)
      return refuse(quoted_extract(resource) + " is no resource of this workspace");
  }
  return {};
}

Expected<Grants::Tokens> Grants::make_tokens(GrantId grant, const delegation::Lineage& lineage,
                                             const workspace::Version& version,
                                             const std::vector<std::string>& resources) const {
  const auto& run = lineage.run();
  Tokens out;
  WRIT_TRY(out.access, parts_.tokens.issue(grant, lineage, version, resources));
  out.refresh = new_refresh_token(parts_.random);
  const RefreshGrant record{.run = run.id,
                            .agent = run.agent,
                            .key = run.key_thumbprint,
                            .resources = resources,
                            .expires = run.ends,
                            .used = false};
  out.record = {.kind = RecordKind::grant,
                .id = grant_record_id(out.refresh),
                .expected = 0,
                .value = record.to_text()};
  return out;
}

Task<Expected<Granted>> Grants::begin(const AuthenticatedClient& client,
                                      const workspace::Version& version, Birth birth,
                                      const std::vector<std::string>& resources,
                                      std::string_view flow) {
  auto& workspace = client.workspace();
  const auto& run = *birth.run;
  WRIT_CO_TRY(auto tokens, make_tokens(run.grant, birth.lineage, version, resources));
  auto record = canonical_json(RunRecord{.run = run, .ended = {}}.to_json());
  if (record.size() > kMostRunRecord) {
    co_return fail(Errc::too_large, "the step's scope is too large for a run",
                   std::string(kDetailsPlace), "an admin splits the step");
  }
  // A run that could not be read back would keep its whole workspace from being loaded.
  if (const auto again = read_back(record); !again) {
    co_return fail(Errc::denied, "the run could not be kept: " + again.error().message,
                   std::string(kDetailsPlace), "ask for less, or an admin splits the step");
  }
  // P37: held from here until the run ends.
  WRIT_CO_TRY(auto slot, parts_.shares.runs.take(holder_of(run), places_of_run(record.size())));
  auto unit = std::move(birth.unit);
  unit.once.insert(unit.once.begin(), client.assertion());
  unit.puts.push_back({.kind = RecordKind::run,
                       .id = run.id.to_string(),
                       .expected = 0,
                       .value = std::move(record)});
  unit.puts.push_back(std::move(tokens.record));
  unit.appends.push_back(
      run_started(writer(workspace), run, client, version.number(), birth.delegation));
  unit.appends.back().proof = client.proof();
  unit.appends.push_back(grant_issued(writer(workspace), run, tokens.access, flow));
  WRIT_CO_TRY_VOID(co_await workspace.store().commit(std::move(unit)));
  WRIT_CO_TRY_VOID(co_await publish(workspace, birth.run, std::move(slot)));
  // As in publish(): an apply that takes the client's key away looks for its runs after that.
  if (const auto known = Clients::terms(client, *workspace.version()); !known) {
    WRIT_CO_TRY_VOID(co_await parts_.revocations.revoke(
        workspace, {run.id},
        {.by = "server", .by_name = {}, .reason = "its agent's key went as it began"}));
    co_return std::unexpected(known.error());
  }
  co_return Granted{.access = std::move(tokens.access),
                    .refresh = std::move(tokens.refresh),
                    .bound = !run.key_thumbprint.empty(),
                    .run = run.id,
                    .run_ends = run.ends};
}

Task<Expected<void>> Grants::publish(LiveWorkspace& workspace, SharedRun run, Share::Slot slot) {
  const RevocationCause cause{.by = "server",
                              .by_name = {},
                              .reason = "an ancestor, its user or its agent ended as it began"};
  if (auto added = workspace.runs().add(run, std::move(slot)); !added) {
    // The parent's end was written after this run. Nothing of it is known to anyone; its own end is
    // written for those who read the records.
    Unit unit;
    const RunRecord record{.run = *run,
                           .ended = RunEnding{.at = parts_.clock.now(), .cause = cause}};
    unit.puts.push_back({.kind = RecordKind::run,
                         .id = run->id.to_string(),
                         .expected = LiveRuns::kAliveRevision,
                         .value = canonical_json(record.to_json())});
    unit.appends.push_back(run_stillborn(writer(workspace), *run));
    if (auto ended = co_await workspace.store().commit(std::move(unit)); !ended)
      parts_.log.warning("grant.end_not_recorded", {{"run", run->id.to_string()}});
    co_return fail(Errc::conflict, added.error().message, std::string(kSubjectPlace));
  }
  // Whoever disables a user or an agent does so first and looks for its runs then: either the run
  // was found there, or what it found is seen here.
  auto stands = standing(workspace, *workspace.version(), run->id, kSubjectPlace);
  if (stands) co_return Expected<void>();
  WRIT_CO_TRY_VOID(co_await parts_.revocations.revoke(workspace, {run->id}, cause));
  co_return fail(Errc::conflict, stands.error().message, std::string(kSubjectPlace));
}

}  // namespace writ::broker
