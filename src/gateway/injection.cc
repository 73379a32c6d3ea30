// SPDX-License-Identifier: Apache-2.0
#include "gateway/injection.h"

#include <initializer_list>
#include <memory>
#include <string>
#include <utility>
#include <variant>

#include "base/check.h"
#include "gateway/secret_text.h"
#include "wire/url.h"

namespace writ::gateway {
namespace {

void add_field(net::OutgoingRequest& request, std::string name, SecretBytes value) {
  request.secret_fields.push_back({.name = std::move(name), .value = std::move(value)});
}

}  // namespace

void inject(const tools::Operation& operation, SecretBytes secret, net::OutgoingRequest& request,
            Redactor& redactor) {
  WRIT_CHECK(operation.credential.has_value());
  const auto* basic = std::get_if<tools::CredentialBasic>(&*operation.credential);
  auto rendered = basic != nullptr ? base64_of(joined(basic->user + ":", secret)) : SecretBytes();
  if (operation.redact) {
    redactor.add(std::make_shared<const RedactionPlan>(
        std::initializer_list<const SecretBytes*>{&secret, &rendered}));
  }
  if (const auto* header = std::get_if<tools::CredentialHeader>(&*operation.credential)) {
    // The prefix is the definition's and no secret; what is to be masked is what follows it.
    add_field(request, header->name, joined(header->prefix, secret));
    return;
  }
  if (const auto* query = std::get_if<tools::CredentialQuery>(&*operation.credential)) {
    const bool first = request.target.find('?') == std::string::npos;
    request.secret_target =
        joined((first ? "?" : "&") + percent_encode(query->name) + "=", percent_encoded(secret));
    return;
  }
  add_field(request, "Authorization", joined("Basic ", rendered));
}

}  // namespace writ::gateway
