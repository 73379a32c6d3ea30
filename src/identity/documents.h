// SPDX-License-Identifier: Apache-2.0
// The documents that declare principals: workspace.toml and agents/NAME.toml, or the same as JSON.
// Pure functions. Errors are invalid_input or too_large with the JSON pointer in `where`, which
// TomlDocument::locate() turns into file, line and column.
//
// workspace.toml
//   name                 the workspace's name
//   [groups]             NAME = "what its members answer for"
//   [users.NAME]         display (optional), groups = […], roles = ["admin" | "operator" |
//                        "auditor", "proposer"]; and, for one who signs in at an identity provider,
//                        provider and subject: without them the user is local
//   [providers.NAME]     issuer, algorithms = ["ES256" | "EdDSA" | "RS256" | "PS256"],
//                        jwks_uri (optional: else by discovery), client_ids = { AGENT = "…" },
//                        allow_addresses = ["10.1.0.0/16"] (optional; plain http needs it)
//   [approvals]          request_life, approval_life, back_off, proposal_life: "15m"; apply, a
//                        group's name (all optional)
//
// agents/NAME.toml
//   role                 what the agent does, for people
//   owner                a user's name
//   sender               "dpop" (optional, so by default) or "bearer"
//   [[keys]]             public JWKs, inline; may be absent until one is enrolled
//   [ceiling]            delegation/documents.h
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "identity/principal.h"
#include "wire/json.h"

namespace writ::identity {

struct PrincipalLimits {
  std::size_t groups = 500;
  std::size_t users = 5000;
  std::size_t groups_of_user = 64;
  std::size_t providers = 16;
  std::size_t addresses = 16;  // allow_addresses of one provider
  std::size_t keys = 8;        // of one agent
};

struct Group {
  std::string name;
  std::string description;
};

// How long things about an approval last (P20), and who decides an apply that widens (P40).
struct ApprovalSettings {
  seconds request_life = std::chrono::minutes(15);  // R
  seconds approval_life = std::chrono::minutes(5);  // A
  seconds back_off = std::chrono::minutes(2);       // after a denial
  seconds proposal_life = std::chrono::hours(24);   // of documents that wait for a signature
  // A group that is declared: a second person of it decides each apply that widens.
  std::optional<std::string> apply{};
};

struct WorkspaceDocument {
  std::string name;
  std::vector<Group> groups;  // each list ordered by name
  std::vector<User> users;
  std::vector<Provider> providers;
  ApprovalSettings approvals;
};

// `id_of` gives the id of a user's name, a new one if need be.
Expected<WorkspaceDocument> parse_workspace(const Json& document,
                                            const std::function<UserId(std::string_view)>& id_of,
                                            const PrincipalLimits& limits = {});

// Of a workspace document, its name alone.
Expected<std::string> parse_workspace_name(const Json& document);

struct AgentContext {
  std::string_view workspace;  // its name
  std::string_view name;       // the agent's, from the file's
  AgentId id;
  // The user of this name, nothing where there is none.
  std::function<std::optional<UserId>(std::string_view)> user;
};
Expected<Agent> parse_agent(const Json& document, const AgentContext& context,
                            const PrincipalLimits& limits = {});

}  // namespace writ::identity
