// SPDX-License-Identifier: Apache-2.0
// A secret under a passphrase: Argon2id (RFC 9106) makes the key, XChaCha20-Poly1305 seals.
//
//   version (1 byte, 1) || operations (uint32, big-endian) || memory in KiB (uint32, big-endian)
//   || salt (16 bytes) || nonce (24 bytes) || ciphertext and tag (plaintext's size + 16)
//
// Everything before the ciphertext is authenticated with it. The cost is stored so that it can grow
// later; it is bounded when read, so that a hostile file can ask for neither much memory nor time.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/bytes.h"
#include "base/error.h"
#include "base/random.h"
#include "base/secret_bytes.h"

namespace writ::crypto {

struct PassphraseCost {
  std::uint32_t operations = 3;  // libsodium's MODERATE: about 0.7 s
  std::uint32_t memory_kib = 256 * 1024;
};

// Bounds of what open_with_passphrase() is willing to do.
struct PassphraseLimits {
  std::uint32_t max_operations = 10;
  std::uint32_t max_memory_kib = 1024 * 1024;
  std::size_t max_sealed_size = std::size_t{1} << 20;
};

// `associated_data` says what the secret is for; it is not stored and must not be empty (a caller's
// bug). invalid_input for an empty passphrase or a cost out of Argon2id's range; unavailable if the
// memory cannot be had. Thread-safe; takes as long as the cost says, so not for an event loop.
Expected<Bytes> seal_with_passphrase(Random& random, const SecretBytes& passphrase, BytesView plain,
                                     BytesView associated_data, const PassphraseCost& cost = {});

// unauthenticated if the passphrase, the associated data or a bit of `sealed` is another;
// invalid_input if it has not this form or asks for more than `limits`; unavailable as above.
Expected<SecretBytes> open_with_passphrase(const SecretBytes& passphrase, BytesView sealed,
                                           BytesView associated_data,
                                           const PassphraseLimits& limits = {});

}  // namespace writ::crypto
