// SPDX-License-Identifier: Apache-2.0
// Signing with a person's own key what gives somebody a key or an account (protocol.md P40).
#pragma once

#include <string>
#include <string_view>

#include "approval/statements.h"
#include "cli/context.h"
#include "cli/signing_page.h"
#include "jose/signer.h"

namespace writ::cli {

// Shows the page on the terminal and asks there for the passphrase "to PURPOSE". not_found without
// a key file; unsupported without a terminal.
Expected<jose::Es256Signer> open_own_key(Context& context, const ApiClient& api,
                                         const SigningPage& page, std::string_view purpose);

approval::Freshness new_freshness(const Context& context);

// The value of the field Writ-Signature for a request that is about to be sent; `what` says in one
// line what it does. `body` is the octets of a secret, or the canonical form of a JSON body.
Expected<std::string> sign_request(Context& context, ApiClient& api, std::string_view method,
                                   const std::string& target, BytesView body,
                                   std::string_view what);

}  // namespace writ::cli
