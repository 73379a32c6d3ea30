// SPDX-License-Identifier: Apache-2.0
// The head of an outgoing request, as bytes in secret memory.
#pragma once

#include <string_view>

#include "base/error.h"
#include "base/secret_bytes.h"
#include "net/http_client.h"

namespace writ::net {

// `framing`: complete lines, or empty. invalid_input for whatever could be read as something else:
// a target with spaces, a secret with a line's end. The error never carries a value.
Expected<SecretBytes> encode_head(const OutgoingRequest& request, std::string_view framing);

}  // namespace writ::net
