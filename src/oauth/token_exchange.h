// SPDX-License-Identifier: Apache-2.0
// Token exchange (RFC 8693, P26): a run begins for a user, hands authority down, or is taken over.
// Which of them it is, the request's authorization_details and subject_token_type say; the actor is
// always the client that has authenticated, so an actor_token is refused.
#pragma once

#include <string>
#include <variant>
#include <vector>

#include "broker/grants.h"
#include "oauth/authorization_details.h"
#include "oauth/parameters.h"

namespace writ::oauth {

inline constexpr std::string_view kTokenExchange =
    "urn:ietf:params:oauth:grant-type:token-exchange";
inline constexpr std::string_view kAccessTokenUri = "urn:ietf:params:oauth:token-type:access_token";
inline constexpr std::string_view kIdTokenUri = "urn:ietf:params:oauth:token-type:id_token";
inline constexpr std::string_view kJwtUri = "urn:ietf:params:oauth:token-type:jwt";

struct StartForUser {
  broker::AskedRun asked;
  broker::SubjectKind kind{};
  std::string subject_token;
  std::vector<std::string> resources;
};
struct HandDown {
  broker::AskedDelegation asked;
  std::string access_token;
};
struct TakeOver {
  std::string delegation_token;
  std::vector<std::string> resources;
};
using Exchange = std::variant<StartForUser, HandDown, TakeOver>;

// Reads the request; nothing is verified yet. Errors as errors.h maps them.
Expected<Exchange> parse_exchange(const Parameters& parameters);

// Section 2.2.1.
JsonObject exchange_answer(const broker::Delegated& delegated);

}  // namespace writ::oauth
