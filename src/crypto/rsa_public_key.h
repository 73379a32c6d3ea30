// SPDX-License-Identifier: Apache-2.0
// RsaPublicKey: verifies the RS256 and PS256 signatures (RFC 7518 sections 3.3 and 3.5) of foreign
// identity providers. Writ signs nothing with RSA, so there is no private key.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>

#include "base/bytes.h"
#include "base/error.h"

struct evp_pkey_st;

namespace writ::crypto {

enum class RsaScheme : std::uint8_t {
  pkcs1_sha256,  // RSASSA-PKCS1-v1_5 with SHA-256: RS256
  pss_sha256,    // RSASSA-PSS, SHA-256, MGF1 with SHA-256, 32 bytes of salt: PS256
};

// Cheap to copy. Thread-safe.
class RsaPublicKey {
 public:
  static constexpr std::size_t kMinBits = 2048;
  static constexpr std::size_t kMaxBits = 4096;

  // Big-endian without leading zeros. invalid_input unless the modulus is odd and of 2048 to 4096
  // bits, and the exponent odd and within 65537..2^32-1 (FIPS 186-5 section 5.4 asks for more than
  // 2^16; larger ones only cost time), and the modulus not of the ROCA kind (CVE-2017-15361).
  static Expected<RsaPublicKey> from_components(BytesView modulus, BytesView exponent);

  const Bytes& modulus() const { return modulus_; }
  const Bytes& exponent() const { return exponent_; }

  // Whether `signature` is as long as the modulus and one of `message` under `scheme`.
  bool verify(RsaScheme scheme, BytesView message, BytesView signature) const;

  friend bool operator==(const RsaPublicKey& a, const RsaPublicKey& b) {
    return a.modulus_ == b.modulus_ && a.exponent_ == b.exponent_;
  }

 private:
  RsaPublicKey(Bytes modulus, Bytes exponent, std::shared_ptr<evp_pkey_st> key)
      : modulus_(std::move(modulus)), exponent_(std::move(exponent)), key_(std::move(key)) {}

  Bytes modulus_;
  Bytes exponent_;
  std::shared_ptr<evp_pkey_st> key_;
};

}  // namespace writ::crypto
