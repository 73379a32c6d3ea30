// SPDX-License-Identifier: Apache-2.0
// ES256: ECDSA over P-256 with SHA-256 (FIPS 186-5, RFC 7518 section 3.4). Signatures are r || s,
// 64 bytes, big-endian (IEEE P1363); DER is neither made nor accepted.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <utility>

#include "base/bytes.h"
#include "base/error.h"
#include "base/secret_bytes.h"

struct evp_pkey_st;

namespace writ::crypto {

// A point on P-256 other than infinity: from_xy() checks that, so a value of this type is valid.
// Cheap to copy. Thread-safe.
class Es256PublicKey {
 public:
  using Coordinate = std::array<std::uint8_t, 32>;  // big-endian

  // invalid_input unless both are 32 bytes and the point is on the curve.
  static Expected<Es256PublicKey> from_xy(BytesView x, BytesView y);

  const Coordinate& x() const { return x_; }
  const Coordinate& y() const { return y_; }

  // Whether `signature` is 64 bytes, r and s are within 1..n-1, and it is one of `message`.
  bool verify(BytesView message, BytesView signature) const;

  friend bool operator==(const Es256PublicKey& a, const Es256PublicKey& b) {
    return a.x_ == b.x_ && a.y_ == b.y_;
  }

 private:
  Es256PublicKey(const Coordinate& x, const Coordinate& y, std::shared_ptr<evp_pkey_st> key)
      : x_(x), y_(y), key_(std::move(key)) {}

  Coordinate x_;
  Coordinate y_;
  std::shared_ptr<evp_pkey_st> key_;
};

// Cheap to copy; copies share the key. Thread-safe. While in use the key lies in OpenSSL's memory,
// which wipes it when the last copy goes.
class Es256PrivateKey {
 public:
  // From the system's generator: OpenSSL draws the scalar itself.
  static Es256PrivateKey generate();
  // RFC 5958 (PKCS #8), unencrypted. invalid_input unless it is exactly one consistent P-256 key.
  static Expected<Es256PrivateKey> from_pkcs8_der(const SecretBytes& der);
  SecretBytes to_pkcs8_der() const;
  // The scalar alone, 32 bytes, big-endian, as a JWK's "d" has it (RFC 7518 section 6.2.2).
  // invalid_input unless it is the private half of `public_key`.
  static Expected<Es256PrivateKey> from_scalar(const SecretBytes& scalar,
                                               const Es256PublicKey& public_key);
  SecretBytes to_scalar() const;

  const Es256PublicKey& public_key() const { return public_; }

  // 64 bytes, r || s. Two signatures of one message differ.
  Bytes sign(BytesView message) const;

 private:
  Es256PrivateKey(Es256PublicKey public_key, std::shared_ptr<evp_pkey_st> key)
      : public_(std::move(public_key)), key_(std::move(key)) {}
  static Expected<Es256PrivateKey> from_key(std::shared_ptr<evp_pkey_st> key);

  // The public key is an object of its own: a copy of it must not keep the private one alive.
  Es256PublicKey public_;
  std::shared_ptr<evp_pkey_st> key_;
};

}  // namespace writ::crypto
