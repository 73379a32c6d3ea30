// SPDX-License-Identifier: Apache-2.0
#include "crypto/rsa_public_key.h"

#include <algorithm>
#include <array>
#include <bit>

#include <openssl/core_names.h>
#include <openssl/param_build.h>
#include <openssl/rsa.h>

#include "base/check.h"
#include "crypto/hash.h"
#include "crypto/openssl.h"

namespace writ::crypto {
namespace {

using OwnedBuilder = std::unique_ptr<OSSL_PARAM_BLD, Freed<OSSL_PARAM_BLD_free>>;
using OwnedParams = std::unique_ptr<OSSL_PARAM, Freed<OSSL_PARAM_free>>;

std::size_t bits_of(BytesView number) {
  return number.size() * 8 - static_cast<std::size_t>(std::countl_zero(number.front()));
}

OwnedBignum bignum(BytesView number) {
  OwnedBignum value(BN_bin2bn(number.data(), static_cast<int>(number.size()), nullptr));
  WRIT_CHECK(value != nullptr);
  return value;
}

// ROCA (CVE-2017-15361): Infineon's library made primes that are powers of 65537 modulo many small
// primes, and so is their product; such keys can be factored. Another modulus looks like that once
// in 2^27.
bool looks_like_roca(const BIGNUM* modulus) {
  constexpr std::array<std::uint32_t, 38> kSmallPrimes = {
      3,  5,  7,  11, 13, 17,  19,  23,  29,  31,  37,  41,  43,  47,  53,  59,  61,  67,  71,
      73, 79, 83, 89, 97, 101, 103, 107, 109, 113, 127, 131, 137, 139, 149, 151, 157, 163, 167};
  return std::ranges::all_of(kSmallPrimes, [&](std::uint32_t prime) {
    const auto residue = static_cast<std::uint32_t>(BN_mod_word(modulus, prime));
    std::uint32_t power = 1;
    do {
      if (power == residue) return true;
      power = power * 65537 % prime;
    } while (power != 1);
    return false;
  });
}

}  // namespace

Expected<RsaPublicKey> RsaPublicKey::from_components(BytesView modulus, BytesView exponent) {
  if (modulus.empty() || modulus.front() == 0 || exponent.empty() || exponent.front() == 0) {
    return fail(Errc::invalid_input, "an RSA number is empty or has leading zeros");
  }
  if (modulus.size() > kMaxBits / 8 || bits_of(modulus) < kMinBits) {
    return fail(Errc::invalid_input, "an RSA key has 2048 to 4096 bits here");
  }
  const bool large_enough = exponent.size() >= 3 && exponent.size() <= 4;
  if ((modulus.back() & 1) == 0 || !large_enough || (exponent.back() & 1) == 0) {
    return fail(Errc::invalid_input, "the RSA modulus is even, or the exponent not a usual one");
  }

  const CleanErrorQueue clean;
  const auto n = bignum(modulus);
  const auto e = bignum(exponent);
  if (looks_like_roca(n.get())) {
    return fail(Errc::invalid_input, "the RSA key was made by a weak generator (CVE-2017-15361)");
  }
  const OwnedBuilder builder(OSSL_PARAM_BLD_new());
  WRIT_CHECK(builder != nullptr);
  WRIT_CHECK(OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_N, n.get()) == 1);
  WRIT_CHECK(OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_E, e.get()) == 1);
  const OwnedParams parameters(OSSL_PARAM_BLD_to_param(builder.get()));
  const OwnedKeyContext maker(EVP_PKEY_CTX_new_from_name(nullptr, "RSA", nullptr));
  WRIT_CHECK(maker != nullptr && EVP_PKEY_fromdata_init(maker.get()) == 1);
  EVP_PKEY* raw = nullptr;
  const int made = EVP_PKEY_fromdata(maker.get(), &raw, EVP_PKEY_PUBLIC_KEY, parameters.get());
  if (made != 1) return fail(Errc::invalid_input, "not an RSA public key");
  return RsaPublicKey(to_bytes(modulus), to_bytes(exponent), {raw, EVP_PKEY_free});
}

bool RsaPublicKey::verify(RsaScheme scheme, BytesView message, BytesView signature) const {
  // RFC 8017 sections 8.1.2 and 8.2.2, step 1: a shorter text of the same number is no signature.
  if (signature.size() != modulus_.size()) return false;
  const CleanErrorQueue clean;
  const auto digest = sha256(message);
  const OwnedKeyContext context(EVP_PKEY_CTX_new_from_pkey(nullptr, key_.get(), nullptr));
  WRIT_CHECK(context != nullptr);
  bool ready = EVP_PKEY_verify_init(context.get()) == 1;
  switch (scheme) {
    case RsaScheme::pkcs1_sha256:
      ready = ready && EVP_PKEY_CTX_set_rsa_padding(context.get(), RSA_PKCS1_PADDING) == 1;
      break;
    case RsaScheme::pss_sha256:
      ready = ready && EVP_PKEY_CTX_set_rsa_padding(context.get(), RSA_PKCS1_PSS_PADDING) == 1 &&
              EVP_PKEY_CTX_set_rsa_pss_saltlen(context.get(), RSA_PSS_SALTLEN_DIGEST) == 1 &&
              EVP_PKEY_CTX_set_rsa_mgf1_md(context.get(), sha256_algorithm()) == 1;
      break;
  }
  ready = ready && EVP_PKEY_CTX_set_signature_md(context.get(), sha256_algorithm()) == 1;
  return ready && EVP_PKEY_verify(context.get(), signature.data(), signature.size(), digest.data(),
                                  digest.size()) == 1;
}

}  // namespace writ::crypto
