// SPDX-License-Identifier: Apache-2.0
#include "broker/grant_entries.h"

#include "base/encoding.h"
#include "wire/time_text.h"

namespace writ::broker {
namespace {

void describe_agent(audit::EntryBuilder& entry, AgentId id, std::string_view name) {
  entry.set("agent", id.to_string()).set("agent_name", name);
}

JsonArray texts(const std::vector<std::string>& list) {
  return JsonArray(list.begin(), list.end());
}

}  // namespace

Append run_started(const EntryWriter& writer, const delegation::Run& run,
                   const AuthenticatedClient& client, std::uint64_t workspace_version,
                   std::string_view delegation) {
  auto about = writer.entry(audit::Kind::run_started);
  describe_agent(about, run.agent, run.agent_name);
  about.run(run.id)
      .set("run_name", run.name)
      .set("role", run.role)
      .set("workflow", run.workflow_name)
      .set("workflow_digest", hex_encode(run.workflow_digest))
      .set("step", run.step)
      .set("depth", run.depth)
      .set("grant", run.grant.to_string())
      .set("ends", format_time(run.ends))
      .set("client_key", client.key())
      .set("workspace_version", workspace_version)
      .set("trace", run.trace_id);
  set_scope(about, run.scope.to_json());
  std::vector<std::string> subjects{run.id.to_string()};
  if (!run.key_thumbprint.empty()) about.set("key", run.key_thumbprint);
  if (run.user) about.set("user", run.user->to_string()).set("user_name", run.user_name);
  if (run.user_token) about.set("user_token", hex_encode(*run.user_token));
  if (run.parent) {
    about.set("parent_run", run.parent->to_string());
    subjects.push_back(run.parent->to_string());
  }
  if (!delegation.empty()) about.set("delegation", delegation);
  return EntryWriter::append(about, std::move(subjects));
}

Append run_stillborn(const EntryWriter& writer, const delegation::Run& run) {
  auto about = writer.entry(audit::Kind::run_ended);
  describe_agent(about, run.agent, run.agent_name);
  about.run(run.id).set("reason", "its parent ended as it began");
  return EntryWriter::append(about, {run.id.to_string()});
}

Append run_delegated(const EntryWriter& writer, const delegation::Run& parent,
                     const identity::Agent& agent, const AskedDelegation& asked,
                     const DelegationToken& token) {
  auto about = writer.entry(audit::Kind::run_delegated);
  describe_agent(about, parent.agent, parent.agent_name);
  about.run(parent.id)
      .set("to_agent", agent.id.to_string())
      .set("to_agent_name", agent.name)
      .set("step", asked.step)
      .set("delegation", token.jti)
      .set("expires", format_time(token.expires));
  if (asked.role) about.set("role", *asked.role);
  if (parent.user) {
    about.set("user", parent.user->to_string()).set("user_name", parent.user_name);
  }
  JsonObject scope;
  if (asked.scope.use) scope["use"] = asked.scope.use->to_json();
  if (asked.scope.delegate) scope["delegate"] = asked.scope.delegate->to_json();
  set_scope(about, std::move(scope));
  return EntryWriter::append(about, {parent.id.to_string()});
}

Append grant_issued(const EntryWriter& writer, const delegation::Run& run, const AccessToken& token,
                    std::string_view flow) {
  auto about = writer.entry(audit::Kind::grant_issued);
  describe_agent(about, run.agent, run.agent_name);
  about.run(run.id)
      .set("grant", token.grant.to_string())
      .set("flow", flow)
      .set("resources", texts(token.resources))
      .set("expires", format_time(token.expires));
  if (!run.key_thumbprint.empty()) about.set("key", run.key_thumbprint);
  return EntryWriter::append(about, {run.id.to_string()});
}

Append grant_refused(const EntryWriter& writer, const AuthenticatedClient& client,
                     std::string_view flow, const Error& error, std::optional<RunId> run) {
  auto about = writer.entry(audit::Kind::grant_refused);
  describe_agent(about, client.agent().id, client.agent().name);
  about.set("flow", flow)
      .set("code", name(error.code))
      .set("message", bounded_text(visible_text(error.message)))
      .set("where", bounded_text(visible_text(error.where)))
      .set("client_key", client.key());
  std::vector<std::string> subjects;
  if (run) {
    about.run(*run);
    subjects.push_back(run->to_string());
  }
  return EntryWriter::append(about, std::move(subjects));
}

Append token_revoked(const EntryWriter& writer, const AuthenticatedClient& client, RunId run,
                     std::string_view token) {
  auto about = writer.entry(audit::Kind::token_revoked);
  describe_agent(about, client.agent().id, client.agent().name);
  about.run(run).set("token", token).set("client_key", client.key());
  return EntryWriter::append(about, {run.to_string()});
}

}  // namespace writ::broker
