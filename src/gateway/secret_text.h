// SPDX-License-Identifier: Apache-2.0
// Text forms of a secret, in secret memory: what injection writes and what redaction looks for.
// Pure functions, thread-safe.
#pragma once

#include <cstddef>
#include <string_view>

#include "base/secret_bytes.h"

namespace writ::gateway {

SecretBytes joined(std::string_view first, const SecretBytes& second);

// RFC 4648 section 4, padded.
SecretBytes base64_of(const SecretBytes& secret);
// Lower case.
SecretBytes hex_of(const SecretBytes& secret);
// Its bytes as numbers, with commas between.
SecretBytes decimal_of(const SecretBytes& secret);
// All but RFC 3986's unreserved characters as %XX, in upper case.
SecretBytes percent_encoded(const SecretBytes& secret);

// What base64 of any text has in common wherever `secret` stands in it, `before` bytes (0, 1 or 2)
// after a multiple of three, and then what follows where the text ends with it.
struct Base64Core {
  SecretBytes text;
  std::size_t certain = 0;  // of `text`, whatever follows; the rest is of a text that ends here
};
Base64Core base64_core(const SecretBytes& secret, std::size_t before);

}  // namespace writ::gateway
