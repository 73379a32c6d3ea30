// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "base/encoding.h"
#include "base/fake_random.h"
#include "crypto/ed25519.h"
#include "crypto/es256.h"
#include "crypto/openssl.h"
#include "crypto/random.h"
#include "crypto/rsa_public_key.h"

namespace writ::crypto {
namespace {

const BytesView kMessage = as_bytes("pay 12.00 to ACME");

// n of P-256.
Bytes order() {
  return *hex_decode("ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551");
}

TEST(Es256, VerifiesWhatItSigned) {
  const auto key = Es256PrivateKey::generate();
  for (int i = 0; i < 64; ++i) {  // enough for short r and s to occur
    const Bytes signature = key.sign(kMessage);
    ASSERT_EQ(signature.size(), 64U);
    EXPECT_TRUE(key.public_key().verify(kMessage, signature));
    EXPECT_FALSE(key.public_key().verify(as_bytes("pay 12.01 to ACME"), signature));
    EXPECT_FALSE(Es256PrivateKey::generate().public_key().verify(kMessage, signature));
  }
}

TEST(Es256, OnlySixtyFourBytesWithinTheOrderAreASignature) {
  const auto key = Es256PrivateKey::generate();
  const Bytes signature = key.sign(kMessage);
  const auto with = [&](std::size_t at, BytesView part) {
    Bytes changed = signature;
    std::ranges::copy(part, changed.begin() + static_cast<std::ptrdiff_t>(at));
    return changed;
  };
  const Bytes zero(32, 0);
  for (const std::size_t at : {0, 32}) {
    EXPECT_FALSE(key.public_key().verify(kMessage, with(at, zero)));
    EXPECT_FALSE(key.public_key().verify(kMessage, with(at, order())));
    EXPECT_FALSE(key.public_key().verify(kMessage, with(at, Bytes(32, 0xff))));
  }
  EXPECT_FALSE(key.public_key().verify(kMessage, {}));
  EXPECT_FALSE(key.public_key().verify(kMessage, BytesView(signature).first(63)));
  Bytes longer = signature;
  longer.push_back(0);
  EXPECT_FALSE(key.public_key().verify(kMessage, longer));
}

TEST(Es256, APointOffTheCurveIsRefused) {
  const auto good = Es256PrivateKey::generate().public_key();
  EXPECT_TRUE(Es256PublicKey::from_xy(good.x(), good.y()));
  auto y = good.y();
  y[31] ^= 1;
  EXPECT_FALSE(Es256PublicKey::from_xy(good.x(), y));
  EXPECT_FALSE(Es256PublicKey::from_xy(Bytes(32, 0), Bytes(32, 0)));
  EXPECT_FALSE(Es256PublicKey::from_xy(Bytes(32, 0xff), good.y())) << "x is not below p";
  EXPECT_FALSE(Es256PublicKey::from_xy(BytesView(good.x()).first(31), good.y()));
  EXPECT_FALSE(Es256PublicKey::from_xy({}, {}));
}

TEST(Es256, APrivateKeySurvivesPkcs8) {
  const auto key = Es256PrivateKey::generate();
  const auto again = Es256PrivateKey::from_pkcs8_der(key.to_pkcs8_der());
  ASSERT_TRUE(again) << again.error().to_string();
  EXPECT_EQ(again->public_key(), key.public_key());
  EXPECT_TRUE(key.public_key().verify(kMessage, again->sign(kMessage)));
}

TEST(Es256, WhatIsNotExactlyOneP256KeyIsRefused) {
  const auto der = Es256PrivateKey::generate().to_pkcs8_der();
  Bytes longer = to_bytes(der.reveal());
  longer.push_back(0);
  EXPECT_FALSE(Es256PrivateKey::from_pkcs8_der(SecretBytes::copy_of(longer)));
  EXPECT_FALSE(
      Es256PrivateKey::from_pkcs8_der(SecretBytes::copy_of(der.reveal().first(der.size() - 1))));
  EXPECT_FALSE(Es256PrivateKey::from_pkcs8_der(SecretBytes()));
  EXPECT_FALSE(Es256PrivateKey::from_pkcs8_der(SecretBytes(2000)));
  FakeRandom random;
  EXPECT_FALSE(Es256PrivateKey::from_pkcs8_der(Ed25519PrivateKey::generate(random).to_pkcs8_der()));

  // The public part, at the end of this form, is of another key.
  const auto other = Es256PrivateKey::generate().to_pkcs8_der();
  Bytes mixed = to_bytes(der.reveal().first(der.size() - 64));
  const auto point = other.reveal().last(64);
  mixed.insert(mixed.end(), point.begin(), point.end());
  EXPECT_FALSE(Es256PrivateKey::from_pkcs8_der(SecretBytes::copy_of(mixed)));
}

TEST(Es256, AnotherCurveIsRefused) {
  for (const char* curve : {"P-384", "secp256k1"}) {
    const OwnedKey key(EVP_EC_gen(curve));
    const OwnedPkcs8 info(EVP_PKEY2PKCS8(key.get()));
    SecretBytes der(static_cast<std::size_t>(i2d_PKCS8_PRIV_KEY_INFO(info.get(), nullptr)));
    unsigned char* at = der.writable().data();
    i2d_PKCS8_PRIV_KEY_INFO(info.get(), &at);
    const auto parsed = Es256PrivateKey::from_pkcs8_der(der);
    ASSERT_FALSE(parsed);
    EXPECT_EQ(parsed.error().message, "not an unencrypted PKCS #8 P-256 private key") << curve;
  }
}

TEST(Ed25519, VerifiesWhatItSignedAndSurvivesItsForms) {
  FakeRandom random;
  const auto key = Ed25519PrivateKey::generate(random);
  const Bytes signature = key.sign(kMessage);
  EXPECT_TRUE(key.public_key().verify(kMessage, signature));
  EXPECT_FALSE(key.public_key().verify(as_bytes("other"), signature));
  EXPECT_FALSE(key.public_key().verify(kMessage, BytesView(signature).first(63)));
  EXPECT_EQ(Ed25519PrivateKey::from_seed(key.to_seed()).value().public_key(), key.public_key());
  EXPECT_EQ(Ed25519PrivateKey::from_pkcs8_der(key.to_pkcs8_der()).value().sign(kMessage),
            signature);
  auto der = key.to_pkcs8_der();
  der.writable()[11] ^= 1;
  EXPECT_FALSE(Ed25519PrivateKey::from_pkcs8_der(der));
}

TEST(Ed25519, SmallOrderAndNonCanonicalKeysAreRefused) {
  Bytes identity(32, 0);
  identity[0] = 1;
  EXPECT_FALSE(Ed25519PublicKey::from_raw(identity));
  EXPECT_FALSE(Ed25519PublicKey::from_raw(Bytes(32, 0)));
  EXPECT_FALSE(Ed25519PublicKey::from_raw(Bytes(32, 0xff)));
  EXPECT_FALSE(Ed25519PublicKey::from_raw(Bytes(31, 9)));
}

TEST(Rsa, OnlyModuliOfUsualSizesAndExponentsAreTaken) {
  const Bytes e{1, 0, 1};
  const auto modulus = [](std::size_t size) { return Bytes(size, 0xff); };
  EXPECT_TRUE(RsaPublicKey::from_components(modulus(256), e));
  EXPECT_TRUE(RsaPublicKey::from_components(modulus(512), e));
  EXPECT_FALSE(RsaPublicKey::from_components(modulus(255), e));
  EXPECT_FALSE(RsaPublicKey::from_components(modulus(513), e));
  EXPECT_FALSE(RsaPublicKey::from_components({}, e));
  Bytes short_by_a_bit = modulus(256);
  short_by_a_bit[0] = 0x7f;
  EXPECT_FALSE(RsaPublicKey::from_components(short_by_a_bit, e));
  Bytes even = modulus(256);
  even.back() = 0xfe;
  EXPECT_FALSE(RsaPublicKey::from_components(even, e));
  Bytes padded{0};
  padded.insert(padded.end(), 256, 0xff);
  EXPECT_FALSE(RsaPublicKey::from_components(padded, e));
  for (const Bytes& bad :
       {Bytes{}, Bytes{1}, Bytes{3}, Bytes{0, 1, 0, 1}, Bytes{1, 0, 0}, Bytes{1, 0, 0, 0, 1}}) {
    EXPECT_FALSE(RsaPublicKey::from_components(modulus(256), bad));
  }
}

TEST(ErrorQueue, IsEmptyAfterEveryRefusal) {
  ERR_clear_error();
  const auto key = Es256PrivateKey::generate();
  EXPECT_FALSE(key.public_key().verify(kMessage, Bytes(64, 1)));
  EXPECT_FALSE(Es256PublicKey::from_xy(Bytes(32, 1), Bytes(32, 1)));
  EXPECT_FALSE(Es256PrivateKey::from_pkcs8_der(SecretBytes(40)));
  const auto rsa = RsaPublicKey::from_components(Bytes(256, 0xff), Bytes{1, 0, 1});
  EXPECT_FALSE(rsa->verify(RsaScheme::pkcs1_sha256, kMessage, Bytes(256, 1)));
  EXPECT_FALSE(rsa->verify(RsaScheme::pss_sha256, kMessage, Bytes(256, 1)));
  EXPECT_EQ(ERR_peek_error(), 0U);
}

TEST(SystemRandom, FillsAndDoesNotRepeat) {
  SystemRandom random;
  Bytes a(32);
  Bytes b(32);
  random.fill(a);
  random.fill(b);
  random.fill({});
  EXPECT_NE(a, b);
}

}  // namespace
}  // namespace writ::crypto
