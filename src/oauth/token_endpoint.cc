// SPDX-License-Identifier: Apache-2.0
#include "oauth/token_endpoint.h"

#include <utility>

#include "oauth/authorization_details.h"
#include "oauth/errors.h"
#include "oauth/resource_indicators.h"

namespace writ::oauth {
namespace {

// RFC 6749 section 5.1, RFC 9449 section 5, RFC 9396 section 7, RFC 8693 section 2.2.1. The one way
// of a refresh token out of this server.
JsonObject token_answer(const broker::Granted& granted, bool exchanged) {
  JsonObject out;
  out["access_token"] = granted.access.text;
  if (exchanged) out["issued_token_type"] = kAccessTokenUri;
  out["token_type"] = granted.bound ? "DPoP" : "Bearer";
  out["expires_in"] = (granted.access.expires - granted.access.issued) / seconds(1);
  out["refresh_token"] = granted.refresh.reveal_text();
  out["authorization_details"] = JsonArray{granted.access.details};
  out["run"] = granted.run.to_string();
  return out;
}

Expected<JsonObject> answer(const Expected<broker::Granted>& granted, bool exchanged) {
  if (!granted) return std::unexpected(granted.error());
  return token_answer(*granted, exchanged);
}

Task<Expected<JsonObject>> exchange(broker::Grants& grants, broker::AuthenticatedClient client,
                                    Exchange request, std::string trace_id) {
  if (auto* start = std::get_if<StartForUser>(&request)) {
    const auto granted = co_await grants.start_for_user(
        std::move(client), std::move(start->asked), start->kind, std::move(start->subject_token),
        std::move(start->resources), std::move(trace_id));
    co_return answer(granted, true);
  }
  if (auto* over = std::get_if<TakeOver>(&request)) {
    const auto granted = co_await grants.take_over(
        std::move(client), std::move(over->delegation_token), std::move(over->resources));
    co_return answer(granted, true);
  }
  auto& down = std::get<HandDown>(request);
  const auto delegated = co_await grants.hand_down(std::move(client), std::move(down.access_token),
                                                   std::move(down.asked));
  if (!delegated) co_return std::unexpected(delegated.error());
  co_return exchange_answer(*delegated);
}

}  // namespace

Expected<TokenRequest> parse_token_request(const Parameters& parameters) {
  WRIT_TRY(const auto type, parameters.require(kGrantTypePlace));
  if (parameters.get(kScopePlace)) {
    return fail(Errc::invalid_input, "scope names are not offered", std::string(kScopePlace),
                "ask with authorization_details");
  }
  if (type == kTokenExchange) {
    WRIT_TRY(auto request, parse_exchange(parameters));
    return request;
  }
  if (type == kRefreshToken) {
    WRIT_TRY(const auto token, parameters.require(kRefreshToken));
    if (parameters.get(broker::kDetailsPlace)) {
      return fail(Errc::invalid_input, "a refresh is for what the run may do, no more and no less",
                  std::string(broker::kDetailsPlace), "leave authorization_details out");
    }
    WRIT_TRY(auto resources, optional_resources_of(parameters));
    return GoOn{.refresh_token = SecretBytes::copy_of(token), .resources = std::move(resources)};
  }
  if (type == kClientCredentials) {
    // The grant of another flow never falls back to the client's own (failures.md 5).
    for (const auto* other : {"subject_token", "refresh_token"}) {
      if (parameters.get(other)) {
        return fail(Errc::invalid_input, std::string(other) + " belongs to another grant type",
                    std::string(kGrantTypePlace));
      }
    }
    WRIT_TRY(auto details, parse_details(parameters));
    auto* asked = std::get_if<broker::AskedRun>(&details);
    if (asked == nullptr) {
      return fail(Errc::invalid_input, "authorization_details of the type writ_run are expected",
                  std::string(broker::kDetailsPlace));
    }
    WRIT_TRY(auto resources, resources_of(parameters));
    return StartForWorkspace{.asked = std::move(*asked), .resources = std::move(resources)};
  }
  return fail(Errc::unsupported, "the grant type is not offered", std::string(kGrantTypePlace),
              "the grant types are client_credentials, refresh_token and token exchange");
}

Task<Expected<JsonObject>> grant(broker::Grants& grants, broker::AuthenticatedClient client,
                                 TokenRequest request, std::string trace_id) {
  if (auto* start = std::get_if<StartForWorkspace>(&request)) {
    const auto granted =
        co_await grants.start_for_workspace(std::move(client), std::move(start->asked),
                                            std::move(start->resources), std::move(trace_id));
    co_return answer(granted, false);
  }
  if (auto* on = std::get_if<GoOn>(&request)) {
    const auto granted = co_await grants.go_on(std::move(client), std::move(on->refresh_token),
                                               std::move(on->resources));
    co_return answer(granted, false);
  }
  co_return co_await exchange(grants, std::move(client), std::move(std::get<Exchange>(request)),
                              std::move(trace_id));
}

}  // namespace writ::oauth
