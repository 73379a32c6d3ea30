// SPDX-License-Identifier: Apache-2.0
// Who may do what (P3, P10): every row of the table, for everybody.
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "api/testing.h"

namespace writ::api {
namespace {

using testing::HasSubstr;
using testing::Not;

struct Row {
  std::string method;
  std::string path;
  std::set<std::string> allowed;
  std::set<std::string> hidden;  // told the 404 of what does not exist; all others 403
  std::string pattern;           // of the route
};

const std::set<std::string> kEverybody{"admin", "opal", "olivia", "alice", "bob", "dave"};

class AccessTest : public testing::Test, public ApiServer {
 protected:
  AccessTest() {
    run_ = acme.refund_chain();
    acme.preview(*run_);
    broker::FakeDialer dialer;
    auto stopped =
        acme.run(acme.calls().prepare(acme.workspace(), acme.refund(*run_, "key-1"), dialer, {}));
    approval_ = std::get<broker::ApprovalNeeded>(stopped.error()).approval;
    auto read = acme.run(acme.calls().prepare(acme.workspace(), acme.read(*run_), dialer, {}));
    action_ = read->action.id();
    auto documents = acme.documents();
    documents["workspace.toml"] += "\n[users.erin]\n";
    proposal_ = acme.run(proposals.propose(acme.workspace(), std::move(documents), std::nullopt,
                                           acme.authority("admin", broker::Operation::propose)))
                    .value();
    for (int i = 0; i < 300; ++i) {
      const audit::EntryBuilder entry(audit::Kind::session_ended, acme.clock().now(),
                                      acme.workspace().id());
      acme.workspace().store().append_later({broker::EntryWriter::append(entry, {})});
    }
    sign_log();
  }

  std::vector<Row> rows() const {
    const auto run = "/v1/runs/" + run_->id.to_string();
    const auto approval = "/v1/approvals/" + approval_->id.to_string();
    const auto action = "/v1/actions/" + action_.to_string();
    const auto proposal = "/v1/proposals/" + proposal_->id.to_string();
    const std::set<std::string> strangers{"bob", "dave"};
    return {
        {"GET", "/v1/session", kEverybody, {}, "/v1/session"},
        {"POST", "/v1/apply", {"admin"}, {}, "/v1/apply"},
        {"GET", "/v1/workspace", kEverybody, {}, "/v1/workspace"},
        {"POST", "/v1/proposals", {"admin"}, {}, "/v1/proposals"},
        {"GET", "/v1/proposals", kEverybody, {}, "/v1/proposals"},
        {"GET",
         proposal,
         {"admin", "olivia"},
         {"opal", "alice", "bob", "dave"},
         "/v1/proposals/{}"},
        {"POST",
         proposal + "/decisions",
         {"admin"},
         {"opal", "alice", "bob", "dave"},
         "/v1/proposals/{}/decisions"},
        {"POST", "/v1/users/bob/invitations", {"admin"}, {}, "/v1/users/{}/invitations"},
        {"POST", "/v1/users/carol/disable", {"admin", "opal"}, {}, "/v1/users/{}/disable"},
        {"POST", "/v1/users/carol/enable", {"admin", "opal"}, {}, "/v1/users/{}/enable"},
        {"POST", "/v1/user-tokens", kEverybody, {}, "/v1/user-tokens"},
        {"POST", "/v1/credentials/x?server=billing", {"admin", "opal"}, {}, "/v1/credentials/{}"},
        {"POST",
         "/v1/credentials/billing-api-key/rotate",
         {"admin", "opal"},
         {},
         "/v1/credentials/{}/rotate"},
        {"GET", "/v1/runs", kEverybody, {}, "/v1/runs"},
        {"GET", run, {"admin", "opal", "olivia", "alice"}, strangers, "/v1/runs/{}"},
        {"GET",
         run + "/trace",
         {"admin", "opal", "olivia", "alice"},
         strangers,
         "/v1/runs/{}/trace"},
        {"POST", run + "/revoke", {"admin", "opal", "alice"}, strangers, "/v1/runs/{}/revoke"},
        {"GET", "/v1/approvals", {"admin", "olivia", "alice", "bob"}, {}, "/v1/approvals"},
        {"GET",
         approval,
         {"admin", "olivia", "alice", "bob"},
         {"opal", "dave"},
         "/v1/approvals/{}"},
        {"POST",
         approval + "/decisions",
         {"alice", "bob"},
         {"opal", "dave"},
         "/v1/approvals/{}/decisions"},
        {"GET", action, {"admin", "opal", "olivia", "alice"}, strangers, "/v1/actions/{}"},
        {"GET",
         action + "/explain",
         {"admin", "opal", "olivia", "alice"},
         strangers,
         "/v1/actions/{}/explain"},
        {"GET",
         action + "/receipt",
         {"admin", "olivia", "alice"},
         strangers,
         "/v1/actions/{}/receipt"},
        {"POST", action + "/resolve", {"admin", "opal"}, strangers, "/v1/actions/{}/resolve"},
        {"GET", "/v1/log", {"admin", "olivia"}, {}, "/v1/log"},
        {"GET", "/v1/log/leaves?from=0&count=1", {"admin", "olivia"}, {}, "/v1/log/leaves"},
        {"GET", "/v1/log/tiles/0/0", {"admin", "olivia"}, {}, "/v1/log/tiles/{}/{}"},
        {"GET", "/v1/log/checkpoints/0", {"admin", "olivia"}, {}, "/v1/log/checkpoints/{}"},
        {"GET", "/v1/clock", kEverybody, {}, "/v1/clock"},
        {"POST", "/v1/clock/reset", {"admin", "opal"}, {}, "/v1/clock/reset"},
        {"GET", "/log/acme/checkpoint", {"admin", "olivia"}, {}, "/log/{}/checkpoint"},
        {"GET", "/log/acme/tile/0/000", {"admin", "olivia"}, {}, "/log/{}/tile/*"},
        {"DELETE", "/v1/session", kEverybody, {}, "/v1/session"},
    };
  }
  // A body that no handler of a POST takes, so that nothing changes.
  Seen ask(const broker::TestSession& session, const Row& row) {
    return as(session, row.method, row.path, row.method == "POST" ? "{\"x\":1}" : "");
  }

  std::shared_ptr<const delegation::Run> run_;
  std::shared_ptr<const approval::Approval> approval_;
  ActionId action_;
  broker::Proposals::Shared proposal_;
};

TEST_F(AccessTest, EveryRouteIsARowHere) {
  std::multiset<std::string> tested;
  for (const auto& row : rows()) tested.insert(row.method + " " + row.pattern);
  std::multiset<std::string> there;
  for (const auto& route : routes())
    there.insert(std::string(route.method) + " " + std::string(route.pattern));
  EXPECT_EQ(tested, there);
}

TEST_F(AccessTest, P3_WhoHasNoSessionReachesNothing) {
  for (const auto& row : rows()) {
    const auto seen = request(row.method, row.path, "", "{}");
    EXPECT_EQ(seen.status, 401) << row.method << row.path;
    EXPECT_THAT(seen.head, HasSubstr("WWW-Authenticate: DPoP"));
    const auto forged = request(row.method, row.path, "Authorization: DPoP abc\r\n", "{}");
    EXPECT_EQ(forged.status, 401) << row.method << row.path;
    // A session is nothing without its key.
    const auto bearer = request(row.method, row.path,
                                "Authorization: Bearer " + session_of("admin").text + "\r\n", "{}");
    EXPECT_EQ(bearer.status, 401) << row.method << row.path;
  }
}

TEST_F(AccessTest, P3_EachRoleReachesWhatTheTableSays) {
  for (const auto& row : rows()) {
    for (const auto& name : kEverybody) {
      const auto seen = ask(session_of(name), row);
      const auto what = row.method + " " + row.path + " by " + name + ": " + seen.body;
      if (row.allowed.contains(name)) {
        EXPECT_THAT(seen.status, testing::AnyOf(200, 201, 400)) << what;
      } else if (row.hidden.contains(name)) {
        EXPECT_EQ(seen.status, 404) << what;
      } else {
        EXPECT_EQ(seen.status, 403) << what;
      }
    }
  }
}

TEST_F(AccessTest, P3_EachRefusalIsInTheLog) {
  (void)as("dave", "POST", "/v1/apply", "{}");
  (void)as("dave", "GET", "/v1/runs/" + run_->id.to_string());
  const auto log = entries(audit::Kind::control_refused);
  ASSERT_EQ(log.size(), 2U);
  EXPECT_EQ(log[0].at("operation"), Json("apply"));
  EXPECT_EQ(log[0].at("by_name"), Json("dave"));
  EXPECT_EQ(log[1].at("about"), Json(run_->id.to_string()));
  EXPECT_EQ(log[1].at("why"), Json("hidden"));
}

// failures.md 14: the very bytes of what does not exist.
TEST_F(AccessTest, P10_AnotherWorkspacesIdIsAnsweredLikeOneThatDoesNotExist) {
  for (const auto& row : rows()) {
    const auto at = row.path.find_first_of("_", 4);
    if (row.pattern.find("{}") == std::string::npos || at == std::string::npos) continue;
    const auto theirs = ask(stranger(), row);
    auto nowhere = row;
    // Another id of the same kind.
    nowhere.path[at + 20] = nowhere.path[at + 20] == 'a' ? 'b' : 'a';
    EXPECT_EQ(theirs.status, 404) << row.path;
    EXPECT_EQ(theirs.body, ask(stranger(), nowhere).body) << row.path;
    EXPECT_EQ(theirs.body, ask(session_of("admin"), nowhere).body) << row.path;
    // And so is what is there and hidden from somebody of the same workspace.
    for (const auto& name : row.hidden) {
      EXPECT_EQ(ask(session_of(name), row).body, theirs.body) << row.path << " by " << name;
    }
  }
  EXPECT_EQ(as(stranger(), "GET", "/log/acme/checkpoint").status, 404);
  EXPECT_EQ(as(stranger(), "GET", "/log/acme/checkpoint").body,
            as(stranger(), "GET", "/log/nowhere/checkpoint").body);
}

TEST_F(AccessTest, P10_AStrangersListsHoldNothingOfOthers) {
  EXPECT_EQ(as(stranger(), "GET", "/v1/runs").body, "{\"more\":false,\"runs\":[]}");
  EXPECT_EQ(as(stranger(), "GET", "/v1/approvals").body, "{\"approvals\":[],\"more\":false}");
  EXPECT_THAT(as(stranger(), "GET", "/v1/workspace").body, Not(HasSubstr("acme")));
}

TEST_F(AccessTest, P3_AnAgentReachesItsOwnRunAndNothingElse) {
  const auto other = acme.refund_chain();
  const std::set<std::string> open{"/v1/runs/{}", "/v1/approvals/{}", "/v1/actions/{}"};
  for (const auto& row : rows()) {
    const auto mine = as_agent(*run_, row.method, row.path, "{}");
    const auto others = as_agent(*other, row.method, row.path, "{}");
    if (row.method == "GET" && open.contains(row.pattern)) {
      EXPECT_EQ(mine.status, 200) << row.path << mine.body;
      EXPECT_EQ(others.status, 404) << row.path;
    } else {
      EXPECT_EQ(mine.status, 403) << row.path;
      EXPECT_EQ(others.status, 403) << row.path;
    }
  }
  // Of its question it learns the state alone.
  const auto state = as_agent(*run_, "GET", "/v1/approvals/" + approval_->id.to_string());
  EXPECT_EQ(state.json().size(), 2U) << state.body;
  EXPECT_EQ(state.text("state"), "pending");
}

TEST_F(AccessTest, P8_AnAgentsProofIsOfUseOnceAndItsTokenForThisAudienceAlone) {
  const auto path = "/v1/runs/" + run_->id.to_string();
  const auto url = std::string(kUrl) + path;
  auto claims = acme.claims(*run_);
  claims["workspace"] = "acme";
  const auto fields = [&](const std::string& token) {
    return "Authorization: DPoP " + token + "\r\nDPoP: " +
           jose::make_dpop_proof(acme.key("billing"), "GET", url, token, acme.clock(),
                                 acme.random()) +
           "\r\n";
  };
  EXPECT_EQ(request("GET", path, fields(acme.token(claims))).status, 401);
  claims["aud"] = JsonArray{std::string(kUrl) + "/v1"};
  const auto once = fields(acme.token(claims));
  EXPECT_EQ(request("GET", path, once).status, 200);
  EXPECT_EQ(request("GET", path, once).status, 401);
  claims["workspace"] = "beta";
  (void)stranger();
  EXPECT_THAT(request("GET", path, fields(acme.token(claims))).status, testing::AnyOf(401, 403));
}

// Proofs of agents are remembered in memory alone: a restart must not open a window.
TEST_F(AccessTest, P8_AnAgentsProofFromBeforeTheServerBeganIsRefused) {
  const auto path = "/v1/runs/" + run_->id.to_string();
  auto claims = acme.claims(*run_);
  claims["aud"] = JsonArray{std::string(kUrl) + "/v1"};
  claims["workspace"] = "acme";
  const auto token = acme.token(claims);
  const auto made_at = [&](TimePoint at) {
    const FakeClock clock(at);
    return "Authorization: DPoP " + token + "\r\nDPoP: " +
           jose::make_dpop_proof(acme.key("billing"), "GET", std::string(kUrl) + path, token, clock,
                                 acme.random()) +
           "\r\n";
  };
  EXPECT_EQ(request("GET", path, made_at(acme.clock().now() - seconds(2))).status, 503)
      << "whether it was used nobody knows: another one is asked for";
  EXPECT_EQ(request("GET", path, made_at(acme.clock().now())).status, 200);
}

TEST_F(AccessTest, P25_StrangersAreCountedAndLeaveNothingInTheAuditLog) {
  const auto before = acme.entries().size();
  for (int i = 0; i < 20; ++i) EXPECT_EQ(request("GET", "/v1/runs").status, 401);
  EXPECT_EQ(
      request("POST", "/v1/sessions", "", R"({"workspace":"acme","user":"alice","assertion":"x"})")
          .status,
      401);
  EXPECT_EQ(metrics().value("writ_unauthenticated_refusals_total{surface=\"api\"}"), 21);
  EXPECT_EQ(acme.entries().size(), before);
}

TEST_F(AccessTest, P23_ARevokedRunsTokenReachesNothing) {
  const auto path = "/v1/runs/" + run_->id.to_string();
  ASSERT_EQ(as_agent(*run_, "GET", path).status, 200);
  ASSERT_EQ(as("alice", "POST", path + "/revoke", "{\"reason\":\"enough\"}").status, 200);
  EXPECT_EQ(as_agent(*run_, "GET", path).status, 403);
  const auto seen = as("alice", "GET", path);
  EXPECT_EQ(seen.text("state"), "revoked");
  EXPECT_THAT(seen.body, HasSubstr("enough"));
}

TEST_F(AccessTest, P9_ADisabledUserIsOut) {
  ASSERT_EQ(as("bob", "GET", "/v1/session").status, 200);
  ASSERT_EQ(as("opal", "POST", "/v1/users/bob/disable", "{}").status, 200);
  EXPECT_EQ(as("bob", "GET", "/v1/session").status, 401);
}

TEST_F(AccessTest, APathThatIsNotOneIsNotThere) {
  for (const auto* path : {"/v1", "/v1/", "/v1/nothing", "/v1/runs/", "/v1/runs//trace",
                           "/v1/runs/run_1/trace/x", "/v1/runs/%72un", "/log/acme", "/v1/session/"})
    EXPECT_EQ(as("admin", "GET", path).status, 404) << path;
}

// RFC 9110 section 15.5.6
TEST_F(AccessTest, AMethodThatAPathHasNotIsRefusedWithThoseThatItHas) {
  for (const auto& [method, path, allow] :
       {std::tuple{"DELETE", "/v1/runs", "GET"}, std::tuple{"PUT", "/v1/session", "GET, DELETE"},
        std::tuple{"GET", "/v1/sessions", "POST"},
        std::tuple{"DELETE", "/v1/runs/run_1/revoke", "POST"}}) {
    for (const bool known : {false, true}) {
      const auto seen = known ? as("admin", method, path) : request(method, path);
      EXPECT_EQ(seen.status, 405) << path;
      EXPECT_THAT(seen.head, HasSubstr(std::string("\r\nAllow: ") + allow + "\r\n")) << path;
      EXPECT_THAT(seen.body, HasSubstr("\"detail\":\"this path does not answer")) << path;
      EXPECT_THAT(seen.body, HasSubstr(std::string("it answers to ") + allow)) << path;
    }
  }
}

}  // namespace
}  // namespace writ::api
