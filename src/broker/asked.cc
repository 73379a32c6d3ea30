// SPDX-License-Identifier: Apache-2.0
#include "broker/asked.h"

#include <utility>

#include "wire/utf8.h"
#include "wire/visible.h"

namespace writ::broker {
namespace {

constexpr TextRule kName{.max = 63};

// A name or role as people write it: what would break a line or hide another text is refused.
std::optional<std::string> optional_label(ObjectReader& reader, std::string_view member,
                                          std::size_t most) {
  auto text = reader.optional_string(member, {.max = most});
  if (text && hides_something(*text)) {
    reader.refuse(member, "has characters that are invisible, control or change the direction");
  }
  return text;
}

Expected<delegation::ScopeRequest> scope_request(const Json* use, const Json* delegate,
                                                 const ObjectReader& reader) {
  delegation::ScopeRequest out;
  if (use != nullptr) {
    WRIT_TRY(out.use, delegation::ToolSet::parse(*use, reader.pointer("use")));
  }
  if (delegate != nullptr) {
    WRIT_TRY(out.delegate, delegation::ToolSet::parse(*delegate, reader.pointer("delegate")));
  }
  return out;
}

}  // namespace

Expected<AskedRun> AskedRun::from_json(const Json& value, const std::string& where) {
  ObjectReader reader(value, where);
  AskedRun out;
  reader.choice("type", {kRunDetails});
  out.workspace = reader.string("workspace", kName);
  out.workflow = reader.string("workflow", kName);
  out.step = reader.string("step", kName);
  out.name = optional_label(reader, "name", 64);
  const auto* use = reader.optional_value("use");
  const auto* delegate = reader.optional_value("delegate");
  WRIT_TRY_VOID(reader.finish());
  WRIT_TRY(out.scope, scope_request(use, delegate, reader));
  return out;
}

Expected<AskedDelegation> AskedDelegation::from_json(const Json& value, const std::string& where) {
  ObjectReader reader(value, where);
  AskedDelegation out;
  reader.choice("type", {kDelegationDetails});
  out.agent = reader.string("agent", kName);
  out.step = reader.string("step", kName);
  out.role = optional_label(reader, "role", 256);
  out.name = optional_label(reader, "name", 64);
  const auto* use = reader.optional_value("use");
  const auto* delegate = reader.optional_value("delegate");
  WRIT_TRY_VOID(reader.finish());
  WRIT_TRY(out.scope, scope_request(use, delegate, reader));
  return out;
}

JsonObject AskedDelegation::to_json() const {
  JsonObject out;
  out["type"] = kDelegationDetails;
  out["agent"] = agent;
  out["step"] = step;
  if (role) out["role"] = *role;
  if (name) out["name"] = *name;
  if (scope.use) out["use"] = scope.use->to_json();
  if (scope.delegate) out["delegate"] = scope.delegate->to_json();
  return out;
}

JsonObject run_details(const delegation::Run& run, std::string_view workspace,
                       const delegation::Scope& effective) {
  JsonObject out;
  out["type"] = kRunDetails;
  out["workspace"] = workspace;
  out["workflow"] = run.workflow_name;
  out["step"] = run.step;
  out["name"] = run.name;
  out["role"] = run.role;
  out["use"] = effective.use.to_json();
  out["delegate"] = effective.delegate.to_json();
  return out;
}

}  // namespace writ::broker
