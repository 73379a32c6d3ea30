// SPDX-License-Identifier: Apache-2.0
// AuthorizationServer: /.well-known/* and /oauth/* over HTTP. What the endpoints decide is
// broker/grants.h's; what they say on the wire is in a file for each RFC beside this one.
//
//   GET  /.well-known/oauth-authorization-server, /.well-known/openid-configuration    metadata.h
//   GET  /.well-known/oauth-protected-resource/…                            protected_resource.h
//   GET  /oauth/jwks, /.well-known/jwks.json          the keys that verify our tokens (RFC 7517)
//   POST /oauth/token                                                          token_endpoint.h
//   POST /oauth/introspect                                                      introspection.h
//   POST /oauth/revoke                                            broker::Grants::revoke (RFC 7009)
#pragma once

#include <string>
#include <string_view>

#include "broker/clients.h"
#include "broker/grants.h"
#include "broker/refusal_sampler.h"
#include "broker/token_keys.h"
#include "net/http_server.h"
#include "oauth/parameters.h"
#include "observe/log.h"
#include "observe/metrics.h"

namespace writ::oauth {

// All of them outlive the server.
struct AuthorizationServerParts {
  const broker::Clients& clients;
  broker::Grants& grants;
  const broker::TokenKeys& keys;
  const Clock& clock;
  Random& random;
  observe::Log& log;
  observe::Metrics& metrics;
};

// Thread-safe.
class AuthorizationServer {
 public:
  // `public_url` without a slash at its end: the issuer, and what URLs are checked against (P28).
  AuthorizationServer(const AuthorizationServerParts& parts, std::string public_url);

  // A path, or a target.
  bool owns(std::string_view path) const;
  Task<void> handle(net::ServerRequest& request, net::ServerResponse& response);

 private:
  // A document that anyone may read; nothing where there is none at this path.
  std::optional<JsonObject> document(std::string_view path) const;
  Task<Expected<JsonObject>> post(net::ServerRequest& request, std::string_view path);
  Task<Expected<JsonObject>> token(net::ServerRequest& request);
  Task<Expected<JsonObject>> about_token(net::ServerRequest& request, std::string_view path);

  // Whoever was not proved to be anyone is counted and sampled, never logged one by one (P25).
  template <typename T>
  Expected<T> counted(Expected<T> result);
  Expected<broker::AuthenticatedClient> authenticate(const net::ServerRequest& request,
                                                     const Parameters& parameters,
                                                     std::string_view path);

  const AuthorizationServerParts parts_;
  const std::string issuer_;
  broker::RefusalSampler strangers_;
  observe::Counter& answered_;
  observe::Counter& refused_;
};

}  // namespace writ::oauth
