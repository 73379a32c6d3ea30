// SPDX-License-Identifier: Apache-2.0
// AeadKey: AES-256-GCM (NIST SP 800-38D) with a random 96-bit nonce for each message.
//
//   sealed = nonce (12 bytes) || ciphertext (as long as the plaintext) || tag (16 bytes)
//
// The associated data says what the ciphertext is for (purpose, owner, version); it is not stored,
// so the one who opens must know it, and a ciphertext moved elsewhere does not open. It is never
// empty. One key seals at most 2^32 messages (random nonces, SP 800-38D section 8.3).
#pragma once

#include <cstddef>
#include <utility>

#include "base/bytes.h"
#include "base/error.h"
#include "base/random.h"
#include "base/secret_bytes.h"

namespace writ::crypto {

// Movable. Thread-safe for const use.
class AeadKey {
 public:
  static constexpr std::size_t kKeySize = 32;
  static constexpr std::size_t kNonceSize = 12;
  static constexpr std::size_t kTagSize = 16;
  static constexpr std::size_t kOverhead = kNonceSize + kTagSize;
  // No message is larger; a longer sealed value is refused before anything is allocated.
  static constexpr std::size_t kMaxPlain = std::size_t{1} << 26;

  static AeadKey generate(Random& random);
  // invalid_input unless `key` is 32 bytes.
  static Expected<AeadKey> from(SecretBytes key);

  // `associated_data` must not be empty and `plain` at most kMaxPlain: else a caller's bug.
  Bytes seal(Random& random, BytesView plain, BytesView associated_data) const;
  // invalid_input, and nothing of the plaintext, where the key, the associated data or any bit of
  // `sealed` is not what it was when sealed.
  Expected<SecretBytes> open(BytesView sealed, BytesView associated_data) const;

  // For wrapping this key under another one.
  const SecretBytes& reveal_key() const { return key_; }

 private:
  explicit AeadKey(SecretBytes key) : key_(std::move(key)) {}
  SecretBytes key_;
};

namespace aead_detail {
// The primitive with everything chosen by the caller: for AeadKey and the published vectors only.
// Reusing a nonce under one key reveals the plaintexts and the authentication key.
Bytes seal_with_nonce(BytesView key, BytesView nonce, BytesView plain, BytesView associated_data);
Expected<SecretBytes> open_with_nonce(BytesView key, BytesView nonce, BytesView ciphertext_and_tag,
                                      BytesView associated_data);
}  // namespace aead_detail

}  // namespace writ::crypto
