// SPDX-License-Identifier: Apache-2.0
#include "oauth/metadata.h"

#include "broker/asked.h"
#include "oauth/token_endpoint.h"

namespace writ::oauth {

JsonObject server_metadata(const std::string& issuer) {
  const auto at = [&](std::string_view path) { return issuer + std::string(path); };
  const JsonArray methods{"private_key_jwt"};
  const JsonArray algorithms{"ES256", "EdDSA"};
  JsonObject out;
  out["issuer"] = issuer;
  out["token_endpoint"] = at(kTokenPath);
  out["jwks_uri"] = at(kJwksPath);
  out["introspection_endpoint"] = at(kIntrospectionPath);
  out["revocation_endpoint"] = at(kRevocationPath);
  for (const std::string endpoint : {"token", "introspection", "revocation"}) {
    out[endpoint + "_endpoint_auth_methods_supported"] = methods;
    out[endpoint + "_endpoint_auth_signing_alg_values_supported"] = algorithms;
  }
  // There is no authorization endpoint, so no response types; the member is required all the same.
  out["response_types_supported"] = JsonArray();
  out["grant_types_supported"] = JsonArray{kTokenExchange, kClientCredentials, kRefreshToken};
  out["dpop_signing_alg_values_supported"] = algorithms;  // RFC 9449 section 5.1
  out["authorization_details_types_supported"] =          // RFC 9396 section 10
      JsonArray{broker::kRunDetails, broker::kDelegationDetails};
  return out;
}

}  // namespace writ::oauth
