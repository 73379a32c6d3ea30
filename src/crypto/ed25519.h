// SPDX-License-Identifier: Apache-2.0
// Ed25519 (RFC 8032), by libsodium, which refuses small-order and non-canonical keys and
// signatures.
#pragma once

#include <array>
#include <cstdint>
#include <utility>

#include "base/bytes.h"
#include "base/error.h"
#include "base/random.h"
#include "base/secret_bytes.h"

namespace writ::crypto {

// Thread-safe.
class Ed25519PublicKey {
 public:
  using Raw = std::array<std::uint8_t, 32>;

  // invalid_input unless it is 32 bytes, the canonical form of a point of the main subgroup.
  static Expected<Ed25519PublicKey> from_raw(BytesView raw);

  const Raw& raw() const { return raw_; }

  // Whether `signature` is 64 bytes and one of `message`.
  bool verify(BytesView message, BytesView signature) const;

  friend bool operator==(const Ed25519PublicKey&, const Ed25519PublicKey&) = default;

 private:
  friend class Ed25519PrivateKey;
  explicit Ed25519PublicKey(const Raw& raw) : raw_(raw) {}
  Raw raw_;
};

// Movable. Thread-safe for const use.
class Ed25519PrivateKey {
 public:
  static Ed25519PrivateKey generate(Random& random);
  // The 32 bytes of RFC 8032's private key; invalid_input for another size.
  static Expected<Ed25519PrivateKey> from_seed(const SecretBytes& seed);
  SecretBytes to_seed() const;
  // RFC 8410 section 7, version 1: the form that OpenSSL writes. invalid_input for anything else.
  static Expected<Ed25519PrivateKey> from_pkcs8_der(const SecretBytes& der);
  SecretBytes to_pkcs8_der() const;

  const Ed25519PublicKey& public_key() const { return public_; }

  // 64 bytes. Deterministic.
  Bytes sign(BytesView message) const;

 private:
  Ed25519PrivateKey(SecretBytes expanded, Ed25519PublicKey key)
      : expanded_(std::move(expanded)), public_(key) {}

  SecretBytes expanded_;  // libsodium's form: seed || public key
  Ed25519PublicKey public_;
};

}  // namespace writ::crypto
