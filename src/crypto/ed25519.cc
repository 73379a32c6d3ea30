// SPDX-License-Identifier: Apache-2.0
#include "crypto/ed25519.h"

#include <algorithm>

#include <sodium.h>

#include "base/check.h"

namespace writ::crypto {
namespace {

// RFC 8410 section 7: SEQUENCE { version 0, SEQUENCE { OID 1.3.101.112 }, OCTET STRING { OCTET
// STRING (32 bytes) } }; the seed follows.
constexpr std::array<std::uint8_t, 16> kPkcs8Prefix = {
    0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20};

}  // namespace

Expected<Ed25519PublicKey> Ed25519PublicKey::from_raw(BytesView raw) {
  if (raw.size() != crypto_sign_ed25519_PUBLICKEYBYTES) {
    return fail(Errc::invalid_input, "an Ed25519 public key has 32 bytes");
  }
  if (crypto_core_ed25519_is_valid_point(raw.data()) != 1) {
    return fail(Errc::invalid_input, "not a point of Ed25519's main subgroup in canonical form");
  }
  Raw key;
  std::ranges::copy(raw, key.begin());
  return Ed25519PublicKey(key);
}

bool Ed25519PublicKey::verify(BytesView message, BytesView signature) const {
  return signature.size() == crypto_sign_ed25519_BYTES &&
         crypto_sign_ed25519_verify_detached(signature.data(), message.data(), message.size(),
                                             raw_.data()) == 0;
}

Ed25519PrivateKey Ed25519PrivateKey::generate(Random& random) {
  SecretBytes seed(crypto_sign_ed25519_SEEDBYTES);
  random.fill(seed.writable());
  return *from_seed(seed);
}

Expected<Ed25519PrivateKey> Ed25519PrivateKey::from_seed(const SecretBytes& seed) {
  if (seed.size() != crypto_sign_ed25519_SEEDBYTES) {
    return fail(Errc::invalid_input, "an Ed25519 private key has 32 bytes");
  }
  SecretBytes expanded(crypto_sign_ed25519_SECRETKEYBYTES);
  Ed25519PublicKey::Raw raw;
  WRIT_CHECK(crypto_sign_ed25519_seed_keypair(raw.data(), expanded.writable().data(),
                                              seed.reveal().data()) == 0);
  return Ed25519PrivateKey(std::move(expanded), Ed25519PublicKey(raw));
}

SecretBytes Ed25519PrivateKey::to_seed() const {
  return SecretBytes::copy_of(expanded_.reveal().first(crypto_sign_ed25519_SEEDBYTES));
}

Expected<Ed25519PrivateKey> Ed25519PrivateKey::from_pkcs8_der(const SecretBytes& der) {
  const auto bytes = der.reveal();
  if (bytes.size() != kPkcs8Prefix.size() + crypto_sign_ed25519_SEEDBYTES ||
      !std::ranges::equal(bytes.first(kPkcs8Prefix.size()), kPkcs8Prefix)) {
    return fail(Errc::invalid_input, "not an unencrypted PKCS #8 Ed25519 private key");
  }
  return from_seed(SecretBytes::copy_of(bytes.subspan(kPkcs8Prefix.size())));
}

SecretBytes Ed25519PrivateKey::to_pkcs8_der() const {
  SecretBytes der(kPkcs8Prefix.size() + crypto_sign_ed25519_SEEDBYTES);
  std::ranges::copy(kPkcs8Prefix, der.writable().begin());
  std::ranges::copy(expanded_.reveal().first(crypto_sign_ed25519_SEEDBYTES),
                    der.writable().begin() + kPkcs8Prefix.size());
  return der;
}

Bytes Ed25519PrivateKey::sign(BytesView message) const {
  Bytes signature(crypto_sign_ed25519_BYTES);
  WRIT_CHECK(crypto_sign_ed25519_detached(signature.data(), nullptr, message.data(), message.size(),
                                          expanded_.reveal().data()) == 0);
  return signature;
}

}  // namespace writ::crypto
