// SPDX-License-Identifier: Apache-2.0
// Vault: the one way from a sealed credential to its plaintext.
//
// open() takes a RecordedAction, which exists only once the intent of that action is durable, and
// gives the current secret of the account that the action was decided for, if the tool server's
// address is still the credential's. There is no other function that returns a credential, to
// anyone.
#pragma once

#include "action/call.h"
#include "vault/credential.h"

namespace writ::vault {

// The secret and which version it is, for the record of the outcome.
struct Opened {
  SecretBytes value;
  std::uint64_t version = 0;
};

// Errors: denied where the action has no account, or it is not this credential and generation, or
// the server's origin is not the credential's; internal where the sealed bytes do not open.
Expected<Opened> open(const action::RecordedAction& action, const Credential& credential,
                      const SealingKey& data_key);

}  // namespace writ::vault
