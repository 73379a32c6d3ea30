// SPDX-License-Identifier: Apache-2.0
#include "oauth/client_authentication.h"

#include "jose/client_assertion.h"

namespace writ::oauth {
namespace {

std::unexpected<Error> invalid_client(std::string message) {
  return fail(Errc::unauthenticated, std::move(message), std::string(broker::kClientPlace),
              "authenticate with private_key_jwt: client_assertion_type and client_assertion");
}

}  // namespace

Expected<broker::AuthenticatedClient> authenticate_client(const broker::Clients& clients,
                                                          const net::RequestHead& head,
                                                          const Parameters& parameters,
                                                          std::string_view url) {
  // RFC 6749 section 2.3: one method in a request, and this is the one.
  if (head.fields.contains("Authorization") || parameters.get("client_secret"))
    return invalid_client("the request authenticates in a way that is not offered");
  const auto type = parameters.get("client_assertion_type");
  const auto assertion = parameters.get("client_assertion");
  if (!type || !assertion) return invalid_client("the client assertion is missing");
  if (*type != jose::kClientAssertionType)
    return invalid_client("the client assertion is of a type that is not offered");

  const auto proof = head.fields.get_unique(broker::kProofPlace);
  // RFC 9449 section 4.3: exactly one field, with one proof.
  if (!proof || (*proof && (*proof)->contains(','))) {
    return fail(Errc::unauthenticated, "there is more than one DPoP proof",
                std::string(broker::kProofPlace));
  }
  return clients.authenticate({.assertion = *assertion,
                               .client_id = parameters.get("client_id"),
                               .proof = *proof,
                               .method = head.method,
                               .url = url});
}

}  // namespace writ::oauth
