// SPDX-License-Identifier: Apache-2.0
#include "delegation/run.h"

#include <algorithm>

#include "base/encoding.h"

namespace writ::delegation {
namespace {

// The stored form, version 1:
//   {"v":1, "id":"run_…", "workspace":"wsp_…", "name", "role", "agent":"agt_…", "agent_name",
//    "workflow":"wfl_…", "workflow_name", "workflow_digest":hex, "step",
//    "scope":{"use","delegate"}, "pinned":{"use","delegate"}, "user"?:"usr_…", "user_name"?,
//    "parent"?:"run_…", "depth", "grant":"grt_…", "started":ms, "ends":ms,
//    "key_thumbprint"?, "client_key"?, "user_token"?:hex, "trace_id"?}
constexpr std::int64_t kVersion = 1;

template <typename T>
T read_id(ObjectReader& reader, std::string_view member) {
  auto id = T::parse(reader.string(member, {.max = 64}));
  if (id) return *id;
  reader.refuse(member, id.error().message);
  return T();
}

Digest read_digest(ObjectReader& reader, std::string_view member) {
  Digest digest{};
  const auto bytes = hex_decode(reader.string(member, {.max = 64}));
  if (bytes && bytes->size() == digest.size()) {
    std::ranges::copy(*bytes, digest.begin());
  } else {
    reader.refuse(member, "not a SHA-256 digest in lower-case hexadecimal");
  }
  return digest;
}

TimePoint read_time(ObjectReader& reader, std::string_view member) {
  return from_unix_millis(reader.integer(member, {.min = 0}));
}

}  // namespace

Json Run::to_json() const {
  JsonObject object;
  object["v"] = kVersion;
  object["id"] = id.to_string();
  object["workspace"] = workspace.to_string();
  object["name"] = name;
  object["role"] = role;
  object["agent"] = agent.to_string();
  object["agent_name"] = agent_name;
  object["workflow"] = workflow.to_string();
  object["workflow_name"] = workflow_name;
  object["workflow_digest"] = hex_encode(workflow_digest);
  object["step"] = step;
  object["scope"] = scope.to_json();
  object["pinned"] = pinned.to_json();
  if (user) {
    object["user"] = user->to_string();
    object["user_name"] = user_name;
  }
  if (parent) object["parent"] = parent->to_string();
  object["depth"] = depth;
  object["grant"] = grant.to_string();
  object["started"] = to_unix_millis(started);
  object["ends"] = to_unix_millis(ends);
  if (!key_thumbprint.empty()) object["key_thumbprint"] = key_thumbprint;
  if (!client_key.empty()) object["client_key"] = client_key;
  if (user_token) object["user_token"] = hex_encode(*user_token);
  if (!trace_id.empty()) object["trace_id"] = trace_id;
  return object;
}

Expected<Run> Run::from_json(const Json& value) {
  ObjectReader reader(value);
  Run run;
  reader.integer("v", {.min = kVersion, .max = kVersion});
  run.id = read_id<RunId>(reader, "id");
  run.workspace = read_id<WorkspaceId>(reader, "workspace");
  run.name = reader.string("name", {.max = 256});
  run.role = reader.string("role", {.min = 0, .max = 1024});
  run.agent = read_id<AgentId>(reader, "agent");
  run.agent_name = reader.string("agent_name", {.max = 256});
  run.workflow = read_id<WorkflowId>(reader, "workflow");
  run.workflow_name = reader.string("workflow_name", {.max = 256});
  run.workflow_digest = read_digest(reader, "workflow_digest");
  run.step = reader.string("step", {.max = 256});
  const Json& scope = reader.value("scope");
  const Json& pinned = reader.value("pinned");
  if (reader.has("user")) {
    run.user = read_id<UserId>(reader, "user");
    run.user_name = reader.string("user_name", {.max = 256});
  }
  if (reader.has("parent")) run.parent = read_id<RunId>(reader, "parent");
  run.depth = static_cast<int>(reader.integer("depth", {.min = 1, .max = kMaxDepth}));
  run.grant = read_id<GrantId>(reader, "grant");
  run.started = read_time(reader, "started");
  run.ends = read_time(reader, "ends");
  run.key_thumbprint = reader.optional_string("key_thumbprint", {.max = 64}).value_or("");
  run.client_key = reader.optional_string("client_key", {.max = 64}).value_or("");
  if (reader.has("user_token")) run.user_token = read_digest(reader, "user_token");
  run.trace_id = reader.optional_string("trace_id", {.max = 32}).value_or("");
  WRIT_TRY_VOID(reader.finish());
  WRIT_TRY(run.scope, Scope::parse(scope, reader.pointer("scope")));
  WRIT_TRY(run.pinned, Scope::parse(pinned, reader.pointer("pinned")));
  return run;
}

}  // namespace writ::delegation
