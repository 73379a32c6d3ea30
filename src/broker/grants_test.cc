// SPDX-License-Identifier: Apache-2.0
// How runs begin, hand down and are taken over.
#include "broker/grants.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "broker/grants_testing.h"
#include "broker/history.h"
#include "broker/startup.h"

namespace writ::broker {
namespace {

using testing::HasSubstr;

// The error's code and place, or what was granted against expectation.
std::string refusal(const auto& result) {
  return result ? "granted"
                : std::string(name(result.error().code)) + " at " + result.error().where;
}

// A grant that is asked for now and waited for later.
class Waiting {
 public:
  template <typename Ask>
  Waiting(GrantsAcme& acme, Ask ask) : acme_(acme) {
    spawn(acme.loop(), follow(ask(acme), done_));
  }
  Expected<Granted> result() { return acme_.run(take(done_)); }

 private:
  using Done = OneShot<Expected<Granted>>;
  static Task<void> follow(Task<Expected<Granted>> task, Done done) {
    done.set(co_await std::move(task));
  }
  static Task<Expected<Granted>> take(Done done) {
    auto out = co_await done.wait();
    co_return std::move(*out);
  }
  GrantsAcme& acme_;
  Done done_;
};

class GrantsTest : public testing::Test {
 protected:
  GrantsAcme acme_;
};

TEST_F(GrantsTest, P26_ARunBeginsForAUserAndItsTokenSaysSo) {
  const auto granted = acme_.start_run();
  ASSERT_TRUE(granted) << granted.error().to_string();
  EXPECT_TRUE(granted->bound);
  const auto token = acme_.access_tokens().verify_access(granted->access.text).value();
  EXPECT_EQ(token.type(), "at+jwt");
  EXPECT_EQ(token.issuer(), Acme::kIssuer);
  EXPECT_EQ(token.audiences(), GrantsAcme::billing_server());
  EXPECT_EQ(token.subject(), acme_.user_id("alice").to_string());
  EXPECT_EQ(token.string_claim("client_id"), "acme/planner");
  EXPECT_EQ(token.string_claim("workspace"), "acme");
  EXPECT_EQ(token.string_claim("run"), granted->run.to_string());
  EXPECT_EQ(token.confirmation_thumbprint(), acme_.key("planner").public_jwk().thumbprint());
  EXPECT_EQ(token.expires_at() - *token.issued_at(), kAccessTokenLife);
  const auto& act = token.claims().at("act").as_object();
  EXPECT_EQ(act.at("sub_profile"), "ai_agent");
  EXPECT_EQ(act.at("client_id"), "acme/planner");
  for (const auto* member : {"exp", "nbf", "aud", "act"}) EXPECT_FALSE(act.contains(member));
  const auto& details = token.claims().at("authorization_details").as_array().at(0).as_object();
  EXPECT_EQ(details.at("workflow"), "refund");
  EXPECT_THAT(write_json(details.at("delegate")), HasSubstr("billing.refund.execute"));
  EXPECT_THAT(write_json(details.at("use")), testing::Not(HasSubstr("billing.refund.execute")));
}

// A run that cannot be read back would keep its whole workspace from being loaded.
TEST_F(GrantsTest, NoRunIsStoredThatCannotBeReadBack) {
  const auto bounded = [](std::string_view prefix) {
    std::string text = R"({ tool = "billing.invoice.list", where = { )";
    for (int i = 0; i < 20; ++i)
      text += (i == 0 ? "" : ", ") + std::string(prefix) + std::to_string(i) + " = { max = 1 }";
    return text + " } }";
  };
  acme_.edit("agents/planner.toml", R"("billing.invoice.list")", bounded("a"));
  acme_.edit("workflows/refund.toml", R"("billing.invoice.list")", bounded("b"));
  EXPECT_EQ(refusal(acme_.start_run()), "denied at authorization_details");
  // Nor one that is more than a record holds for another reason.
  auto asked = GrantsAcme::plan();
  asked.scope.use = delegation::ToolSet({{"billing.invoice.read", {}}});
  asked.name = std::string(257, 'n');
  EXPECT_EQ(refusal(acme_.start_run(asked)), "denied at authorization_details");
  asked.name.reset();
  const auto granted = acme_.start_run(asked);
  ASSERT_TRUE(granted) << granted.error().to_string();

  const auto found = acme_.run(find_run(acme_.workspace(), granted->run));
  ASSERT_TRUE(found) << found.error().to_string();
  EXPECT_TRUE(found->has_value());
  Live live;
  Approvals approvals(acme_.clock(), acme_.random(), acme_.shares());
  const auto loaded = acme_.run(load_live({.store = acme_.store(),
                                           .seal_key = acme_.seal_key(),
                                           .live = live,
                                           .approvals = approvals,
                                           .shares = acme_.shares(),
                                           .clock = acme_.clock(),
                                           .random = acme_.random(),
                                           .log = acme_.log()}));
  ASSERT_TRUE(loaded) << loaded.error().to_string();
  EXPECT_TRUE(loaded->empty());
  EXPECT_NE(live.find("acme")->runs().find(granted->run), nullptr);
}

TEST_F(GrantsTest, P15_TheRunIsDurableAndInTheLogBeforeTheAnswer) {
  const auto commits = acme_.store().commits();
  const auto granted = acme_.start_run().value();
  EXPECT_EQ(acme_.store().commits(), commits + 1) << "one grouped commit for all of it";
  const auto record =
      acme_.run(acme_.workspace().store().get(RecordKind::run, granted.run.to_string()));
  ASSERT_TRUE(record.value());
  EXPECT_EQ((*record)->revision, LiveRuns::kAliveRevision);
  const auto run = acme_.workspace().runs().find(granted.run);
  ASSERT_NE(run, nullptr);
  EXPECT_EQ(run->trace_id, GrantsAcme::kTrace);
  ASSERT_EQ(acme_.entries(audit::Kind::run_started).size(), 1U);
  EXPECT_EQ(acme_.entries(audit::Kind::run_started)[0].subjects().run, granted.run);
  ASSERT_EQ(acme_.entries(audit::Kind::grant_issued).size(), 1U);
}

TEST_F(GrantsTest, P15_WhereTheRecordCannotBeWrittenNothingBegins) {
  acme_.store().fail_commits(fail(Errc::unavailable, "the disk is full").error());
  EXPECT_EQ(refusal(acme_.start_run()), "unavailable at ");
  EXPECT_TRUE(acme_.workspace().runs().all().empty());
}

TEST_F(GrantsTest, P26_ARunOfTheWorkspaceHasNoUser) {
  for_either(acme_.documents());
  acme_.apply();
  const auto granted =
      acme_
          .run(acme_.grants().start_for_workspace(acme_.client("planner"), GrantsAcme::plan(),
                                                  GrantsAcme::billing_server(), ""))
          .value();
  const auto token = acme_.access_tokens().verify_access(granted.access.text).value();
  EXPECT_EQ(token.subject(), acme_.workspace().id().to_string());
  EXPECT_EQ(acme_.workspace().runs().find(granted.run)->user, std::nullopt);
}

TEST_F(GrantsTest, P39_AStepForAUserStartsNoRunOfTheWorkspace) {
  const auto start = [&] {
    return acme_.run(acme_.grants().start_for_workspace(acme_.client("planner"), GrantsAcme::plan(),
                                                        GrantsAcme::billing_server(), ""));
  };
  EXPECT_EQ(refusal(start()), "denied at authorization_details");
  EXPECT_TRUE(acme_.workspace().runs().all().empty());
  EXPECT_EQ(acme_.entries(audit::Kind::grant_refused).size(), 1U);
  // A step that does not say is for a user.
  acme_.edit("workflows/refund.toml", "for = \"user\"\n", "");
  EXPECT_EQ(refusal(start()), "denied at authorization_details");
  EXPECT_TRUE(acme_.start_run());
}

TEST_F(GrantsTest, P39_AStepForTheWorkspaceStartsNoRunOfAUser) {
  acme_.edit("workflows/refund.toml", "for = \"user\"", "for = \"workspace\"");
  EXPECT_EQ(refusal(acme_.start_run()), "denied at authorization_details");
  EXPECT_TRUE(acme_.run(acme_.grants().start_for_workspace(
      acme_.client("planner"), GrantsAcme::plan(), GrantsAcme::billing_server(), "")));
}

TEST_F(GrantsTest, P39_AStepForAUserIsNotReachedFromARunOfTheWorkspace) {
  acme_.edit("workflows/refund.toml", "for = \"user\"", "for = \"either\"");
  const auto ours =
      acme_
          .run(acme_.grants().start_for_workspace(acme_.client("planner"), GrantsAcme::plan(),
                                                  GrantsAcme::billing_server(), ""))
          .value();
  EXPECT_EQ(refusal(acme_.hand_down("planner", ours, GrantsAcme::to_support())),
            "denied at authorization_details");
  const auto alices = acme_.start_run().value();
  EXPECT_TRUE(acme_.hand_down("planner", alices, GrantsAcme::to_support()));

  acme_.edit("workflows/refund.toml", "agent = \"support\"",
             "agent = \"support\"\nfor = \"workspace\"");
  EXPECT_TRUE(acme_.hand_down("planner", ours, GrantsAcme::to_support()));
  EXPECT_EQ(refusal(acme_.hand_down("planner", alices, GrantsAcme::to_support())),
            "denied at authorization_details");
}

TEST_F(GrantsTest, P39_WhomAStepIsForIsAskedAgainWhereADelegationIsRedeemed) {
  const std::string workflow = "workflows/refund.toml";
  acme_.edit(workflow, "agent = \"support\"", "agent = \"support\"\nfor = \"either\"");
  const auto alices = acme_.start_run().value();
  const auto token = acme_.hand_down("planner", alices, GrantsAcme::to_support())->token.text;
  acme_.edit(workflow, "for = \"either\"", "for = \"workspace\"");
  EXPECT_EQ(refusal(acme_.take_over("support", token)), "denied at subject_token");
  acme_.edit(workflow, "for = \"workspace\"", "for = \"user\"");
  EXPECT_EQ(acme_.workspace().runs().all().size(), 1U);
}

TEST_F(GrantsTest, P7_AChainOfDelegationsNarrowsAndNamesEveryActor) {
  const auto billing = acme_.refund_grant();
  const auto lineage = acme_.workspace().runs().alive(billing.run, acme_.clock().now()).value();
  ASSERT_EQ(lineage.runs.size(), 3U);
  EXPECT_EQ(lineage.run().agent_name, "billing");
  EXPECT_EQ(lineage.run().user, acme_.user_id("alice"));
  EXPECT_EQ(lineage.run().key_thumbprint, acme_.key("billing").public_jwk().thumbprint())
      << "the child's key is the redeemer's";
  const auto token = acme_.access_tokens().verify_access(billing.access.text).value();
  const auto& act = token.claims().at("act").as_object();
  EXPECT_EQ(act.at("client_id"), "acme/billing");
  EXPECT_EQ(act.at("act").as_object().at("client_id"), "acme/support");
  EXPECT_EQ(act.at("act").as_object().at("act").as_object().at("client_id"), "acme/planner");
  EXPECT_EQ(acme_.entries(audit::Kind::run_delegated).size(), 2U);
  // The birth of a child is found by its parent too.
  const auto rows =
      acme_.run(acme_.workspace().store().find_log(lineage.runs[1]->id.to_string(), 0, 100))
          .value();
  EXPECT_TRUE(std::ranges::any_of(rows, [&](const auto& row) {
    return row.entry.find(billing.run.to_string()) != std::string::npos &&
           row.entry.find("run.started") != std::string::npos;
  }));
}

TEST_F(GrantsTest, P7_ADelegationTokenIsRedeemedOnce) {
  const auto planner = acme_.start_run().value();
  const auto token = acme_.hand_down("planner", planner, GrantsAcme::to_support())->token.text;
  ASSERT_TRUE(acme_.take_over("support", token));
  EXPECT_EQ(refusal(acme_.take_over("support", token)), "denied at subject_token");
}

TEST_F(GrantsTest, P7_ADelegationTokenIsOfTheAgentInMayActAlone) {
  const auto planner = acme_.start_run().value();
  const auto token = acme_.hand_down("planner", planner, GrantsAcme::to_support())->token.text;
  for (const auto* other : {"billing", "planner"})
    EXPECT_EQ(refusal(acme_.take_over(other, token)), "denied at subject_token");
  EXPECT_TRUE(acme_.take_over("support", token)) << "the refusals have not consumed it";
}

TEST_F(GrantsTest, P7_ADelegationTokenLivesAMinute) {
  const auto planner = acme_.start_run().value();
  const auto token = acme_.hand_down("planner", planner, GrantsAcme::to_support())->token;
  EXPECT_EQ(token.expires - token.issued, seconds(60));
  acme_.clock().advance(seconds(61));
  EXPECT_EQ(refusal(acme_.take_over("support", token.text)), "unauthenticated at subject_token");
}

TEST_F(GrantsTest, P7_ADelegationTokenIsRefusedWhereAnAccessTokenIsAsked) {
  const auto planner = acme_.start_run().value();
  const auto token = acme_.hand_down("planner", planner, GrantsAcme::to_support())->token.text;
  EXPECT_FALSE(acme_.access_tokens().verify_access(token));
  auto request = acme_.request(*acme_.workspace().runs().find(planner.run));
  request.token = token;
  EXPECT_FALSE(acme_.authenticate(request));
  // Nor does an access token stand for a delegation.
  EXPECT_EQ(refusal(acme_.take_over("planner", planner.access.text)),
            "unauthenticated at subject_token");
}

TEST_F(GrantsTest, P7_NoChildBeginsUnderARunThatHasEnded) {
  const auto planner = acme_.start_run().value();
  const auto token = acme_.hand_down("planner", planner, GrantsAcme::to_support())->token.text;
  acme_.revoke(planner.run);
  EXPECT_EQ(refusal(acme_.take_over("support", token)), "denied at subject_token");
}

TEST_F(GrantsTest, P7_TheCommitChecksTheAncestorsAgain) {
  const auto planner = acme_.start_run().value();
  const auto token = acme_.hand_down("planner", planner, GrantsAcme::to_support())->token.text;
  // The parent's end is durable, and memory has not heard of it yet.
  acme_.end_record(planner.run);
  EXPECT_EQ(refusal(acme_.take_over("support", token)), "denied at subject_token");
  EXPECT_EQ(refusal(acme_.hand_down("planner", planner, GrantsAcme::to_support())),
            "denied at subject_token");
}

TEST_F(GrantsTest, P15_AParentThatEndsWhileItsChildBeginsTakesItAlong) {
  const auto planner = acme_.start_run().value();
  const auto token = acme_.hand_down("planner", planner, GrantsAcme::to_support())->token.text;
  acme_.store().hold_commits();
  Waiting take_over(acme_, [&token](GrantsAcme& acme) {
    return acme.grants().take_over(acme.client("support"), token, GrantsAcme::billing_server());
  });
  while (acme_.store().held() == 0) std::this_thread::yield();
  // In memory the parent ends between the child's commit and its coming alive.
  acme_.workspace().runs().end({planner.run}, {});
  acme_.store().release_commits();
  EXPECT_EQ(refusal(take_over.result()), "conflict at subject_token");
  EXPECT_EQ(acme_.workspace().runs().all().size(), 0U);
  EXPECT_EQ(acme_.entries(audit::Kind::run_ended).size(), 1U);
}

TEST_F(GrantsTest, P1_AChildsScopeLiesWithinWhatItsParentMayHandDown) {
  auto asked = GrantsAcme::plan();
  asked.scope.delegate =
      delegation::ToolSet::parse(
          parse_json(R"([{"tool":"billing.refund.execute","where":{"amount":{"max":1000}}}])")
              .value(),
          "")
          .value();
  const auto planner = acme_.start_run(asked).value();
  auto down = GrantsAcme::to_support();
  down.scope.delegate =
      delegation::ToolSet::parse(
          parse_json(R"([{"tool":"billing.refund.execute","where":{"amount":{"max":1001}}}])")
              .value(),
          "")
          .value();
  EXPECT_EQ(refusal(acme_.hand_down("planner", planner, down)), "denied at authorization_details");
  down.scope.delegate =
      delegation::ToolSet::parse(
          parse_json(R"([{"tool":"billing.refund.execute","where":{"amount":{"max":1000}}}])")
              .value(),
          "")
          .value();
  EXPECT_TRUE(acme_.hand_down("planner", planner, down));
}

TEST_F(GrantsTest, P7_WhatWasHandedDownIsNarrowedAgainWhenItIsTakenOver) {
  const auto planner = acme_.start_run().value();
  const auto token = acme_.hand_down("planner", planner, GrantsAcme::to_support())->token.text;
  // The ceiling of support shrinks in between.
  acme_.edit("agents/support.toml", "use = [\"billing.invoice.read\"]", "use = []");
  EXPECT_EQ(refusal(acme_.take_over("support", token)), "denied at subject_token");
}

TEST_F(GrantsTest, Failures12_AWiderScopeThanTheStepIsRefused) {
  auto asked = GrantsAcme::plan();
  asked.scope.use =
      delegation::ToolSet::parse(parse_json(R"(["billing.refund.execute"])").value(), "").value();
  const auto granted = acme_.start_run(asked);
  EXPECT_EQ(refusal(granted), "denied at authorization_details");
  EXPECT_THAT(granted.error().message, HasSubstr("workflow step"));
}

TEST_F(GrantsTest, Failures15_AnEmptyListAsksForNothing) {
  auto asked = GrantsAcme::plan();
  asked.scope.use = delegation::ToolSet();
  asked.scope.delegate = delegation::ToolSet();
  EXPECT_EQ(refusal(acme_.start_run(asked)), "denied at authorization_details");
}

TEST_F(GrantsTest, P2_AStepIsOneAgentsAndOnlySomeStepsStart) {
  auto asked = GrantsAcme::plan();
  EXPECT_EQ(refusal(acme_.start_run(asked, "support")), "denied at authorization_details");
  asked.step = "triage";
  EXPECT_EQ(refusal(acme_.start_run(asked, "support")), "denied at authorization_details");
  // Nor does a step delegate to one that it does not name.
  const auto planner = acme_.start_run().value();
  EXPECT_EQ(refusal(acme_.hand_down("planner", planner, GrantsAcme::to_billing())),
            "denied at authorization_details");
}

TEST_F(GrantsTest, P10_AnotherWorkspaceAnswersLikeNone) {
  auto elsewhere = GrantsAcme::plan();
  elsewhere.workspace = "other";
  auto nowhere = GrantsAcme::plan();
  nowhere.workflow = "nothing";
  EXPECT_EQ(acme_.start_run(elsewhere).error(), acme_.start_run(nowhere).error());
}

TEST_F(GrantsTest, P9_ARunsEndIsItsStepsAndAtMostItsParents) {
  const auto start = acme_.clock().now();
  const auto planner = acme_.start_run().value();
  EXPECT_EQ(planner.run_ends, start + std::chrono::hours(1));
  acme_.clock().advance(std::chrono::minutes(59));
  const auto again = acme_.go_on("planner", planner.refresh).value();
  EXPECT_EQ(again.run_ends, planner.run_ends);
  EXPECT_EQ(again.access.expires, planner.run_ends) << "no token outlives its run";
  const auto token = acme_.hand_down("planner", again, GrantsAcme::to_support())->token.text;
  const auto support = acme_.take_over("support", token).value();
  EXPECT_EQ(support.run_ends, planner.run_ends) << "the step would allow 30 minutes";
}

TEST_F(GrantsTest, P8_WithoutAProofOnlyAnAgentThatIsOptedIn) {
  const auto start = [&] {
    return acme_.run(acme_.grants().start_for_user(
        acme_.client_without_proof("planner"), GrantsAcme::plan(), SubjectKind::jwt,
        acme_.user_token(), GrantsAcme::billing_server(), ""));
  };
  EXPECT_EQ(refusal(start()), "unauthenticated at DPoP");
  acme_.edit("agents/planner.toml", "sender = \"dpop\"", "sender = \"bearer\"");
  const auto granted = start();
  ASSERT_TRUE(granted) << granted.error().to_string();
  EXPECT_FALSE(granted->bound);
  EXPECT_FALSE(acme_.access_tokens().verify_access(granted->access.text)->is_sender_constrained());
}

TEST_F(GrantsTest, Failures9_AStolenTokenHandsNothingDown) {
  const auto planner = acme_.start_run().value();
  const auto thief = jose::Es256Signer(crypto::Es256PrivateKey::generate());
  const auto with = [&](std::optional<std::string> proof) {
    return acme_.run(acme_.grants().hand_down(
        acme_.authenticate_client(acme_.assertion("planner"), proof).value(), planner.access.text,
        GrantsAcme::to_support()));
  };
  EXPECT_EQ(refusal(with(acme_.proof(thief))), "unauthenticated at DPoP");
  EXPECT_EQ(refusal(with(std::nullopt)), "unauthenticated at DPoP");
  // And another agent does not, whose own proof holds.
  EXPECT_EQ(refusal(acme_.hand_down("support", planner, GrantsAcme::to_support())),
            "denied at subject_token");
}

TEST_F(GrantsTest, Failures8_AnAssertionIsUsedOnceEvenWhereItWasRefused) {
  const auto client = acme_.client("planner");
  const auto with = [&](AskedRun asked) {
    return acme_.run(acme_.grants().start_for_user(client, std::move(asked), SubjectKind::jwt,
                                                   acme_.user_token(), GrantsAcme::billing_server(),
                                                   ""));
  };
  auto wrong = GrantsAcme::plan();
  wrong.step = "nothing";
  EXPECT_EQ(refusal(with(wrong)), "denied at authorization_details");
  EXPECT_EQ(refusal(with(GrantsAcme::plan())), "unauthenticated at client_assertion");
  EXPECT_EQ(acme_.entries(audit::Kind::grant_refused).size(), 1U)
      << "who replays an assertion has not proved who it is";
}

TEST_F(GrantsTest, Failures8_ADpopProofIsUsedOnce) {
  const auto proof = acme_.proof(acme_.key("planner"));
  const auto start = [&] {
    return acme_.run(acme_.grants().start_for_user(
        acme_.authenticate_client(acme_.assertion("planner"), proof).value(), GrantsAcme::plan(),
        SubjectKind::jwt, acme_.user_token(), GrantsAcme::billing_server(), ""));
  };
  ASSERT_TRUE(start());
  EXPECT_EQ(refusal(start()), "unauthenticated at DPoP");
}

TEST_F(GrantsTest, P6_RunsPerUserTokenAreCapped) {
  const auto token = acme_.user_token();
  for (int i = 0; i < 16; ++i) ASSERT_TRUE(acme_.start_with(SubjectKind::jwt, token)) << i;
  EXPECT_EQ(refusal(acme_.start_with(SubjectKind::jwt, token)), "denied at subject_token");
  EXPECT_TRUE(acme_.start_with(SubjectKind::jwt, acme_.user_token()));
}

TEST_F(GrantsTest, P26_AResourceIsRequiredAndOneOfThisWorkspace) {
  const auto start = [&](std::vector<std::string> resources) {
    return refusal(acme_.run(
        acme_.grants().start_for_user(acme_.client("planner"), GrantsAcme::plan(), SubjectKind::jwt,
                                      acme_.user_token(), std::move(resources), "")));
  };
  EXPECT_EQ(start({}), "not_found at resource");
  EXPECT_EQ(start({"https://writ.example/tools/acme/nothing"}), "not_found at resource");
  EXPECT_EQ(start({"https://writ.example/tools/other/billing"}), "not_found at resource");
  EXPECT_EQ(start({"https://evil.example/tools/acme/billing"}), "not_found at resource");
  EXPECT_EQ(start({"https://writ.example/v1", std::string(Acme::kAudience)}), "granted");
}

TEST_F(GrantsTest, P5_ADecisionOlderThanTheWorkspaceIsMadeAgain) {
  // The planner may read one invoice less, by a version whose commit stands before the grant's.
  auto& text = acme_.documents().at("agents/planner.toml");
  const std::string_view from = "use = [\"billing.invoice.read\", \"billing.invoice.list\"]";
  text.replace(text.find(from), from.size(), "use = [\"billing.invoice.list\"]");
  const auto built =
      workspace::build_version(acme_.workspace().id(), 2, acme_.documents(),
                               acme_.workspace().names(), acme_.clock(), acme_.random());
  ASSERT_TRUE(built);
  acme_.store().hold_commits();
  spawn(acme_.loop(), [](LiveWorkspace& workspace) -> Task<void> {
    Unit unit;
    unit.puts.push_back({RecordKind::workspace, workspace.id().to_string(), 1, "{}"});
    (void)co_await workspace.store().commit(std::move(unit));
  }(acme_.workspace()));
  while (acme_.store().held() < 1) std::this_thread::yield();
  Waiting start(acme_, [](GrantsAcme& acme) {
    return acme.grants().start_for_user(acme.client("planner"), GrantsAcme::plan(),
                                        SubjectKind::jwt, acme.user_token(),
                                        GrantsAcme::billing_server(), "");
  });
  while (acme_.store().held() < 2) std::this_thread::yield();
  acme_.workspace().publish(built->version, acme_.documents(), built->names);
  acme_.store().release_commits();
  const auto granted = start.result();
  ASSERT_TRUE(granted) << granted.error().to_string();
  EXPECT_EQ(write_json(acme_.workspace().runs().find(granted->run)->scope.use.to_json()),
            R"(["billing.invoice.list"])");
}

TEST_F(GrantsTest, P5_AnAgentThatIsDisabledWhileItsRunBeginsHasNone) {
  for_either(acme_.documents());
  acme_.apply();
  acme_.store().hold_commits();
  Waiting start(acme_, [](GrantsAcme& acme) {
    return acme.grants().start_for_workspace(acme.client("planner"), GrantsAcme::plan(),
                                             GrantsAcme::billing_server(), "");
  });
  while (acme_.store().held() == 0) std::this_thread::yield();
  // By a version that is published as the run becomes durable.
  auto documents = acme_.documents();
  documents.erase("agents/planner.toml");
  documents.erase("workflows/refund.toml");
  auto policies = documents.find("policies/refund.cedar");
  policies->second = "";
  const auto built =
      workspace::build_version(acme_.workspace().id(), 3, documents, acme_.workspace().names(),
                               acme_.clock(), acme_.random());
  ASSERT_TRUE(built) << built.error().front().to_string();
  acme_.workspace().publish(built->version, documents, built->names);
  acme_.store().release_commits();
  EXPECT_EQ(refusal(start.result()), "conflict at subject_token");
  EXPECT_TRUE(acme_.workspace().runs().all().empty());
  EXPECT_EQ(acme_.entries(audit::Kind::run_revoked).size(), 1U);
}

TEST_F(GrantsTest, P24_ABackwardClockGrantsNothing) {
  acme_.clock().set_wall(acme_.clock().now() - std::chrono::hours(1));
  EXPECT_EQ(refusal(acme_.start_run()), "unavailable at clock");
}

}  // namespace
}  // namespace writ::broker
