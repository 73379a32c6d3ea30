// SPDX-License-Identifier: Apache-2.0
// Signer: a private key that signs tokens, wherever it lies.
#pragma once

#include <string>

#include "base/bytes.h"
#include "crypto/ed25519.h"
#include "crypto/es256.h"
#include "jose/jwk.h"

namespace writ::jose {

// Thread-safe.
class Signer {
 public:
  virtual ~Signer() = default;
  // The public half; its kid goes into headers.
  virtual const Jwk& public_jwk() const = 0;
  // In the form of RFC 7518 for public_jwk().algorithm().
  virtual Bytes sign(BytesView message) const = 0;
};

// An empty kid stands for the key's thumbprint.
class Es256Signer final : public Signer {
 public:
  explicit Es256Signer(crypto::Es256PrivateKey key, std::string kid = {});
  const Jwk& public_jwk() const override { return public_; }
  Bytes sign(BytesView message) const override { return key_.sign(message); }

 private:
  crypto::Es256PrivateKey key_;
  Jwk public_;
};

class Ed25519Signer final : public Signer {
 public:
  explicit Ed25519Signer(crypto::Ed25519PrivateKey key, std::string kid = {});
  const Jwk& public_jwk() const override { return public_; }
  Bytes sign(BytesView message) const override { return key_.sign(message); }

 private:
  crypto::Ed25519PrivateKey key_;
  Jwk public_;
};

}  // namespace writ::jose
