// SPDX-License-Identifier: Apache-2.0
#include "crypto/es256.h"

#include <algorithm>
#include <cstring>
#include <string_view>

#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/param_build.h>

#include "base/check.h"
#include "crypto/hash.h"
#include "crypto/openssl.h"

namespace writ::crypto {
namespace {

constexpr std::size_t kScalarSize = 32;
constexpr std::size_t kSignatureSize = 2 * kScalarSize;

// n, the order of the group (FIPS 186-5, SP 800-186 section 3.2.1.3).
constexpr std::array<std::uint8_t, kScalarSize> kOrder = {
    0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
    0xbc, 0xe6, 0xfa, 0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51};

// 1 <= scalar < n
bool in_range(BytesView scalar) {
  return std::ranges::any_of(scalar, [](auto byte) { return byte != 0; }) &&
         std::memcmp(scalar.data(), kOrder.data(), kScalarSize) < 0;
}

// One ASN.1 INTEGER of at most 35 bytes, minimal, never negative.
void put_integer(Bytes& out, BytesView scalar) {
  while (scalar.size() > 1 && scalar.front() == 0) scalar = scalar.subspan(1);
  const bool padded = (scalar.front() & 0x80) != 0;
  out.push_back(0x02);
  out.push_back(static_cast<std::uint8_t>(scalar.size() + (padded ? 1 : 0)));
  if (padded) out.push_back(0);
  out.insert(out.end(), scalar.begin(), scalar.end());
}

Bytes der_of(BytesView signature) {
  Bytes out;
  out.reserve(72);
  out.assign({0x30, 0});
  put_integer(out, signature.first(kScalarSize));
  put_integer(out, signature.subspan(kScalarSize));
  out[1] = static_cast<std::uint8_t>(out.size() - 2);
  return out;
}

OwnedKeyContext context_for(EVP_PKEY* key) {
  OwnedKeyContext context(EVP_PKEY_CTX_new_from_pkey(nullptr, key, nullptr));
  WRIT_CHECK(context != nullptr);
  return context;
}

std::shared_ptr<EVP_PKEY> shared(OwnedKey key) { return {key.release(), EVP_PKEY_free}; }

bool is_p256(EVP_PKEY* key) {
  std::array<char, 32> group{};
  return EVP_PKEY_is_a(key, "EC") == 1 &&
         EVP_PKEY_get_group_name(key, group.data(), group.size(), nullptr) == 1 &&
         std::string_view(group.data()) == SN_X9_62_prime256v1;
}

}  // namespace

Expected<Es256PublicKey> Es256PublicKey::from_xy(BytesView x, BytesView y) {
  if (x.size() != kScalarSize || y.size() != kScalarSize) {
    return fail(Errc::invalid_input, "a coordinate on P-256 has 32 bytes");
  }
  const CleanErrorQueue clean;
  std::array<std::uint8_t, 1 + 2 * kScalarSize> point;
  point[0] = POINT_CONVERSION_UNCOMPRESSED;
  std::ranges::copy(x, point.begin() + 1);
  std::ranges::copy(y, point.begin() + 1 + kScalarSize);
  std::array<char, sizeof(SN_X9_62_prime256v1)> group;
  std::memcpy(group.data(), SN_X9_62_prime256v1, group.size());
  const std::array<OSSL_PARAM, 3> parameters = {
      OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, group.data(), 0),
      OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, point.data(), point.size()),
      OSSL_PARAM_construct_end()};

  const OwnedKeyContext maker(EVP_PKEY_CTX_new_from_name(nullptr, "EC", nullptr));
  WRIT_CHECK(maker != nullptr && EVP_PKEY_fromdata_init(maker.get()) == 1);
  EVP_PKEY* raw = nullptr;
  const int made = EVP_PKEY_fromdata(maker.get(), &raw, EVP_PKEY_PUBLIC_KEY,
                                     const_cast<OSSL_PARAM*>(parameters.data()));
  OwnedKey key(raw);
  // Coordinates below p, on the curve, not infinity (SP 800-56A section 5.6.2.3.4). The full check
  // adds that the point has order n, which every point of P-256 has: its cofactor is 1.
  if (made != 1 || EVP_PKEY_public_check_quick(context_for(key.get()).get()) != 1) {
    return fail(Errc::invalid_input, "the point is not on P-256");
  }
  Coordinate x_bytes;
  Coordinate y_bytes;
  std::ranges::copy(x, x_bytes.begin());
  std::ranges::copy(y, y_bytes.begin());
  return Es256PublicKey(x_bytes, y_bytes, shared(std::move(key)));
}

bool Es256PublicKey::verify(BytesView message, BytesView signature) const {
  if (signature.size() != kSignatureSize || !in_range(signature.first(kScalarSize)) ||
      !in_range(signature.subspan(kScalarSize))) {
    return false;
  }
  const CleanErrorQueue clean;
  const auto digest = sha256(message);
  const Bytes der = der_of(signature);
  const auto context = context_for(key_.get());
  return EVP_PKEY_verify_init(context.get()) == 1 &&
         EVP_PKEY_verify(context.get(), der.data(), der.size(), digest.data(), digest.size()) == 1;
}

Expected<Es256PrivateKey> Es256PrivateKey::from_key(std::shared_ptr<EVP_PKEY> key) {
  // A key from PKCS #8 may carry its point compressed; asking for coordinates does not depend on
  // it.
  BIGNUM* x = nullptr;
  BIGNUM* y = nullptr;
  const bool had_x = EVP_PKEY_get_bn_param(key.get(), OSSL_PKEY_PARAM_EC_PUB_X, &x) == 1;
  const bool had_y = EVP_PKEY_get_bn_param(key.get(), OSSL_PKEY_PARAM_EC_PUB_Y, &y) == 1;
  const OwnedBignum owned_x(x);
  const OwnedBignum owned_y(y);
  Es256PublicKey::Coordinate x_bytes;
  Es256PublicKey::Coordinate y_bytes;
  if (!had_x || !had_y || BN_bn2binpad(x, x_bytes.data(), kScalarSize) != kScalarSize ||
      BN_bn2binpad(y, y_bytes.data(), kScalarSize) != kScalarSize) {
    return fail(Errc::invalid_input, "the P-256 private key has no public part");
  }
  WRIT_TRY(auto public_key, Es256PublicKey::from_xy(x_bytes, y_bytes));
  return Es256PrivateKey(std::move(public_key), std::move(key));
}

Es256PrivateKey Es256PrivateKey::generate() {
  OwnedKey key(EVP_EC_gen(SN_X9_62_prime256v1));
  WRIT_CHECK(key != nullptr);
  auto made = from_key(shared(std::move(key)));
  WRIT_CHECK(made.has_value());
  return *std::move(made);
}

Expected<Es256PrivateKey> Es256PrivateKey::from_pkcs8_der(const SecretBytes& der) {
  constexpr std::size_t kMaxSize = 1024;  // a P-256 key takes 67 to 150 bytes
  if (der.empty() || der.size() > kMaxSize) {
    return fail(Errc::invalid_input, "not an unencrypted PKCS #8 P-256 private key");
  }
  const CleanErrorQueue clean;
  const auto bytes = der.reveal();
  const unsigned char* at = bytes.data();
  const OwnedPkcs8 info(d2i_PKCS8_PRIV_KEY_INFO(nullptr, &at, static_cast<long>(bytes.size())));
  OwnedKey key(info != nullptr && at == bytes.data() + bytes.size()
                   ? EVP_PKCS82PKEY_ex(info.get(), nullptr, nullptr)
                   : nullptr);
  if (key == nullptr || !is_p256(key.get())) {
    return fail(Errc::invalid_input, "not an unencrypted PKCS #8 P-256 private key");
  }
  if (EVP_PKEY_check(context_for(key.get()).get()) != 1) {
    return fail(Errc::invalid_input, "the P-256 private key is not consistent");
  }
  return from_key(shared(std::move(key)));
}

SecretBytes Es256PrivateKey::to_pkcs8_der() const {
  const OwnedPkcs8 info(EVP_PKEY2PKCS8(key_.get()));
  WRIT_CHECK(info != nullptr);
  const int size = i2d_PKCS8_PRIV_KEY_INFO(info.get(), nullptr);
  WRIT_CHECK(size > 0);
  SecretBytes der(static_cast<std::size_t>(size));
  unsigned char* at = der.writable().data();
  WRIT_CHECK(i2d_PKCS8_PRIV_KEY_INFO(info.get(), &at) == size);
  return der;
}

Expected<Es256PrivateKey> Es256PrivateKey::from_scalar(const SecretBytes& scalar,
                                                       const Es256PublicKey& public_key) {
  if (scalar.size() != kScalarSize || !in_range(scalar.reveal())) {
    return fail(Errc::invalid_input, "a private key for P-256 is a number of 32 bytes");
  }
  // RFC 5958 around RFC 5915, whose lengths are the same for every P-256 key; from_pkcs8_der()
  // checks that the two halves belong together.
  constexpr auto kBeforeScalar = std::to_array<std::uint8_t>(
      {0x30, 0x81, 0x87, 0x02, 0x01, 0x00, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86,
       0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d,
       0x03, 0x01, 0x07, 0x04, 0x6d, 0x30, 0x6b, 0x02, 0x01, 0x01, 0x04, 0x20});
  constexpr auto kBeforePoint =
      std::to_array<std::uint8_t>({0xa1, 0x44, 0x03, 0x42, 0x00, POINT_CONVERSION_UNCOMPRESSED});
  SecretBytes der(kBeforeScalar.size() + kScalarSize + kBeforePoint.size() + 2 * kScalarSize);
  auto at = std::ranges::copy(kBeforeScalar, der.writable().begin()).out;
  at = std::ranges::copy(scalar.reveal(), at).out;
  at = std::ranges::copy(kBeforePoint, at).out;
  at = std::ranges::copy(public_key.x(), at).out;
  std::ranges::copy(public_key.y(), at);
  return from_pkcs8_der(der);
}

SecretBytes Es256PrivateKey::to_scalar() const {
  BIGNUM* raw = nullptr;
  WRIT_CHECK(EVP_PKEY_get_bn_param(key_.get(), OSSL_PKEY_PARAM_PRIV_KEY, &raw) == 1);
  const std::unique_ptr<BIGNUM, decltype(&BN_clear_free)> number(raw, BN_clear_free);
  SecretBytes scalar(kScalarSize);
  WRIT_CHECK(BN_bn2binpad(raw, scalar.writable().data(), kScalarSize) == kScalarSize);
  return scalar;
}

Bytes Es256PrivateKey::sign(BytesView message) const {
  const auto digest = sha256(message);
  const auto context = context_for(key_.get());
  std::array<std::uint8_t, 80> der;
  std::size_t size = der.size();
  WRIT_CHECK(EVP_PKEY_sign_init(context.get()) == 1);
  WRIT_CHECK(EVP_PKEY_sign(context.get(), der.data(), &size, digest.data(), digest.size()) == 1);
  const unsigned char* at = der.data();
  const OwnedEcdsaSig parsed(d2i_ECDSA_SIG(nullptr, &at, static_cast<long>(size)));
  WRIT_CHECK(parsed != nullptr);
  Bytes signature(kSignatureSize);
  WRIT_CHECK(BN_bn2binpad(ECDSA_SIG_get0_r(parsed.get()), signature.data(), kScalarSize) ==
             kScalarSize);
  WRIT_CHECK(BN_bn2binpad(ECDSA_SIG_get0_s(parsed.get()), signature.data() + kScalarSize,
                          kScalarSize) == kScalarSize);
  return signature;
}

}  // namespace writ::crypto
