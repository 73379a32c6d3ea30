// SPDX-License-Identifier: Apache-2.0
#include "jose/jwt.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "jose/client_assertion.h"
#include "jose/tokens_testing.h"

namespace writ::jose {
namespace {

class JwtTest : public testing::Test {
 protected:
  // True if the refusal names the claim.
  bool refused(const Expected<VerifiedJwt>& result, std::string_view claim) {
    return !result && result.error().code == Errc::unauthenticated && result.error().where == claim;
  }
  std::string at(std::int64_t offset) { return std::to_string(issuer_.now() + offset); }

  Issuer issuer_;
};

TEST_F(JwtTest, AnHonestTokenIsRead) {
  const auto jwt = issuer_.verify(issuer_.token());
  ASSERT_TRUE(jwt) << jwt.error().to_string();
  EXPECT_EQ(jwt->issuer(), "https://writ.example");
  EXPECT_EQ(jwt->subject(), "usr_1");
  EXPECT_EQ(jwt->audiences(), std::vector{issuer_.expected.audience});
  EXPECT_EQ(jwt->jwt_id(), "j1");
  EXPECT_EQ(to_unix_seconds(jwt->expires_at()), issuer_.now() + 600);
  EXPECT_EQ(to_unix_seconds(*jwt->issued_at()), issuer_.now());
  EXPECT_FALSE(jwt->not_before());
  EXPECT_EQ(jwt->type(), "at+jwt");
  EXPECT_EQ(jwt->algorithm(), Algorithm::es256);
  EXPECT_EQ(jwt->kid(), "k1");
  EXPECT_EQ(jwt->key_thumbprint(), issuer_.signer.public_jwk().thumbprint());
  EXPECT_FALSE(jwt->is_sender_constrained());
  EXPECT_EQ(jwt->string_claim("sub"), "usr_1");
  EXPECT_FALSE(jwt->string_claim("exp"));
}

TEST_F(JwtTest, Ed25519TokensAreReadToo) {
  const Ed25519Signer signer(crypto::Ed25519PrivateKey::generate(issuer_.random));
  const auto token = UnverifiedJwt::parse(sign_jwt(signer, "at+jwt", issuer_.claims));
  ASSERT_TRUE(token);
  EXPECT_EQ(token->unverified_kid(), signer.public_jwk().thumbprint());
  EXPECT_TRUE(verify(*token, signer.public_jwk(), issuer_.expected, issuer_.clock.now()));
}

TEST_F(JwtTest, TheStandardsEd25519ExampleVerifies) {  // RFC 8037 appendix A.4
  const auto key = Jwk::from_json(
      object(R"({"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"})"));
  const auto jws = UnverifiedJws::parse(
      "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc.hgyY0il_MGCjP0JzlnLWG1PPOt7-"
      "09PGcvMg"
      "3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg");
  ASSERT_TRUE(jws);
  EXPECT_EQ(as_text(jws->verify(*key).value()), "Example of Ed25519 signing");
}

TEST_F(JwtTest, TheTypeMustBeTheOneExpected) {
  const auto typed = [&](std::string_view type) {
    return issuer_.verify(sign_jwt(issuer_.signer, type, issuer_.claims)).has_value();
  };
  EXPECT_TRUE(typed("at+jwt"));
  EXPECT_TRUE(typed("application/at+jwt"));
  EXPECT_TRUE(typed("AT+JWT"));
  EXPECT_FALSE(typed("JWT"));
  EXPECT_FALSE(typed("dpop+jwt"));
  EXPECT_FALSE(typed("writ-delegation+jwt"));
  EXPECT_FALSE(typed("application/x/at+jwt"));
  const auto untyped =
      signed_parts(issuer_.signer, R"({"alg":"ES256","kid":"k1"})", write_json(issuer_.claims));
  EXPECT_FALSE(issuer_.verify(untyped));
  issuer_.expected.type_may_be_absent = true;
  EXPECT_TRUE(issuer_.verify(untyped));
  issuer_.expected.types.clear();
  EXPECT_FALSE(typed("at+jwt")) << "no type is not every type";
}

TEST_F(JwtTest, TheIssuerMustBeTheOneExpected) {
  EXPECT_TRUE(refused(issuer_.verify_with("iss", R"("https://evil.example")"), "iss"));
  EXPECT_TRUE(refused(issuer_.verify_with("iss", R"("https://writ.example/")"), "iss"));
  EXPECT_TRUE(refused(issuer_.verify_with("iss", ""), "iss"));
  EXPECT_TRUE(refused(issuer_.verify_with("iss", "7"), "iss"));
  issuer_.expected.issuer.clear();
  EXPECT_TRUE(refused(issuer_.verify(issuer_.token()), "iss"));
  EXPECT_TRUE(refused(issuer_.verify_with("iss", ""), "iss")) << "absent is not empty";
}

TEST_F(JwtTest, TheAudienceMustBeTheOneExpected) {
  const std::string ours = write_json(Json(issuer_.expected.audience));
  EXPECT_TRUE(issuer_.verify_with("aud", "[" + ours + "]"));
  EXPECT_TRUE(refused(issuer_.verify_with("aud", "[" + ours + R"(,"https://b"])"), "aud"));
  EXPECT_TRUE(refused(issuer_.verify_with("aud", R"("https://b")"), "aud"));
  EXPECT_TRUE(refused(issuer_.verify_with("aud", ""), "aud"));
  EXPECT_TRUE(refused(issuer_.verify_with("aud", "[]"), "aud"));
  EXPECT_TRUE(refused(issuer_.verify_with("aud", "[7," + ours + "]"), "aud"));
  EXPECT_TRUE(refused(issuer_.verify_with("aud", R"("")"), "aud"));
  issuer_.expected.audience_rule = ExpectedJwt::Audience::member;
  EXPECT_TRUE(issuer_.verify_with("aud", "[" + ours + R"(,"https://b"])"));
  EXPECT_TRUE(refused(issuer_.verify_with("aud", R"(["https://b"])"), "aud"));
  issuer_.expected.audience.clear();
  EXPECT_TRUE(refused(issuer_.verify(issuer_.token()), "aud")) << "no audience is not every one";
}

TEST_F(JwtTest, SubjectAndJtiAreCheckedWhereAskedFor) {
  EXPECT_TRUE(issuer_.verify_with("sub", "")) << "any subject, or none";
  EXPECT_TRUE(refused(issuer_.verify_with("sub", "7"), "sub"));
  EXPECT_TRUE(refused(issuer_.verify_with("jti", "[]"), "jti"));
  issuer_.expected.subject = "usr_1";
  EXPECT_TRUE(issuer_.verify(issuer_.token()));
  EXPECT_TRUE(refused(issuer_.verify_with("sub", R"("usr_2")"), "sub"));
  EXPECT_TRUE(refused(issuer_.verify_with("sub", ""), "sub"));
  issuer_.expected.subject = "";
  EXPECT_TRUE(refused(issuer_.verify_with("sub", ""), "sub"));
  issuer_.expected.subject.reset();
  issuer_.expected.require_jti = true;
  EXPECT_TRUE(issuer_.verify(issuer_.token()));
  EXPECT_TRUE(refused(issuer_.verify_with("jti", ""), "jti"));
}

TEST_F(JwtTest, TimesAreCheckedAtTheirEdges) {
  EXPECT_TRUE(issuer_.verify_with("exp", at(-4)));
  EXPECT_TRUE(refused(issuer_.verify_with("exp", at(-5)), "exp"));
  EXPECT_TRUE(issuer_.verify_with("nbf", at(5)));
  EXPECT_TRUE(refused(issuer_.verify_with("nbf", at(6)), "nbf"));
  EXPECT_TRUE(issuer_.verify_with("iat", at(5)));
  EXPECT_TRUE(refused(issuer_.verify_with("iat", at(6)), "iat"));
  EXPECT_TRUE(issuer_.verify_with("iat", ""));
  EXPECT_TRUE(refused(issuer_.verify_with("exp", ""), "exp")) << "no token lives for ever";
  issuer_.expected.leeway = seconds(0);
  EXPECT_TRUE(issuer_.verify_with("exp", at(1)));
  EXPECT_TRUE(refused(issuer_.verify_with("exp", at(0)), "exp"));
}

TEST_F(JwtTest, AgeAndLifetimeAreBoundedWhereAskedFor) {
  issuer_.expected.max_age = seconds(300);
  EXPECT_TRUE(issuer_.verify_with("iat", at(-305)));
  EXPECT_TRUE(refused(issuer_.verify_with("iat", at(-306)), "iat"));
  EXPECT_TRUE(refused(issuer_.verify_with("iat", ""), "iat"));
  issuer_.expected.max_age.reset();
  issuer_.expected.max_lifetime = seconds(600);
  EXPECT_TRUE(issuer_.verify_with("exp", at(600)));
  EXPECT_TRUE(refused(issuer_.verify_with("exp", at(601)), "exp"));
  EXPECT_TRUE(refused(issuer_.verify_with("iat", ""), "iat"));
}

TEST_F(JwtTest, TimesOfOtherTypesAreRefused) {
  for (const auto bad : {"null", R"("1767323045")", "-1", "1e15", "true", "[1]"}) {
    EXPECT_TRUE(refused(issuer_.verify_with("exp", bad), "exp")) << bad;
    EXPECT_TRUE(refused(issuer_.verify_with("iat", bad), "iat")) << bad;
    EXPECT_TRUE(refused(issuer_.verify_with("nbf", bad), "nbf")) << bad;
  }
  EXPECT_TRUE(issuer_.verify_with("exp", at(1) + ".5")) << "RFC 7519 allows fractions";
}

TEST_F(JwtTest, TheSignatureIsCheckedBeforeTheClaims) {
  auto text = signed_parts(issuer_.signer, R"({"alg":"ES256","typ":"at+jwt"})", "not JSON at all");
  EXPECT_NE(issuer_.verify(text).error().message.find("claims"), std::string::npos);
  text.replace(text.size() - 6, 4, "AAAA");
  EXPECT_NE(issuer_.verify(text).error().message.find("signature"), std::string::npos);
}

TEST_F(JwtTest, AnotherKeyIsRefused) {
  const Es256Signer other(crypto::Es256PrivateKey::generate(), "k1");
  EXPECT_FALSE(issuer_.verify(sign_jwt(other, "at+jwt", issuer_.claims)));
  const auto token = UnverifiedJwt::parse(issuer_.token()).value();
  const auto now = issuer_.clock.now();
  EXPECT_FALSE(verify(token, other.public_jwk(), issuer_.expected, now));
  EXPECT_FALSE(verify(token, JwkSet(), issuer_.expected, now));
  EXPECT_TRUE(verify(token, issuer_.signer.public_jwk(), issuer_.expected, now));
  EXPECT_FALSE(verify(token, issuer_.signer.public_jwk().with_kid("k2"), issuer_.expected, now))
      << "the header names another key";
}

TEST_F(JwtTest, AConfirmationIsReadOrRefused) {
  const auto bound = issuer_.verify_with("cnf", R"({"jkt":"abc"})");
  ASSERT_TRUE(bound);
  EXPECT_EQ(bound->confirmation_thumbprint(), "abc");
  const auto other = issuer_.verify_with("cnf", R"({"x5t#S256":"abc"})");
  ASSERT_TRUE(other);
  EXPECT_TRUE(other->is_sender_constrained()) << "not a bearer token";
  EXPECT_EQ(other->confirmation_thumbprint(), "");
  EXPECT_TRUE(refused(issuer_.verify_with("cnf", "7"), "cnf"));
  EXPECT_TRUE(refused(issuer_.verify_with("cnf", R"({"jkt":7})"), "jkt"));
}

TEST_F(JwtTest, TheUnverifiedIssuerIsReadForFindingTheKey) {
  EXPECT_EQ(UnverifiedJwt::parse(issuer_.token())->unverified_issuer(), "https://writ.example");
  for (const auto payload :
       {"7", "{}", R"({"iss":7})", R"({"iss":""})", "{", R"({"iss":"a","iss":"b"})"}) {
    const auto token =
        UnverifiedJwt::parse(signed_parts(issuer_.signer, R"({"alg":"ES256"})", payload));
    ASSERT_TRUE(token);
    EXPECT_FALSE(token->unverified_issuer()) << payload;
  }
}

RC_GTEST_PROP(Jwt, AnyChangedCharacterIsRefused, ()) {
  static const Issuer issuer;
  static const std::string token = issuer.token();
  auto changed = token;
  const auto at = *rc::gen::inRange<std::size_t>(0, token.size());
  changed[at] = *rc::gen::elementOf(std::string("ABab01-_.=+ \n"));
  RC_ASSERT(issuer.verify(changed).has_value() == (changed == token));
}

TEST_F(JwtTest, P8_AClientAssertionIsVerifiedAndLivesFiveMinutesAtMost) {
  const auto assertion = [&](seconds lifetime) {
    return make_client_assertion(issuer_.signer, "agt_1", "https://writ.example", issuer_.clock,
                                 issuer_.random, lifetime);
  };
  const auto check = [&](std::string_view text, std::string_view client, std::string_view us) {
    return verify(UnverifiedJwt::parse(text).value(), issuer_.keys(),
                  expected_client_assertion(client, us), issuer_.clock.now());
  };
  const auto good = check(assertion(seconds(300)), "agt_1", "https://writ.example");
  ASSERT_TRUE(good) << good.error().to_string();
  EXPECT_EQ(good->subject(), "agt_1");
  EXPECT_NE(good->jwt_id(),
            check(assertion(seconds(60)), "agt_1", "https://writ.example")->jwt_id());
  EXPECT_FALSE(check(assertion(seconds(301)), "agt_1", "https://writ.example"));
  EXPECT_FALSE(check(assertion(seconds(60)), "agt_2", "https://writ.example"));
  EXPECT_FALSE(check(assertion(seconds(60)), "agt_1", "https://other.example"));
  // A DPoP proof of the same key is no assertion.
  EXPECT_FALSE(
      check(sign_jwt(issuer_.signer, "dpop+jwt", issuer_.claims), "agt_1", "https://writ.example"));
}

}  // namespace
}  // namespace writ::jose
