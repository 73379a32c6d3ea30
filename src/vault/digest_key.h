// SPDX-License-Identifier: Apache-2.0
// DigestKey: what stands outside the seal for a digest of content that can be guessed (P38). An
// amount and an invoice are a few thousand guesses, so a plain SHA-256 of them tells them to
// whoever has the store. An HMAC under a key that only the seal opens tells nothing.
//
// The key is HKDF-SHA256 of the workspace's data key under the info "writ-guessable-v1". An HMAC is
// taken over the plain digest, so what 0.1 stored is brought to this form without its content.
#pragma once

#include <string_view>

#include "base/bytes.h"
#include "base/secret_bytes.h"
#include "vault/keys.h"

namespace writ::vault {

// Movable; thread-safe for const use.
class DigestKey {
 public:
  explicit DigestKey(const SealingKey& data_key);

  // HMAC-SHA256 over  use ‖ 0x00 ‖ owner ‖ 0x00 ‖ digest.
  // `use` says what the digest is of, so that two uses never give the same value. `owner` is the id
  // within which equal digests may be seen to be equal, such as a run; empty for the whole
  // workspace. Neither contains a zero byte.
  Digest of(std::string_view use, std::string_view owner, const Digest& digest) const;

 private:
  SecretBytes key_;
};

}  // namespace writ::vault
