// SPDX-License-Identifier: Apache-2.0
// Injection: the credential into the request that leaves, where the operation says (P11), in secret
// memory all the way.
#pragma once

#include "gateway/redactor.h"
#include "net/http_client.h"
#include "tools/operation.h"
#include "vault/vault.h"

namespace writ::gateway {

// Puts `secret` into `request` and, where the operation redacts, tells `redactor` what it is as
// such and as rendered. The operation has a place for a credential.
void inject(const tools::Operation& operation, SecretBytes secret, net::OutgoingRequest& request,
            Redactor& redactor);

}  // namespace writ::gateway
