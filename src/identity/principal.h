// SPDX-License-Identifier: Apache-2.0
// Principals: the humans and agents of one workspace, as its current version declares them. Plain
// values, immutable once published with a workspace version; safe to read from any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/id.h"
#include "jose/jwk.h"

namespace writ::identity {

// What a user may do to the workspace itself (protocol.md P3). Approving is by group, not by role.
enum class Role : std::uint8_t { admin, operator_, auditor, proposer };

std::string_view name(Role role);
Expected<Role> parse_role(std::string_view text);

// A human, by (issuer, subject) of an identity provider, or local: then `issuer` is empty and
// `subject` is the name under which the workspace declares the user.
struct User {
  UserId id;
  std::string
      name;  // unique within the workspace; the stem under which documents refer to the user
  std::string display_name;
  std::string issuer;
  std::string subject;
  std::vector<std::string> groups;  // sorted, unique
  std::vector<Role> roles;

  bool in_group(std::string_view group) const;
  bool has_role(Role role) const;
  bool is_local() const { return issuer.empty(); }
};

// How an agent's access tokens are bound to it (P8). Bearer is an opt-in that `doctor` shows.
enum class SenderConstraint : std::uint8_t { dpop, bearer };

// A registered non-human principal. Its ceiling lives in delegation/, which knows scopes.
struct Agent {
  AgentId id;
  std::string name;       // unique within the workspace
  std::string client_id;  // at our own token endpoint: "WORKSPACE/NAME"
  std::string role;
  UserId owner;
  SenderConstraint sender = SenderConstraint::dpop;
  jose::JwkSet keys;  // each with a kid; while the set is empty the agent cannot authenticate
};

// An OpenID provider whose tokens stand for users of this workspace (P6).
struct Provider {
  std::string name;
  std::string issuer;    // exact, as in `iss`
  std::string jwks_uri;  // empty: found by discovery at `issuer`
  // client id at the provider, by agent name: a token counts for an agent only if this is its sole
  // audience.
  std::vector<std::pair<std::string, std::string>> client_ids;
  std::vector<std::string> algorithms;  // never empty
  // CIDRs to which the egress guard makes an exception (P19), for a provider on a private address.
  // Plain http goes to them alone.
  std::vector<std::string> allow_addresses;

  // The client id is one agent's alone: no two agents share one.
  // nullptr where the provider has no client for that agent: its tokens are then refused.
  const std::string* client_id_of(std::string_view agent) const;
};

// Whether a text may name an object of a workspace: a lower-case letter, then such letters, digits,
// - and _; at most 63. One spelling for each name, and nothing in it that is a separator or pattern
// elsewhere (failures.md 13).
bool is_name(std::string_view text);

}  // namespace writ::identity
