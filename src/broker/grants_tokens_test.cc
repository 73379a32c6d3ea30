// SPDX-License-Identifier: Apache-2.0
// Tokens that were issued: refresh, introspection, revocation.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "broker/grant_sweep.h"
#include "broker/grants.h"
#include "broker/grants_testing.h"
#include "jose/tokens_testing.h"

namespace writ::broker {
namespace {

std::string refusal(const auto& result) {
  return result ? "granted"
                : std::string(name(result.error().code)) + " at " + result.error().where;
}

class GrantsTokens : public testing::Test {
 protected:
  Expected<std::optional<JsonObject>> introspect(std::string_view agent, std::string_view token) {
    return acme_.run(acme_.grants().introspect(acme_.client(agent), SecretBytes::copy_of(token)));
  }
  bool active(std::string_view agent, std::string_view token) {
    return introspect(agent, token).value().has_value();
  }
  Expected<void> revoke(std::string_view agent, std::string_view token) {
    return acme_.run(acme_.grants().revoke(acme_.client(agent), SecretBytes::copy_of(token)));
  }
  bool alive(RunId run) {
    return acme_.workspace().runs().alive(run, acme_.clock().now()).has_value();
  }

  GrantsAcme acme_;
};

TEST_F(GrantsTokens, P9_ARefreshTokenYieldsTokensForTheSameRunAndIsRotated) {
  const auto first = acme_.start_run().value();
  acme_.clock().advance(std::chrono::minutes(9));
  const auto second = acme_.go_on("planner", first.refresh);
  ASSERT_TRUE(second) << second.error().to_string();
  EXPECT_EQ(second->run, first.run);
  EXPECT_EQ(second->run_ends, first.run_ends);
  EXPECT_NE(second->refresh, first.refresh);
  EXPECT_NE(second->access.grant, first.access.grant);
  EXPECT_TRUE(acme_.go_on("planner", second->refresh));
}

TEST_F(GrantsTokens, RecordsOfTokensWhoseTimeHasPassedAreErased) {
  const auto first = acme_.start_run().value();
  ASSERT_TRUE(acme_.go_on("planner", first.refresh));
  const auto records = [&] {
    return acme_.run(acme_.workspace().store().list(RecordKind::grant, "", 100)).value().size();
  };
  EXPECT_EQ(records(), 3U) << "two refresh tokens and the user's";
  const auto sweep = [&] {
    return acme_.run(erase_expired_grants(acme_.workspace(), acme_.clock())).value();
  };
  EXPECT_EQ(sweep(), 0U);
  acme_.clock().advance(std::chrono::minutes(130));
  EXPECT_EQ(sweep(), 1U) << "the user's token is over, the run not for long enough";
  acme_.clock().advance(std::chrono::hours(1));
  EXPECT_EQ(sweep(), 2U);
  EXPECT_EQ(records(), 0U);
}

TEST_F(GrantsTokens, P9_TheStoreHoldsNoRefreshToken) {
  const auto granted = acme_.start_run().value();
  const std::string text(granted.refresh.reveal_text());
  EXPECT_EQ(text.size(), 43U);
  for (const auto& row : acme_.run(acme_.workspace().store().read_log(0, 100)).value())
    EXPECT_EQ(row.entry.find(text), std::string::npos);
  for (const auto& record :
       acme_.run(acme_.workspace().store().list(RecordKind::grant, "", 100)).value()) {
    EXPECT_EQ(record.value.find(text), std::string::npos);
    EXPECT_EQ(record.id.find(text), std::string::npos);
  }
}

TEST_F(GrantsTokens, Failures8_ASecondUseEndsTheRunAndItsChildren) {
  const auto first = acme_.start_run().value();
  const auto token = acme_.hand_down("planner", first, GrantsAcme::to_support())->token.text;
  const auto child = acme_.take_over("support", token).value();
  const auto second = acme_.go_on("planner", first.refresh).value();
  EXPECT_EQ(refusal(acme_.go_on("planner", first.refresh)), "denied at refresh_token");
  EXPECT_FALSE(alive(first.run));
  EXPECT_FALSE(alive(child.run));
  EXPECT_EQ(refusal(acme_.go_on("planner", second.refresh)), "denied at refresh_token");
  EXPECT_EQ(refusal(acme_.go_on("support", child.refresh)), "denied at refresh_token");
  EXPECT_EQ(acme_.entries(audit::Kind::run_revoked).size(), 2U);
}

TEST_F(GrantsTokens, Failures8_AReplayOfTheWholeRequestEndsNothing) {
  const auto first = acme_.start_run().value();
  const auto client = acme_.client("planner");
  ASSERT_TRUE(acme_.run(acme_.grants().go_on(client, first.refresh.clone(), {})));
  EXPECT_EQ(refusal(acme_.run(acme_.grants().go_on(client, first.refresh.clone(), {}))),
            "unauthenticated at client_assertion");
  EXPECT_TRUE(alive(first.run));
}

// The second use decides first, whatever else of the request does not hold.
TEST_F(GrantsTokens, P9_ASecondUseWithAProofThatWasUsedBeforeEndsTheRun) {
  const auto first = acme_.start_run().value();
  const auto proof = acme_.proof(acme_.key("planner"));
  const auto client = [&] {
    return acme_.authenticate_client(acme_.assertion("planner"), proof).value();
  };
  ASSERT_TRUE(acme_.run(acme_.grants().go_on(client(), first.refresh.clone(), {})));
  EXPECT_EQ(refusal(acme_.run(acme_.grants().go_on(client(), first.refresh.clone(), {}))),
            "denied at refresh_token");
  EXPECT_FALSE(alive(first.run));
  EXPECT_EQ(acme_.entries(audit::Kind::run_revoked).size(), 1U);
}

TEST_F(GrantsTokens, P9_OnAFullDiskASecondUseEndsTheRunInMemoryAndIsOwed) {
  const auto first = acme_.start_run().value();
  ASSERT_TRUE(acme_.go_on("planner", first.refresh));
  acme_.store().fail_commits(fail(Errc::unavailable, "the disk is full").error());
  EXPECT_EQ(acme_.go_on("planner", first.refresh).error().where, kStopInFile);
  EXPECT_FALSE(alive(first.run));
  acme_.store().fail_commits(std::nullopt);
  ASSERT_TRUE(acme_.run(acme_.revocations().settle(acme_.workspace())));
  EXPECT_EQ(acme_.entries(audit::Kind::run_revoked).size(), 1U);
  EXPECT_EQ(acme_.stop_file().text_, "[]");
}

TEST_F(GrantsTokens, Failures8_OfAHundredParallelUsesOneSucceedsAndTheFamilyIsRevoked) {
  const auto first = acme_.start_run().value();
  std::atomic<int> granted = 0;
  std::atomic<int> left = 100;
  const OneShot<bool> done;
  acme_.store().hold_commits();
  for (int i = 0; i < 100; ++i) {
    spawn(acme_.loop(),
          [](GrantsAcme& acme, SecretBytes refresh, std::atomic<int>& good, std::atomic<int>& rest,
             OneShot<bool> all) -> Task<void> {
            const auto out =
                co_await acme.grants().go_on(acme.client("planner"), std::move(refresh), {});
            if (out) ++good;
            if (--rest == 0) all.set(true);
          }(acme_, first.refresh.clone(), granted, left, done));
  }
  while (acme_.store().held() < 100) std::this_thread::yield();
  acme_.store().release_commits();
  (void)acme_.run(done.wait());
  EXPECT_EQ(granted, 1);
  EXPECT_FALSE(alive(first.run));
}

TEST_F(GrantsTokens, Failures9_ARefreshTokenIsBoundToTheRunsKey) {
  const auto first = acme_.start_run().value();
  const auto thief = jose::Es256Signer(crypto::Es256PrivateKey::generate());
  const auto with = [&](std::optional<std::string> proof) {
    return refusal(acme_.run(
        acme_.grants().go_on(acme_.authenticate_client(acme_.assertion("planner"), proof).value(),
                             first.refresh.clone(), {})));
  };
  EXPECT_EQ(with(acme_.proof(thief)), "unauthenticated at DPoP");
  EXPECT_EQ(with(std::nullopt), "unauthenticated at DPoP");
  EXPECT_EQ(refusal(acme_.go_on("support", first.refresh)), "denied at refresh_token");
  // None of them has used it up.
  EXPECT_TRUE(acme_.go_on("planner", first.refresh));
}

TEST_F(GrantsTokens, P8_OptingInToBearerLaterDowngradesNoRun) {
  const auto first = acme_.start_run().value();
  acme_.edit("agents/planner.toml", "sender = \"dpop\"", "sender = \"bearer\"");
  EXPECT_EQ(refusal(acme_.run(acme_.grants().go_on(acme_.client_without_proof("planner"),
                                                   first.refresh.clone(), {}))),
            "unauthenticated at DPoP");
}

TEST_F(GrantsTokens, P8_ABearerRunEndsWithItsAgentsOptIn) {
  acme_.edit("agents/planner.toml", "sender = \"dpop\"", "sender = \"bearer\"");
  const auto first =
      acme_
          .run(acme_.grants().start_for_user(acme_.client_without_proof("planner"),
                                             GrantsAcme::plan(), SubjectKind::jwt,
                                             acme_.user_token(), GrantsAcme::billing_server(), ""))
          .value();
  acme_.edit("agents/planner.toml", "sender = \"bearer\"", "sender = \"dpop\"");
  EXPECT_EQ(refusal(acme_.run(acme_.grants().go_on(acme_.client_without_proof("planner"),
                                                   first.refresh.clone(), {}))),
            "denied at refresh_token");
  EXPECT_EQ(
      refusal(acme_.run(acme_.grants().hand_down(acme_.client_without_proof("planner"),
                                                 first.access.text, GrantsAcme::to_support()))),
      "denied at subject_token");
}

TEST_F(GrantsTokens, P9_ACeilingThatShrankIsInTheNextToken) {
  const auto first = acme_.start_run().value();
  acme_.edit("agents/planner.toml", "use = [\"billing.invoice.read\", \"billing.invoice.list\"]",
             "use = [\"billing.invoice.list\"]");
  const auto second = acme_.go_on("planner", first.refresh).value();
  EXPECT_EQ(write_json(second.access.details.at("use")), R"(["billing.invoice.list"])");
}

TEST_F(GrantsTokens, P9_ARefreshNamesNoOtherResource) {
  const auto first = acme_.start_run().value();
  const auto with = [&](std::vector<std::string> resources) {
    return refusal(acme_.run(acme_.grants().go_on(acme_.client("planner"), first.refresh.clone(),
                                                  std::move(resources))));
  };
  EXPECT_EQ(with({"https://writ.example/v1"}), "not_found at resource");
  EXPECT_EQ(with(GrantsAcme::billing_server()), "granted");
}

TEST_F(GrantsTokens, P6_ADisabledUserIsRefusedByTheCommitToo) {
  const auto alice = acme_.user_id("alice");
  acme_.store().hold_commits();
  // The user's record moves before the grant's commit; memory does not know yet.
  spawn(acme_.loop(), [](LiveWorkspace& workspace, UserId user) -> Task<void> {
    Unit unit;
    unit.puts.push_back({RecordKind::user, user.to_string(), workspace.standing(user).revision,
                         to_record(Standing{.key = {}, .disabled = true, .revision = 0})});
    (void)co_await workspace.store().commit(std::move(unit));
  }(acme_.workspace(), alice));
  while (acme_.store().held() < 1) std::this_thread::yield();
  const OneShot<bool> done;
  std::optional<Expected<Granted>> out;
  spawn(acme_.loop(),
        [](GrantsAcme& acme, std::optional<Expected<Granted>>& into,
           OneShot<bool> finished) -> Task<void> {
          into = co_await acme.grants().start_for_user(acme.client("planner"), GrantsAcme::plan(),
                                                       SubjectKind::jwt, acme.user_token(),
                                                       GrantsAcme::billing_server(), "");
          finished.set(true);
        }(acme_, out, done));
  while (acme_.store().held() < 2) std::this_thread::yield();
  acme_.store().release_commits();
  (void)acme_.run(done.wait());
  EXPECT_FALSE(*out);
  EXPECT_TRUE(acme_.workspace().runs().all().empty());
}

TEST_F(GrantsTokens, IntrospectionShowsWhatTheRunMayDoNow) {
  const auto granted = acme_.start_run().value();
  acme_.edit("agents/planner.toml", "use = [\"billing.invoice.read\", \"billing.invoice.list\"]",
             "use = [\"billing.invoice.list\"]");
  const auto answer = introspect("planner", granted.access.text).value();
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->at("active"), true);
  EXPECT_EQ(answer->at("token_type"), "DPoP");
  EXPECT_EQ(answer->at("client_id"), "acme/planner");
  EXPECT_EQ(answer->at("run"), Json(granted.run.to_string()));
  EXPECT_EQ(write_json(answer->at("authorization_details").as_array()[0].as_object().at("use")),
            R"(["billing.invoice.list"])");
  const auto refresh = introspect("planner", granted.refresh.reveal_text()).value();
  ASSERT_TRUE(refresh);
  EXPECT_EQ(refresh->at("exp"), to_unix_seconds(granted.run_ends));
}

TEST_F(GrantsTokens, Failures7_AnothersTokenIsNotActive) {
  const auto granted = acme_.start_run().value();
  EXPECT_FALSE(active("support", granted.access.text));
  EXPECT_FALSE(active("support", granted.refresh.reveal_text()));
  EXPECT_FALSE(active("planner", "nonsense"));
  EXPECT_FALSE(active("planner", acme_.user_token()));
  EXPECT_TRUE(active("planner", granted.access.text));
}

TEST_F(GrantsTokens, Failures8_AnAssertionCountsOnceAcrossEndpoints) {
  const auto granted = acme_.start_run().value();
  const auto client = acme_.client("planner");
  const auto ask = [&] {
    return refusal(acme_.run(acme_.grants().introspect(
        client, SecretBytes::copy_of(std::string_view(granted.access.text)))));
  };
  EXPECT_EQ(ask(), "granted");
  EXPECT_EQ(ask(), "unauthenticated at client_assertion");
  EXPECT_EQ(refusal(acme_.run(acme_.grants().go_on(client, granted.refresh.clone(), {}))),
            "unauthenticated at client_assertion");
  EXPECT_EQ(refusal(acme_.run(acme_.grants().revoke(client, granted.refresh.clone()))),
            "unauthenticated at client_assertion");
  EXPECT_TRUE(alive(granted.run));
}

TEST_F(GrantsTokens, P10_AnotherWorkspacesTokensAreLikeNone) {
  // The same documents under another name, with the same agents' keys: all that differs is whose
  // tokens they are.
  auto documents = acme_.documents();
  auto& text = documents.at("workspace.toml");
  text.replace(text.find("name = \"acme\""), std::string_view("name = \"acme\"").size(),
               "name = \"other\"");
  for_either(documents);
  const auto id = WorkspaceId::make(acme_.clock(), acme_.random());
  const auto built =
      workspace::build_version(id, 1, documents, {}, acme_.clock(), acme_.random()).value();
  const auto seal =
      vault::SealKey::from_text(vault::SealKey::generate_text(acme_.random())).value();
  const auto other = std::make_shared<LiveWorkspace>(id, acme_.store().workspace(id),
                                                     seal.new_data_key(acme_.random(), id).key);
  Unit unit;
  unit.puts.push_back({RecordKind::workspace, id.to_string(), 0, "{}"});
  ASSERT_TRUE(acme_.run(other->store().commit(std::move(unit))));
  other->publish(built.version, documents, built.names);
  ASSERT_TRUE(acme_.live().add(other));
  const auto stranger = [&](std::string_view agent) {
    const auto now = to_unix_seconds(acme_.clock().now());
    const std::string name = "other/" + std::string(agent);
    const auto assertion = jose::signed_parts(
        acme_.key(agent), R"({"alg":"ES256"})",
        write_json(JsonObject{{"iss", name},
                              {"sub", name},
                              {"aud", Acme::kIssuer},
                              {"jti", ActionId::make(acme_.clock(), acme_.random()).to_string()},
                              {"iat", now},
                              {"exp", now + 60}}));
    return acme_.authenticate_client(assertion, acme_.proof(acme_.key(agent))).value();
  };
  const std::vector<std::string> resource{"https://writ.example/tools/other/billing"};
  auto asked = GrantsAcme::plan();
  asked.workspace = "other";

  const auto ours = acme_.start_run().value();
  const auto token = acme_.hand_down("planner", ours, GrantsAcme::to_support())->token.text;
  auto& grants = acme_.grants();
  EXPECT_EQ(refusal(acme_.run(grants.go_on(stranger("planner"), ours.refresh.clone(), {}))),
            "denied at refresh_token");
  EXPECT_EQ(refusal(acme_.run(
                grants.hand_down(stranger("planner"), ours.access.text, GrantsAcme::to_support()))),
            "denied at subject_token");
  EXPECT_EQ(refusal(acme_.run(grants.take_over(stranger("support"), token, resource))),
            "denied at subject_token");
  EXPECT_EQ(refusal(acme_.run(grants.start_for_user(stranger("planner"), asked, SubjectKind::jwt,
                                                    acme_.user_token(), resource, ""))),
            "denied at subject_token");
  EXPECT_EQ(acme_.run(grants.introspect(stranger("planner"), ours.refresh.clone())).value(),
            std::nullopt);
  EXPECT_TRUE(acme_.run(grants.revoke(stranger("planner"), ours.refresh.clone())));
  EXPECT_TRUE(acme_.run(grants.revoke(stranger("planner"),
                                      SecretBytes::copy_of(std::string_view(ours.access.text)))));
  EXPECT_TRUE(alive(ours.run));
  EXPECT_TRUE(other->runs().all().empty());
  // And its own runs are not for our tool server.
  EXPECT_EQ(refusal(acme_.run(grants.start_for_workspace(stranger("planner"), asked,
                                                         GrantsAcme::billing_server(), ""))),
            "not_found at resource");
  EXPECT_TRUE(acme_.run(grants.start_for_workspace(stranger("planner"), asked, resource, "")));
  EXPECT_TRUE(acme_.take_over("support", token)) << "nothing of ours was used up";
}

TEST_F(GrantsTokens, Failures8_ASecondServerOrOneThatWasRestartedKnowsWhatWasUsed) {
  const auto assertion = acme_.assertion("planner");
  const auto proof = acme_.proof(acme_.key("planner"));
  const auto planner = acme_.start_run().value();
  const auto token = acme_.hand_down("planner", planner, GrantsAcme::to_support())->token.text;
  ASSERT_TRUE(acme_.run(acme_.grants().introspect(
      acme_.authenticate_client(assertion, proof).value(), SecretBytes::copy_of(assertion))));
  ASSERT_TRUE(acme_.take_over("support", token));
  ASSERT_TRUE(acme_.go_on("planner", planner.refresh));

  // Nothing in memory is the same; what was used is known by the store alone.
  const Clients clients(std::string(Acme::kIssuer), acme_.live(), acme_.clock());
  Grants again({.tokens = acme_.access_tokens(),
                .subjects = acme_.subjects(),
                .revocations = acme_.revocations(),
                .shares = acme_.shares(),
                .time = acme_.time(),
                .clock = acme_.clock(),
                .random = acme_.random(),
                .log = acme_.log()});
  const auto client = [&](const std::string& agent, const std::string& by,
                          const std::string& with) {
    return clients
        .authenticate({.assertion = by,
                       .client_id = "acme/" + agent,
                       .proof = with,
                       .method = "POST",
                       .url = GrantsAcme::kTokenUrl})
        .value();
  };
  EXPECT_EQ(refusal(acme_.run(again.introspect(client("planner", assertion, proof),
                                               SecretBytes::copy_of(assertion)))),
            "unauthenticated at client_assertion");
  EXPECT_EQ(refusal(acme_.run(again.take_over(
                client("support", acme_.assertion("support"), acme_.proof(acme_.key("support"))),
                token, GrantsAcme::billing_server()))),
            "denied at subject_token");
  EXPECT_EQ(refusal(acme_.run(again.go_on(
                client("planner", acme_.assertion("planner"), acme_.proof(acme_.key("planner"))),
                planner.refresh.clone(), {}))),
            "denied at refresh_token");
}

TEST_F(GrantsTokens, RevokingEitherTokenEndsTheRun) {
  const auto first = acme_.start_run().value();
  ASSERT_TRUE(revoke("planner", first.refresh.reveal_text()));
  EXPECT_FALSE(alive(first.run));
  const auto second = acme_.start_run().value();
  ASSERT_TRUE(revoke("planner", second.access.text));
  EXPECT_FALSE(alive(second.run));
  EXPECT_EQ(acme_.entries(audit::Kind::token_revoked).size(), 2U);
  EXPECT_EQ(acme_.entries(audit::Kind::run_revoked).size(), 2U);
  EXPECT_EQ(refusal(acme_.go_on("planner", first.refresh)), "denied at refresh_token");
}

TEST_F(GrantsTokens, RevokingAnothersTokenChangesNothingAndSaysNothing) {
  const auto granted = acme_.start_run().value();
  EXPECT_TRUE(revoke("support", granted.refresh.reveal_text()));
  EXPECT_TRUE(revoke("support", granted.access.text));
  EXPECT_TRUE(revoke("support", "nonsense"));
  EXPECT_TRUE(alive(granted.run));
  EXPECT_TRUE(acme_.entries(audit::Kind::token_revoked).empty());
}

TEST_F(GrantsTokens, RevocationWorksWhereTheDiskIsFull) {
  const auto granted = acme_.start_run().value();
  acme_.store().fail_commits(fail(Errc::unavailable, "the disk is full").error());
  EXPECT_EQ(refusal(revoke("planner", granted.refresh.reveal_text())), "unavailable at stop:file");
  EXPECT_FALSE(alive(granted.run));
}

}  // namespace
}  // namespace writ::broker
