// SPDX-License-Identifier: Apache-2.0
#include "oauth/errors.h"

#include "broker/grants.h"
#include "net/answer.h"

namespace writ::oauth {
namespace {

// In the member itself, or somewhere within its value.
bool stands_in(const Error& error, std::string_view place) {
  return error.where == place ||
         (error.where.starts_with(place) && error.where.substr(place.size()).starts_with('/'));
}

}  // namespace

ErrorAnswer answer_of(const Error& error) {
  switch (error.code) {
    case Errc::rate_limited:
      return {429, "temporarily_unavailable"};
    case Errc::unavailable:
    case Errc::unknown_outcome:
      return {503, "temporarily_unavailable"};
    case Errc::internal:
      return {500, "server_error"};
    default:
      break;
  }
  if (stands_in(error, broker::kClientPlace)) return {401, "invalid_client"};
  if (stands_in(error, broker::kProofPlace)) return {400, "invalid_dpop_proof"};  // RFC 9449, 5
  if (stands_in(error, broker::kResourcePlace)) return {400, "invalid_target"};   // RFC 8707, 2
  if (stands_in(error, kAudiencePlace)) return {400, "invalid_target"};           // RFC 8693, 2.2.2
  if (stands_in(error, broker::kDetailsPlace))
    return {400, "invalid_authorization_details"};  // RFC 9396, 5
  if (stands_in(error, kScopePlace)) return {400, "invalid_scope"};
  if (stands_in(error, kGrantTypePlace) && error.code == Errc::unsupported)
    return {400, "unsupported_grant_type"};
  // RFC 8693 section 2.2.2: a subject token that is no good is a bad request; one that is good, and
  // not for this client, is a bad grant.
  if (stands_in(error, broker::kSubjectPlace)) {
    const bool grant = error.code == Errc::denied || error.code == Errc::conflict;
    return {400, grant ? "invalid_grant" : "invalid_request"};
  }
  if (stands_in(error, broker::kRefreshPlace) && error.code != Errc::invalid_input)
    return {400, "invalid_grant"};
  if (error.code == Errc::too_large) return {413, "invalid_request"};
  return {400, "invalid_request"};
}

std::string description_of(const Error& error) {
  constexpr std::size_t kMost = 400;
  std::string text = error.message;
  if (!error.hint.empty()) text += ": " + error.hint;
  std::string out;
  for (const char c : text) {
    if (out.size() == kMost) break;
    if (c == '"') {
      out += '\'';
    } else if (c == '\\') {
      out += '/';
    } else {
      out += c >= 0x20 && c < 0x7F ? c : '?';
    }
  }
  return out;
}

Task<void> send_error(net::ServerResponse& response, const Error& error) {
  const auto answer = answer_of(error);
  JsonObject body;
  body["error"] = answer.code;
  // The cause of what is broken here is for the log alone.
  if (error.code != Errc::internal) body["error_description"] = description_of(error);
  if (auto met = broker::exceeded(error)) body["limit"] = met->limit;
  Fields fields;
  (void)fields.add("Pragma", "no-cache");
  if (answer.status == 401) (void)fields.add("WWW-Authenticate", "private_key_jwt");
  if (const auto wait = broker::retry_after(error)) {
    (void)fields.add("Retry-After", std::to_string(wait->count()));
  } else if (answer.status == 429 || answer.status == 503) {
    (void)fields.add("Retry-After", "1");
  }
  co_await net::send_json(response, answer.status, body, std::move(fields));
}

}  // namespace writ::oauth
