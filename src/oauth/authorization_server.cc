// SPDX-License-Identifier: Apache-2.0
#include "oauth/authorization_server.h"

#include <utility>

#include "net/answer.h"
#include "oauth/client_authentication.h"
#include "oauth/errors.h"
#include "oauth/introspection.h"
#include "oauth/metadata.h"
#include "oauth/protected_resource.h"
#include "oauth/token_endpoint.h"
#include "observe/trace_context.h"

namespace writ::oauth {
namespace {

bool is_endpoint(std::string_view path) {
  return path == kTokenPath || path == kIntrospectionPath || path == kRevocationPath;
}

std::string trace_of(const net::ServerRequest& request, Random& random) {
  const auto field = request.fields().get_unique("traceparent");
  const auto text = field && *field ? **field : std::string_view();
  return observe::TraceContext::from_header(text, random).trace_id();
}

}  // namespace

AuthorizationServer::AuthorizationServer(const AuthorizationServerParts& parts,
                                         std::string public_url)
    : parts_(parts),
      issuer_(std::move(public_url)),
      strangers_("oauth", parts.log, parts.metrics, parts.clock),
      answered_(parts.metrics.counter("writ_oauth_requests_total",
                                      "Requests to the authorization server's endpoints",
                                      {{"outcome", "granted"}})),
      refused_(parts.metrics.counter("writ_oauth_requests_total",
                                     "Requests to the authorization server's endpoints",
                                     {{"outcome", "refused"}})) {}

bool AuthorizationServer::owns(std::string_view path) const {
  path = net::path_of(path);
  return path.starts_with("/oauth/") || path == kMetadataPath || path == kDiscoveryPath ||
         path == kWellKnownJwksPath || path == kResourceMetadataPath ||
         path.starts_with(std::string(kResourceMetadataPath) + "/");
}

std::optional<JsonObject> AuthorizationServer::document(std::string_view path) const {
  if (path == kMetadataPath || path == kDiscoveryPath) return server_metadata(issuer_);
  if (path == kJwksPath || path == kWellKnownJwksPath)
    return parts_.keys.public_keys(parts_.clock.now())->to_json();
  return resource_metadata(issuer_, path);
}

Task<void> AuthorizationServer::handle(net::ServerRequest& request, net::ServerResponse& response) {
  const auto path = std::string(net::path_of(request.target()));
  const bool endpoint = is_endpoint(path);
  const auto about = endpoint ? std::nullopt : document(path);
  if (!endpoint && !about) {
    co_return co_await net::send_problem(
        response, {.status = 404, .type = "not-found", .detail = "there is nothing here"});
  }
  const bool fits = endpoint ? request.method() == "POST"
                             : request.method() == "GET" || request.method() == "HEAD";
  if (!fits) {
    Fields allow;
    (void)allow.add("Allow", endpoint ? "POST" : "GET, HEAD");
    co_return co_await net::send_problem(
        response,
        {.status = 405, .type = "method-not-allowed", .detail = "this path takes other methods"},
        std::move(allow));
  }
  if (about) {
    Fields fields;
    (void)fields.add("Cache-Control", "max-age=300");
    co_return co_await net::send_json(response, 200, *about, std::move(fields));
  }
  auto answer = co_await post(request, path);
  if (!answer) {
    refused_.add();
    if (answer.error().code == Errc::internal)
      parts_.log.error("oauth.failed", {{"error", answer.error().to_string()}});
    co_return co_await send_error(response, answer.error());
  }
  answered_.add();
  // RFC 6749 section 5.1.
  Fields fields;
  (void)fields.add("Cache-Control", "no-store");
  (void)fields.add("Pragma", "no-cache");
  if (path == kRevocationPath) {
    (void)co_await response.send(200, std::move(fields), {});  // RFC 7009 section 2.2
    co_return;
  }
  co_await net::send_json(response, 200, *answer, std::move(fields));
}

template <typename T>
Expected<T> AuthorizationServer::counted(Expected<T> result) {
  if (!result && answer_of(result.error()).status < 500) strangers_.refused(result.error());
  return result;
}

Task<Expected<JsonObject>> AuthorizationServer::post(net::ServerRequest& request,
                                                     std::string_view path) {
  if (path == kTokenPath) co_return co_await token(request);
  co_return co_await about_token(request, path);
}

Task<Expected<JsonObject>> AuthorizationServer::token(net::ServerRequest& request) {
  auto parameters = counted(co_await Parameters::read(request));
  if (!parameters) co_return std::unexpected(std::move(parameters).error());
  auto asked = counted(parse_token_request(*parameters));
  if (!asked) co_return std::unexpected(std::move(asked).error());
  WRIT_CO_TRY(auto client, authenticate(request, *parameters, kTokenPath));
  co_return co_await grant(parts_.grants, std::move(client), std::move(*asked),
                           trace_of(request, parts_.random));
}

// RFC 7662 section 2.1 and RFC 7009 section 2.1: `token`, and a hint that nothing here needs.
Task<Expected<JsonObject>> AuthorizationServer::about_token(net::ServerRequest& request,
                                                            std::string_view path) {
  auto parameters = counted(co_await Parameters::read(request));
  if (!parameters) co_return std::unexpected(std::move(parameters).error());
  auto text = counted(parameters->require("token"));
  if (!text) co_return std::unexpected(std::move(text).error());
  WRIT_CO_TRY(auto client, authenticate(request, *parameters, path));
  auto token = SecretBytes::copy_of(*text);
  if (path == kIntrospectionPath) {
    WRIT_CO_TRY(auto about, co_await parts_.grants.introspect(std::move(client), std::move(token)));
    co_return introspection_answer(std::move(about));
  }
  WRIT_CO_TRY_VOID(co_await parts_.grants.revoke(std::move(client), std::move(token)));
  co_return JsonObject();
}

Expected<broker::AuthenticatedClient> AuthorizationServer::authenticate(
    const net::ServerRequest& request, const Parameters& parameters, std::string_view path) {
  return counted(
      authenticate_client(parts_.clients, request.head(), parameters, issuer_ + std::string(path)));
}

}  // namespace writ::oauth
