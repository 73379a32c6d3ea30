// SPDX-License-Identifier: Apache-2.0
#include "cli/agent_client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/testing_server.h"
#include "crypto/random.h"
#include "jose/client_assertion.h"
#include "jose/dpop.h"

namespace writ::cli {
namespace {

using ::testing::HasSubstr;
using testing::Reply;
using testing::Seen;
using testing::TestServer;

constexpr std::string_view kClient = "acme/planner";

SecretBytes secret(std::string_view text) { return SecretBytes::copy_of(text); }

// An authorization server as far as a client can tell.
class AgentClientTest : public ::testing::Test {
 public:
  AgentClientTest() {
    server_.answer_with([this](const Seen& seen) { return answer(seen); });
  }

  Reply answer(const Seen& seen) {
    const auto origin = server_.origin();
    if (seen.path() == "/.well-known/oauth-authorization-server") {
      return Reply::json(
          {{"issuer", issuer_.empty() ? origin : issuer_},
           {"token_endpoint", (endpoint_.empty() ? origin : endpoint_) + "/oauth/token"},
           {"introspection_endpoint", origin + "/oauth/introspect"},
           {"revocation_endpoint", origin + "/oauth/revoke"}});
    }
    if (seen.path() == "/oauth/token") return token_answer_;
    if (seen.path() == "/oauth/introspect") return Reply::json({{"active", false}});
    return {.status = 200, .body = "{}"};
  }

  Expected<AgentClient> discover(AgentClient::Sender sender = AgentClient::Sender::dpop) {
    return AgentClient::discover(*http_, server_.url(), std::string(kClient), key_, clock_, random_,
                                 sender);
  }

  // Whether the request proves the client and, at the token endpoint, its key.
  void expect_authenticated(const Seen& seen) {
    const auto form = seen.form();
    EXPECT_EQ(form.require("client_assertion_type").value(), jose::kClientAssertionType);
    const auto assertion =
        jose::UnverifiedJwt::parse(form.require("client_assertion").value()).value();
    const auto verified =
        jose::verify(assertion, key_->public_jwk(),
                     jose::expected_client_assertion(kClient, server_.origin()), clock_.now());
    EXPECT_TRUE(verified) << verified.error().to_string();
  }
  Expected<jose::VerifiedProof> proof_of(const Seen& seen,
                                         std::optional<std::string_view> token = {}) {
    return jose::verify_dpop_proof(
        seen.field("dpop"),
        {.method = seen.method, .url = server_.origin() + seen.path(), .access_token = token},
        clock_.now());
  }

  SystemClock clock_;
  crypto::SystemRandom random_;
  TestServer server_;
  std::string issuer_;
  std::string endpoint_;
  Reply token_answer_ = Reply::json({{"access_token", "at"},
                                     {"refresh_token", "rt"},
                                     {"token_type", "DPoP"},
                                     {"expires_in", 600},
                                     {"issued_token_type", kAccessTokenType},
                                     {"run", "run_1"}});
  std::shared_ptr<const jose::Signer> key_ =
      std::make_shared<jose::Es256Signer>(crypto::Es256PrivateKey::generate());
  std::unique_ptr<Http> http_ = Http::create(clock_, {}).value();
};

TEST_F(AgentClientTest, P26_StartsARun) {
  auto client = discover();
  ASSERT_TRUE(client) << client.error().to_string();
  const auto tokens = client->start(secret("subject"), kIdTokenType,
                                    {.workspace = "acme",
                                     .workflow = "refund",
                                     .step = "plan",
                                     .name = "r",
                                     .use = JsonArray{"a.b"}},
                                    {"https://x/tools/acme/billing", "https://x/v1"});
  ASSERT_TRUE(tokens) << tokens.error().to_string();
  EXPECT_EQ(tokens->access_token, secret("at"));
  EXPECT_EQ(*tokens->refresh_token, secret("rt"));
  EXPECT_EQ(tokens->token_type, "DPoP");
  EXPECT_EQ(tokens->expires_in, seconds(600));
  EXPECT_EQ(tokens->members.at("run"), Json("run_1"));
  EXPECT_FALSE(tokens->members.contains("access_token"));
  EXPECT_FALSE(tokens->members.contains("refresh_token"));

  const auto seen = server_.last();
  expect_authenticated(seen);
  const auto proof = proof_of(seen);
  ASSERT_TRUE(proof) << proof.error().to_string();
  EXPECT_EQ(proof->thumbprint(), key_->public_jwk().thumbprint());
  const auto form = seen.form();
  EXPECT_EQ(form.require("grant_type").value(), "urn:ietf:params:oauth:grant-type:token-exchange");
  EXPECT_EQ(form.require("subject_token").value(), "subject");
  EXPECT_EQ(form.require("subject_token_type").value(), kIdTokenType);
  EXPECT_EQ(form.require("authorization_details").value(),
            R"([{"name":"r","step":"plan","type":"writ_run","use":["a.b"],"workflow":"refund",)"
            R"("workspace":"acme"}])");
  EXPECT_EQ(form.all("resource").size(), 2U);
}

TEST_F(AgentClientTest, P26_HandsDownTakesOverAndGoesOn) {
  auto client = discover().value();
  ASSERT_TRUE(client.delegate(secret("at"), {.agent = "support", .role = "r", .step = "triage"}));
  auto form = server_.last().form();
  EXPECT_EQ(form.require("requested_token_type").value(), kJwtTokenType);
  EXPECT_EQ(form.require("subject_token_type").value(), kAccessTokenType);
  EXPECT_EQ(form.require("authorization_details").value(),
            R"([{"agent":"support","role":"r","step":"triage","type":"writ_delegation"}])");

  ASSERT_TRUE(client.redeem(secret("dt"), {"https://x/tools/acme/billing"}));
  form = server_.last().form();
  EXPECT_EQ(form.require("subject_token_type").value(), kJwtTokenType);
  EXPECT_EQ(form.require("resource").value(), "https://x/tools/acme/billing");

  ASSERT_TRUE(client.refresh(secret("rt"), {}));
  form = server_.last().form();
  EXPECT_EQ(form.require("grant_type").value(), "refresh_token");
  EXPECT_EQ(form.require("refresh_token").value(), "rt");

  ASSERT_TRUE(client.start_for_workspace({.workflow = "nightly"}, {"https://x/v1"}));
  EXPECT_EQ(server_.last().form().require("grant_type").value(), "client_credentials");
  EXPECT_TRUE(proof_of(server_.last()));
}

TEST_F(AgentClientTest, IntrospectsAndRevokes) {
  auto client = discover().value();
  const auto state = client.introspect(secret("at"));
  ASSERT_TRUE(state);
  EXPECT_EQ(state->at("active"), Json(false));
  expect_authenticated(server_.last());
  ASSERT_TRUE(client.revoke(secret("rt")));
  EXPECT_EQ(server_.last().path(), "/oauth/revoke");
  EXPECT_EQ(server_.last().form().require("token").value(), "rt");
}

TEST_F(AgentClientTest, P8_EachCallHasAProofOfItsOwn) {
  auto client = discover().value();
  const ToolCall call{.method = "POST",
                      .target = "/tools/acme/billing/v1/refunds?a=1",
                      .body = "{}",
                      .idempotency_key = "k-1",
                      .wait = seconds(5)};
  std::vector<std::string> ids;
  for (int i = 0; i < 2; ++i) {
    ASSERT_TRUE(client.call(secret("at"), call));
    const auto seen = server_.last();
    EXPECT_EQ(seen.field("authorization"), "DPoP at");
    EXPECT_EQ(seen.field("idempotency-key"), "k-1");
    EXPECT_EQ(seen.field("prefer"), "wait=5");
    EXPECT_EQ(seen.field("content-type"), "application/json");
    const auto proof = proof_of(seen, "at");
    ASSERT_TRUE(proof) << proof.error().to_string();
    ids.push_back(proof->jti());
  }
  EXPECT_NE(ids[0], ids[1]);
  EXPECT_FALSE(client.call(secret("at"), {.target = "tools/x"}));
}

TEST_F(AgentClientTest, ABearerAgentSendsNoProof) {
  auto client = discover(AgentClient::Sender::bearer).value();
  ASSERT_TRUE(client.call(secret("at"), {.target = "/tools/acme/billing/v1/x"}));
  EXPECT_EQ(server_.last().field("authorization"), "Bearer at");
  EXPECT_EQ(server_.last().field("dpop"), "");
}

TEST_F(AgentClientTest, ErrorsSayWhatTheServerSaid) {
  auto client = discover().value();
  token_answer_ =
      Reply::json({{"error", "invalid_grant"}, {"error_description", "used\x1b already"}}, 400);
  const auto refused = client.redeem(secret("dt"), {});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::invalid_input);
  EXPECT_EQ(refused.error().message, "invalid_grant: used\\u001b already");

  token_answer_ = {.status = 500, .body = "<html>"};
  EXPECT_THAT(client.redeem(secret("dt"), {}).error().message, HasSubstr("500"));
  token_answer_ = Reply::json({{"token_type", "DPoP"}});
  EXPECT_FALSE(client.redeem(secret("dt"), {}));
}

TEST_F(AgentClientTest, RFC8414_AnotherIssuerOrEndpointIsRefused) {
  issuer_ = "https://other.example";
  const auto other = discover();
  ASSERT_FALSE(other);
  EXPECT_EQ(other.error().code, Errc::denied);
  EXPECT_THAT(other.error().message, HasSubstr("other.example"));
  issuer_.clear();
  endpoint_ = "https://other.example";
  auto client = discover();
  ASSERT_TRUE(client);
  const auto before = server_.seen().size();
  EXPECT_EQ(client->refresh(secret("rt"), {}).error().code, Errc::denied);
  EXPECT_EQ(server_.seen().size(), before);
}

}  // namespace
}  // namespace writ::cli
