// SPDX-License-Identifier: Apache-2.0
// What the API answers, over HTTP: the shapes are protocol/'s, the effects the broker's.
#include "api/api.h"

#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "api/testing.h"
#include "audit/receipt.h"
#include "base/encoding.h"
#include "protocol/actions.h"
#include "protocol/apply.h"
#include "protocol/approvals.h"
#include "protocol/credentials.h"
#include "protocol/log.h"
#include "protocol/runs.h"
#include "protocol/sessions.h"
#include "protocol/workspace.h"

namespace writ::api {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

class ApiTest : public testing::Test, public ApiServer {};

TEST_F(ApiTest, ASessionIsOpenedUsedAndClosed) {
  broker::TestSession mine;
  const auto assertion = login(acme.key("alice"), "acme", "alice", mine.key);
  const JsonObject body{{"workspace", "acme"}, {"user", "alice"}, {"assertion", assertion}};
  const auto seen = request("POST", "/v1/sessions", "", write_json(body));
  ASSERT_EQ(seen.status, 201) << seen.body;
  EXPECT_THAT(seen.head, HasSubstr("Cache-Control: no-store"));
  const auto opened = read<protocol::SessionOpened>(seen);
  EXPECT_EQ(opened.user.name, "alice");
  EXPECT_THAT(opened.user.groups, ElementsAre("billing-managers", "finance"));
  mine.text = std::string(opened.session.reveal_text());
  EXPECT_EQ(read<protocol::WhoAmI>(as(mine, "GET", "/v1/session")).workspace, "acme");
  EXPECT_EQ(as(mine, "DELETE", "/v1/session").status, 200);
  EXPECT_EQ(as(mine, "GET", "/v1/session").status, 401);
  EXPECT_EQ(request("POST", "/v1/sessions", "", write_json(body)).status, 401);
}

TEST_F(ApiTest, P3_AnInvitationEnrolsAKey) {
  const auto seen = as_signed("admin", "POST", "/v1/users/dave/invitations", "{}");
  const auto invitation = read<protocol::Invitation>(seen);
  const jose::Es256Signer key{crypto::Es256PrivateKey::generate()};
  broker::TestSession mine;
  JsonObject body{{"workspace", "acme"},
                  {"user", "dave"},
                  {"assertion", login(key, "acme", "dave", mine.key)},
                  {"code", invitation.code.reveal_text()},
                  {"key", key.public_jwk().to_json()}};
  EXPECT_EQ(request("POST", "/v1/sessions", "", write_json(body)).status, 201);
  EXPECT_EQ(request("POST", "/v1/sessions", "", write_json(body)).status, 401);
  // A private key is not taken, nor is half of an enrolment.
  body["key"].as_object()["d"] = "AAAA";
  EXPECT_EQ(request("POST", "/v1/sessions", "", write_json(body)).status, 400);
  body.erase("key");
  EXPECT_EQ(request("POST", "/v1/sessions", "", write_json(body)).status, 400);
}

TEST_F(ApiTest, AnUnknownUserIsSaidToWhoMaySeeTheDirectory) {
  for (const auto* what : {"invitations", "disable", "enable"}) {
    const auto target = std::string("/v1/users/ghost/") + what;
    const auto seen = as("admin", "POST", target, "{}");
    EXPECT_EQ(seen.status, 404);
    EXPECT_THAT(seen.body, testing::AllOf(HasSubstr("no user is named \\\"ghost\\\""),
                                          HasSubstr("workspace.toml")));
    const auto other = as("dave", "POST", target, "{}");
    EXPECT_EQ(other.status, 403);
    EXPECT_THAT(other.body, Not(HasSubstr("ghost")));
  }
}

TEST_F(ApiTest, AStolenSessionNeedsItsKeyAndARequestSaysWhoOnce) {
  const auto& alice = session_of("alice");
  broker::TestSession thief{.text = alice.text, .key = acme.key("bob"), .expires = {}};
  EXPECT_EQ(as(thief, "GET", "/v1/session").status, 401);
  // failures.md 17
  const auto fields = fields_of(alice, "GET", "/v1/session");
  EXPECT_EQ(request("GET", "/v1/session", fields + "Authorization: DPoP x\r\n").status, 400);
  EXPECT_EQ(request("GET", "/v1/session", fields + "DPoP: x\r\n").status, 400);
}

TEST_F(ApiTest, P5_AnApplyIsCheckedShownAndPublished) {
  acme.documents()["agents/planner.toml"].insert(0, "surprise = 1\n");
  acme.documents()["policies/refund.cedar"] += "\npermit (";
  auto seen = as("admin", "POST", "/v1/apply", apply_body());
  ASSERT_EQ(seen.status, 422);
  EXPECT_EQ(seen.json().at("errors").as_array().size(), 2U) << seen.body;
  EXPECT_THAT(seen.body, HasSubstr("agents/planner.toml:"));
  EXPECT_THAT(seen.body, HasSubstr("policies/refund.cedar:"));
  EXPECT_EQ(acme.workspace().version()->number(), 2U);

  acme.documents() = acme.workspace().documents();
  EXPECT_FALSE(read<protocol::ApplyAnswer>(as("admin", "POST", "/v1/apply", apply_body())).changed);
  EXPECT_EQ(acme.workspace().version()->number(), 2U);

  auto& root = acme.documents()["workspace.toml"];
  root += "\n[users.erin]\n";
  auto dry = read<protocol::ApplyAnswer>(as("admin", "POST", "/v1/apply", apply_body(true)));
  EXPECT_TRUE(dry.changed);
  EXPECT_EQ(dry.version, 2U);
  ASSERT_EQ(dry.changes.size(), 1U);
  EXPECT_EQ(dry.changes[0].what, "user erin");
  EXPECT_EQ(acme.workspace().version()->number(), 2U);
  EXPECT_EQ(dry.changes[0].effect, "widens");
  EXPECT_EQ(read<protocol::ApplyAnswer>(apply_signed()).version, 3U);
  EXPECT_EQ(acme.workspace().version()->number(), 3U);
}

TEST_F(ApiTest, ABodyIsBoundedAndStrictlyRead) {
  EXPECT_EQ(as("admin", "POST", "/v1/apply", "{\"documents\":{}").status, 400);
  EXPECT_EQ(as("admin", "POST", "/v1/apply", "{\"documents\":{},\"dry_run\":false,\"x\":1}").status,
            400);
  EXPECT_EQ(as("admin", "POST", "/v1/apply", "{}", "text/plain").status, 400);
  EXPECT_EQ(
      as("alice", "POST", "/v1/user-tokens", "{\"agent\":\"" + std::string(70'000, 'x') + "\"}")
          .status,
      413);
  EXPECT_EQ(as("admin", "POST", "/v1/users/dave/enable", "{\"x\":1}").status, 400);
}

TEST_F(ApiTest, TheWorkspaceShowsWhatItIsAndWhatIsAmiss) {
  const auto seen = as("dave", "GET", "/v1/workspace");
  const auto view = read<protocol::WorkspaceView>(seen);
  EXPECT_EQ(view.name, "acme");
  EXPECT_EQ(view.agents.size(), 3U);
  EXPECT_EQ(view.servers.at(0).credential, "billing-api-key");
  EXPECT_EQ(view.credentials.at(0).version, 1U);
  EXPECT_EQ(view.workflows, std::vector<std::string>{"refund"});
  EXPECT_THAT(seen.body, Not(HasSubstr(broker::Acme::kSecret)));
  acme.edit("agents/planner.toml", "sender = \"dpop\"", "sender = \"bearer\"");
  EXPECT_THAT(as("dave", "GET", "/v1/workspace").body, HasSubstr("bearer-agent"));
}

TEST_F(ApiTest, P39_AStepThatIsForEitherIsFound) {
  EXPECT_THAT(as("dave", "GET", "/v1/workspace").body, Not(HasSubstr("step-for-either")));
  acme.edit("workflows/refund.toml", "for = \"user\"", "for = \"either\"");
  const auto view = read<protocol::WorkspaceView>(as("dave", "GET", "/v1/workspace"));
  const auto found = std::ranges::find(view.findings, "step-for-either", &protocol::Finding::kind);
  ASSERT_NE(found, view.findings.end());
  EXPECT_EQ(found->subject, "step refund/plan");
}

TEST_F(ApiTest, AUserTokenIsForOneAgentAndInTheLog) {
  const auto token =
      read<protocol::UserToken>(as("alice", "POST", "/v1/user-tokens", "{\"agent\":\"planner\"}"));
  EXPECT_EQ(token.expires_in, 300);
  EXPECT_EQ(entries(audit::Kind::user_token_issued).at(0).at("agent_name"), Json("planner"));
  EXPECT_EQ(as("alice", "POST", "/v1/user-tokens", "{\"agent\":\"nobody\"}").status, 404);
}

TEST_F(ApiTest, P22_ASecretComesInAsOctetsAndNeverGoesOut) {
  const std::string secret = "sk_live_ABCDEFGHIJKLMNOP";
  const auto rotate = [&](std::string_view query, std::string_view value,
                          std::string_view type = "application/octet-stream") {
    return as_signed("opal", "POST", "/v1/credentials/billing-api-key/rotate" + std::string(query),
                     value, type);
  };
  EXPECT_EQ(rotate("?account=same", "{\"value\":1}", "application/json").status, 400);
  EXPECT_EQ(rotate("", secret).status, 400) << "which account is never guessed";
  EXPECT_EQ(rotate("?account=mine", secret).status, 400);
  EXPECT_EQ(rotate("?account=same&grace=-1", secret).status, 400);
  EXPECT_EQ(rotate("?account=same", "short").status, 400);
  EXPECT_EQ(rotate("?account=same", std::string(9000, 'x')).status, 413);
  const auto seen = rotate("?account=same&grace=60", secret);
  ASSERT_EQ(seen.status, 201) << seen.body;
  const auto stored = read<protocol::CredentialStored>(seen);
  EXPECT_EQ(stored.version, 2U);
  EXPECT_EQ(stored.generation, 1U);
  EXPECT_THAT(seen.body, Not(HasSubstr(secret)));
  EXPECT_FALSE(acme.log().contains(secret));
  for (const auto& row : acme.run(acme.workspace().store().read_log(0, 1000)).value())
    EXPECT_THAT(row.entry, Not(HasSubstr(secret)));
}

TEST_F(ApiTest, P12_AnotherAccountSupersedesOpenApprovalsVisibly) {
  const auto run = acme.refund_chain();
  acme.preview(*run);
  const auto approval = ask(*run);
  const auto stored = read<protocol::CredentialStored>(
      as_signed("opal", "POST", "/v1/credentials/billing-api-key/rotate?account=other",
                "sk_live_ABCDEFGHIJKLMNOP", "application/octet-stream"));
  EXPECT_EQ(stored.generation, 2U);
  EXPECT_THAT(stored.superseded_approvals, ElementsAre(approval->id));
  EXPECT_EQ(as("bob", "GET", "/v1/approvals/" + approval->id.to_string()).text("state"),
            "superseded");
}

TEST_F(ApiTest, RunsAreListedForWhomTheyAre) {
  const auto run = acme.refund_chain();
  EXPECT_EQ(read<protocol::RunList>(as("olivia", "GET", "/v1/runs")).runs.size(), 3U);
  EXPECT_EQ(read<protocol::RunList>(as("alice", "GET", "/v1/runs")).runs.size(), 3U);
  EXPECT_TRUE(read<protocol::RunList>(as("bob", "GET", "/v1/runs")).runs.empty());
  const auto view = read<protocol::RunView>(as("alice", "GET", "/v1/runs/" + run->id.to_string()));
  EXPECT_EQ(view.agent, "billing");
  EXPECT_EQ(view.state, "running");
  EXPECT_EQ(view.parent, run->parent);
  EXPECT_THAT(view.allowed_tools, testing::Contains("billing.refund.execute"));
  EXPECT_EQ(view.approval_state, "none");
  acme.preview(*run);
  (void)ask(*run);
  EXPECT_EQ(as("alice", "GET", "/v1/runs/" + run->id.to_string()).text("approval_state"),
            "pending");
  acme.clock().advance(std::chrono::hours(2));
  (void)acme.run(acme.time().advance());
  EXPECT_EQ(as("alice", "GET", "/v1/runs/" + run->id.to_string()).text("state"), "ended");
}

TEST_F(ApiTest, P34_RunsComeInPagesTheLivingFirst) {
  const auto old = acme.start("plan");
  std::vector<RunId> over;
  for (int i = 0; i < 5; ++i) {
    acme.clock().advance(milliseconds(1));
    over.insert(over.begin(), acme.start("plan")->id);
    acme.revoke(over.front());
  }
  std::vector<RunId> seen;
  std::string target = "/v1/runs?limit=2";
  for (int pages = 0; pages < 10; ++pages) {
    const auto page = read<protocol::RunList>(as("olivia", "GET", target));
    EXPECT_LE(page.runs.size(), 2U);
    for (const auto& run : page.runs) seen.push_back(run.id);
    if (!page.cursor) break;
    target = "/v1/runs?limit=2&cursor=" + *page.cursor;
  }
  auto wanted = over;
  wanted.insert(wanted.begin(), old->id);
  EXPECT_EQ(seen, wanted);
  const auto living = read<protocol::RunList>(as("olivia", "GET", "/v1/runs?state=living"));
  ASSERT_EQ(living.runs.size(), 1U);
  EXPECT_EQ(living.runs[0].id, old->id);
  EXPECT_EQ(read<protocol::RunList>(as("olivia", "GET", "/v1/runs?state=ended")).runs.size(), 5U);
  for (const auto* wrong : {"limit=0", "limit=101", "limit=x", "cursor=x", "state=dead"})
    EXPECT_EQ(as("olivia", "GET", "/v1/runs?" + std::string(wrong)).status, 400) << wrong;
}

TEST_F(ApiTest, P37_ApprovalsComeInPagesWithoutTheirStatementsAndOneIsWhole) {
  const auto run = acme.refund_chain();
  std::vector<ApprovalId> asked;
  for (int i = 0; i < 5; ++i) {
    acme.clock().advance(milliseconds(1));
    acme.preview(*run);
    asked.push_back(ask(*run, "key-" + std::to_string(i))->id);
  }
  std::vector<ApprovalId> seen;
  std::string target = "/v1/approvals?limit=2";
  for (int pages = 0; pages < 10; ++pages) {
    const auto answer = as("bob", "GET", target);
    EXPECT_THAT(answer.body, Not(HasSubstr("statement")));
    const auto page = read<protocol::ApprovalList>(answer);
    EXPECT_LE(page.approvals.size(), 2U);
    for (const auto& each : page.approvals) seen.push_back(each.id);
    if (!page.cursor) break;
    target = "/v1/approvals?limit=2&cursor=" + *page.cursor;
  }
  EXPECT_EQ(seen, asked);
  const auto one =
      read<protocol::ApprovalView>(as("bob", "GET", "/v1/approvals/" + asked.front().to_string()));
  EXPECT_EQ(one.statement, acme.approvals().find(acme.workspace(), asked.front())->statement);
  EXPECT_EQ(as("bob", "GET", "/v1/approvals?cursor=apr_1").status, 400);
}

TEST_F(ApiTest, P37_AControlRequestTakesItsShareBeforeItsBodyIsRead) {
  const broker::Holder bob{.workspace = acme.workspace().id(), .member = acme.user_id("bob").raw()};
  {
    const auto bytes = acme.shares().control_bytes.take(bob, std::uint64_t{1'000'000} << 20);
    ASSERT_TRUE(bytes);
    EXPECT_EQ(as("bob", "GET", "/v1/session").status, 200);
    const auto refused = as("bob", "POST", "/v1/user-tokens", "{}");
    EXPECT_EQ(refused.status, 429);
    EXPECT_EQ(refused.text("limit"), "control_bytes_per_user");
    EXPECT_THAT(refused.head, HasSubstr("Retry-After: 1\r\n"));
    EXPECT_EQ(as("alice", "GET", "/v1/runs").status, 200);
  }
  const auto requests = acme.shares().control_requests.take(bob, 1'000'000);
  ASSERT_TRUE(requests);
  const auto refused = as("bob", "GET", "/v1/session");
  EXPECT_EQ(refused.status, 429);
  EXPECT_EQ(refused.text("limit"), "control_requests_per_user");
}

// Else whoever reads nothing has the server keep any number of answers.
TEST_F(ApiTest, P37_AnAnswerThatIsNotReadCountsAmongItsSendersRequests) {
  const broker::Holder olivia{.workspace = acme.workspace().id(),
                              .member = acme.user_id("olivia").raw()};
  const auto held = [&] { return acme.shares().control_requests.held(olivia).member; };
  // More than sockets take.
  broker::Unit unit;
  for (int i = 0; i < 256; ++i) {
    audit::EntryBuilder entry(audit::Kind::session_ended, acme.clock().now(),
                              acme.workspace().id());
    entry.set("by", std::string(40'000, 'x'));
    unit.appends.push_back(broker::EntryWriter::append(entry, {}));
  }
  ASSERT_TRUE(acme.run(acme.workspace().store().commit(std::move(unit))));
  const std::string target = "/v1/log/leaves?from=0&count=256";
  auto socket = connect();
  ASSERT_TRUE(socket.send("GET " + target + " HTTP/1.1\r\nHost: 127.0.0.1\r\n" +
                          "Connection: close\r\n" + fields_of(session_of("olivia"), "GET", target) +
                          "\r\n"));
  EXPECT_THAT(socket.read_through("\r\n"), HasSubstr(" 200 "));
  EXPECT_EQ(held(), 1U);
  EXPECT_GT(socket.read_all().size(), 8'000'000U);
  while (held() > 0) std::this_thread::yield();
}

TEST_F(ApiTest, P4_P20_APersonDecidesWithASignature) {
  const auto run = acme.refund_chain();
  acme.preview(*run);
  const auto asked = ask(*run);
  const auto path = "/v1/approvals/" + asked->id.to_string();
  const auto view = read<protocol::ApprovalView>(as("bob", "GET", path));
  EXPECT_EQ(view.statement, asked->statement);
  EXPECT_EQ(view.subject, "action");
  EXPECT_EQ(view.commitment,
            approval::commitment(view.salt, action::action_digest(view.statement)));
  EXPECT_THAT(view.missing, ElementsAre("finance"));

  const auto body = [&](const jose::Es256Signer& key, Bytes nonce) {
    const auto bytes = approval::canonical_decision(
        approval::statement_of(*asked, approval::Verdict::approve, {"finance"}));
    return write_json(protocol::DecisionRequest{.decision = "approve",
                                                .commitment = view.commitment,
                                                .groups = {"finance"},
                                                .nonce = std::move(nonce),
                                                .expiry = view.expires,
                                                .signature = key.sign(as_bytes(bytes)),
                                                .note = "as agreed"}
                          .to_json());
  };
  // With the key of the session's own, or another's: the session stays, the decision does not.
  const auto forged = as("bob", "POST", path + "/decisions", body(acme.key("carol"), view.nonce));
  EXPECT_EQ(forged.status, 422);
  EXPECT_THAT(forged.text("type"), HasSubstr("bad-signature"));
  EXPECT_EQ(as("bob", "POST", path + "/decisions", body(acme.key("bob"), Bytes(32, 0))).status,
            409);
  const auto decided = read<protocol::ApprovalView>(
      as("bob", "POST", path + "/decisions", body(acme.key("bob"), view.nonce)));
  EXPECT_EQ(decided.state, "approved");
  EXPECT_TRUE(decided.missing.empty());
  EXPECT_EQ(decided.decided.at(0).by, "bob");
  EXPECT_EQ(entries(audit::Kind::approval_decided).at(0).at("note"), Json("as agreed"));
  EXPECT_EQ(as("bob", "POST", path + "/decisions", body(acme.key("bob"), view.nonce)).status, 409);
}

TEST_F(ApiTest, ThePageOfAnApprovalSaysHowAndNothingElse) {
  const auto run = acme.refund_chain();
  acme.preview(*run);
  const auto there = ask(*run)->id.to_string();
  auto nowhere = there;
  nowhere.back() = nowhere.back() == '0' ? '4' : '0';
  auto seen = request("GET", "/approvals/" + there);
  const auto other = request("GET", "/approvals/" + nowhere);
  EXPECT_EQ(seen.status, 200);
  EXPECT_THAT(seen.body, HasSubstr("writ approve " + there));
  EXPECT_THAT(seen.head, HasSubstr("Content-Security-Policy: default-src 'none'"));
  EXPECT_EQ(other.status, 200);
  for (auto at = seen.body.find(there); at != std::string::npos; at = seen.body.find(there))
    seen.body.replace(at, there.size(), nowhere);
  EXPECT_EQ(seen.body, other.body);
  EXPECT_EQ(request("GET", "/approvals/<script>").status, 404);
  EXPECT_EQ(request("GET", "/approvals/").status, 404);
}

// failures.md, Faults: disk full.
TEST_F(ApiTest, WithAFullDiskReadsAndTheKillSwitchStayUp) {
  const auto run = acme.refund_chain();
  const auto path = "/v1/runs/" + run->id.to_string();
  for (const auto* name : {"admin", "opal", "alice"}) (void)session_of(name);
  acme.store().fail_commits(fail(Errc::unavailable, "the disk is full").error());
  acme.documents()["workspace.toml"] += "\n[users.erin]\n";
  EXPECT_EQ(apply_signed().status, 503);
  EXPECT_EQ(acme.workspace().version()->number(), 2U);
  EXPECT_EQ(as("alice", "GET", path).status, 200);
  const auto seen = as("opal", "POST", path + "/revoke", "{\"reason\":\"stop\"}");
  EXPECT_EQ(seen.status, 503);
  EXPECT_THAT(seen.text("hint"), HasSubstr("it holds, also after a restart"));
  EXPECT_TRUE(acme.workspace().runs().token(run->id).cancelled());
  EXPECT_EQ(as("alice", "GET", path).text("state"), "revoked");
}

}  // namespace
}  // namespace writ::api
