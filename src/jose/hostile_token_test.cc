// SPDX-License-Identifier: Apache-2.0
// The attacks on tokens that other systems fell for. Names give the failure they stand for.
#include <chrono>

#include <gtest/gtest.h>

#include "base/encoding.h"
#include "crypto/hash.h"
#include "jose/tokens_testing.h"

namespace writ::jose {
namespace {

class HostileToken : public testing::Test {
 protected:
  // With the issuer's true key, a good payload and this header.
  bool refused_with_header(std::string_view header) {
    const auto result = issuer_.verify(signed_parts(issuer_.signer, header, payload()));
    return !result && result.error().code == Errc::unauthenticated;
  }
  std::string payload() const { return write_json(issuer_.claims); }

  Issuer issuer_;
};

TEST_F(HostileToken, TheUntouchedHeaderIsAccepted) {
  EXPECT_FALSE(refused_with_header(R"({"alg":"ES256","typ":"at+jwt","kid":"k1"})"));
}

TEST_F(HostileToken, NoneInAnySpellingIsRefused) {
  for (const auto alg : {"none", "nOnE", "None", "NONE", "", " none"}) {
    const std::string header = R"({"alg":")" + std::string(alg) + R"(","typ":"at+jwt"})";
    EXPECT_TRUE(refused_with_header(header)) << alg;
    const auto text =
        base64url_encode(as_bytes(header)) + '.' + base64url_encode(as_bytes(payload())) + '.';
    EXPECT_FALSE(issuer_.verify(text)) << alg;
  }
  EXPECT_TRUE(refused_with_header(R"({"typ":"at+jwt"})"));
  EXPECT_TRUE(refused_with_header(R"({"alg":null,"typ":"at+jwt"})"));
  EXPECT_TRUE(refused_with_header(R"({"alg":["ES256"],"typ":"at+jwt"})"));
}

// The public key, in any of its forms, and nothing at all, as the key of an HMAC.
TEST_F(HostileToken, Hs256IsRefusedWhateverItsKey) {
  const auto jwk = issuer_.signer.public_jwk().to_json();
  const auto x = base64url_decode(text_of(jwk.at("x").as_string())).value();
  const auto y = base64url_decode(text_of(jwk.at("y").as_string())).value();
  Bytes der = hex_decode("3059301306072a8648ce3d020106082a8648ce3d03010703420004").value();
  der.insert(der.end(), x.begin(), x.end());
  der.insert(der.end(), y.begin(), y.end());
  const std::string pem =
      "-----BEGIN PUBLIC KEY-----\n" + base64_encode(der) + "\n-----END PUBLIC KEY-----\n";
  const std::string signed_text =
      base64url_encode(as_bytes(R"({"alg":"HS256","typ":"at+jwt","kid":"k1"})")) + '.' +
      base64url_encode(as_bytes(payload()));
  for (const Bytes& key : {Bytes{}, der, to_bytes(pem), x, to_bytes(write_json(jwk))}) {
    const auto mac = crypto::hmac_sha256(key, as_bytes(signed_text));
    EXPECT_FALSE(issuer_.verify(signed_text + '.' + base64url_encode(mac)));
  }
}

// The header asks for another algorithm of ours than the key's.
TEST_F(HostileToken, TheAlgorithmIsTheKeysAndNotTheHeaders) {
  for (const auto alg : {"EdDSA", "RS256", "PS256", "es256", "ES384", "ES256K", "Ed25519"}) {
    EXPECT_TRUE(refused_with_header(R"({"alg":")" + std::string(alg) + R"(","typ":"at+jwt"})"))
        << alg;
  }
}

TEST_F(HostileToken, ParametersThatBringKeysOrChangeTheReadingAreRefused) {
  const auto jwk = write_json(issuer_.signer.public_jwk().required_members());
  for (const std::string& parameter :
       {std::string(R"("crit":["exp"])"), std::string(R"("crit":[])"),
        std::string(R"("b64":false)"), std::string(R"("zip":"DEF")"),
        std::string(R"("enc":"A256GCM")"), std::string(R"("cty":"JWT")"),
        std::string(R"("jku":"http://127.0.0.1/jwks")"),
        std::string(R"("x5u":"http://127.0.0.1/cert")"), std::string(R"("x5c":["MIIB"])"),
        R"("jwk":)" + jwk}) {
    EXPECT_TRUE(
        refused_with_header(R"({"alg":"ES256","typ":"at+jwt","kid":"k1",)" + parameter + "}"))
        << parameter;
  }
}

TEST_F(HostileToken, AKidIsOnlyEverLookedUpInMemory) {
  for (const auto kid : {"../../../../dev/null", "/etc/passwd", "' OR 1=1 --", "k1\\u0000", "K1",
                         "https://evil.example/key", "$(id)", ""}) {
    EXPECT_TRUE(
        refused_with_header(R"({"alg":"ES256","typ":"at+jwt","kid":")" + std::string(kid) + "\"}"))
        << kid;
  }
  EXPECT_TRUE(refused_with_header(R"({"alg":"ES256","typ":"at+jwt","kid":7})"));
  EXPECT_TRUE(refused_with_header(R"({"alg":"ES256","typ":"at+jwt","kid":")" +
                                  std::string(300, 'k') + "\"}"));
}

TEST_F(HostileToken, HeadersThatAreNotOneStrictObjectAreRefused) {
  for (const auto header :
       {"", "[]", "7", R"({"alg":"ES256","typ":"at+jwt","typ":"at+jwt"})",
        R"({"alg":"none","alg":"ES256","typ":"at+jwt"})", R"({"alg":"ES256","typ":"at+jwt"} x)",
        R"({"alg":"ES256","typ":7})", R"({"alg":"ES256","typ":""})",
        "{\"alg\":\"ES256\",\"typ\":\"at+jwt\",\"x\":\"\xff\"}"}) {
    EXPECT_TRUE(refused_with_header(header)) << header;
  }
  const std::string half(2100, 'x');  // each text is short enough, the whole is over 4 KiB
  EXPECT_FALSE(refused_with_header(R"({"alg":"ES256","typ":"at+jwt","x":")" + half + "\"}"));
  EXPECT_TRUE(refused_with_header(R"({"alg":"ES256","typ":"at+jwt","x":")" + half + R"(","y":")" +
                                  half + "\"}"));
}

TEST_F(HostileToken, WhatIsNotThreePartsOfStrictBase64UrlIsRefused) {
  const std::string good = issuer_.token();
  ASSERT_TRUE(issuer_.verify(good));
  const auto second = good.rfind('.');
  EXPECT_FALSE(issuer_.verify(""));
  EXPECT_FALSE(issuer_.verify("."));
  EXPECT_FALSE(issuer_.verify(".."));
  EXPECT_FALSE(issuer_.verify(good.substr(0, second)));
  EXPECT_FALSE(issuer_.verify(good.substr(0, second + 1)));
  EXPECT_FALSE(issuer_.verify(good + "."));
  EXPECT_NE(issuer_.verify(good + ".AAAA.AAAA").error().message.find("more than three"),
            std::string::npos);
  EXPECT_FALSE(issuer_.verify(good + ".AAAA.AAAA")) << "five parts, as JWE";
  EXPECT_FALSE(issuer_.verify(good + "="));
  EXPECT_FALSE(issuer_.verify(good + "=="));
  EXPECT_FALSE(issuer_.verify(good + "\n"));
  EXPECT_FALSE(issuer_.verify(" " + good));
  EXPECT_FALSE(issuer_.verify(with(good, ".", ". ")));
  // 64 bytes take 86 characters, the last of which carries four bits that must be zero.
  auto respelled = good;
  ASSERT_NE(std::string("AQgw").find(respelled.back()), std::string::npos);
  ++respelled.back();
  EXPECT_FALSE(issuer_.verify(respelled)) << "another spelling of the same signature";
}

TEST_F(HostileToken, AGoodTokenOverTheLimitIsRefused) {
  const auto padded = [&](std::size_t size) {
    return issuer_.verify_with("pad", '"' + std::string(size, 'p') + '"').has_value();
  };
  EXPECT_TRUE(padded(11'000));
  EXPECT_FALSE(padded(13'000)) << "over 16 KiB in base64url";
}

TEST_F(HostileToken, ASignatureOfDerOrAnotherLengthIsRefused) {
  const std::string good = issuer_.token();
  const std::string signed_text = good.substr(0, good.rfind('.'));
  Bytes raw = base64url_decode(std::string_view(good).substr(good.rfind('.') + 1)).value();
  Bytes der{0x30, 0x44, 0x02, 0x20};
  der.insert(der.end(), raw.begin(), raw.begin() + 32);
  der.insert(der.end(), {0x02, 0x20});
  der.insert(der.end(), raw.begin() + 32, raw.end());
  EXPECT_FALSE(issuer_.verify(signed_text + '.' + base64url_encode(der)));
  EXPECT_FALSE(issuer_.verify(signed_text + '.' + base64url_encode(Bytes(64, 0))));
  raw.push_back(0);
  EXPECT_FALSE(issuer_.verify(signed_text + '.' + base64url_encode(raw)));
}

TEST_F(HostileToken, ANestedTokenIsRefused) {
  const auto nested =
      signed_parts(issuer_.signer, R"({"alg":"ES256","typ":"at+jwt"})", issuer_.token());
  EXPECT_FALSE(issuer_.verify(nested));
}

// Bounds of work: the fastest of a few runs, so that a busy machine does not fail this.
TEST_F(HostileToken, BombsAreRefusedInUnderAMillisecond) {
  const std::string deep = std::string(8'000, '[');
  const std::string deep_objects = [] {
    std::string text;
    for (int i = 0; i < 1'600; ++i) text += R"({"a":)";
    return text;
  }();
  const auto huge = [](char c) {
    std::string text;
    text.resize(10'000'000, c);
    return text;
  };
  std::string wide = "{";
  for (int i = 0; i < 900; ++i) wide += "\"" + std::to_string(i) + "\":0,";
  const std::string parts[] = {
      signed_parts(issuer_.signer, deep, "{}"),
      signed_parts(issuer_.signer, deep_objects, "{}"),
      signed_parts(issuer_.signer, R"({"alg":"ES256","typ":"at+jwt"})", deep),
      signed_parts(issuer_.signer, wide, "{}"),
      signed_parts(issuer_.signer, R"({"alg":"PBES2-HS512+A256KW","p2c":2147483647})", "{}"),
      signed_parts(issuer_.signer, R"({"alg":"ES256","zip":"DEF"})", std::string(8'000, 'A')),
      huge('A'),
      huge('.'),
      signed_parts(issuer_.signer, std::string(10'000, '['), "{}"),
  };
  for (const auto& text : parts) {
    auto best = std::chrono::steady_clock::duration::max();
    for (int run = 0; run < 5; ++run) {
      const auto start = std::chrono::steady_clock::now();
      const auto result = issuer_.verify(text);
      best = std::min(best, std::chrono::steady_clock::now() - start);
      EXPECT_FALSE(result);
    }
#if !defined(__SANITIZE_ADDRESS__) && !__has_feature(address_sanitizer) && \
    !__has_feature(thread_sanitizer)
    EXPECT_LT(best, std::chrono::milliseconds(1)) << text.substr(0, 40);
#endif
  }
}

TEST_F(HostileToken, ErrorsCarryNoMoreThanAShortExtract) {
  const std::string secret(3000, 's');
  const auto header = R"({"alg":")" + secret + R"("})";
  const auto error = issuer_.verify(signed_parts(issuer_.signer, header, "{}")).error();
  EXPECT_LT(error.to_string().size(), 300U);
  EXPECT_LT(issuer_.verify_with("iss", '"' + secret + '"').error().to_string().size(), 100U);
}

}  // namespace
}  // namespace writ::jose
