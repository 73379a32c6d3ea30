// SPDX-License-Identifier: Apache-2.0
#include "oauth/token_exchange.h"

#include <utility>

#include "oauth/errors.h"
#include "oauth/resource_indicators.h"

namespace writ::oauth {
namespace {

Expected<broker::SubjectKind> subject_kind(const std::string& uri) {
  if (uri == kJwtUri) return broker::SubjectKind::jwt;
  if (uri == kIdTokenUri) return broker::SubjectKind::id_token;
  if (uri == kAccessTokenUri) return broker::SubjectKind::access_token;
  return fail(Errc::invalid_input, "subject_token_type is not one that this server knows",
              "subject_token_type", "the types are those of jwt, id_token and access_token");
}

// What a client asks for and would not get is refused rather than passed over.
Expected<void> check_requested_type(const Parameters& parameters, std::string_view given) {
  const auto requested = parameters.get("requested_token_type");
  if (!requested || *requested == given) return {};
  return fail(Errc::invalid_input, "this exchange does not give a token of that type",
              "requested_token_type", "it gives " + std::string(given));
}

}  // namespace

Expected<Exchange> parse_exchange(const Parameters& parameters) {
  for (const auto* name : {"actor_token", "actor_token_type"}) {
    if (parameters.get(name)) {
      return fail(Errc::invalid_input, "the actor is the client itself", name,
                  "leave actor_token out; the client assertion says who acts");
    }
  }
  if (parameters.get(kAudiencePlace)) {
    return fail(Errc::invalid_input, "audience is not offered", std::string(kAudiencePlace),
                "name the tool servers' URLs with resource");
  }
  WRIT_TRY(auto token, parameters.require(broker::kSubjectPlace));
  WRIT_TRY(const auto type, parameters.require("subject_token_type"));
  WRIT_TRY(const auto kind, subject_kind(type));
  WRIT_TRY(auto details, parse_details(parameters));

  if (auto* asked = std::get_if<broker::AskedDelegation>(&details)) {
    if (kind != broker::SubjectKind::access_token) {
      return fail(Errc::invalid_input, "a delegation is made with the run's access token",
                  "subject_token_type", "it is " + std::string(kAccessTokenUri));
    }
    if (!parameters.all(broker::kResourcePlace).empty()) {
      return fail(Errc::invalid_input, "a delegation token is for this server alone",
                  std::string(broker::kResourcePlace), "the agent that redeems it names resources");
    }
    WRIT_TRY_VOID(check_requested_type(parameters, kJwtUri));
    return HandDown{.asked = std::move(*asked), .access_token = std::move(token)};
  }
  WRIT_TRY_VOID(check_requested_type(parameters, kAccessTokenUri));
  WRIT_TRY(auto resources, resources_of(parameters));
  if (auto* asked = std::get_if<broker::AskedRun>(&details)) {
    return StartForUser{.asked = std::move(*asked),
                        .kind = kind,
                        .subject_token = std::move(token),
                        .resources = std::move(resources)};
  }
  if (kind != broker::SubjectKind::jwt) {
    return fail(Errc::invalid_input, "authorization_details is missing",
                std::string(broker::kDetailsPlace),
                "say which step of which workflow the run is for");
  }
  return TakeOver{.delegation_token = std::move(token), .resources = std::move(resources)};
}

JsonObject exchange_answer(const broker::Delegated& delegated) {
  JsonObject out;
  out["access_token"] = delegated.token.text;
  out["issued_token_type"] = kJwtUri;
  // It is no access token, and refused at every resource (section 2.2.1).
  out["token_type"] = "N_A";
  out["expires_in"] = (delegated.token.expires - delegated.token.issued) / seconds(1);
  out["authorization_details"] = JsonArray{delegated.details};
  return out;
}

}  // namespace writ::oauth
