// SPDX-License-Identifier: Apache-2.0
#include "broker/authenticator.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "broker/testing.h"

namespace writ::broker {
namespace {

class Authentication : public testing::Test {
 protected:
  Errc code(const TestRequest& request) {
    const auto call = acme_.authenticate(request);
    return call ? Errc::internal : call.error().code;
  }
  // The request with one claim of its token set to another value, or left out.
  Errc code_with(const char* claim, std::optional<Json> value) {
    auto claims = acme_.claims(*billing_);
    claims.erase(claim);
    if (value) claims[claim] = *value;
    return code(acme_.request_with(*billing_, acme_.token(claims)));
  }

  Acme acme_;
  Acme::SharedRun billing_ = acme_.refund_chain();
};

TEST_F(Authentication, ATokenWithItsProofGivesRunAgentAndUser) {
  const auto call = acme_.authenticate(*billing_);
  EXPECT_EQ(call.run().id, billing_->id);
  EXPECT_EQ(call.lineage().runs.size(), 3U);
  EXPECT_EQ(call.agent().name, "billing");
  ASSERT_NE(call.user(), nullptr);
  EXPECT_EQ(call.user()->name, "alice");
  EXPECT_TRUE(call.proof().has_value());
}

TEST_F(Authentication, P10_ATokenCountsAtTheToolServerThatItNames) {
  auto request = acme_.request(*billing_);
  request.audience = "https://writ.example/tools/acme/other";
  EXPECT_EQ(code(request), Errc::unauthenticated);
  EXPECT_EQ(code_with("aud", JsonArray{"https://writ.example"}), Errc::unauthenticated);
  EXPECT_EQ(code_with("aud", std::nullopt), Errc::unauthenticated);
}

TEST_F(Authentication, WhatIsNoGoodTokenIsSaidWithItsPlaceAndTheNextStep) {
  const auto good = acme_.token(*billing_);
  auto tampered = good;
  tampered[tampered.size() / 2] ^= 1;
  auto claims = acme_.claims(*billing_);
  claims["exp"] = to_unix_seconds(acme_.clock().now()) - 1;
  for (const auto& token : {std::string("x"), tampered, acme_.token(claims)}) {
    const auto request = acme_.request_with(*billing_, token);
    const auto call = acme_.authenticate(request);
    ASSERT_FALSE(call.has_value());
    EXPECT_EQ(call.error().where, "Authorization");
    EXPECT_THAT(call.error().hint, testing::HasSubstr("get a new token"));
  }
  // Another scheme is said before what it carries is looked at as a token.
  auto request = acme_.request_with(*billing_, "eDp5");
  request.scheme = "Basic";
  const auto call = acme_.authenticate(request);
  ASSERT_FALSE(call.has_value());
  EXPECT_EQ(call.error().where, "Authorization");
  EXPECT_THAT(call.error().message, testing::HasSubstr("neither DPoP nor Bearer"));
  EXPECT_THAT(call.error().hint, testing::HasSubstr("with the scheme DPoP"));
}

TEST_F(Authentication, P7_OnlyAnAccessTokenOfOurOwnIsOne) {
  const auto claims = acme_.claims(*billing_);
  for (const auto* type : {"writ-delegation+jwt", "JWT", "dpop+jwt"}) {
    EXPECT_EQ(code(acme_.request_with(*billing_,
                                      jose::sign_jwt(*acme_.token_keys().signer(), type, claims))),
              Errc::unauthenticated)
        << type;
  }
  EXPECT_EQ(
      code(acme_.request_with(*billing_, jose::sign_jwt(acme_.key("billing"), "at+jwt", claims))),
      Errc::unauthenticated);
  EXPECT_EQ(code_with("iss", Json("https://other.example")), Errc::unauthenticated);
  EXPECT_EQ(code_with("run", std::nullopt), Errc::unauthenticated);
  EXPECT_EQ(code_with("run", Json("run_x")), Errc::unauthenticated);
  EXPECT_EQ(code_with("jti", std::nullopt), Errc::unauthenticated);
}

TEST_F(Authentication, P23_ExpiryIsLookedUpEachTimeThoughTheTokenIsCached) {
  const auto token = acme_.token(*billing_);
  ASSERT_TRUE(acme_.authenticate(acme_.request_with(*billing_, token)).has_value());
  acme_.clock().advance(seconds(600));
  EXPECT_EQ(code(acme_.request_with(*billing_, token)), Errc::unauthenticated);
}

TEST_F(Authentication, P23_LivenessIsLookedUpEachTime) {
  const auto token = acme_.token(*billing_);
  ASSERT_TRUE(acme_.authenticate(acme_.request_with(*billing_, token)).has_value());
  acme_.revoke(billing_->id);
  EXPECT_EQ(code(acme_.request_with(*billing_, token)), Errc::denied);
}

TEST_F(Authentication, P23_AKeyThatHasRetiredVerifiesNothingMore) {
  const auto token = acme_.token(*billing_);
  ASSERT_TRUE(acme_.authenticate(acme_.request_with(*billing_, token)).has_value());
  acme_.token_keys().rotate(
      {.signer = std::make_shared<const jose::Es256Signer>(crypto::Es256PrivateKey::generate()),
       .created = acme_.clock().now(),
       .retires = std::nullopt},
      acme_.clock().now() + seconds(60));
  EXPECT_TRUE(acme_.authenticate(acme_.request_with(*billing_, token)).has_value());
  EXPECT_TRUE(acme_.authenticate(acme_.request(*billing_)).has_value());
  acme_.clock().advance(seconds(60));
  EXPECT_EQ(code(acme_.request_with(*billing_, token)), Errc::unauthenticated);
  EXPECT_TRUE(acme_.authenticate(acme_.request(*billing_)).has_value());
}

TEST_F(Authentication, TheEndOfAnAncestorIsTheEnd) {
  const auto planner = *billing_->parent;
  acme_.revoke(acme_.workspace().runs().find(planner)->id);
  EXPECT_EQ(code(acme_.request(*billing_)), Errc::denied);
}

TEST_F(Authentication, P9_ARunEndsAtItsEnd) {
  auto claims = acme_.claims(*billing_);
  claims["exp"] = to_unix_seconds(acme_.clock().now()) + 7200;
  const auto token = acme_.token(claims);
  acme_.clock().advance(std::chrono::minutes(15) - milliseconds(1));
  EXPECT_TRUE(acme_.authenticate(acme_.request_with(*billing_, token)).has_value());
  acme_.clock().advance(milliseconds(1));
  EXPECT_EQ(code(acme_.request_with(*billing_, token)), Errc::denied);
}

// failures.md 6, at the resource: every party is alive now.
TEST_F(Authentication, ADisabledUserIsTheEndOfWhatIsDoneForThem) {
  acme_.disable("alice");
  EXPECT_EQ(code(acme_.request(*billing_)), Errc::denied);
}

TEST_F(Authentication, P5_AnAgentThatIsAbsentIsDisabledAndSoAreItsDescendants) {
  auto& workflow = acme_.documents().at("workflows/refund.toml");
  std::string text = workflow;
  for (auto at = text.find("\"support\""); at != text.npos; at = text.find("\"support\"")) {
    text.replace(at, 9, "\"planner\"");
  }
  workflow = text;
  acme_.documents().erase("agents/support.toml");
  auto& policies = acme_.documents().at("policies/refund.cedar");
  const auto from = policies.find("@id(\"support-reads-invoices\")");
  policies.erase(from, policies.find("@id(\"billing-reads-and-echoes\")") - from);
  acme_.apply();
  const auto call = acme_.authenticate(acme_.request(*billing_));
  ASSERT_FALSE(call.has_value());
  EXPECT_EQ(call.error().code, Errc::denied);
  EXPECT_THAT(call.error().message, testing::HasSubstr("support"));
}

// P8, failures.md 9.
TEST_F(Authentication, P8_ABoundTokenNeedsItsProofAndNothingDowngradesIt) {
  auto request = acme_.request(*billing_);
  request.proof.reset();
  EXPECT_EQ(code(request), Errc::unauthenticated);
  request.scheme = "Bearer";
  EXPECT_EQ(code(request), Errc::unauthenticated);
  request = acme_.request(*billing_);
  request.scheme = "Bearer";
  EXPECT_EQ(code(request), Errc::unauthenticated);
  request.scheme = "dpop";
  EXPECT_TRUE(acme_.authenticate(request).has_value());
}

TEST_F(Authentication, P8_AStolenTokenIsOfNoUseWithAnothersKey) {
  auto request = acme_.request(*billing_);
  ASSERT_TRUE(acme_.authenticate(request)) << "its key is a known one from now on";
  request.proof = jose::make_dpop_proof(acme_.key("support"), request.method, request.url,
                                        request.token, acme_.clock(), acme_.random());
  EXPECT_EQ(code(request), Errc::unauthenticated);
  // A token of ours that is bound to the thief's key, for a run that is not the thief's.
  auto claims = acme_.claims(*billing_);
  claims["cnf"] = JsonObject{{"jkt", acme_.key("support").public_jwk().thumbprint()}};
  request = acme_.request_with(*billing_, acme_.token(claims));
  request.proof = jose::make_dpop_proof(acme_.key("support"), request.method, request.url,
                                        request.token, acme_.clock(), acme_.random());
  EXPECT_EQ(code(request), Errc::unauthenticated);
}

TEST_F(Authentication, P8_AProofIsOfThisMethodUrlTokenAndTime) {
  auto request = acme_.request(*billing_);
  request.method = "POST";
  EXPECT_EQ(code(request), Errc::unauthenticated);
  request = acme_.request(*billing_);
  request.url = "https://other.example/tools/acme/billing/v1/invoices/inv_1";
  EXPECT_EQ(code(request), Errc::unauthenticated);
  request = acme_.request(*billing_);
  request.token = acme_.token(*billing_);
  EXPECT_EQ(code(request), Errc::unauthenticated);
  request = acme_.request(*billing_);
  acme_.clock().advance(seconds(62));
  request.arrived = acme_.clock().now();
  EXPECT_EQ(code(request), Errc::unauthenticated);
}

TEST_F(Authentication, P8_ABearerTokenCountsOnlyWhileItsAgentIsOptedIn) {
  EXPECT_EQ(code_with("cnf", std::nullopt), Errc::unauthenticated);
  auto claims = acme_.claims(*billing_);
  claims.erase("cnf");
  auto bearer = acme_.request_with(*billing_, acme_.token(claims));
  bearer.scheme = "Bearer";
  bearer.proof.reset();
  EXPECT_EQ(code(bearer), Errc::unauthenticated);

  acme_.edit("agents/billing.toml", "sender = \"dpop\"", "sender = \"bearer\"");
  // A run that was begun with a key stays bound to it.
  EXPECT_EQ(code(bearer), Errc::unauthenticated);
  const auto later = acme_.refund_chain();
  claims = acme_.claims(*later);
  claims.erase("cnf");
  bearer.token = acme_.token(claims);
  EXPECT_TRUE(acme_.authenticate(bearer).has_value());
  acme_.edit("agents/billing.toml", "sender = \"bearer\"", "sender = \"dpop\"");
  EXPECT_EQ(code(bearer), Errc::unauthenticated);
}

TEST_F(Authentication, P8_TheSameProofHasTheSameNameWhoeverLooks) {
  const auto request = acme_.request(*billing_);
  EXPECT_EQ(acme_.authenticate(request)->proof()->digest,
            acme_.authenticate(request)->proof()->digest);
  EXPECT_NE(acme_.authenticate(request)->proof()->digest,
            acme_.authenticate(*billing_).proof()->digest);
}

TEST_F(Authentication, P10_ARunOfAnotherWorkspaceIsNotKnownHere) {
  Acme other;
  other.refund_chain();  // the randomness is the same, so this one's ids are known here too
  const auto stranger = other.refund_chain();
  EXPECT_EQ(code_with("run", Json(stranger->id.to_string())), Errc::denied);
}

TEST_F(Authentication, P25_AnAgentIsLimitedAfterItsProofAndAStrangerUsesNothingUp) {
  Acme limited(RateLimits{.per_second = 1, .burst = 2});
  const auto run = limited.refund_chain();
  auto stolen = limited.request(*run);
  stolen.proof.reset();
  for (int i = 0; i < 10; ++i)
    EXPECT_EQ(limited.authenticate(stolen).error().code, Errc::unauthenticated);
  ASSERT_TRUE(limited.authenticate(limited.request(*run)).has_value());
  ASSERT_TRUE(limited.authenticate(limited.request(*run)).has_value());
  const auto third = limited.authenticate(limited.request(*run));
  EXPECT_EQ(third.error().code, Errc::rate_limited);
  EXPECT_EQ(retry_after(third.error()), seconds(1));
  EXPECT_TRUE(limited.authenticate(limited.request(*limited.start("plan"))).has_value());
}

TEST_F(Authentication, P17_StillAliveIsAboutThePartiesAndNotTheToken) {
  auto claims = acme_.claims(*billing_);
  claims["exp"] = to_unix_seconds(acme_.clock().now()) + 10;
  const auto call = acme_.authenticate(acme_.request_with(*billing_, acme_.token(claims)));
  ASSERT_TRUE(call.has_value());
  acme_.clock().advance(seconds(60));
  EXPECT_TRUE(acme_.authenticator().still_alive(acme_.workspace(), *call).has_value());
  acme_.clock().advance(std::chrono::minutes(15));
  EXPECT_FALSE(acme_.authenticator().still_alive(acme_.workspace(), *call).has_value());
}

}  // namespace
}  // namespace writ::broker
