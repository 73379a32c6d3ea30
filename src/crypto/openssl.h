// SPDX-License-Identifier: Apache-2.0
// What crypto's files share of OpenSSL: owners for its objects, and its error queue kept empty. Not
// for other rooms.
#pragma once

#include <memory>

#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

namespace writ::crypto {

template <auto Function>
struct Freed {
  template <typename T>
  void operator()(T* object) const noexcept {
    Function(object);
  }
};

using OwnedKey = std::unique_ptr<EVP_PKEY, Freed<EVP_PKEY_free>>;
using OwnedKeyContext = std::unique_ptr<EVP_PKEY_CTX, Freed<EVP_PKEY_CTX_free>>;
using OwnedDigestContext = std::unique_ptr<EVP_MD_CTX, Freed<EVP_MD_CTX_free>>;
using OwnedCipherContext = std::unique_ptr<EVP_CIPHER_CTX, Freed<EVP_CIPHER_CTX_free>>;
using OwnedBignum = std::unique_ptr<BIGNUM, Freed<BN_clear_free>>;
using OwnedEcdsaSig = std::unique_ptr<ECDSA_SIG, Freed<ECDSA_SIG_free>>;
using OwnedPkcs8 = std::unique_ptr<PKCS8_PRIV_KEY_INFO, Freed<PKCS8_PRIV_KEY_INFO_free>>;

// A failed call leaves errors in a queue of the thread, where TLS code would later take them for
// its own. Every function that may fail on input holds one of these.
class CleanErrorQueue {
 public:
  CleanErrorQueue() = default;
  CleanErrorQueue(const CleanErrorQueue&) = delete;
  CleanErrorQueue& operator=(const CleanErrorQueue&) = delete;
  ~CleanErrorQueue() { ERR_clear_error(); }
};

// Fetched once: an implicit fetch at each use doubles the cost of a small SHA-256.
const EVP_MD* sha256_algorithm();

}  // namespace writ::crypto
