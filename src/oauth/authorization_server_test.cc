// SPDX-License-Identifier: Apache-2.0
// The authorization server over real sockets: the story's token requests, and what is refused.
#include "oauth/authorization_server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "jose/tokens_testing.h"
#include "oauth/testing.h"

namespace writ::oauth {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr const char* kToSupport =
    R"([{"type":"writ_delegation","agent":"support","step":"triage","role":"Triage of inv_1"}])";
constexpr const char* kToBilling =
    R"([{"type":"writ_delegation","agent":"billing","step":"settle"}])";

class OAuth : public testing::Test {
 protected:
  using Pairs = OAuthServer::Pairs;
  static Pairs without(Pairs pairs, std::string_view name) {
    std::erase_if(pairs, [&](const auto& pair) { return pair.first == name; });
    return pairs;
  }
  static Pairs with(Pairs pairs, std::string name, std::string value) {
    pairs = without(std::move(pairs), name);
    pairs.emplace_back(std::move(name), std::move(value));
    return pairs;
  }
  broker::GrantsAcme& acme() { return server_.acme(); }

  OAuthServer server_;
};

TEST_F(OAuth, TheStorysTokens_P26) {
  const auto planner = server_.start();
  ASSERT_EQ(planner.status, 200) << planner.body;
  EXPECT_EQ(planner.member("token_type"), "DPoP");
  EXPECT_EQ(planner.member("issued_token_type"), kAccessTokenUri);
  EXPECT_EQ(planner.member("expires_in"), "600");
  EXPECT_TRUE(planner.has_field("Cache-Control: no-store"));
  EXPECT_THAT(planner.member("authorization_details"), HasSubstr("refund inv_1"));

  const auto down = server_.ask(
      "planner", OAuthServer::hand_down_request(planner.member("access_token"), kToSupport));
  ASSERT_EQ(down.status, 200) << down.body;
  EXPECT_EQ(down.member("issued_token_type"), kJwtUri);
  EXPECT_EQ(down.member("token_type"), "N_A");
  EXPECT_EQ(down.member("expires_in"), "60");
  EXPECT_EQ(down.member("refresh_token"), "");

  const auto support =
      server_.ask("support", OAuthServer::take_over_request(down.member("access_token")));
  ASSERT_EQ(support.status, 200) << support.body;
  EXPECT_THAT(support.member("authorization_details"), HasSubstr("Triage of inv_1"));
  const auto further = server_.ask(
      "support", OAuthServer::hand_down_request(support.member("access_token"), kToBilling));
  const auto billing =
      server_.ask("billing", OAuthServer::take_over_request(further.member("access_token")));
  ASSERT_EQ(billing.status, 200) << billing.body;
  EXPECT_THAT(billing.member("authorization_details"), HasSubstr("billing.refund.execute"));

  const auto refreshed =
      server_.ask("billing", OAuthServer::refresh_request(billing.member("refresh_token")));
  ASSERT_EQ(refreshed.status, 200) << refreshed.body;
  EXPECT_EQ(refreshed.member("run"), billing.member("run"));

  const auto about =
      server_.ask("billing", {{"token", refreshed.member("access_token")}}, "/oauth/introspect");
  EXPECT_EQ(about.member("active"), "true");
  const auto revoked =
      server_.ask("planner", {{"token", planner.member("refresh_token")}}, "/oauth/revoke");
  EXPECT_EQ(revoked.status, 200);
  EXPECT_EQ(revoked.body, "");
  EXPECT_EQ(
      server_.ask("billing", {{"token", refreshed.member("access_token")}}, "/oauth/introspect")
          .body,
      R"({"active":false})");
  EXPECT_EQ(server_.ask("billing", OAuthServer::refresh_request(refreshed.member("refresh_token")))
                .error(),
            "400 invalid_grant");
}

TEST_F(OAuth, ClientCredentialsBeginARunOfTheWorkspace_P26) {
  acme().edit("workflows/refund.toml", "for = \"user\"", "for = \"workspace\"");
  const auto answer = server_.ask(
      "planner",
      OAuthServer::with_resource(
          {{"grant_type", "client_credentials"},
           {"authorization_details",
            R"([{"type":"writ_run","workspace":"acme","workflow":"refund","step":"plan"}])"}}));
  ASSERT_EQ(answer.status, 200) << answer.body;
  const auto token = acme().access_tokens().verify_access(answer.member("access_token")).value();
  EXPECT_EQ(token.subject(), acme().workspace().id().to_string());
}

TEST_F(OAuth, P39_ThePlannerOfTheExampleCannotLeaveTheUserOut) {
  const auto answer = server_.ask(
      "planner",
      OAuthServer::with_resource(
          {{"grant_type", "client_credentials"},
           {"authorization_details",
            R"([{"type":"writ_run","workspace":"acme","workflow":"refund","step":"plan"}])"}}));
  EXPECT_EQ(answer.error(), "400 invalid_authorization_details");
  EXPECT_TRUE(acme().workspace().runs().all().empty());
}

TEST_F(OAuth, TheTraceOfTheRequestIsTheRuns) {
  const auto answer =
      server_.post("/oauth/token",
                   OAuthServer::encode(server_.authenticated(
                       "planner", server_.start_request(acme().user_token()))),
                   server_.proof_field("planner") +
                       "traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01\r\n");
  const auto run = RunId::parse(answer.member("run")).value();
  EXPECT_EQ(acme().workspace().runs().find(run)->trace_id, "4bf92f3577b34da6a3ce929d0e0e4736");
}

TEST_F(OAuth, Failures5_ASubjectTokenThatIsMissingEmptyDuplicateOrExpired) {
  const auto good = server_.start_request(acme().user_token());
  const auto ask = [&](Pairs pairs) { return server_.ask("planner", std::move(pairs)).error(); };
  EXPECT_EQ(ask(without(good, "subject_token")), "400 invalid_request");
  EXPECT_EQ(ask(with(good, "subject_token", "")), "400 invalid_request");
  auto twice = good;
  twice.emplace_back("subject_token", acme().user_token());
  EXPECT_EQ(ask(twice), "400 invalid_request");
  EXPECT_EQ(ask(with(good, "grant_type", "client_credentials")), "400 invalid_request");
  acme().clock().advance(seconds(301));
  EXPECT_EQ(ask(good), "400 invalid_request");
  EXPECT_TRUE(acme().workspace().runs().all().empty());
}

TEST_F(OAuth, Failures12_AUserTokenForAnotherAgentIsAnInvalidGrant) {
  EXPECT_EQ(
      server_.ask("planner", server_.start_request(acme().user_token("alice", "support"))).error(),
      "400 invalid_grant");
}

TEST_F(OAuth, Failures9_NoFlowGoesWithoutAProof) {
  const auto planner = server_.start();
  const auto bare = [&](Pairs pairs) {
    return server_
        .post("/oauth/token",
              OAuthServer::encode(server_.authenticated("planner", std::move(pairs))))
        .error();
  };
  EXPECT_EQ(bare(server_.start_request(acme().user_token())), "400 invalid_dpop_proof");
  EXPECT_EQ(bare(OAuthServer::refresh_request(planner.member("refresh_token"))),
            "400 invalid_dpop_proof");
  EXPECT_EQ(bare(OAuthServer::hand_down_request(planner.member("access_token"), kToSupport)),
            "400 invalid_dpop_proof");
}

TEST_F(OAuth, Rfc9449_TwoProofsOrAListOfThemAreRefused) {
  const auto body = [&] {
    return OAuthServer::encode(
        server_.authenticated("planner", server_.start_request(acme().user_token())));
  };
  EXPECT_EQ(server_
                .post("/oauth/token", body(),
                      server_.proof_field("planner") + server_.proof_field("planner"))
                .status,
            400);
  const auto one = acme().proof(acme().key("planner"));
  EXPECT_EQ(server_.post("/oauth/token", body(), "DPoP: " + one + ", " + one + "\r\n").status, 400);
  EXPECT_EQ(server_.post("/oauth/token", body(), "DPoP: nonsense\r\n").error(),
            "400 invalid_dpop_proof");
}

TEST_F(OAuth, Failures8_AnAssertionIsUsedOnce) {
  const auto body = OAuthServer::encode(
      server_.authenticated("planner", server_.start_request(acme().user_token())));
  EXPECT_EQ(server_.post("/oauth/token", body, server_.proof_field("planner")).status, 200);
  const auto again = server_.post("/oauth/token", body, server_.proof_field("planner"));
  EXPECT_EQ(again.error(), "401 invalid_client");
  EXPECT_TRUE(again.has_field("WWW-Authenticate: private_key_jwt"));
}

TEST_F(OAuth, Rfc7523_NoOtherWayToAuthenticate) {
  const auto request = server_.start_request(acme().user_token());
  const auto ask = [&](Pairs pairs, std::string_view fields = {}) {
    return server_
        .post("/oauth/token", OAuthServer::encode(pairs),
              server_.proof_field("planner") + std::string(fields))
        .error();
  };
  EXPECT_EQ(ask(request), "401 invalid_client");
  EXPECT_EQ(ask(with(request, "client_id", "acme/planner")), "401 invalid_client");
  EXPECT_EQ(ask(with(with(request, "client_id", "acme/planner"), "client_secret", "x")),
            "401 invalid_client");
  const auto good = server_.authenticated("planner", request);
  EXPECT_EQ(ask(good, "Authorization: Basic YWNtZS9wbGFubmVyOng=\r\n"), "401 invalid_client");
  EXPECT_EQ(ask(with(good, "client_assertion_type", "urn:x")), "401 invalid_client");
  EXPECT_EQ(ask(with(good, "client_id", "acme/support")), "401 invalid_client");
  EXPECT_EQ(ask(good), "200 ");
}

TEST_F(OAuth, Failures1And2_ForgedAssertionsAreRefused) {
  const auto now = to_unix_seconds(acme().clock().now());
  const auto claims = write_json(JsonObject{{"iss", "acme/planner"},
                                            {"sub", "acme/planner"},
                                            {"aud", broker::Acme::kIssuer},
                                            {"jti", "j"},
                                            {"iat", now},
                                            {"exp", now + 60}});
  const auto ask = [&](const std::string& assertion) {
    auto pairs = server_.start_request(acme().user_token());
    pairs.emplace_back("client_assertion_type", jose::kClientAssertionType);
    pairs.emplace_back("client_assertion", assertion);
    return server_.post("/oauth/token", OAuthServer::encode(pairs), server_.proof_field("planner"))
        .error();
  };
  const auto& key = acme().key("planner");
  for (const auto* header :
       {R"({"alg":"none"})", R"({"alg":"nOnE"})", R"({"alg":"HS256"})",
        R"({"alg":"ES256","crit":["x"],"x":1})", R"({"alg":"ES256","jku":"http://127.0.0.1/k"})",
        R"({"alg":"ES256","kid":"../../etc/passwd"})", R"({"alg":"ES256","zip":"DEF"})"}) {
    EXPECT_EQ(ask(jose::signed_parts(key, header, claims)), "401 invalid_client") << header;
  }
  EXPECT_EQ(ask(jose::signed_parts(jose::Es256Signer(crypto::Es256PrivateKey::generate()),
                                   R"({"alg":"ES256","kid":"k1"})", claims)),
            "401 invalid_client");
  EXPECT_EQ(ask(jose::signed_parts(key, R"({"alg":"ES256","kid":"k1"})", claims)), "200 ");
}

TEST_F(OAuth, Rfc6749_TheBodyIsOneStrictForm) {
  const auto good = OAuthServer::encode(
      server_.authenticated("planner", server_.start_request(acme().user_token())));
  const auto proof = server_.proof_field("planner");
  const auto ask = [&](std::string_view body, std::string_view type,
                       std::string_view target = "/oauth/token") {
    return server_.post(target, body, proof, type).error();
  };
  EXPECT_EQ(ask(good, "application/json"), "400 invalid_request");
  EXPECT_EQ(ask(good, "text/plain"), "400 invalid_request");
  EXPECT_EQ(ask(good, "application/x-www-form-urlencoded", "/oauth/token?a=1"),
            "400 invalid_request");
  EXPECT_EQ(ask("grant_type=%zz", "application/x-www-form-urlencoded"), "400 invalid_request");
  EXPECT_EQ(ask(std::string(70'000, 'a'), "application/x-www-form-urlencoded"),
            "413 invalid_request");
  EXPECT_EQ(ask("grant_type=password", "application/x-www-form-urlencoded"),
            "400 unsupported_grant_type");
  EXPECT_EQ(ask("", "application/x-www-form-urlencoded"), "400 invalid_request");
  EXPECT_EQ(ask(good, "application/x-www-form-urlencoded;charset=UTF-8"), "200 ");
}

TEST_F(OAuth, Rfc8693_WhatIsNotOfferedIsRefusedAndNeverPassedOver) {
  const auto good = [&] { return server_.start_request(acme().user_token()); };
  const auto ask = [&](Pairs pairs) { return server_.ask("planner", std::move(pairs)).error(); };
  EXPECT_EQ(ask(with(good(), "actor_token", "x")), "400 invalid_request");
  EXPECT_EQ(ask(with(good(), "audience", "x")), "400 invalid_target");
  EXPECT_EQ(ask(with(good(), "scope", "all")), "400 invalid_scope");
  EXPECT_EQ(ask(with(good(), "requested_token_type", std::string(kIdTokenUri))),
            "400 invalid_request");
  EXPECT_EQ(ask(with(good(), "subject_token_type", "urn:x")), "400 invalid_request");
  EXPECT_EQ(ask(with(good(), "subject_token_type", std::string(kIdTokenUri))),
            "400 invalid_request");
  EXPECT_EQ(ask(with(good(), "requested_token_type", std::string(kAccessTokenUri))), "200 ");
}

TEST_F(OAuth, Rfc8707_AResourceIsNamedAndKnown) {
  const auto ask = [&](std::vector<std::string> resources) {
    auto pairs = without(server_.start_request(acme().user_token()), "resource");
    for (auto& resource : resources) pairs.emplace_back("resource", std::move(resource));
    return server_.ask("planner", std::move(pairs)).error();
  };
  const std::string issuer(broker::Acme::kIssuer);
  EXPECT_EQ(ask({}), "400 invalid_target");
  EXPECT_EQ(ask({issuer + "/tools/acme/other"}), "400 invalid_target");
  EXPECT_EQ(ask({issuer + "/tools/acme/billing#x"}), "400 invalid_target");
  EXPECT_EQ(ask({issuer + "/tools/acme/billing/"}), "400 invalid_target");
  EXPECT_EQ(ask({"HTTPS://WRIT.example/tools/acme/billing"}), "400 invalid_target");
  EXPECT_EQ(ask({issuer + "/tools/acme/billing", issuer + "/v1"}), "200 ");
}

TEST_F(OAuth, Rfc9396_DetailsAreOneKnownObjectWithoutAMemberTooMany) {
  const auto ask = [&](std::string details) {
    return server_.ask("planner", server_.start_request(acme().user_token(), std::move(details)));
  };
  const std::string run =
      R"({"type":"writ_run","workspace":"acme","workflow":"refund","step":"plan"})";
  const auto more = [&](std::string_view members) {
    return "[" + run.substr(0, run.size() - 1) + "," + std::string(members) + "}]";
  };
  for (const auto& bad :
       {std::string("{}"), std::string("[]"), std::string("[1]"), "[" + run + "," + run + "]",
        std::string("[{\"type\":\"other\"}]"), more(R"("surprise":1)"), more(R"("use":null)"),
        more(R"("use":["*"])"), more(R"("use":["billing.invoice.read","billing.invoice.read"])"),
        more(R"("name":"")"), more("\"name\":\"a\\u202eb\""), more(R"("step":"plan")"),
        std::string("[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]"),
        more(R"("use":["billing.refund.execute"])"), more(R"("use":[],"delegate":[])")}) {
    EXPECT_EQ(ask(bad).error(), "400 invalid_authorization_details") << bad;
  }
  EXPECT_EQ(ask(more(R"("use":["billing.invoice.read"],"delegate":[])")).status, 200);
}

TEST_F(OAuth, ErrorsAreJsonWithoutQuotesAndNeverCached) {
  const auto answer = server_.ask(
      "planner",
      server_.start_request(
          acme().user_token(),
          R"([{"type":"writ_run","workspace":"acme","workflow":"refund","step":"p\"x"}])"));
  EXPECT_EQ(answer.error(), "400 invalid_authorization_details");
  EXPECT_TRUE(answer.has_field("Content-Type: application/json"));
  EXPECT_TRUE(answer.has_field("Cache-Control: no-store"));
  EXPECT_THAT(answer.member("error_description"), Not(testing::ContainsRegex("[\"\\\\]")));
  EXPECT_NE(answer.member("error_description"), "");
}

TEST_F(OAuth, Failures7_AnothersTokenIntrospectedIsNotActiveAndNoMore) {
  const auto planner = server_.start();
  for (const auto* member : {"access_token", "refresh_token"}) {
    EXPECT_EQ(server_.ask("support", {{"token", planner.member(member)}}, "/oauth/introspect").body,
              R"({"active":false})");
  }
  EXPECT_EQ(server_.ask("planner", {}, "/oauth/introspect").error(), "400 invalid_request");
  EXPECT_EQ(server_
                .post("/oauth/introspect",
                      OAuthServer::encode({{"token", planner.member("access_token")}}))
                .error(),
            "401 invalid_client");
}

TEST_F(OAuth, Rfc7009_AnUnknownTokenIsAsGoodAsRevoked) {
  EXPECT_EQ(server_.ask("planner", {{"token", "unknown"}}, "/oauth/revoke").status, 200);
  EXPECT_EQ(server_.post("/oauth/revoke", "token=unknown").error(), "401 invalid_client");
}

TEST_F(OAuth, Rfc8414_TheMetadataNamesWhatThereIs) {
  const auto metadata = server_.get("/.well-known/oauth-authorization-server");
  ASSERT_EQ(metadata.status, 200);
  EXPECT_EQ(metadata.member("issuer"), broker::Acme::kIssuer);
  EXPECT_EQ(metadata.member("token_endpoint"), "https://writ.example/oauth/token");
  EXPECT_EQ(metadata.member("token_endpoint_auth_methods_supported"), R"(["private_key_jwt"])");
  EXPECT_EQ(metadata.member("dpop_signing_alg_values_supported"), R"(["ES256","EdDSA"])");
  EXPECT_EQ(server_.get("/.well-known/openid-configuration").body, metadata.body);
}

TEST_F(OAuth, Rfc7517_TheKeysAreThoseThatVerifyOurTokens) {
  const auto token = server_.start().member("access_token");
  for (const auto* path : {"/oauth/jwks", "/.well-known/jwks.json"}) {
    const auto keys = server_.get(path);
    EXPECT_THAT(keys.body, Not(HasSubstr("\"d\"")));
    const auto set = jose::JwkSet::from_json(keys.json()).value();
    EXPECT_TRUE(jose::verify(jose::UnverifiedJwt::parse(token).value(), set,
                             {.types = {"at+jwt"},
                              .issuer = std::string(broker::Acme::kIssuer),
                              .audience = std::string(broker::Acme::kAudience)},
                             acme().clock().now()));
  }
}

TEST_F(OAuth, Rfc9728_TheResourcesMetadataDoesNotSayWhatExists_P10) {
  const auto known = server_.get("/.well-known/oauth-protected-resource/tools/acme/billing");
  ASSERT_EQ(known.status, 200);
  EXPECT_EQ(known.member("resource"), broker::Acme::kAudience);
  EXPECT_EQ(known.member("authorization_servers"), R"(["https://writ.example"])");
  auto unknown = server_.get("/.well-known/oauth-protected-resource/tools/other/billing").body;
  const auto at = unknown.find("other");
  EXPECT_EQ(unknown.replace(at, 5, "acme"), known.body);
  EXPECT_EQ(server_.get("/.well-known/oauth-protected-resource").member("resource"),
            "https://writ.example/v1");
  EXPECT_EQ(server_.get("/.well-known/oauth-protected-resource/tools/acme").status, 404);
  EXPECT_EQ(server_.get("/.well-known/oauth-protected-resource/tools/a/b/c").status, 404);
}

TEST_F(OAuth, WhatIsNotThereIs404AndAnotherMethod405) {
  EXPECT_EQ(server_.get("/oauth/authorize").status, 404);
  const auto got = server_.get("/oauth/token");
  EXPECT_EQ(got.status, 405);
  EXPECT_TRUE(got.has_field("Allow: POST"));
  EXPECT_EQ(server_.post("/oauth/jwks", "a=b").status, 405);
  EXPECT_TRUE(server_.oauth().owns("/oauth/token"));
  EXPECT_TRUE(server_.oauth().owns("/.well-known/oauth-protected-resource/tools/acme/billing"));
  EXPECT_FALSE(server_.oauth().owns("/tools/acme/billing"));
  EXPECT_FALSE(server_.oauth().owns("/.well-known/oauth-protected-resources"));
}

TEST_F(OAuth, P25_StrangersAreCountedAndNotLoggedOneByOne) {
  const auto before = acme().entries().size();
  for (int i = 0; i < 20; ++i) (void)server_.post("/oauth/token", "grant_type=x");
  EXPECT_EQ(acme().entries().size(), before);
  const auto events = acme().log().events();
  EXPECT_LE(std::ranges::count(events, "caller.refused", &observe::CapturingLog::Event::name), 1);
}

TEST_F(OAuth, I5_NoTokenIsInTheLog) {
  const auto planner = server_.start();
  const auto refresh = planner.member("refresh_token");
  (void)server_.ask("planner", OAuthServer::refresh_request(refresh));
  (void)server_.ask("planner", OAuthServer::refresh_request(refresh));
  EXPECT_FALSE(acme().log().contains(refresh));
  EXPECT_FALSE(acme().log().contains(planner.member("access_token")));
}

TEST(OAuthLimits, P25_AnAgentThatAsksTooOftenHearsWhenToTryAgain) {
  OAuthServer server({.per_second = 1, .burst = 1});
  EXPECT_EQ(server.start().status, 200);
  const auto refused = server.start();
  EXPECT_EQ(refused.status, 429);
  EXPECT_TRUE(refused.has_field("Retry-After: 1"));
}

}  // namespace
}  // namespace writ::oauth
