// SPDX-License-Identifier: Apache-2.0
// A person's authority is a condition of the commit (P35): every route of the table, for a person
// who is disabled, removed, loses a role or a group, or signs out, at every moment of the request.
#include <algorithm>
#include <atomic>
#include <map>
#include <set>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "api/testing.h"
#include "protocol/approvals.h"
#include "protocol/clock.h"
#include "protocol/proposals.h"

namespace writ::api {
namespace {

using testing::AnyOf;
using testing::HasSubstr;
using testing::SizeIs;

// What happens to the person while the request is under way.
enum class Cause : std::uint8_t { disabled, removed, role_taken, group_taken, session_ended };
constexpr std::array kCauses{Cause::disabled, Cause::removed, Cause::role_taken, Cause::group_taken,
                             Cause::session_ended};
constexpr std::string_view kAllRoles = R"(roles = ["admin", "operator", "auditor"])";
constexpr std::string_view kGroup = R"(groups = ["finance"])";

std::string text_of(Cause cause) {
  constexpr std::array kNames{"disabled", "removed", "role taken", "group taken", "session ended"};
  return kNames.at(static_cast<std::size_t>(cause));
}

// A request that would do something, were it allowed.
struct Request {
  std::string method;
  std::string path;
  std::string body;
  std::string type = "application/json";
};

class AuthorityTest : public testing::Test, public ApiServer {
 protected:
  AuthorityTest() {
    // A tool server whose credential is not there yet.
    acme.documents()["tools/ledger.toml"] =
        "kind = \"http\"\nurl = \"http://127.0.0.1:8711\"\nallow_addresses = [\"127.0.0.1/32\"]\n"
        "[credential]\nname = \"ledger-key\"\nheader = \"Authorization\"\n"
        "[[operations]]\nname = \"ledger.total.read\"\ntitle = \"Read the total\"\n"
        "method = \"GET\"\npath = \"/v1/total\"\neffect = \"read\"\n";
    acme.apply();
    run_ = acme.refund_chain();
    approval_ = ask_about(*run_);
    action_ = refund(*acme.refund_chain(), tools::Outcome::unknown);
    for (int i = 0; i < 300; ++i) {
      const audit::EntryBuilder entry(audit::Kind::run_ended, acme.clock().now(),
                                      acme.workspace().id());
      acme.workspace().store().append_later({broker::EntryWriter::append(entry, {})});
    }
    sign_log();
  }

  std::shared_ptr<const approval::Approval> ask_about(const delegation::Run& run) {
    acme.preview(run);
    return ask(run);
  }

  // A new person who may do everything.
  std::string somebody() {
    auto name = "person-" + std::to_string(++people_);
    add_person(name, std::string(kAllRoles) + "\n" + std::string(kGroup));
    (void)session_of(name);
    return name;
  }

  std::string decision_body(const std::string& name) {
    const auto bytes = approval::canonical_decision(
        approval::statement_of(*approval_, approval::Verdict::approve, {"finance"}));
    return write_json(protocol::DecisionRequest{.decision = "approve",
                                                .commitment = approval::commitment_of(*approval_),
                                                .groups = {"finance"},
                                                .nonce = approval_->nonce,
                                                .expiry = approval_->request_expires,
                                                .signature = key_of(name).sign(as_bytes(bytes)),
                                                .note = std::nullopt}
                          .to_json());
  }

  std::string reset_body(const std::string& name) {
    const auto view = acme.time().view();
    const auto bytes = approval::canonical_clock_statement({.server = std::string(kUrl),
                                                            .workspace = acme.workspace().id(),
                                                            .epoch = view.epoch.number,
                                                            .latest = view.latest,
                                                            .time = acme.clock().now()});
    return write_json(protocol::ClockResetRequest{.epoch = view.epoch.number,
                                                  .latest = view.latest,
                                                  .time = acme.clock().now(),
                                                  .signature = key_of(name).sign(as_bytes(bytes))}
                          .to_json());
  }

  // By method and pattern of the route; one that is not here fails the test that walks the table.
  Request request_of(const Route& route, const std::string& name) {
    const auto run = "/v1/runs/" + run_->id.to_string();
    const auto approval = "/v1/approvals/" + approval_->id.to_string();
    const auto action = "/v1/actions/" + action_.to_string();
    const std::string octets = "application/octet-stream";
    std::map<std::string, Request> all;
    const auto add = [&](std::string_view pattern, Request request) {
      all[request.method + " " + std::string(pattern)] = std::move(request);
    };
    add("/v1/session", {"GET", "/v1/session", ""});
    add("/v1/session", {"DELETE", "/v1/session", ""});
    if (route.pattern == "/v1/apply")
      add("/v1/apply", {"POST", "/v1/apply", other_documents(name)});
    if (route.pattern == "/v1/proposals") {
      add("/v1/proposals", {"GET", "/v1/proposals", ""});
      add("/v1/proposals", {"POST", "/v1/proposals",
                            write_json(protocol::ApplyRequest{
                                .documents = with_accomplice(), .base = {}, .signed_by_admin = {}}
                                           .to_json())});
    }
    if (route.access.about() == About::proposal) {
      const auto asked = proposed();
      const auto proposal = "/v1/proposals/" + asked->id.to_string();
      add("/v1/proposals/{}", {"GET", proposal, ""});
      add("/v1/proposals/{}/decisions",
          {"POST", proposal + "/decisions", proposal_decision(*asked, name)});
    }
    add("/v1/workspace", {"GET", "/v1/workspace", ""});
    add("/v1/users/{}/invitations", {"POST", "/v1/users/dave/invitations", "{}"});
    add("/v1/users/{}/disable", {"POST", "/v1/users/carol/disable", "{}"});
    add("/v1/users/{}/enable", {"POST", "/v1/users/opal/enable", "{}"});
    add("/v1/user-tokens", {"POST", "/v1/user-tokens", R"({"agent":"planner"})"});
    add("/v1/credentials/{}",
        {"POST", "/v1/credentials/ledger-key?server=ledger", "sk_ledger_0123456789", octets});
    add("/v1/credentials/{}/rotate", {"POST", "/v1/credentials/billing-api-key/rotate?account=same",
                                      "sk_other_0123456789", octets});
    add("/v1/runs", {"GET", "/v1/runs", ""});
    add("/v1/runs/{}", {"GET", run, ""});
    add("/v1/runs/{}/trace", {"GET", run + "/trace", ""});
    add("/v1/runs/{}/revoke", {"POST", run + "/revoke", R"({"reason":"enough"})"});
    add("/v1/approvals", {"GET", "/v1/approvals", ""});
    add("/v1/approvals/{}", {"GET", approval, ""});
    add("/v1/approvals/{}/decisions", {"POST", approval + "/decisions", decision_body(name)});
    add("/v1/actions/{}", {"GET", action, ""});
    add("/v1/actions/{}/explain", {"GET", action + "/explain", ""});
    add("/v1/actions/{}/receipt", {"GET", action + "/receipt", ""});
    add("/v1/actions/{}/resolve",
        {"POST", action + "/resolve", R"({"outcome":"done","detail":"seen"})"});
    add("/v1/log", {"GET", "/v1/log", ""});
    add("/v1/log/leaves", {"GET", "/v1/log/leaves?from=0&count=1", ""});
    add("/v1/log/tiles/{}/{}", {"GET", "/v1/log/tiles/0/0", ""});
    add("/v1/log/checkpoints/{}", {"GET", "/v1/log/checkpoints/0", ""});
    add("/v1/clock", {"GET", "/v1/clock", ""});
    add("/v1/clock/reset", {"POST", "/v1/clock/reset", reset_body(name)});
    add("/log/{}/checkpoint", {"GET", "/log/acme/checkpoint", ""});
    add("/log/{}/tile/*", {"GET", "/log/acme/tile/0/000", ""});
    const auto key = std::string(route.method) + " " + std::string(route.pattern);
    const auto found = all.find(key);
    if (found == all.end()) ADD_FAILURE() << "add a request for the route " << key;
    return found == all.end() ? Request{"GET", "/v1/session", ""} : found->second;
  }

  workspace::Documents with_accomplice() {
    auto documents = acme.workspace().documents();
    documents["workspace.toml"] +=
        "\n[users.accomplice" + std::to_string(++accomplices_) + "]\nroles = [\"admin\"]\n";
    return documents;
  }
  std::string other_documents(const std::string& name) {
    return signed_apply_body(name, with_accomplice());
  }
  broker::Proposals::Shared proposed() {
    return acme
        .run(proposals.propose(acme.workspace(), with_accomplice(), std::nullopt,
                               acme.authority("admin", broker::Operation::propose)))
        .value();
  }
  std::string proposal_decision(const broker::Proposal& proposal, const std::string& name) {
    const auto seen = acme.run(
        proposals.look(acme.workspace(), proposal,
                       acme.authority("admin", broker::Operation::see_proposal,
                                      {.run = {}, .user = proposal.proposer, .groups = {}})));
    JsonArray changes;
    for (const auto& change : seen->changes) changes.emplace_back(change.to_json());
    const protocol::VersionName base{.version = seen->base.number, .digest = seen->base.digest};
    return write_json(protocol::ProposalDecision{
        .signed_by_admin = apply_signature(name, base, seen->digest, changes),
        .denial = {}}.to_json());
  }

  // By admin, over HTTP: as it happens.
  void happen(Cause cause, const std::string& name) {
    auto& text = acme.documents()["workspace.toml"];
    const auto replace = [&](const std::string& from, const std::string& to) {
      const auto at = text.find(from);
      ASSERT_NE(at, std::string::npos);
      text.replace(at, from.size(), to);
      const auto seen = apply_signed();
      ASSERT_EQ(seen.status, 200) << seen.body;
    };
    const auto roles = std::string(kAllRoles) + "\n";
    const auto groups = std::string(kGroup) + "\n";
    const auto heading = "\n[users." + name + "]\n";
    switch (cause) {
      case Cause::disabled:
        ASSERT_EQ(as("admin", "POST", "/v1/users/" + name + "/disable", "{}").status, 200);
        break;
      case Cause::removed:
        replace(heading + roles + groups, "");
        break;
      case Cause::role_taken:
        replace(heading + roles + groups, heading + groups);
        break;
      case Cause::group_taken:
        replace(heading + roles + groups, heading + roles);
        break;
      case Cause::session_ended:
        ASSERT_EQ(as(name, "DELETE", "/v1/session").status, 200);
        break;
    }
  }

  // What the route answers to that person afterwards; 200 where it is still allowed.
  int expected(Cause cause, const Route& route) {
    if (cause != Cause::role_taken && cause != Cause::group_taken) return 401;
    identity::User user;
    user.id = UserId::make(acme.clock(), acme.random());
    if (cause == Cause::role_taken) user.groups = {"finance"};
    if (cause == Cause::group_taken) {
      user.roles = {identity::Role::admin, identity::Role::operator_, identity::Role::auditor};
    }
    broker::ControlSubject subject;
    if (route.access.about() == About::run || route.access.about() == About::action)
      subject = {.run = run_->id, .user = run_->user, .groups = {}};
    // Somebody else's.
    if (route.access.about() == About::proposal)
      subject.user = UserId::make(acme.clock(), acme.random());
    if (route.access.about() == About::approval)
      subject = {.run = run_->id, .user = run_->user, .groups = approval_->groups};
    switch (broker::decide(route.access.operation(),
                           {.user = std::make_shared<const identity::User>(user), .run = nullptr},
                           subject)) {
      case broker::ControlVerdict::allowed:
        return 200;
      case broker::ControlVerdict::denied:
        return 403;
      case broker::ControlVerdict::hidden:
        break;
    }
    return 404;
  }

  // What the person did, by the log: sessions, refusals and what was looked at are not among it.
  std::vector<std::string> deeds(const std::string& name) {
    std::vector<std::string> out;
    for (const auto& entry : acme.entries()) {
      const auto by = entry.json().if_contains("by_name");
      if (by == nullptr || *by != Json(name)) continue;
      const auto kind = entry.kind();
      if (kind == audit::Kind::session_opened || kind == audit::Kind::session_ended ||
          kind == audit::Kind::control_refused || kind == audit::Kind::payload_read)
        continue;
      out.emplace_back(audit::name(kind));
    }
    return out;
  }
  std::vector<JsonObject> refusals(const std::string& name) {
    std::vector<JsonObject> out;
    for (auto& entry : entries(audit::Kind::control_refused)) {
      if (entry.at("by_name") == Json(name)) out.push_back(std::move(entry));
    }
    return out;
  }

  std::string head_of(const std::string& name, const Request& request, std::string_view more = {}) {
    return request.method + " " + request.path + " HTTP/1.1\r\nHost: 127.0.0.1\r\n" +
           "Connection: close\r\nContent-Type: " + request.type +
           "\r\nContent-Length: " + std::to_string(request.body.size()) + "\r\n" +
           fields_of(session_of(name), request.method, request.path) +
           signature_field(name, request.method, request.path, request.body) + std::string(more) +
           "\r\n";
  }
  static int status_of(std::string_view answer) {
    const auto at = answer.rfind("HTTP/1.1 ");
    return at == answer.npos ? 0 : std::stoi(std::string(answer.substr(at + 9, 3)));
  }
  // How many refusals are in the log where every one of these was refused: each, where the person's
  // session lives; one alone where it has ended, and then the others are counted.
  static std::size_t recorded(const std::vector<int>& statuses) {
    const auto ended = std::ranges::count(statuses, 401);
    const auto others =
        std::ranges::count_if(statuses, [](int status) { return status == 403 || status == 404; });
    return static_cast<std::size_t>(others + (ended > 0 ? 1 : 0));
  }
  // One person and all routes that take a body. Their heads are sent, with `send_body` all of the
  // bodies but the last byte too; then it happens, and no request does anything.
  void expect_cut(Cause cause, bool send_body) {
    const auto name = somebody();
    struct Open {
      const Route* route;
      Request request;
      net::testing::RawSocket socket;
    };
    std::vector<Open> open;
    for (const auto& route : routes()) {
      if (route.takes == Takes::nothing) continue;
      auto request = request_of(route, name);
      open.push_back({&route, std::move(request), connect()});
      auto& one = open.back();
      ASSERT_TRUE(one.socket.send(head_of(name, one.request, "Expect: 100-continue\r\n")));
      // By then the head was decided on.
      ASSERT_THAT(one.socket.read_through("\r\n\r\n"), HasSubstr("100 Continue")) << route.pattern;
      if (send_body) {
        ASSERT_TRUE(one.socket.send(one.request.body.substr(0, one.request.body.size() - 1)));
      }
    }
    happen(cause, name);
    std::vector<int> statuses;
    for (auto& one : open) {
      const auto what = std::string(one.route->pattern) + ", " + text_of(cause);
      // Where the last byte does not come the request is cut all the same.
      if (send_body) (void)one.socket.send(one.request.body.substr(one.request.body.size() - 1));
      const auto answer = one.socket.read_all();
      const auto want = expected(cause, *one.route);
      EXPECT_EQ(status_of(answer), want == 200 ? 409 : want) << what << ": " << answer;
      statuses.push_back(want);
    }
    EXPECT_THAT(deeds(name), SizeIs(0)) << text_of(cause);
    EXPECT_THAT(refusals(name), SizeIs(recorded(statuses))) << text_of(cause);
  }

  std::shared_ptr<const delegation::Run> run_;
  std::shared_ptr<const approval::Approval> approval_;
  ActionId action_;
  int accomplices_ = 0;
  int people_ = 0;
};

bool takes_body(const Route& route) { return route.takes != Takes::nothing; }

TEST_F(AuthorityTest, P35_BeforeTheHeadNothingIsDone) {
  for (const auto cause : kCauses) {
    const auto name = somebody();
    std::vector<std::pair<const Route*, Request>> requests;
    for (const auto& route : routes()) requests.emplace_back(&route, request_of(route, name));
    happen(cause, name);
    std::vector<int> statuses;
    for (const auto& [each, request] : requests) {
      const auto& route = *each;
      const auto want = expected(cause, route);
      if (want == 200) continue;  // what the person may still do
      const auto seen = as_signed(name, request.method, request.path, request.body, request.type);
      EXPECT_EQ(seen.status, want) << route.pattern << ", " << text_of(cause) << seen.body;
      statuses.push_back(want);
    }
    EXPECT_THAT(deeds(name), SizeIs(0)) << text_of(cause);
    EXPECT_THAT(refusals(name), SizeIs(recorded(statuses))) << text_of(cause);
  }
}

TEST_F(AuthorityTest, P35_BetweenHeadAndBodyNothingIsDone) {
  for (const auto cause : kCauses) expect_cut(cause, false);
}

TEST_F(AuthorityTest, P35_BeforeTheLastByteNothingIsDone) {
  for (const auto cause : kCauses) expect_cut(cause, true);
}

TEST_F(AuthorityTest, P35_AReadThatIsHeldIsCut) {
  // A new action, whose entries are not signed: its receipt is waited for.
  const auto fresh = refund(*acme.refund_chain(), tools::Outcome::unknown);
  const auto path = "/v1/actions/" + fresh.to_string() + "/receipt";
  const auto found = match("GET", path);
  ASSERT_TRUE(found && found->route != nullptr);
  for (const auto cause : kCauses) {
    const auto name = somebody();
    const Request request{"GET", path, ""};
    auto socket = connect();
    const auto asked = heads_asked();
    ASSERT_TRUE(socket.send("GET " + path +
                            " HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n" +
                            fields_of(session_of(name), "GET", path) + "Prefer: wait=10\r\n\r\n"));
    while (heads_asked() == asked) std::this_thread::yield();
    happen(cause, name);
    const auto answer = socket.read_all();
    const auto want = expected(cause, *found->route);
    if (want == 200) {
      EXPECT_EQ(status_of(answer), 503) << text_of(cause) << answer;
    } else {
      EXPECT_EQ(status_of(answer), want) << text_of(cause) << answer;
      EXPECT_THAT(refusals(name), SizeIs(1)) << text_of(cause);
    }
  }
}

// What the tests above would see if the second decision were not there: each request does
// something.
TEST_F(AuthorityTest, P35_EachOfThoseRequestsIsGoodWhereNothingHappens) {
  ASSERT_EQ(as("admin", "POST", "/v1/users/opal/disable", "{}").status, 200);
  for (const auto& route : routes()) {
    const auto name = somebody();
    const auto now = acme.clock().now();
    // Only a clock that is behind can be reset; and what is made then is of the time before.
    const bool reset = route.access.operation() == broker::Operation::reset_clock;
    if (reset) acme.clock().set_wall(now - std::chrono::hours(1));
    // Revoking the run has ended the question.
    if (route.access.operation() == broker::Operation::decide_approval) {
      run_ = acme.refund_chain();
      approval_ = ask_about(*run_);
    }
    const auto request = request_of(route, name);
    const auto seen = as_signed(name, request.method, request.path, request.body, request.type);
    if (reset) acme.clock().set_wall(now + std::chrono::minutes(2));
    EXPECT_THAT(seen.status, AnyOf(200, 201)) << route.pattern << seen.body;
    if (takes_body(route)) {
      EXPECT_THAT(deeds(name), SizeIs(testing::Ge(1))) << route.pattern;
    }
  }
}

// The commit itself: the caller is disabled after the second decision.
TEST_F(AuthorityTest, P35_WhoIsDisabledBetweenDecisionAndCommitCommitsNothing) {
  ASSERT_EQ(as("admin", "POST", "/v1/users/opal/disable", "{}").status, 200);
  for (const auto& route : routes()) {
    // The clock's is in broker/clock_reset_test.cc: it needs a clock that is behind.
    if (!takes_body(route) || route.access.operation() == broker::Operation::reset_clock) continue;
    const auto name = somebody();
    const auto request = request_of(route, name);
    // The durable half alone, so that memory still says that everything is in order.
    acme.store().hold_commits();
    std::atomic<bool> answered = false;
    std::thread asking([&] {
      const auto seen = as_signed(name, request.method, request.path, request.body, request.type);
      EXPECT_EQ(seen.status, 409) << route.pattern << seen.body;
      answered = true;
    });
    while (acme.store().held() == 0 && !answered) std::this_thread::yield();
    auto standing = acme.workspace().standing(acme.user_id(name));
    standing.disabled = true;
    broker::Unit unit;
    unit.puts.push_back({broker::RecordKind::user, acme.user_id(name).to_string(),
                         standing.revision, broker::to_record(standing)});
    ASSERT_TRUE(acme.store().commit_before_held(acme.workspace().id(), std::move(unit)));
    acme.store().release_commits();
    asking.join();
    ++standing.revision;
    acme.workspace().set_standing(acme.user_id(name), standing);
    EXPECT_THAT(deeds(name), SizeIs(0)) << route.pattern;
  }
}

}  // namespace
}  // namespace writ::api
