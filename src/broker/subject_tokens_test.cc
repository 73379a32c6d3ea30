// SPDX-License-Identifier: Apache-2.0
// P6: which tokens stand for a user, and which clients are believed.
#include "broker/subject_tokens.h"

#include <gtest/gtest.h>

#include "base/encoding.h"
#include "broker/grants_testing.h"
#include "crypto/hash.h"
#include "jose/tokens_testing.h"

namespace writ::broker {
namespace {

constexpr std::string_view kBad = "unauthenticated at subject_token";
constexpr std::string_view kDenied = "denied at subject_token";

std::string refusal(const auto& result) {
  return result ? "granted"
                : std::string(name(result.error().code)) + " at " + result.error().where;
}

class SubjectTokensTest : public testing::Test {
 protected:
  std::string local(std::string token, std::string_view agent = "planner") {
    return refusal(acme_.start_with(SubjectKind::jwt, std::move(token), agent));
  }
  std::string id_token(const JsonObject& claims, std::string_view type = "JWT") {
    return refusal(acme_.start_with(SubjectKind::id_token, acme_.provider_token(claims, type)));
  }
  // The claims of a good ID token with one of them changed, or left out.
  JsonObject with(std::string_view claim, std::optional<Json> value) {
    auto claims = acme_.id_token_claims();
    claims.erase(claim);
    if (value) claims[claim] = std::move(*value);
    return claims;
  }

  GrantsAcme acme_;
};

TEST_F(SubjectTokensTest, ALocalUsersTokenIsForOneAgentFiveMinutes) {
  const auto token = acme_.user_token();
  EXPECT_EQ(local(token), "granted");
  acme_.clock().advance(seconds(299));
  EXPECT_EQ(local(token), "granted");
  acme_.clock().advance(seconds(1));
  EXPECT_EQ(local(token), kBad);
}

TEST_F(SubjectTokensTest, Failures12_ATokenForAnotherAgentIsDenied) {
  EXPECT_EQ(local(acme_.user_token("alice", "support")), kDenied);
}

TEST_F(SubjectTokensTest, P6_ItsHashIsRecordedWithTheRun) {
  const auto token = acme_.user_token();
  const auto granted = acme_.start_with(SubjectKind::jwt, token).value();
  // Keyed (P38): a provider's claims can be guessed.
  const auto recorded = acme_.workspace().runs().find(granted.run)->user_token;
  EXPECT_NE(recorded, Digest{});
  EXPECT_NE(recorded, crypto::sha256(std::string_view(token).substr(0, token.rfind('.'))));
}

// The same claims under the other signature that ECDSA has for them: (r, n - s) beside (r, s).
std::string twin(const std::string& token) {
  const auto order =
      *hex_decode("ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551");
  const auto at = token.rfind('.') + 1;
  auto signature = *base64url_decode(std::string_view(token).substr(at));
  int borrow = 0;
  for (std::size_t i = 32; i-- > 0;) {
    const int digit = order[i] - signature[32 + i] - borrow;
    borrow = digit < 0 ? 1 : 0;
    signature[32 + i] = static_cast<std::uint8_t>(digit + 256 * borrow);
  }
  return token.substr(0, at) + base64url_encode(signature);
}

TEST_F(SubjectTokensTest, P6_RunsAreCappedPerTokenHoweverItIsSpelled) {
  const auto token = acme_.user_token();
  for (int i = 0; i < 16; ++i) EXPECT_EQ(local(token), "granted");
  EXPECT_EQ(local(token), kDenied);
  ASSERT_NE(twin(token), token);
  EXPECT_EQ(local(twin(token)), kDenied);
}

TEST_F(SubjectTokensTest, Failures5_NoTokenStandsForNobody) {
  EXPECT_EQ(local(""), kBad);
  EXPECT_EQ(local("a.b.c"), kBad);
  // Another token of ours is no user's token.
  const auto granted = acme_.start_run().value();
  EXPECT_EQ(local(granted.access.text), kBad);
  EXPECT_EQ(refusal(acme_.start_with(SubjectKind::access_token, granted.access.text)), kBad);
  EXPECT_EQ(refusal(acme_.start_with(SubjectKind::id_token, acme_.user_token())), kBad);
}

TEST_F(SubjectTokensTest, ATokenSignedByAnotherKeyOrUnderOurNameIsRefused) {
  const jose::Es256Signer thief(crypto::Es256PrivateKey::generate());
  JsonObject claims{{"iss", Acme::kIssuer},
                    {"sub", acme_.user_id("alice").to_string()},
                    {"aud", "acme/planner"},
                    {"jti", "x"},
                    {"iat", to_unix_seconds(acme_.clock().now())},
                    {"exp", to_unix_seconds(acme_.clock().now()) + 60}};
  EXPECT_EQ(local(jose::sign_jwt(thief, kUserTokenType, claims)), kBad);
  EXPECT_EQ(local(jose::sign_jwt(*acme_.token_keys().signer(), kUserTokenType, claims)), "granted");
  EXPECT_EQ(local(jose::sign_jwt(*acme_.token_keys().signer(), "at+jwt", claims)), kBad);
  claims["aud"] = JsonArray{"acme/planner", "acme/support"};
  EXPECT_EQ(local(jose::sign_jwt(*acme_.token_keys().signer(), kUserTokenType, claims)), kDenied);
}

TEST_F(SubjectTokensTest, UserTokensAreMadeForActiveUsersAndKnownAgents) {
  EXPECT_EQ(
      acme_.user_tokens().issue(acme_.workspace(), acme_.user_id("alice"), "nobody").error().code,
      Errc::not_found);
  acme_.disable("alice");
  EXPECT_EQ(
      acme_.user_tokens().issue(acme_.workspace(), acme_.user_id("alice"), "planner").error().code,
      Errc::denied);
}

TEST_F(SubjectTokensTest, P6_AnIdTokenOfAConfiguredProvider) {
  acme_.add_provider();
  const auto granted =
      acme_.start_with(SubjectKind::id_token, acme_.provider_token(acme_.id_token_claims()));
  ASSERT_TRUE(granted) << granted.error().to_string();
  EXPECT_EQ(acme_.workspace().runs().find(granted->run)->user, acme_.user_id("alice"));
  EXPECT_EQ(id_token(acme_.id_token_claims(), "at+jwt"), kBad) << "not of the declared type";
}

TEST_F(SubjectTokensTest, P6_ItsSoleAudienceIsThisAgentsClient) {
  acme_.add_provider();
  EXPECT_EQ(id_token(with("aud", "support-at-idp")), kDenied);
  EXPECT_EQ(id_token(with("aud", JsonArray{"planner-at-idp", "other"})), kDenied);
  EXPECT_EQ(id_token(with("aud", std::nullopt)), kDenied);
  EXPECT_EQ(id_token(with("aud", JsonArray{"planner-at-idp"})), "granted");
  EXPECT_EQ(id_token(with("azp", "support-at-idp")), kDenied);
  EXPECT_EQ(id_token(with("azp", 1)), kDenied);
  EXPECT_EQ(id_token(with("azp", "planner-at-idp")), "granted");
  // An agent without a client at the provider has no such user.
  EXPECT_EQ(
      refusal(acme_.start_with(SubjectKind::id_token,
                               acme_.provider_token(with("aud", "billing-at-idp")), "billing")),
      kDenied);
}

TEST_F(SubjectTokensTest, P6_ItIsAtMostFiveMinutesOldAndNotExpired) {
  acme_.add_provider();
  const auto now = to_unix_seconds(acme_.clock().now());
  EXPECT_EQ(id_token(with("iat", now - 300)), "granted");
  EXPECT_EQ(id_token(with("iat", now - 306)), kBad);
  EXPECT_EQ(id_token(with("iat", std::nullopt)), kBad);
  EXPECT_EQ(id_token(with("iat", now + 60)), kBad);
  EXPECT_EQ(id_token(with("exp", now - 6)), kBad);
  EXPECT_EQ(id_token(with("exp", std::nullopt)), kBad);
}

TEST_F(SubjectTokensTest, P10_UsersAreFoundByIssuerAndSubjectExactly) {
  acme_.add_provider();
  EXPECT_EQ(id_token(with("sub", "00U1")), kDenied);
  EXPECT_EQ(id_token(with("sub", "00u1 ")), kDenied);
  EXPECT_EQ(id_token(with("sub", "bob")), kDenied) << "a local user has no issuer";
  EXPECT_EQ(id_token(with("sub", std::nullopt)), kDenied);
  EXPECT_EQ(id_token(with("iss", "https://login.example/")), kBad);
  acme_.disable("alice");
  EXPECT_EQ(id_token(acme_.id_token_claims()), kDenied);
}

TEST_F(SubjectTokensTest, P33_KeysWithoutAKidAreTriedAndAtMostEight) {
  acme_.add_provider();
  auto& set = acme_.providers().sets.begin()->second;
  const auto real = set->keys().front().with_kid("");
  const auto behind = [&](int others) {
    std::vector<jose::Jwk> keys;
    keys.reserve(static_cast<std::size_t>(others) + 1);
    for (int i = 0; i < others; ++i)
      keys.emplace_back(crypto::Es256PrivateKey::generate().public_key());
    keys.push_back(real);
    set = std::make_shared<const jose::JwkSet>(jose::JwkSet::of(std::move(keys)).value());
    return id_token(acme_.id_token_claims());
  };
  EXPECT_EQ(behind(0), "granted");
  EXPECT_EQ(behind(7), "granted");
  EXPECT_EQ(behind(8), kBad);
}

TEST_F(SubjectTokensTest, P6_AnRfc9068TokenOfAProvider) {
  acme_.add_provider();
  const auto token = acme_.provider_token(acme_.id_token_claims(), "at+jwt");
  EXPECT_EQ(refusal(acme_.start_with(SubjectKind::access_token, token)), "granted");
  EXPECT_EQ(refusal(acme_.start_with(SubjectKind::jwt, token)), "granted");
  const auto id = acme_.provider_token(acme_.id_token_claims());
  EXPECT_EQ(refusal(acme_.start_with(SubjectKind::access_token, id)), kBad);
}

// OpenID Connect Back-Channel Logout 1.0 section 2.4: all that an ID token has, `events` besides,
// and no type that it must have.
TEST_F(SubjectTokensTest, P6_ALogoutTokenStandsForNobody) {
  acme_.add_provider();
  auto claims = acme_.id_token_claims();
  claims["jti"] = "bWJq";
  claims["events"] =
      JsonObject{{"http://schemas.openid.net/event/backchannel-logout", JsonObject()}};
  EXPECT_EQ(id_token(claims), kBad);
  EXPECT_EQ(id_token(claims, "logout+jwt"), kBad);
  const auto typed = acme_.provider_token(claims, "at+jwt");
  EXPECT_EQ(refusal(acme_.start_with(SubjectKind::access_token, typed)), kBad);
  claims["events"] = nullptr;
  EXPECT_EQ(id_token(claims), kBad);
  claims.erase("events");
  EXPECT_EQ(id_token(claims), "granted");
}

TEST_F(SubjectTokensTest, WithoutTheProvidersKeysNothingIsBelieved) {
  acme_.add_provider();
  acme_.providers().sets.clear();
  EXPECT_EQ(id_token(acme_.id_token_claims()), "unavailable at subject_token");
  // Nor is a stranger's issuer asked.
  const auto asked = acme_.providers().asked;
  EXPECT_EQ(id_token(with("iss", "https://evil.example")), kBad);
  EXPECT_EQ(acme_.providers().asked, asked);
}

// --- clients

class ClientsTest : public testing::Test {
 protected:
  std::string with(const JsonObject& claims, std::string_view agent = "planner") {
    return refusal(acme_.authenticate_client(
        jose::sign_jwt(acme_.key(agent), "client-authentication+jwt", claims), std::nullopt));
  }
  JsonObject claims(std::string_view claim = {}, std::optional<Json> value = std::nullopt) {
    const auto now = to_unix_seconds(acme_.clock().now());
    JsonObject out{{"iss", "acme/planner"},
                   {"sub", "acme/planner"},
                   {"aud", Acme::kIssuer},
                   {"jti", "j"},
                   {"iat", now},
                   {"exp", now + 60}};
    if (!claim.empty()) out.erase(claim);
    if (value) out[claim] = std::move(*value);
    return out;
  }
  GrantsAcme acme_;
};

constexpr std::string_view kUnknown = "unauthenticated at client_assertion";

TEST_F(ClientsTest, P8_AnAssertionIsForThisIssuerAloneAndLivesFiveMinutesAtMost) {
  // Signed without the kid of the documents, the agent's one key is found all the same; these are
  // signed under the key's thumbprint, which the documents do not name.
  const auto sign = [&](const JsonObject& body) {
    return refusal(acme_.authenticate_client(
        jose::signed_parts(acme_.key("planner"), R"({"alg":"ES256"})", write_json(body)),
        std::nullopt));
  };
  const auto now = to_unix_seconds(acme_.clock().now());
  EXPECT_EQ(sign(claims()), "granted");
  EXPECT_EQ(sign(claims("exp", now + 300)), "granted");
  EXPECT_EQ(sign(claims("exp", now + 301)), kUnknown);
  EXPECT_EQ(sign(claims("exp", now - 6)), kUnknown);
  EXPECT_EQ(sign(claims("jti")), kUnknown);
  EXPECT_EQ(sign(claims("iat")), kUnknown);
  EXPECT_EQ(sign(claims("aud", Json(GrantsAcme::kTokenUrl))), kUnknown);
  EXPECT_EQ(sign(claims("aud", JsonArray{Acme::kIssuer, "https://other.example"})), kUnknown);
  EXPECT_EQ(sign(claims("sub", "acme/support")), kUnknown);
  EXPECT_EQ(sign(claims("iss", "acme/support")), kUnknown);
  EXPECT_EQ(sign(claims("iss", "other/planner")), kUnknown);
  EXPECT_EQ(sign(claims("iss", "acme")), kUnknown);
}

TEST_F(ClientsTest, P10_WhoIsUnknownHearsTheSameAsWhoseKeyIsWrong) {
  const jose::Es256Signer stranger(crypto::Es256PrivateKey::generate());
  const auto wrong_key = acme_.authenticate_client(acme_.assertion("planner", stranger), {});
  const auto no_agent = acme_.authenticate_client(acme_.assertion("nobody", stranger), {});
  EXPECT_EQ(wrong_key.error(), no_agent.error());
}

TEST_F(ClientsTest, TheRequestNamesNoOtherClientThanTheAssertion) {
  const auto assertion = acme_.assertion("planner");
  const auto ask = [&](std::string_view id) {
    return refusal(acme_.clients().authenticate({.assertion = assertion,
                                                 .client_id = id,
                                                 .proof = std::nullopt,
                                                 .method = "POST",
                                                 .url = GrantsAcme::kTokenUrl}));
  };
  EXPECT_EQ(ask("acme/planner"), "granted");
  EXPECT_EQ(ask("acme/support"), kUnknown);
  EXPECT_EQ(ask(""), kUnknown);
}

TEST_F(ClientsTest, P8_AProofIsForThisEndpointOfThePublicUrl) {
  const auto& key = acme_.key("planner");
  const auto ask = [&](const std::string& proof) {
    return refusal(acme_.authenticate_client(acme_.assertion("planner"), proof));
  };
  EXPECT_EQ(ask(acme_.proof(key)), "granted");
  EXPECT_EQ(ask(acme_.proof(key, "http://127.0.0.1/oauth/token")), "unauthenticated at DPoP");
  EXPECT_EQ(ask(acme_.proof(key, "https://writ.example/oauth/revoke")), "unauthenticated at DPoP");
  const auto old = acme_.proof(key);
  acme_.clock().advance(seconds(61));
  EXPECT_EQ(ask(old), "unauthenticated at DPoP");
}

TEST(Clients, P25_AnAgentThatAsksTooOftenWaits) {
  GrantsAcme acme({.per_second = 1, .burst = 3});
  for (int i = 0; i < 3; ++i)
    ASSERT_TRUE(acme.authenticate_client(acme.assertion("planner"), std::nullopt));
  const auto refused = acme.authenticate_client(acme.assertion("planner"), std::nullopt);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::rate_limited);
  EXPECT_EQ(retry_after(refused.error()), seconds(1));
  // A stranger's forgery in its name costs it nothing, and others nothing either.
  EXPECT_TRUE(acme.authenticate_client(acme.assertion("support"), std::nullopt));
}

}  // namespace
}  // namespace writ::broker
