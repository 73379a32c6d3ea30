// SPDX-License-Identifier: Apache-2.0
#include "protocol/workspace.h"

#include "base/encoding.h"

namespace writ::protocol {

JsonObject WorkspaceUser::to_json() const {
  return {{"name", name},
          {"roles", write_strings(roles)},
          {"groups", write_strings(groups)},
          {"enrolled", enrolled},
          {"disabled", disabled}};
}

Expected<WorkspaceUser> WorkspaceUser::from_json(const Json& value, std::string pointer) {
  ObjectReader r(value, std::move(pointer));
  r.allow_unknown();
  WorkspaceUser out;
  out.name = r.string("name");
  out.roles = read_strings(r, "roles");
  out.groups = read_strings(r, "groups");
  out.enrolled = r.boolean("enrolled");
  out.disabled = r.boolean("disabled");
  WRIT_TRY_VOID(r.finish());
  return out;
}

JsonObject WorkspaceAgent::to_json() const {
  return {{"name", name},
          {"role", role},
          {"owner", owner},
          {"sender", sender},
          {"keys", write_count(keys)}};
}

Expected<WorkspaceAgent> WorkspaceAgent::from_json(const Json& value, std::string pointer) {
  ObjectReader r(value, std::move(pointer));
  r.allow_unknown();
  WorkspaceAgent out;
  out.name = r.string("name");
  out.role = read_text(r, "role");
  out.owner = read_text(r, "owner");
  out.sender = r.string("sender");
  out.keys = read_count(r, "keys");
  WRIT_TRY_VOID(r.finish());
  return out;
}

JsonObject WorkspaceServer::to_json() const {
  return {{"name", name},
          {"url", url},
          {"credential", credential},
          {"operations", write_count(operations)}};
}

Expected<WorkspaceServer> WorkspaceServer::from_json(const Json& value, std::string pointer) {
  ObjectReader r(value, std::move(pointer));
  r.allow_unknown();
  WorkspaceServer out;
  out.name = r.string("name");
  out.url = r.string("url");
  out.credential = read_text(r, "credential");
  out.operations = read_count(r, "operations");
  WRIT_TRY_VOID(r.finish());
  return out;
}

JsonObject WorkspaceCredential::to_json() const {
  return {{"name", name},
          {"origin", origin},
          {"version", write_count(version)},
          {"generation", write_count(generation)}};
}

Expected<WorkspaceCredential> WorkspaceCredential::from_json(const Json& value,
                                                             std::string pointer) {
  ObjectReader r(value, std::move(pointer));
  r.allow_unknown();
  WorkspaceCredential out;
  out.name = r.string("name");
  out.origin = r.string("origin");
  out.version = read_count(r, "version");
  out.generation = read_count(r, "generation");
  WRIT_TRY_VOID(r.finish());
  return out;
}

JsonObject Finding::to_json() const {
  return {{"kind", kind}, {"subject", subject}, {"message", message}};
}

Expected<Finding> Finding::from_json(const Json& value, std::string pointer) {
  ObjectReader r(value, std::move(pointer));
  r.allow_unknown();
  Finding out;
  out.kind = r.string("kind");
  out.subject = read_text(r, "subject");
  out.message = r.string("message");
  WRIT_TRY_VOID(r.finish());
  return out;
}

JsonObject WorkspaceView::to_json() const {
  return {{"name", name},
          {"id", id.to_string()},
          {"version", write_count(version)},
          {"digest", hex_encode(digest)},
          {"users", write_messages(users)},
          {"agents", write_messages(agents)},
          {"servers", write_messages(servers)},
          {"workflows", write_strings(workflows)},
          {"credentials", write_messages(credentials)},
          {"findings", write_messages(findings)}};
}

Expected<WorkspaceView> WorkspaceView::from_json(const Json& value, std::string pointer) {
  ObjectReader r(value, std::move(pointer));
  r.allow_unknown();
  WorkspaceView out;
  out.name = r.string("name");
  out.id = read_id<WorkspaceId>(r, "id");
  out.version = read_count(r, "version");
  out.digest = read_digest(r, "digest");
  const auto& users = r.array("users", {.max = kMaxList});
  const auto& agents = r.array("agents", {.max = kMaxList});
  const auto& servers = r.array("servers", {.max = kMaxList});
  out.workflows = read_strings(r, "workflows");
  const auto& credentials = r.array("credentials", {.max = kMaxList});
  const auto& findings = r.array("findings", {.max = kMaxList});
  WRIT_TRY_VOID(r.finish());
  WRIT_TRY(out.users, read_messages<WorkspaceUser>(users, r.pointer("users")));
  WRIT_TRY(out.agents, read_messages<WorkspaceAgent>(agents, r.pointer("agents")));
  WRIT_TRY(out.servers, read_messages<WorkspaceServer>(servers, r.pointer("servers")));
  WRIT_TRY(out.credentials,
           read_messages<WorkspaceCredential>(credentials, r.pointer("credentials")));
  WRIT_TRY(out.findings, read_messages<Finding>(findings, r.pointer("findings")));
  return out;
}

}  // namespace writ::protocol
