// SPDX-License-Identifier: Apache-2.0
#include "jose/signer.h"

#include <utility>

namespace writ::jose {
namespace {

Jwk named(const Jwk& key, std::string kid) {
  if (kid.empty()) kid = key.thumbprint();
  return key.with_kid(std::move(kid));
}

}  // namespace

Es256Signer::Es256Signer(crypto::Es256PrivateKey key, std::string kid)
    : key_(std::move(key)), public_(named(Jwk(key_.public_key()), std::move(kid))) {}

Ed25519Signer::Ed25519Signer(crypto::Ed25519PrivateKey key, std::string kid)
    : key_(std::move(key)), public_(named(Jwk(key_.public_key()), std::move(kid))) {}

}  // namespace writ::jose
