// SPDX-License-Identifier: Apache-2.0
// Endpoints about the workspace as a whole: apply, and what it consists of now.
#include "protocol/workspace.h"

#include "api/applied.h"
#include "api/bodies.h"
#include "api/endpoints.h"
#include "broker/recover.h"
#include "protocol/apply.h"
#include "wire/time_text.h"

namespace writ::api {
namespace {

broker::ApplyAsk ask_of(protocol::ApplyRequest message) {
  broker::ApplyAsk out{.documents = std::move(message.documents),
                       .dry_run = message.dry_run,
                       .base = {},
                       .signature = {}};
  if (message.base)
    out.base = broker::VersionName{.number = message.base->version, .digest = message.base->digest};
  if (message.signed_by_admin)
    out.signature = as_signed_difference(*std::move(message.signed_by_admin));
  return out;
}

Expected<broker::ApplyAsk> parse(BytesView text) {
  WRIT_TRY(const auto body, net::parse_json_body(text, kMaxApplyBody));
  WRIT_TRY(auto message, protocol::ApplyRequest::from_json(body));
  return ask_of(std::move(message));
}

// Whatever is as long as documents are; of a builder.
Answer answer_of(const std::expected<broker::Applied, broker::NotApplied>& applied, bool dry_run) {
  if (!applied) {
    const auto problem = problem_of(applied.error());
    return {.status = problem.status,
            .type = "application/problem+json",
            .body = to_bytes(net::problem_document(problem)),
            .until = {},
            .is_read = true};
  }
  auto out = json_answer(protocol::ApplyAnswer{.version = applied->version,
                                               .digest = applied->digest,
                                               .changed = applied->changed,
                                               .base = name_of(applied->base),
                                               .changes = shown(applied->changes),
                                               .revoked_runs = applied->revoked,
                                               .asks = dry_run ? applied->asks : std::nullopt}
                             .to_json());
  out.is_read = dry_run;
  return out;
}

using Findings = std::vector<protocol::Finding>;

void find_in_agents(const workspace::Version& version, Findings& out) {
  for (const auto& terms : version.agents()) {
    const auto& agent = *terms.agent;
    if (agent.sender == identity::SenderConstraint::bearer) {
      out.push_back({.kind = "bearer-agent",
                     .subject = "agent " + agent.name,
                     .message = "its tokens are not bound to a key: whoever sees one can use it; "
                                "set sender = \"dpop\""});
    }
    if (agent.keys.empty()) {
      out.push_back(
          {.kind = "agent-without-key",
           .subject = "agent " + agent.name,
           .message = "it has no key and cannot prove who it is; add one under [[keys]]"});
    }
  }
}

void find_in_authorities(const tools::ToolServer& server, const net::Authorities& authorities,
                         Findings& out) {
  const auto& named = server.authorities();
  const auto subject = "tool server " + server.name();
  if (named.source == tools::Authorities::Source::file) {
    out.push_back({.kind = "certificates-in-a-file",
                   .subject = subject,
                   .message = "its calls are refused: ca_file names a file of the server, which "
                              "is not read any more. Write the certificates into ca, or name them "
                              "with ca_name, and apply"});
  } else if (named.source == tools::Authorities::Source::named && !authorities.named(named.name)) {
    out.push_back({.kind = "missing-certificates",
                   .subject = subject,
                   .message = "its calls are refused: the server's writ.toml has no certificates "
                              "that can be read under [certificates." +
                              named.name + "]"});
  }
}

void find_in_servers(const broker::LiveWorkspace& workspace, const workspace::Version& version,
                     const net::Authorities& authorities, Findings& out) {
  for (const auto& server : version.servers()) {
    find_in_authorities(*server, authorities, out);
    const auto& needed = server->credential_name();
    if (!needed) continue;
    const auto stored = workspace.credential(*needed).credential;
    if (stored == nullptr) {
      out.push_back({.kind = "missing-credential",
                     .subject = "tool server " + server->name(),
                     .message = "the credential " + *needed +
                                " is not in the vault: writ credential add " + *needed});
    } else if (!(stored->origin == vault::Origin::of(server->url()))) {
      out.push_back({.kind = "credential-of-elsewhere",
                     .subject = "tool server " + server->name(),
                     .message = "the credential " + *needed + " is bound to " +
                                stored->origin.to_string() + " and is never sent elsewhere"});
    }
  }
}

void find_in_steps(const workspace::Version& version, Findings& out) {
  const std::string why = version.rules() == workspace::Rules::first
                              ? "applied before steps said whom their runs are for: "
                              : "";
  for (const auto& workflow : version.workflows()) {
    for (const auto& step : workflow.steps) {
      if (step.runs_for != delegation::RunsFor::either) continue;
      out.push_back(
          {.kind = "step-for-either",
           .subject = "step " + workflow.name + "/" + step.name,
           .message = why + "an agent may leave the user out, and with the user their policies; "
                            "say for = \"user\" or \"workspace\", and apply"});
    }
  }
}

}  // namespace

// The bytes of the request are held with it.
Expected<broker::Builds::SharedPlace> Endpoints::place_of(const Asked& asked) {
  return parts_.builds.enter(
      {.workspace = asked.workspace->id(), .member = asked.caller.user->id.raw()}, asked.share);
}

// Documents are parsed, built, compared and shown off the loop (P48): on it they are only moved.
Task<Handled> Endpoints::apply(Asked& asked) {
  WRIT_API_TRY(const auto place, place_of(asked));
  WRIT_API_TRY(auto parsed, co_await parts_.builds.run(
                                place, [text = std::move(asked.documents)] { return parse(text); },
                                asked.ended));
  WRIT_API_TRY(auto ask, std::move(parsed));
  const bool dry_run = ask.dry_run;
  auto applied = std::make_shared<const std::expected<broker::Applied, broker::NotApplied>>(
      co_await parts_.applying.apply(*asked.workspace, std::move(ask), *asked.authority, place));
  if (!*applied && applied->error().why == broker::NotApplied::Why::failed)
    co_return problem(applied->error().error);
  // Proposals that were made from the version of before end visibly; if that cannot be written now,
  // it is the next time.
  if (*applied && (*applied)->changed) (void)co_await parts_.proposals.settle(*asked.workspace);
  const auto render = [applied, dry_run] { return answer_of(*applied, dry_run); };
  auto rendered = co_await parts_.builds.run(place, render);
  // A server that stops serves nobody else meanwhile, and what was done is told.
  co_return rendered ? std::move(*rendered) : render();
}

Task<Handled> Endpoints::workspace(Asked& asked) {
  const auto& workspace = *asked.workspace;
  const auto version = workspace.version();
  protocol::WorkspaceView out;
  out.name = version->name();
  out.id = version->id();
  out.version = version->number();
  out.digest = version->digest();
  for (const auto& user : version->users()) {
    const auto standing = workspace.standing(user->id);
    protocol::WorkspaceUser view{.name = user->name,
                                 .roles = {},
                                 .groups = user->groups,
                                 .enrolled = standing.key.has_value(),
                                 .disabled = standing.disabled};
    for (const auto role : user->roles) view.roles.emplace_back(identity::name(role));
    out.users.push_back(std::move(view));
    if (!standing.key) {
      out.findings.push_back(
          {.kind = "user-without-key",
           .subject = "user " + user->name,
           .message = "cannot sign in or approve: writ user invite " + user->name});
    }
  }
  for (const auto& terms : version->agents()) {
    const auto& agent = *terms.agent;
    const auto owner = version->user(agent.owner);
    out.agents.push_back(
        {.name = agent.name,
         .role = agent.role,
         .owner = owner == nullptr ? "" : owner->name,
         .sender = agent.sender == identity::SenderConstraint::bearer ? "bearer" : "dpop",
         .keys = agent.keys.keys().size()});
  }
  for (const auto& server : version->servers()) {
    out.servers.push_back({.name = server->name(),
                           .url = vault::Origin::of(server->url()).to_string(),
                           .credential = server->credential_name().value_or(""),
                           .operations = server->operations().size()});
  }
  for (const auto& workflow : version->workflows()) out.workflows.push_back(workflow.name);
  for (const auto& stored : workspace.credentials()) {
    const auto& credential = *stored.credential;
    out.credentials.push_back({.name = credential.name,
                               .origin = credential.origin.to_string(),
                               .version = credential.current().number,
                               .generation = credential.generation});
  }
  find_in_agents(*version, out.findings);
  find_in_servers(workspace, *version, parts_.authorities, out.findings);
  find_in_steps(*version, out.findings);
  auto recoveries =
      co_await broker::recent_recoveries(asked.workspace->store(), parts_.clock.now());
  if (!recoveries) co_return problem(recoveries.error());
  for (const auto& [user, at] : *recoveries) {
    out.findings.push_back(
        {.kind = "admin-recovered",
         .subject = "user " + user,
         .message = "a one-time code was made for this person on the server at " + format_time(at) +
                    ", with writ recover: make sure that it was meant"});
  }
  if (!SecretBytes::memory_is_locked()) {
    out.findings.push_back({.kind = "memory-not-locked",
                            .subject = "server",
                            .message = "secrets may be swapped to disk: raise RLIMIT_MEMLOCK"});
  }
  co_return json_answer(out.to_json());
}

}  // namespace writ::api
