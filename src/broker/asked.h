// SPDX-License-Identifier: Apache-2.0
// What a request for authority asks for, as the members of an authorization_details object say it
// (RFC 9396, P26). Plain values; pure functions; thread-safe.
//
//   {"type":"writ_run", "workspace", "workflow", "step", "name"?, "use"?, "delegate"?}
//   {"type":"writ_delegation", "agent", "step", "role"?, "name"?, "use"?, "delegate"?}
//
// What is absent of use and delegate is all that the operands allow; an empty list is nothing.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "delegation/authority.h"
#include "wire/json.h"

namespace writ::broker {

inline constexpr std::string_view kRunDetails = "writ_run";
inline constexpr std::string_view kDelegationDetails = "writ_delegation";
// Where errors about them stand.
inline constexpr std::string_view kDetailsPlace = "authorization_details";

struct AskedRun {
  std::string workspace;
  std::string workflow;
  std::string step;
  std::optional<std::string> name;  // for people; 1 to 64 bytes without control characters
  delegation::ScopeRequest scope;

  // invalid_input with the place of the member; `where` is that of `value`.
  static Expected<AskedRun> from_json(const Json& value, const std::string& where);
};

struct AskedDelegation {
  std::string agent;  // by name, in the delegating run's workspace
  std::string step;   // of its workflow
  std::optional<std::string> role;
  std::optional<std::string> name;
  delegation::ScopeRequest scope;

  static Expected<AskedDelegation> from_json(const Json& value, const std::string& where);
  JsonObject to_json() const;
};

// The granted scope as the authorization_details of a token or an answer.
JsonObject run_details(const delegation::Run& run, std::string_view workspace,
                       const delegation::Scope& effective);

}  // namespace writ::broker
