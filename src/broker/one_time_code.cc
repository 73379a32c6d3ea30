// SPDX-License-Identifier: Apache-2.0
#include "broker/one_time_code.h"

#include "base/encoding.h"
#include "crypto/hash.h"

namespace writ::broker {

SecretBytes make_code(Random& random) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  SecretBytes raw(20);
  random.fill(raw.writable());
  SecretBytes text(2 * raw.size());
  const auto bytes = raw.reveal();
  const auto out = text.writable();
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    out[2 * i] = static_cast<std::uint8_t>(kDigits[bytes[i] >> 4]);
    out[2 * i + 1] = static_cast<std::uint8_t>(kDigits[bytes[i] & 15]);
  }
  return text;
}

std::string secret_id(const SecretBytes& secret) {
  return hex_encode(crypto::sha256(secret.reveal()));
}

std::string code_id(const SecretBytes& code) { return secret_id(code); }

}  // namespace writ::broker
