// SPDX-License-Identifier: Apache-2.0
// The normalized form of an operation, which its definition digest is taken over.
#include "base/check.h"
#include "tools/operation_parser.h"

namespace writ::tools {
namespace {

std::string_view name(TextType type) {
  switch (type) {
    case TextType::string:
      return "string";
    case TextType::integer:
      return "integer";
    case TextType::number:
      return "number";
    case TextType::boolean:
      return "boolean";
  }
  WRIT_UNREACHABLE();
}

Json to_json(const CredentialPlace& place) {
  if (const auto* header = std::get_if<CredentialHeader>(&place)) {
    return {{"header", header->name}, {"prefix", header->prefix}};
  }
  if (const auto* query = std::get_if<CredentialQuery>(&place)) return {{"query", query->name}};
  return {{"basic", std::get<CredentialBasic>(place).user}};
}

}  // namespace

Json to_json(const Operation& operation) {
  JsonArray arguments;
  for (const auto& argument : operation.arguments) {
    arguments.push_back({{"name", argument.name},
                         {"in", name(argument.place)},
                         {"as", argument.wire_name},
                         {"required", argument.required},
                         {"text", name(argument.text_type)},
                         {"repeated", argument.repeated}});
  }
  JsonArray requirements;
  for (const auto& requirement : operation.requires_done) {
    requirements.push_back({{"operation", requirement.operation},
                            {"same", boost::json::value_from(requirement.same)}});
  }
  JsonObject outcomes;
  for (const auto& [status, outcome] : operation.outcomes) {
    outcomes[std::to_string(status)] = name(outcome);
  }
  JsonObject out;
  out["name"] = operation.name;
  out["title"] = operation.title;
  out["description"] = operation.description;
  out["method"] = operation.method;
  out["path"] = operation.path;
  out["arguments"] = std::move(arguments);
  out["schema"] = operation.schema.to_json();
  out["body"] = name(operation.body);
  out["content_type"] = operation.content_type;
  out["effect"] = name(operation.effect);
  out["compensation"] = operation.compensation ? Json(*operation.compensation) : Json();
  out["requires"] = std::move(requirements);
  out["outcomes"] = std::move(outcomes);
  out["credential"] = operation.credential ? to_json(*operation.credential) : Json();
  out["idempotency_header"] =
      operation.idempotency_header ? Json(*operation.idempotency_header) : Json();
  out["redact"] = operation.redact;
  out["response_headers"] = boost::json::value_from(operation.response_headers);
  return out;
}

}  // namespace writ::tools
