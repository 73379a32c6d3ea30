// SPDX-License-Identifier: Apache-2.0
#include "jose/dpop.h"

#include <gtest/gtest.h>

#include "jose/tokens_testing.h"

namespace writ::jose {
namespace {

constexpr std::string_view kUrl = "https://writ.example/tools/acme/billing/invoices/7";
constexpr std::string_view kToken = "the.access.token";

class DpopTest : public testing::Test {
 protected:
  DpopTest() {
    claims_["jti"] = "j1";
    claims_["htm"] = "GET";
    claims_["htu"] = kUrl;
    claims_["iat"] = to_unix_seconds(clock_.now());
    claims_["ath"] = token_hash(kToken);
  }

  std::string jwk() const { return write_json(signer_.public_jwk().required_members()); }
  std::string header() const { return R"({"typ":"dpop+jwt","alg":"ES256","jwk":)" + jwk() + "}"; }
  Expected<VerifiedProof> verify(std::string_view proof) const {
    return verify_dpop_proof(proof, expected_, clock_.now());
  }
  Expected<VerifiedProof> verify_header(std::string_view header) const {
    return verify(signed_parts(signer_, header, write_json(claims_)));
  }
  // One claim set to a JSON text, or left out if that is empty.
  Expected<VerifiedProof> verify_with(std::string_view claim, std::string_view value) const {
    JsonObject changed = claims_;
    changed.erase(claim);
    if (!value.empty()) changed[claim] = parse_json(value).value();
    return verify(signed_parts(signer_, header(), write_json(changed)));
  }
  bool refused_for(const Expected<VerifiedProof>& result, std::string_view word) const {
    return !result && result.error().code == Errc::unauthenticated &&
           result.error().message.find(word) != std::string::npos;
  }
  std::string at(std::int64_t offset) const {
    return std::to_string(to_unix_seconds(clock_.now()) + offset);
  }

  FakeClock clock_;
  FakeRandom random_;
  Es256Signer signer_{crypto::Es256PrivateKey::generate()};
  JsonObject claims_;
  ExpectedProof expected_{.method = "GET", .url = kUrl, .access_token = kToken};
};

TEST_F(DpopTest, P8_AnHonestProofIsRead) {
  const auto proof =
      verify(make_dpop_proof(signer_, "GET", kUrl, kToken, clock_, random_, "nonce-1"));
  ASSERT_TRUE(proof) << proof.error().to_string();
  EXPECT_EQ(proof->thumbprint(), signer_.public_jwk().thumbprint());
  EXPECT_EQ(proof->jti().size(), 22U);
  EXPECT_EQ(proof->issued_at(), clock_.now());
  EXPECT_EQ(proof->nonce(), "nonce-1");
  const auto next = verify(make_dpop_proof(signer_, "GET", kUrl, kToken, clock_, random_));
  EXPECT_NE(next->jti(), proof->jti());
  EXPECT_FALSE(next->nonce());
}

TEST_F(DpopTest, Ed25519ProofsAreReadToo) {
  const Ed25519Signer signer(crypto::Ed25519PrivateKey::generate(random_));
  EXPECT_TRUE(verify(make_dpop_proof(signer, "GET", kUrl, kToken, clock_, random_)));
}

TEST_F(DpopTest, TheStandardsExampleVerifies) {  // RFC 9449 section 4.1
  const auto proof = verify_dpop_proof(
      "eyJ0eXAiOiJkcG9wK2p3dCIsImFsZyI6IkVTMjU2IiwiandrIjp7Imt0eSI6IkVDIiwieCI6Imw4dEZyaHgtMzR0VjNo"
      "UklD"
      "UkRZOXpDa0RscEJoRjQyVVFVZldWQVdCRnMiLCJ5IjoiOVZFNGpmX09rX282NHpiVFRsY3VOSmFqSG10NnY5VERWclUw"
      "Q2R2"
      "R1JEQSIsImNydiI6IlAtMjU2In19."
      "eyJqdGkiOiItQndDM0VTYzZhY2MybFRjIiwiaHRtIjoiUE9TVCIsImh0dSI6Imh0dHB"
      "zOi8vc2VydmVyLmV4YW1wbGUuY29tL3Rva2VuIiwiaWF0IjoxNTYyMjYyNjE2fQ.2-GxA6T8lP4vfrg8v-"
      "FdWP0A0zdrj8ig"
      "iMLvqRMUvwnQg4PtFLbdLXiOSsX0x7NVY-FNyJK70nfbV37xRZT3Lg",
      {.method = "POST", .url = "https://server.example.com/token", .access_token = std::nullopt},
      from_unix_seconds(1562262616));
  ASSERT_TRUE(proof) << proof.error().to_string();
  EXPECT_EQ(proof->jti(), "-BwC3ESc6acc2lTc");
  EXPECT_EQ(proof->thumbprint(), "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I");
}

TEST_F(DpopTest, P8_TheTypeMustBeDpop) {
  for (const auto type : {R"("typ":"JWT",)", R"("typ":"at+jwt",)", ""}) {
    EXPECT_TRUE(refused_for(
        verify_header("{" + std::string(type) + R"("alg":"ES256","jwk":)" + jwk() + "}"), "typ"));
  }
}

TEST_F(DpopTest, P8_TheKeyMustBePublicPresentAndOfItsAlgorithm) {
  ASSERT_TRUE(verify_header(header()));
  EXPECT_FALSE(verify_header(R"({"typ":"dpop+jwt","alg":"ES256"})"));
  EXPECT_FALSE(verify_header(R"({"typ":"dpop+jwt","alg":"ES256","jwk":7})"));
  EXPECT_FALSE(verify_header(with(header(), "ES256", "EdDSA")));
  EXPECT_FALSE(verify_header(with(header(), "ES256", "none")));
  EXPECT_FALSE(verify_header(with(header(), "ES256", "HS256")));
  EXPECT_FALSE(verify_header(with(header(), R"("kty")", R"("d":"AAAA","kty")")));
  EXPECT_FALSE(verify_header(with(header(), "P-256", "P-384")));
  EXPECT_FALSE(verify_header(with(header(), R"("typ")", R"("crit":["x"],"typ")")));
  EXPECT_FALSE(verify_header(with(header(), R"("typ")", R"("jku":"http://a","typ")")));
}

TEST_F(DpopTest, P8_TheSignatureMustBeTheKeys) {
  const Es256Signer thief(crypto::Es256PrivateKey::generate());
  EXPECT_TRUE(refused_for(verify(signed_parts(thief, header(), write_json(claims_))), "signature"));
}

TEST_F(DpopTest, P8_ALikelyKeyIsNoEvidence) {
  const Es256Signer thief(crypto::Es256PrivateKey::generate());
  for (const auto& likely :
       {signer_.public_jwk().with_kid("k"), thief.public_jwk(),
        Ed25519Signer(crypto::Ed25519PrivateKey::generate(random_)).public_jwk()}) {
    expected_.likely_key = &likely;
    const auto proof = verify_header(header());
    ASSERT_TRUE(proof) << proof.error().to_string();
    EXPECT_EQ(proof->key(), signer_.public_jwk());
    EXPECT_EQ(proof->key().kid(), "") << "the proof's jwk has none";
    EXPECT_TRUE(
        refused_for(verify(signed_parts(thief, header(), write_json(claims_))), "signature"));
  }
}

TEST_F(DpopTest, P8_TheMethodMustBeTheRequests) {
  EXPECT_TRUE(verify_with("htm", R"("GET")"));
  for (const auto method : {R"("POST")", R"("get")", "7", "", "[\"GET\"]"}) {
    EXPECT_TRUE(refused_for(verify_with("htm", method), "htm")) << method;
  }
}

TEST_F(DpopTest, P8_TheUrlMustBeTheRequests) {
  const std::string url(kUrl);
  EXPECT_TRUE(verify_with("htu", '"' + url + "?page=2\"")) << "the query does not count";
  EXPECT_TRUE(verify_with("htu", '"' + url + "#x\""));
  for (const std::string& other :
       {url + "/", url.substr(0, url.size() - 1), with(url, "https", "http"),
        with(url, "writ.example", "evil.example"), with(url, "/tools", "//tools"),
        with(url, "writ.example", "writ.example:444"), with(url, "tools", "x/../tools"),
        std::string()}) {
    EXPECT_TRUE(refused_for(verify_with("htu", '"' + other + '"'), "htu")) << other;
  }
  EXPECT_TRUE(refused_for(verify_with("htu", ""), "htu"));
  EXPECT_TRUE(refused_for(verify_with("htu", "7"), "htu"));
}

TEST_F(DpopTest, P8_TheTimeMustBeNear) {
  for (const auto offset : {-60, 0, 60}) EXPECT_TRUE(verify_with("iat", at(offset))) << offset;
  EXPECT_TRUE(verify_with("iat", at(0) + ".25"));
  for (const auto offset : {-61, 61, -3600, 3600}) {
    EXPECT_TRUE(refused_for(verify_with("iat", at(offset)), "iat")) << offset;
  }
  for (const auto bad : {"", "null", "\"7\"", "-1", "9007199254740991", "1e300"}) {
    JsonObject changed = claims_;
    changed.erase("iat");
    std::string payload = write_json(changed);
    if (*bad != 0) payload.insert(1, "\"iat\":" + std::string(bad) + ",");
    EXPECT_FALSE(verify(signed_parts(signer_, header(), payload))) << bad;
  }
}

TEST_F(DpopTest, P8_TheJtiIsPresentAndBounded) {
  EXPECT_TRUE(verify_with("jti", '"' + std::string(128, 'j') + '"'));
  for (const std::string& bad :
       {std::string(), std::string("7"), std::string(R"("")"), '"' + std::string(129, 'j') + '"',
        std::string(R"("a b")"), std::string(R"("a\u0000")"), std::string(R"("é")")}) {
    EXPECT_TRUE(refused_for(verify_with("jti", bad), "jti")) << bad;
  }
}

TEST_F(DpopTest, P8_TheHashMustBeOfTheTokenAtHand) {
  EXPECT_TRUE(refused_for(verify_with("ath", ""), "ath"));
  EXPECT_TRUE(refused_for(verify_with("ath", R"("")"), "ath"));
  EXPECT_TRUE(refused_for(verify_with("ath", '"' + token_hash("another") + '"'), "ath"));
  expected_.access_token = "";
  EXPECT_TRUE(refused_for(verify_with("ath", ""), "ath")) << "an empty token is a token";
  expected_.access_token.reset();
  EXPECT_TRUE(verify_with("ath", "")) << "there is none at the token endpoint";
}

TEST_F(DpopTest, AHashIsThatOfTheStandard) {  // RFC 9449 section 7.1
  EXPECT_EQ(token_hash("Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU"),
            "fUHyO2r2Z3DZ53EsNrWBb0xWXoaNy59IiKCAqksmQEo");
}

TEST_F(DpopTest, ABadNonceIsRefused) {
  EXPECT_TRUE(refused_for(verify_with("nonce", "7"), "nonce"));
  EXPECT_TRUE(refused_for(verify_with("nonce", R"("")"), "nonce"));
}

TEST_F(DpopTest, ATokenOfAnotherKeyOrOfNoneIsNotBound) {
  Issuer issuer;
  const auto proof = verify(make_dpop_proof(signer_, "GET", kUrl, kToken, clock_, random_)).value();
  const auto ours = R"({"jkt":")" + proof.thumbprint() + "\"}";
  EXPECT_TRUE(proof.check_bound(issuer.verify_with("cnf", ours).value()));
  const Es256Signer thief(crypto::Es256PrivateKey::generate());
  const auto theirs = R"({"jkt":")" + thief.public_jwk().thumbprint() + "\"}";
  EXPECT_FALSE(proof.check_bound(issuer.verify_with("cnf", theirs).value()));
  EXPECT_FALSE(proof.check_bound(issuer.verify(issuer.token()).value()));
  EXPECT_FALSE(proof.check_bound(issuer.verify_with("cnf", R"({"x5t#S256":"a"})").value()));
}

}  // namespace
}  // namespace writ::jose
