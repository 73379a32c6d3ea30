// SPDX-License-Identifier: Apache-2.0
#include "jose/private_jwk.h"

#include <gtest/gtest.h>

#include "base/encoding.h"
#include "wire/canonical.h"

namespace writ::jose {
namespace {

// RFC 7515 appendix A.3.1.
constexpr std::string_view kPublished =
    R"({"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",)"
    R"("y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",)"
    R"("d":"jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI"})";

Expected<Es256Signer> read(std::string_view text) {
  return read_private_jwk(SecretBytes::copy_of(text));
}

std::string with(std::string_view member, const Json& value) {
  auto object = parse_json_object(kPublished).value();
  if (value.is_null()) {
    object.erase(member);
  } else {
    object[member] = value;
  }
  return canonical_json(object);
}

TEST(PrivateJwk, IsWrittenAndReadBack) {
  const auto key = crypto::Es256PrivateKey::generate();
  const auto text = write_private_jwk(key, "billing-1");
  const auto signer = read_private_jwk(text);
  ASSERT_TRUE(signer) << signer.error().to_string();
  EXPECT_EQ(signer->public_jwk().kid(), "billing-1");
  EXPECT_TRUE(key.public_key().verify(as_bytes("m"), signer->sign(as_bytes("m"))));
}

TEST(PrivateJwk, OthersKeysAreRead) {
  const auto signer = read(kPublished);
  ASSERT_TRUE(signer) << signer.error().to_string();
  const auto signature = signer->sign(as_bytes("m"));
  EXPECT_TRUE(signer->public_jwk().verify(as_bytes("m"), signature));
  EXPECT_EQ(signer->public_jwk().kid(), signer->public_jwk().thumbprint());
}

TEST(PrivateJwk, HalvesThatDoNotBelongTogetherAreRefused) {
  const auto other = crypto::Es256PrivateKey::generate();
  const auto mixed = read(with("d", Json(base64url_encode(other.to_scalar().reveal()))));
  ASSERT_FALSE(mixed);
  EXPECT_EQ(mixed.error().code, Errc::invalid_input);
}

TEST(PrivateJwk, WhatIsNoPrivateKeyIsRefusedWithoutQuotingIt) {
  for (const auto& text :
       {std::string(), std::string("jpsQnnGQmL"), std::string("[]"), with("d", nullptr),
        with("x", nullptr), with("d", "jpsQnnGQmL"), with("d", "***"), with("d", 7),
        with("d", Json(base64url_encode(Bytes(32)))), with("crv", "P-384"), with("kty", "oct"),
        with("alg", "EdDSA"), with("kid", Json(std::string(300, 'k')))}) {
    const auto refused = read(text);
    ASSERT_FALSE(refused) << text;
    EXPECT_EQ(refused.error().to_string().find("jpsQ"), std::string::npos);
  }
}

TEST(PrivateJwk, TheScalarIsTheWholePrivateKey) {
  const auto key = crypto::Es256PrivateKey::generate();
  const auto again = crypto::Es256PrivateKey::from_scalar(key.to_scalar(), key.public_key());
  ASSERT_TRUE(again);
  EXPECT_EQ(again->public_key(), key.public_key());
  EXPECT_EQ(again->to_pkcs8_der(), key.to_pkcs8_der());
  EXPECT_FALSE(crypto::Es256PrivateKey::from_scalar(SecretBytes(31), key.public_key()));
  EXPECT_FALSE(crypto::Es256PrivateKey::from_scalar(SecretBytes(32), key.public_key()));
}

}  // namespace
}  // namespace writ::jose
