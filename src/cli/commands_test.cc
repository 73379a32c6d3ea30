// SPDX-License-Identifier: Apache-2.0
// Whole command lines, from their words to their exit statuses, against a server in this process.
#include "cli/commands.h"

#include <map>

#include <CLI/CLI.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "action/digest.h"
#include "approval/decision.h"
#include "approval/proposal.h"
#include "approval/statements.h"
#include "cli/agent_key.h"
#include "cli/context.h"
#include "cli/files.h"
#include "cli/login.h"
#include "cli/testing_people.h"
#include "cli/testing_server.h"
#include "cli/user_key.h"
#include "crypto/hash.h"
#include "crypto/random.h"
#include "protocol/message_generators.h"
#include "protocol/sessions.h"

namespace writ::cli {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using testing::identity_of;
using ::testing::IsEmpty;
using testing::kCheap;
using ::testing::Not;
using testing::Reply;
using testing::ScriptedPerson;
using testing::Seen;
using testing::session_for;
using ::testing::StartsWith;
using testing::TempDirectory;
using testing::TestServer;

constexpr auto kPassphrase = "correct horse battery";

template <typename T>
T an_id(std::uint8_t last) {
  return T(id_detail::Raw{1, 2, 3, 4, 5, 6, 0x70, 1, 0x80, 1, 1, 1, 1, 1, 1, last});
}

class CommandsTest : public ::testing::Test {
 public:
  CommandsTest() {
    server_.answer_with([this](const Seen& seen) {
      const auto found = answers_.find(seen.method + " " + seen.path());
      return found != answers_.end()
                 ? found->second
                 : Reply::json({{"status", 404}, {"detail", "there is no such thing"}}, 404);
    });
  }

  // The command's status.
  int run(std::vector<std::string> words, std::deque<std::string> typed = {}) {
    out_.clear();
    err_.clear();
    person_ = ScriptedPerson(std::move(typed));
    CLI::App app("Identity for agents", "writ");
    Program program;
    const auto environment = std::make_shared<const Environment>(
        Environment{.clock = clock_,
                    .random = random_,
                    .asker = person_,
                    .out = [this](std::string_view text) { out_ += text; },
                    .err = [this](std::string_view text) { err_ += text; },
                    .input = [this](std::size_t limit) -> Expected<SecretBytes> {
                      if (input_.size() > limit) return fail(Errc::too_large, "too much");
                      return SecretBytes::copy_of(input_);
                    },
                    .input_is_terminal = input_is_terminal_,
                    .home = home_.path(),
                    .cost = kCheap});
    add_commands(app, program, extensions_, environment);
    std::vector<const char*> arguments{"writ"};
    for (const auto& word : words) arguments.push_back(word.c_str());
    return parse(app, program, static_cast<int>(arguments.size()), arguments.data());
  }

  void sign_in(std::string_view user = "bob") {
    EXPECT_TRUE(Sessions(home_.path())
                    .save(session_for(identity_of(server_.url(), user),
                                      clock_.now() + std::chrono::hours(1))));
  }
  // With a key of their own, under kPassphrase, and with what the server says of them.
  void sign_in_with_key(std::string_view user = "admin") {
    sign_in(user);
    const auto key = UserKey::generate(identity_of(server_.url(), user),
                                       SecretBytes::copy_of(kPassphrase), random_, kCheap);
    ASSERT_TRUE(key) << key.error().to_string();
    own_key_ = key->public_jwk();
    ASSERT_TRUE(
        write_private_file(user_key_path(home_.path(), key->owner()), as_bytes(key->to_text())));
    protocol::WhoAmI me;
    me.user.id = an_id<UserId>(1);
    me.user.name = user;
    me.user.roles = {"admin"};
    me.workspace = "acme";
    me.workspace_id = an_id<WorkspaceId>(9);
    answer("GET /v1/session", me.to_json());
  }
  protocol::ProposalItem a_proposal() {
    return {.id = an_id<protocol::ProposalId>(7),
            .state = "pending",
            .proposed_by = "ci",
            .base = 3,
            .changes = 2,
            .widening = 1,
            .created = std::chrono::floor<milliseconds>(clock_.now()),
            .expires = std::chrono::floor<milliseconds>(clock_.now()) + std::chrono::hours(1)};
  }
  // Whether the last request was signed with that key.
  bool last_is_signed() {
    const auto& seen = server_.last();
    const auto given = approval::parse_field(seen.field("writ-signature"));
    if (!given || !own_key_) return false;
    return approval::check_statement(*own_key_,
                                     approval::canonical_route({.workspace = an_id<WorkspaceId>(9),
                                                                .method = seen.method,
                                                                .target = seen.target,
                                                                .body = crypto::sha256(seen.body),
                                                                .salt = given->salt,
                                                                .fresh = given->fresh}),
                                     given->fresh, given->signature, clock_.now())
        .has_value();
  }
  void answer(const std::string& what, const JsonObject& json, int status = 200) {
    answers_[what] = Reply::json(json, status);
  }

  SystemClock clock_;
  crypto::SystemRandom random_;
  TempDirectory home_;
  std::map<std::string, Reply> answers_;
  TestServer server_;
  ScriptedPerson person_;
  Extensions extensions_;
  std::string input_;
  bool input_is_terminal_ = false;
  std::optional<jose::Jwk> own_key_;
  std::string out_;
  std::string err_;
};

protocol::RunView a_run(std::uint8_t last) {
  protocol::RunView out;
  out.id = an_id<RunId>(last);
  out.name = "Refund " + std::to_string(last);
  out.agent = "planner";
  out.workflow = "refund";
  out.step = "plan";
  return out;
}

TEST_F(CommandsTest, P34_AListFollowsItsCursors) {
  sign_in();
  std::vector<std::string> asked;
  server_.answer_with([&](const Seen& seen) {
    asked.push_back(seen.target);
    // A page may be empty and still not be the last.
    const auto page = asked.size();
    protocol::RunList list;
    if (page != 2) list.runs = {a_run(static_cast<std::uint8_t>(page))};
    if (page < 3) list.cursor = "c" + std::to_string(page);
    return Reply::json(list.to_json());
  });
  EXPECT_EQ(run({"run", "list", "--state", "living"}), kOk);
  EXPECT_THAT(asked,
              ::testing::ElementsAre("/v1/runs?state=living", "/v1/runs?state=living&cursor=c1",
                                     "/v1/runs?state=living&cursor=c2"));
  EXPECT_THAT(out_, AllOf(HasSubstr("Refund 1"), HasSubstr("Refund 3"), Not(HasSubstr("more"))));
}

TEST_F(CommandsTest, P37_AListThatNeverEndsIsCutAndSaysHowToGoOn) {
  sign_in();
  int pages = 0;
  server_.answer_with([&](const Seen&) {
    ++pages;
    protocol::RunList list;
    for (int i = 0; i < 100; ++i) list.runs.push_back(a_run(1));
    list.cursor = "next-" + std::to_string(pages);
    return Reply::json(list.to_json());
  });
  EXPECT_EQ(run({"run", "list"}), kOk);
  EXPECT_EQ(pages, 10);
  EXPECT_THAT(out_, HasSubstr("There is more: writ run list --after next-10\n"));
  EXPECT_EQ(run({"run", "list", "--json"}), kOk);
  const auto json = parse_json(out_, {.bytes = std::size_t{4} << 20}).value();
  EXPECT_EQ(json.as_object().at("cursor"), Json("next-20"));
  EXPECT_EQ(json.as_object().at("more"), Json(true));
}

TEST_F(CommandsTest, P34_ApprovalsFollowTheirCursorsToo) {
  sign_in();
  std::vector<std::string> asked;
  server_.answer_with([&](const Seen& seen) {
    asked.push_back(seen.target);
    protocol::ApprovalList list;
    if (asked.size() == 1) list.cursor = "apr_1";
    return Reply::json(list.to_json());
  });
  EXPECT_EQ(run({"approvals", "--after", "apr_0"}), kOk);
  EXPECT_THAT(asked,
              ::testing::ElementsAre("/v1/approvals?cursor=apr_0", "/v1/approvals?cursor=apr_1"));
}

TEST_F(CommandsTest, P34_ATraceThatIsCutIsReadOn) {
  sign_in();
  const auto root = an_id<RunId>(1).to_string();
  const auto child = an_id<RunId>(2).to_string();
  const auto action = [](std::uint8_t last) {
    return protocol::TracedAction{.id = an_id<ActionId>(last),
                                  .tool = "billing.invoice.read",
                                  .effect = "read",
                                  .phase = "done",
                                  .at = {},
                                  .status = 200,
                                  .approval = std::nullopt,
                                  .detail = {},
                                  .resolved = false};
  };
  server_.answer_with([&](const Seen& seen) {
    protocol::Trace trace;
    trace.run = a_run(1);
    if (seen.target == "/v1/runs/" + root + "/trace") {
      trace.actions = {action(1)};
      trace.cursor = "7";
      protocol::Trace below;
      below.run = a_run(2);
      below.cursor = "0";
      trace.children = {below};
    } else if (seen.target == "/v1/runs/" + root + "/trace?cursor=7") {
      trace.actions = {action(2)};
    } else if (seen.target == "/v1/runs/" + child + "/trace?cursor=0") {
      trace.run = a_run(2);
      trace.actions = {action(3)};
    } else {
      return Reply::json({{"status", 404}, {"detail", seen.target}}, 404);
    }
    return Reply::json(trace.to_json());
  });
  EXPECT_EQ(run({"trace", root}), kOk) << err_;
  for (std::uint8_t i = 1; i < 4; ++i) EXPECT_THAT(out_, HasSubstr(an_id<ActionId>(i).to_string()));
  EXPECT_THAT(out_, Not(HasSubstr("there is more")));
}

TEST_F(CommandsTest, WithoutASessionTheNextStepIsSaidAndTheStatusIsThree) {
  EXPECT_EQ(run({"run", "list"}), kUnreachable);
  EXPECT_THAT(err_, AllOf(HasSubstr("you are not signed in"), HasSubstr("next: writ login")));
  EXPECT_THAT(out_, IsEmpty());
}

TEST_F(CommandsTest, AServerThatCannotBeReachedIsThreeToo) {
  const auto gone = TestServer().url();
  EXPECT_TRUE(Sessions(home_.path())
                  .save(session_for(identity_of(gone), clock_.now() + std::chrono::hours(1))));
  EXPECT_EQ(run({"run", "list"}), kUnreachable);
  EXPECT_THAT(err_, HasSubstr("cannot reach " + gone.origin()));
}

TEST_F(CommandsTest, AUsageErrorIsTwo) {
  ::testing::internal::CaptureStderr();
  EXPECT_EQ(run({"trace"}), kUsage);
  EXPECT_EQ(run({"no-such-command"}), kUsage);
  EXPECT_EQ(run({"action", "resolve", "act_1", "--outcome", "perhaps", "--detail", "x"}), kUsage);
  EXPECT_EQ(run({"credential", "rotate", "key", "--grace", "soon"}), kUsage);
  for (const auto* word : {"verify", "checkpoint"})
    EXPECT_EQ(run({"audit", word, "--key", "log.example/acme+garbage"}), kUsage);
  EXPECT_EQ(run({"audit", "prove", "act_1", "--key", "garbage"}), kUsage);
  ::testing::internal::GetCapturedStderr();
  EXPECT_TRUE(server_.seen().empty());
}

TEST_F(CommandsTest, AUsageErrorNamesTheCommandAndTheNextStep) {
  const auto said = [&](std::vector<std::string> words) {
    ::testing::internal::CaptureStderr();
    EXPECT_EQ(run(std::move(words)), kUsage);
    return ::testing::internal::GetCapturedStderr();
  };
  EXPECT_EQ(said({"verfy"}),
            "error: writ: there is no command verfy\n  next: writ --help lists what there is\n");
  EXPECT_EQ(said({"--verbose"}),
            "error: writ: there is no option --verbose\n  next: writ --help lists what there is\n");
  EXPECT_EQ(said({"audit", "verfy"}),
            "error: writ audit: there is no command verfy\n"
            "  next: writ audit --help lists what there is\n");
  EXPECT_EQ(said({"audit"}),
            "error: writ audit: a command has to follow\n"
            "  next: writ audit --help lists what there is\n");
  EXPECT_EQ(said({"explain"}),
            "error: writ explain: ACTION is required\n  next: see writ explain --help\n");
  EXPECT_THAT(said({"run", "list", "--bogus"}),
              AllOf(HasSubstr("writ run list: "), HasSubstr("--bogus")));
}

TEST_F(CommandsTest, HelpListsEveryCommandWithOneLineWithinEightyColumns) {
  ::testing::internal::CaptureStdout();
  EXPECT_EQ(run({"--help"}), kOk);
  const auto help = ::testing::internal::GetCapturedStdout();
  for (const auto* word :
       {"apply", "login", "logout", "agent", "user", "credential", "run", "trace", "explain",
        "approvals", "approve", "deny", "revoke", "action", "audit", "doctor"}) {
    EXPECT_THAT(help, HasSubstr("\n  " + std::string(word) + " ")) << word;
  }
  for (std::size_t at = 0; at < help.size();) {
    const auto end = std::min(help.find('\n', at), help.size());
    EXPECT_LE(end - at, 80U) << help.substr(at, end - at);
    at = end + 1;
  }
}

TEST_F(CommandsTest, AnIdOfAnotherKindIsRefusedBeforeAnythingIsSent) {
  sign_in();
  EXPECT_EQ(run({"trace", an_id<ActionId>(1).to_string()}), kFailed);
  EXPECT_THAT(err_, HasSubstr("no id of a run"));
  EXPECT_EQ(run({"audit", "prove", an_id<RunId>(1).to_string()}), kFailed);
  EXPECT_THAT(err_, AllOf(HasSubstr("no id of an action"), HasSubstr("begins with act_")));
  EXPECT_EQ(run({"explain", "../session"}), kFailed);
  EXPECT_EQ(run({"user", "disable", "../x"}), kFailed);
  EXPECT_TRUE(server_.seen().empty());
}

TEST_F(CommandsTest, LoginEnrolsAndSignsInAgainWithFewerWords) {
  const protocol::SessionOpened opened{
      .session = SecretBytes::copy_of("opaque"),
      .expires = std::chrono::floor<seconds>(clock_.now() + std::chrono::hours(12)),
      .user = {.id = an_id<UserId>(1), .name = "bob", .roles = {}, .groups = {}},
      .workspace = "acme"};
  answer("POST /v1/sessions", opened.to_json(), 201);
  EXPECT_EQ(
      run({"login", "--server", server_.origin(), "--workspace", "acme", "--user", "bob", "--code"},
          {"typed-code", kPassphrase, kPassphrase}),
      kOk)
      << err_;
  EXPECT_EQ(server_.last().json().at("code"), Json("typed-code"));
  EXPECT_THAT(out_, HasSubstr("Signed in to acme"));
  EXPECT_EQ(run({"login"}, {kPassphrase}), kOk) << err_;
  input_ = "given\n";
  EXPECT_EQ(run({"login", "--code-file", "-", "--user", "bob"}, {kPassphrase, kPassphrase}), kOk);
  EXPECT_EQ(server_.last().json().at("code"), Json("given"));

  EXPECT_EQ(run({"login"}, {"wrong passphrase"}), kFailed);
  EXPECT_THAT(err_, Not(HasSubstr("wrong passphrase")));
  answers_["DELETE /v1/session"] = Reply{.status = 204, .body = ""};
  EXPECT_EQ(run({"logout"}), kOk);
  EXPECT_EQ(run({"logout"}), kUnreachable);
}

TEST_F(CommandsTest, ApplyShowsTheDifferenceAndErrorsWithTheirPlaces) {
  sign_in_with_key();
  const TempDirectory acme;
  ASSERT_TRUE(write_private_file(acme / "workspace.toml", as_bytes("name = \"acme\"\n")));
  ASSERT_TRUE(write_private_file(acme / "agents/x.toml", as_bytes("rol = 1\n")));
  protocol::ApplyAnswer said{.version = 4,
                             .digest = {},
                             .changed = true,
                             .base = {.version = 3, .digest = {}},
                             .changes = {{.kind = "added",
                                          .key = "ceiling.use",
                                          .effect = "widens",
                                          .what = "agent x",
                                          .detail = "use: a.b\x1b",
                                          .lines = {}},
                                         {.kind = "removed",
                                          .key = "policies",
                                          .effect = "narrows",
                                          .what = "policy p",
                                          .detail = "",
                                          .lines = {"- permit (principal, action, resource);"}}},
                             .revoked_runs = {an_id<RunId>(1)}};
  answer("POST /v1/apply", said.to_json());
  EXPECT_EQ(run({"apply", acme.path(), "--dry-run"}), kOk) << err_;
  EXPECT_THAT(out_,
              AllOf(HasSubstr("WIDENS + agent x use: a.b\\u001b\n"), HasSubstr("- policy p\n"),
                    HasSubstr("- permit (principal"), HasSubstr("2 changes, 1 widens."),
                    HasSubstr("dry run"), HasSubstr("would revoke 1 run")));
  const auto request = protocol::ApplyRequest::from_json(server_.last().json()).value();
  EXPECT_TRUE(request.dry_run);
  EXPECT_EQ(request.documents.at("agents/x.toml"), "rol = 1\n");
  // What widens is shown on the terminal, and signed with the person's own key.
  EXPECT_EQ(run({"apply", acme.path()}), kFailed) << "no passphrase, no apply";
  EXPECT_TRUE(protocol::ApplyRequest::from_json(server_.seen().at(0).json())->dry_run);
  EXPECT_EQ(run({"apply", acme.path()}, {kPassphrase}), kOk) << err_;
  EXPECT_THAT(person_.shown, HasSubstr("+ agent x  use: a.b"));
  const auto sent = protocol::ApplyRequest::from_json(server_.last().json()).value();
  EXPECT_FALSE(sent.dry_run);
  EXPECT_EQ(sent.base, said.base);
  ASSERT_TRUE(sent.signed_by_admin);
  const approval::Freshness fresh{.nonce = sent.signed_by_admin->nonce,
                                  .expires = sent.signed_by_admin->expiry};
  EXPECT_TRUE(approval::check_statement(
      *own_key_,
      approval::canonical_apply(
          {.workspace = an_id<WorkspaceId>(9),
           .base_version = 3,
           .base = {},
           .digest = said.digest,
           .difference = approval::difference_digest(protocol::write_messages(said.changes)),
           .fresh = fresh}),
      fresh, sent.signed_by_admin->signature, clock_.now()));
  EXPECT_THAT(out_, AllOf(HasSubstr("Version 4"), HasSubstr(an_id<RunId>(1).to_string())));
  EXPECT_EQ(run({"apply", acme.path(), "--json"}, {kPassphrase}), kOk);
  EXPECT_EQ(protocol::ApplyAnswer::from_json(parse_json(out_).value()).value(), said);

  answer("POST /v1/apply",
         {{"status", 422},
          {"detail", "one document is wrong"},
          {"errors",
           JsonArray{JsonObject{{"where", "agents/x.toml:1:1"}, {"message", "unknown key"}}}}},
         422);
  EXPECT_EQ(run({"apply", acme.path()}), kFailed);
  EXPECT_THAT(err_, AllOf(HasSubstr((acme / "agents/x.toml:1:1").string() + ": unknown key"),
                          HasSubstr("nothing was changed")));
}

// A pipeline signs in with nobody there to type.
TEST_F(CommandsTest, P40_AMachineSignsInWithAKeyOfItsOwn) {
  const TempDirectory machine;
  const auto file = (machine / "ci.jwk").string();
  const std::vector<std::string> words{"login",       "--server",      server_.url().origin(),
                                       "--workspace", "acme",          "--user",
                                       "ci",          "--machine-key", file};
  const auto opened = protocol::SessionOpened{
      .session = SecretBytes::copy_of(std::string_view("session")),
      .expires = clock_.now() + std::chrono::hours(1),
      .user = {.id = an_id<UserId>(1), .name = "ci", .roles = {"proposer"}, .groups = {}},
      .workspace = "acme"};
  answer("POST /v1/sessions", opened.to_json(), 201);
  EXPECT_EQ(run(words), kFailed) << "there is no key yet, and no code";
  EXPECT_FALSE(std::filesystem::exists(file));
  auto with_code = words;
  with_code.insert(with_code.end(), {"--code-file", "-"});
  input_ = "one-time\n";
  EXPECT_EQ(run(with_code), kOk) << err_;
  EXPECT_THAT(person_.prompts, IsEmpty());
  const auto enrolled = protocol::OpenSession::from_json(server_.last().json()).value();
  ASSERT_TRUE(enrolled.key);
  EXPECT_EQ(run(words), kOk) << err_;
  EXPECT_FALSE(protocol::OpenSession::from_json(server_.last().json())->key);
  // The same key when it is enrolled again.
  EXPECT_EQ(run(with_code), kOk) << err_;
  EXPECT_EQ(protocol::OpenSession::from_json(server_.last().json())->key, enrolled.key);
  // And no more than a session: what is signed wants a key under a passphrase.
  EXPECT_EQ(run({"approve", an_id<protocol::ProposalId>(7).to_string()}), kFailed);
}

TEST_F(CommandsTest, P40_WhoCannotSignProposes) {
  sign_in("ci");
  const TempDirectory acme;
  ASSERT_TRUE(write_private_file(acme / "workspace.toml", as_bytes("name = \"acme\"\n")));
  const protocol::ProposeAnswer said{.proposal = a_proposal()};
  answer("POST /v1/proposals", said.to_json(), 201);
  EXPECT_EQ(run({"apply", acme.path(), "--propose"}), kOk) << err_;
  EXPECT_THAT(out_, AllOf(HasSubstr("2 changes, of which 1 widens"),
                          HasSubstr("writ approve " + said.proposal->id.to_string())));
  EXPECT_THAT(person_.prompts, IsEmpty());
  const auto sent = protocol::ApplyRequest::from_json(server_.last().json()).value();
  EXPECT_FALSE(sent.dry_run);
  EXPECT_FALSE(sent.signed_by_admin);
  EXPECT_EQ(sent.documents.size(), 1U);
  EXPECT_EQ(run({"apply", acme.path(), "--propose", "--json"}), kOk);
  EXPECT_EQ(protocol::ProposeAnswer::from_json(parse_json(out_).value()).value(), said);
  answer("POST /v1/proposals", protocol::ProposeAnswer().to_json());
  EXPECT_EQ(run({"apply", acme.path(), "--propose"}), kOk);
  EXPECT_THAT(out_, HasSubstr("nothing to propose"));
  EXPECT_EQ(run({"apply", acme.path(), "--propose", "--dry-run"}), kUsage);
}

TEST_F(CommandsTest, P40_WhatAGroupDecidesIsProposedAndSignedByNobodyHere) {
  sign_in_with_key();
  const TempDirectory acme;
  ASSERT_TRUE(write_private_file(acme / "workspace.toml", as_bytes("name = \"acme\"\n")));
  protocol::ApplyAnswer seen{.version = 3,
                             .digest = Digest{4},
                             .changed = true,
                             .base = {.version = 3, .digest = Digest{3}},
                             .changes = {{.kind = "added",
                                          .key = "users",
                                          .effect = "widens",
                                          .what = "user erin",
                                          .detail = "",
                                          .lines = {}}},
                             .revoked_runs = {},
                             .asks = "finance"};
  answer("POST /v1/apply", seen.to_json());
  protocol::ProposeAnswer said{.proposal = a_proposal()};
  said.proposal->proposed_by = "admin";
  said.proposal->group = "finance";
  answer("POST /v1/proposals", said.to_json(), 201);
  EXPECT_EQ(run({"apply", acme.path()}), kOk) << err_;
  EXPECT_THAT(person_.prompts, IsEmpty());
  EXPECT_THAT(out_, AllOf(HasSubstr("WIDENS + user erin"),
                          HasSubstr("Somebody else of the group finance reads"),
                          HasSubstr("writ approve " + said.proposal->id.to_string()),
                          HasSubstr("writ approvals")));
  const auto sent = protocol::ApplyRequest::from_json(server_.last().json()).value();
  EXPECT_FALSE(sent.dry_run);
  EXPECT_FALSE(sent.signed_by_admin);
  EXPECT_EQ(sent.base, seen.base) << "exactly what was shown is proposed";
  EXPECT_EQ(run({"apply", acme.path(), "--json"}), kOk);
  EXPECT_EQ(protocol::ProposeAnswer::from_json(parse_json(out_).value()).value(), said);
  // What only narrows is applied as ever.
  seen.changes[0].effect = "narrows";
  answer("POST /v1/apply", seen.to_json());
  EXPECT_EQ(run({"apply", acme.path()}), kOk) << err_;
  EXPECT_EQ(server_.last().target, "/v1/apply");

  answer("GET /v1/proposals", protocol::ProposalList{.proposals = {*said.proposal}}.to_json());
  answer("GET /v1/approvals", protocol::ApprovalList{.approvals = {}}.to_json());
  EXPECT_EQ(run({"approvals"}), kOk) << err_;
  EXPECT_THAT(out_, HasSubstr("waits for somebody of the group finance who has not proposed it"));
  const auto path = "/v1/proposals/" + said.proposal->id.to_string();
  answer("GET " + path, said.proposal->to_json());
  EXPECT_EQ(run({"approve", said.proposal->id.to_string()}, {kPassphrase}), kFailed);
  EXPECT_THAT(err_, HasSubstr("a second person decides it"));
  EXPECT_EQ(server_.last().method, "GET");
}

// Who decides it need not be admin.
TEST_F(CommandsTest, P40_AMemberOfTheGroupThatDecidesSigns) {
  sign_in_with_key("bob");
  auto item = a_proposal();
  item.group = "finance";
  const protocol::ProposalView view{.item = item,
                                    .from = {.version = 3, .digest = Digest{3}},
                                    .digest = Digest{4},
                                    .changes = {},
                                    .revoked_runs = {},
                                    .salt = Digest{5},
                                    .nonce = Bytes(32, 6)};
  const auto path = "/v1/proposals/" + item.id.to_string();
  answer("GET " + path, view.to_json());
  answer("POST " + path + "/decisions", item.to_json());
  EXPECT_EQ(run({"approve", item.id.to_string()}, {kPassphrase}), kFailed) << "an admin alone";
  EXPECT_THAT(err_, HasSubstr("the group finance decides"));
  protocol::WhoAmI me;
  me.user = {.id = an_id<UserId>(1), .name = "bob", .roles = {}, .groups = {"finance"}};
  me.workspace = "acme";
  me.workspace_id = an_id<WorkspaceId>(9);
  answer("GET /v1/session", me.to_json());
  EXPECT_EQ(run({"approve", item.id.to_string()}, {kPassphrase}), kOk) << err_;
  EXPECT_EQ(server_.last().method, "POST");
}

TEST_F(CommandsTest, P40_AProposalIsListedShownAndSigned) {
  sign_in_with_key("ada");
  const auto item = a_proposal();
  answer("GET /v1/proposals", protocol::ProposalList{.proposals = {item}}.to_json());
  answer("GET /v1/approvals", protocol::ApprovalList{.approvals = {}}.to_json());
  EXPECT_EQ(run({"approvals"}), kOk) << err_;
  EXPECT_THAT(out_, AllOf(HasSubstr(item.id.to_string()), HasSubstr("proposed by ci"),
                          HasSubstr("waits for an admin")));

  protocol::ProposalView view{.item = item,
                              .from = {.version = 3, .digest = Digest{3}},
                              .digest = Digest{4},
                              .changes = {{.kind = "added",
                                           .key = "users",
                                           .effect = "widens",
                                           .what = "user erin",
                                           .detail = "",
                                           .lines = {}}},
                              .revoked_runs = {},
                              .salt = Digest{5},
                              .nonce = Bytes(32, 6)};
  const auto path = "/v1/proposals/" + item.id.to_string();
  answer("GET " + path, view.to_json());
  auto after = item;
  after.state = "applied";
  after.version = 4;
  answer("POST " + path + "/decisions", after.to_json());
  EXPECT_EQ(run({"approve", item.id.to_string()}), kFailed) << "no passphrase, no apply";
  EXPECT_EQ(run({"approve", item.id.to_string(), "--note", "seen"}, {kPassphrase}), kOk) << err_;
  EXPECT_THAT(person_.shown, AllOf(HasSubstr("+ user erin"), HasSubstr("by ci"),
                                   HasSubstr("1, of which 1 widens")));
  EXPECT_THAT(out_, HasSubstr("version 4 is in force"));
  auto sent = protocol::ProposalDecision::from_json(server_.last().json()).value();
  ASSERT_TRUE(sent.signed_by_admin);
  EXPECT_EQ(sent.note, "seen");
  const auto difference = approval::difference_digest(protocol::write_messages(view.changes));
  const approval::Freshness fresh{.nonce = sent.signed_by_admin->nonce,
                                  .expires = sent.signed_by_admin->expiry};
  EXPECT_TRUE(
      approval::check_statement(*own_key_,
                                approval::canonical_apply({.workspace = an_id<WorkspaceId>(9),
                                                           .base_version = 3,
                                                           .base = Digest{3},
                                                           .digest = Digest{4},
                                                           .difference = difference,
                                                           .fresh = fresh}),
                                fresh, sent.signed_by_admin->signature, clock_.now()));

  EXPECT_EQ(run({"deny", item.id.to_string()}, {kPassphrase}), kOk) << err_;
  sent = protocol::ProposalDecision::from_json(server_.last().json()).value();
  ASSERT_TRUE(sent.denial);
  const auto denial = approval::canonical_decision(
      approval::denial_of({.workspace = an_id<WorkspaceId>(9),
                           .base_version = 3,
                           .base = Digest{3},
                           .digest = Digest{4},
                           .difference = difference},
                          item.id.to_string(), view.salt, view.nonce, item.expires));
  EXPECT_TRUE(own_key_->verify(as_bytes(denial), *sent.denial));

  // Another version was published meanwhile: what it would change now is shown, and not signed.
  view.item.state = "superseded";
  answer("GET " + path, view.to_json());
  EXPECT_EQ(run({"approve", item.id.to_string()}, {kPassphrase}), kFailed);
  EXPECT_THAT(err_, AllOf(HasSubstr("WIDENS + user erin"), HasSubstr("another version")));
  EXPECT_EQ(server_.last().method, "GET");
}

TEST_F(CommandsTest, P20_NoSecretIsAnArgument) {
  for (const auto& words : {std::vector<std::string>{"--code", "c0de-1"}, {"--code=c0de-1"}}) {
    std::vector<std::string> all{"login",  "--server", server_.origin(), "--workspace", "acme",
                                 "--user", "bob"};
    all.insert(all.end(), words.begin(), words.end());
    EXPECT_EQ(run(all, {kPassphrase, kPassphrase}), kFailed);
    EXPECT_THAT(err_, AllOf(HasSubstr("not an argument"), HasSubstr("--code-file FILE"),
                            Not(HasSubstr("c0de-1"))));
  }
  EXPECT_TRUE(server_.seen().empty());
  EXPECT_THAT(person_.prompts, IsEmpty()) << "no passphrase is asked for";
}

TEST_F(CommandsTest, P20_AOneTimeCodeIsAskedForOrReadFromAFileOrStandardInput) {
  answer("POST /v1/sessions",
         protocol::SessionOpened{
             .session = SecretBytes::copy_of("opaque-session"),
             .expires = std::chrono::floor<seconds>(clock_.now() + std::chrono::hours(12)),
             .user = {.id = an_id<UserId>(2), .name = "bob", .roles = {}, .groups = {}},
             .workspace = "acme"}
             .to_json(),
         201);
  const auto file = (home_ / "code").string();
  ASSERT_TRUE(write_private_file(file, as_bytes("c0de-file\n")));
  input_ = "c0de-input\n";
  const std::vector<std::string> who{"login",  "--server", server_.origin(), "--workspace", "acme",
                                     "--user", "bob"};
  const auto code_sent = [&](std::vector<std::string> more, std::deque<std::string> typed) {
    auto words = who;
    words.insert(words.end(), more.begin(), more.end());
    EXPECT_EQ(run(words, std::move(typed)), kOk) << err_;
    const auto sent = protocol::OpenSession::from_json(server_.last().json()).value();
    return std::string(sent.code ? sent.code->reveal_text() : "");
  };
  EXPECT_EQ(code_sent({"--code"}, {"c0de-typed", kPassphrase, kPassphrase}), "c0de-typed");
  EXPECT_EQ(code_sent({"--code-file", file}, {kPassphrase, kPassphrase}), "c0de-file");
  EXPECT_EQ(code_sent({"--code-file", "-"}, {kPassphrase, kPassphrase}), "c0de-input");
  EXPECT_EQ(code_sent({}, {kPassphrase}), "");
}

TEST_F(CommandsTest, TheServersTextCannotDriveTheTerminal) {
  sign_in();
  answer("GET /v1/runs", {{"status", 403}, {"detail", "no\x1b[2J\nyou may not"}}, 403);
  EXPECT_EQ(run({"run", "list"}), kFailed);
  EXPECT_THAT(err_, HasSubstr("no\\u001b[2J\\u000ayou may not"));
}

TEST_F(CommandsTest, CredentialsComeOnStandardInputAndLoseOneNewline) {
  sign_in_with_key();
  answer("POST /v1/credentials/billing-key",
         protocol::CredentialStored{.name = "billing-key",
                                    .version = 1,
                                    .generation = 1,
                                    .origin = "https://billing.example",
                                    .superseded_approvals = {}}
             .to_json(),
         201);
  input_ = "0123456789abcdef\n\n";
  EXPECT_EQ(run({"credential", "add", "billing-key", "--tool-server", "billing"}, {kPassphrase}),
            kOk)
      << err_;
  EXPECT_EQ(server_.last().body, "0123456789abcdef\n") << "exactly one";
  EXPECT_TRUE(last_is_signed());
  EXPECT_EQ(server_.last().target, "/v1/credentials/billing-key?server=billing");
  EXPECT_EQ(server_.last().field("content-type"), "application/octet-stream");
  EXPECT_THAT(err_, HasSubstr("newline"));
  EXPECT_THAT(out_ + err_, Not(HasSubstr("0123456789")));

  input_ = "0123456789abcdef";
  EXPECT_EQ(run({"credential", "add", "billing-key", "--tool-server", "billing"}, {kPassphrase}),
            kOk);
  EXPECT_THAT(err_, IsEmpty());

  protocol::WorkspaceView workspace;
  workspace.name = "acme";
  workspace.id = an_id<WorkspaceId>(1);
  workspace.servers = {{.name = "billing", .url = "https://b", .credential = "billing-key"},
                       {.name = "other", .url = "https://o", .credential = ""}};
  answer("GET /v1/workspace", workspace.to_json());
  EXPECT_EQ(run({"credential", "add", "billing-key"}, {kPassphrase}), kOk)
      << "the server that names it";
  EXPECT_EQ(server_.last().target, "/v1/credentials/billing-key?server=billing");
  workspace.servers[1].credential = "billing-key";
  answer("GET /v1/workspace", workspace.to_json());
  EXPECT_EQ(run({"credential", "add", "billing-key"}), kFailed) << "none is guessed";

  input_is_terminal_ = true;
  EXPECT_EQ(run({"credential", "add", "billing-key", "--tool-server", "billing"},
                {"typed and not shown", kPassphrase}),
            kOk);
  EXPECT_EQ(server_.last().body, "typed and not shown");
}

TEST_F(CommandsTest, P48_AnAnswerIsBoundedBeforeItIsKept) {
  sign_in();
  answers_["GET /v1/session"] = Reply{.body = std::string((std::size_t{8} << 20) + 1, ' ')};
  answers_["GET /v1/actions/" + an_id<ActionId>(1).to_string() + "/explain"] =
      answers_["GET /v1/session"];
  EXPECT_EQ(run({"explain", an_id<ActionId>(1).to_string()}), kFailed);
  EXPECT_THAT(err_, HasSubstr("larger than"));
}

TEST_F(CommandsTest, P18_AShortCredentialIsRefusedHere) {
  sign_in("admin");
  input_ = "0123456789abcde\n";
  EXPECT_EQ(run({"credential", "add", "billing-key", "--tool-server", "billing"}), kFailed);
  EXPECT_THAT(err_, AllOf(HasSubstr("16"), Not(HasSubstr("0123456789"))));
  input_.assign(protocol::kMaxCredentialBytes + 2, 'x');
  EXPECT_EQ(run({"credential", "add", "billing-key", "--tool-server", "billing"}), kFailed);
  EXPECT_TRUE(server_.seen().empty());
}

TEST_F(CommandsTest, P12_ARotationToAnotherAccountNamesTheApprovalsItSupersedes) {
  sign_in_with_key();
  answer("POST /v1/credentials/billing-key/rotate",
         protocol::CredentialStored{.name = "billing-key",
                                    .version = 2,
                                    .generation = 2,
                                    .origin = "https://billing.example",
                                    .superseded_approvals = {an_id<ApprovalId>(7)}}
             .to_json(),
         201);
  input_ = "0123456789abcdef";
  EXPECT_EQ(run({"credential", "rotate", "billing-key", "--grace", "2m", "--account", "other"},
                {kPassphrase}),
            kOk);
  EXPECT_EQ(server_.last().target, "/v1/credentials/billing-key/rotate?account=other&grace=120");
  EXPECT_THAT(out_, HasSubstr(an_id<ApprovalId>(7).to_string()));
}

TEST_F(CommandsTest, PeopleAreInvitedAndDisabled) {
  sign_in_with_key();
  answer("POST /v1/users/carol/invitations",
         protocol::Invitation{.code = SecretBytes::copy_of("code-123"), .expires = clock_.now()}
             .to_json());
  EXPECT_EQ(run({"user", "invite", "carol"}), kFailed) << "no key, no code";
  EXPECT_EQ(run({"user", "invite", "carol"}, {kPassphrase}), kOk) << err_;
  EXPECT_TRUE(last_is_signed());
  EXPECT_THAT(person_.shown, HasSubstr("user carol"));
  EXPECT_EQ(out_, "code-123\n") << "the code alone, for a pipe";
  EXPECT_THAT(err_, HasSubstr("--user carol --code"));
  answer("POST /v1/users/carol/disable",
         protocol::RevokedRuns{.revoked_runs = {an_id<RunId>(3)}}.to_json());
  EXPECT_EQ(run({"user", "disable", "carol"}), kOk);
  EXPECT_THAT(out_, HasSubstr(an_id<RunId>(3).to_string()));
}

TEST_F(CommandsTest, AUserTokenIsForOneAgentAndMayGoToAPrivateFile) {
  sign_in("alice");
  answer(
      "POST /v1/user-tokens",
      protocol::UserToken{.token = SecretBytes::copy_of("ey.ey.x"), .expires_in = 300}.to_json());
  EXPECT_EQ(run({"run", "token", "--agent", "planner"}), kOk);
  EXPECT_EQ(out_, "ey.ey.x\n");
  EXPECT_EQ(server_.last().json().at("agent"), Json("planner"));
  const auto file = (home_ / "token").string();
  EXPECT_EQ(run({"run", "token", "--agent", "planner", "--out", file}), kOk);
  EXPECT_THAT(out_, IsEmpty());
  EXPECT_EQ(read_private_file(file, 100).value().reveal_text(), "ey.ey.x");
}

TEST_F(CommandsTest, WhatIsNoTokenIsNotShownAsOne) {
  sign_in("alice");
  const auto file = (home_ / "token").string();
  for (const auto* text : {"ey.\x1b]0;x\x07.x", "ey.ey.x\n", "ey.ey.x;id", "ey.ey.\u202ex"}) {
    answer("POST /v1/user-tokens",
           protocol::UserToken{.token = SecretBytes::copy_of(text), .expires_in = 300}.to_json());
    EXPECT_EQ(run({"run", "token", "--agent", "planner"}), kFailed) << text;
    EXPECT_THAT(out_, IsEmpty());
    EXPECT_THAT(err_, AllOf(HasSubstr("not understood"), Not(HasSubstr("ey."))));
    EXPECT_EQ(run({"run", "token", "--agent", "planner", "--out", file}), kFailed);
    EXPECT_FALSE(std::filesystem::exists(file));
  }
}

TEST_F(CommandsTest, RevokeSaysWhatEnded) {
  sign_in();
  const auto id = an_id<RunId>(1).to_string();
  answer("POST /v1/runs/" + id + "/revoke",
         protocol::Revoked{.revoked = {an_id<RunId>(1), an_id<RunId>(2)}}.to_json());
  EXPECT_EQ(run({"revoke", id, "--reason", "wrong invoice"}), kOk);
  EXPECT_EQ(server_.last().json().at("reason"), Json("wrong invoice"));
  EXPECT_THAT(out_, AllOf(HasSubstr("2 runs revoked"), HasSubstr(an_id<RunId>(2).to_string())));
}

TEST_F(CommandsTest, AnUnknownActionIsSettled) {
  sign_in();
  const auto id = an_id<ActionId>(1).to_string();
  answer("POST /v1/actions/" + id + "/resolve", {});
  EXPECT_EQ(run({"action", "resolve", id, "--outcome", "done", "--detail", "seen upstream"}), kOk);
  EXPECT_EQ(server_.last().json().at("outcome"), Json("done"));
}

TEST_F(CommandsTest, DoctorFindsLooseFilesExpiredSessionsAndWhatTheServersSay) {
  EXPECT_EQ(run({"doctor"}), kUnreachable) << "nothing to look at";
  sign_in();
  protocol::WorkspaceView workspace{.name = "acme",
                                    .id = an_id<WorkspaceId>(1),
                                    .version = 1,
                                    .digest = {},
                                    .users = {},
                                    .agents = {},
                                    .servers = {},
                                    .workflows = {},
                                    .credentials = {},
                                    .findings = {}};
  answer("GET /v1/workspace", workspace.to_json());
  EXPECT_EQ(run({"doctor"}), kOk) << out_;
  EXPECT_THAT(out_, HasSubstr("Nothing to mend"));

  workspace.findings.push_back(
      {.kind = "bearer-agent", .subject = "agent x", .message = "its tokens can be stolen"});
  answer("GET /v1/workspace", workspace.to_json());
  EXPECT_TRUE(write_file(home_ / "sessions/loose.json", as_bytes("x")));
  extensions_.local_findings = [] {
    return Expected<std::vector<protocol::Finding>>(
        {{.kind = "memory-not-locked", .subject = "server", .message = "raise the limit"}});
  };
  EXPECT_EQ(run({"doctor"}), kFailed);
  EXPECT_THAT(out_, AllOf(HasSubstr("agent x"), HasSubstr("loose.json"),
                          HasSubstr("raise the limit"), HasSubstr("3 findings")));
}

TEST_F(CommandsTest, AnAgentsKeyIsMadeAndDeclared) {
  const TempDirectory acme;
  ASSERT_TRUE(write_file(acme / "x", as_bytes("")));
  ASSERT_TRUE(write_private_file(acme / "agents/billing.toml",
                                 as_bytes("role = \"r\"\nowner = \"admin\"\n")));
  const auto out = (home_ / "billing.jwk").string();
  EXPECT_EQ(run({"agent", "key", "billing", "--dir", acme.path(), "--out", out}), kOk) << err_;
  const auto key = load_agent_key(out);
  ASSERT_TRUE(key) << key.error().to_string();
  const auto document = read_file(acme / "agents/billing.toml", 10'000).value();
  EXPECT_THAT(document, AllOf(StartsWith("role = \"r\""), HasSubstr("[[keys]]"),
                              HasSubstr(key->public_jwk().kid()), Not(HasSubstr("\nd = "))));
  EXPECT_EQ(run({"agent", "key", "billing", "--dir", acme.path(), "--out", out}), kFailed)
      << "a key is never overwritten";
  EXPECT_THAT(err_, AllOf(HasSubstr(out + ": there is a file"), HasSubstr("next: "),
                          HasSubstr("--out FILE"), Not(HasSubstr("File exists"))));
  EXPECT_EQ(read_file(acme / "agents/billing.toml", 10'000).value(), document);
}

// Approving, with a real statement and a real key.
class DecideCommandTest : public CommandsTest {
 public:
  DecideCommandTest() {
    sign_in("bob");
    const auto identity = identity_of(server_.url());
    key_ = UserKey::generate(identity, SecretBytes::copy_of(kPassphrase), random_, kCheap).value();
    EXPECT_TRUE(
        write_private_file(user_key_path(home_.path(), identity), as_bytes(key_->to_text())));
    answer("GET /v1/session",
           protocol::WhoAmI{
               .user = {.id = an_id<UserId>(2), .name = "bob", .roles = {}, .groups = {"finance"}},
               .workspace = "acme",
               .workspace_id = an_id<WorkspaceId>(1),
               .expires = clock_.now()}
               .to_json());
    const JsonObject arguments{{"amount", 12000}, {"to", "a\u202eb"}};
    view_.id = an_id<ApprovalId>(1);
    view_.state = "pending";
    view_.run = an_id<RunId>(1);
    view_.run_name = "refund 17";
    view_.agent = "billing";
    view_.user = "alice";
    view_.tool = "billing.refund.execute";
    view_.title = "Refund 120.00";
    view_.statement = action::canonical_statement({.workspace = an_id<WorkspaceId>(1),
                                                   .run = view_.run,
                                                   .agent = an_id<AgentId>(1),
                                                   .user = an_id<UserId>(1),
                                                   .tool = view_.tool,
                                                   .server = an_id<ServerId>(1),
                                                   .method = "POST",
                                                   .target = "/v1/refunds",
                                                   .arguments = &arguments,
                                                   .credential = std::nullopt,
                                                   .idempotency_key = "k-1"});
    view_.subject = "action";
    view_.salt = Digest{9};
    view_.commitment = approval::commitment(view_.salt, action::action_digest(view_.statement));
    view_.groups = {"finance"};
    view_.missing = {"finance"};
    view_.nonce = Bytes(32, 7);
    view_.created = clock_.now();
    view_.expires = clock_.now() + std::chrono::minutes(15);
    publish();
  }
  void publish() {
    answer("GET /v1/approvals/" + id(), view_.to_json());
    auto after = view_;
    after.state = "approved";
    after.missing = {};
    answer("POST /v1/approvals/" + id() + "/decisions", after.to_json());
  }
  std::string id() const { return an_id<ApprovalId>(1).to_string(); }
  bool decided() const { return server_.last().method == "POST"; }

  std::optional<UserKey> key_;
  protocol::ApprovalView view_;
};

TEST_F(DecideCommandTest, P20_ShowsTheActionExactlyAndSignsItsOwnCommitment) {
  EXPECT_EQ(run({"approve", id(), "--note", "checked"}, {kPassphrase}), kOk) << err_;
  EXPECT_THAT(person_.shown,
              AllOf(HasSubstr("arguments.amount: 12000"), HasSubstr("arguments.to: \"a\\u202eb\""),
                    HasSubstr("Approve for finance?")));
  EXPECT_THAT(out_, HasSubstr("The approval is approved"));
  const auto sent = protocol::DecisionRequest::from_json(server_.last().json()).value();
  EXPECT_EQ(sent.note, "checked");
  const approval::DecisionStatement statement{.workspace = an_id<WorkspaceId>(1),
                                              .approval = view_.id.to_string(),
                                              .subject = approval::Subject::action,
                                              .commitment = view_.commitment,
                                              .verdict = approval::Verdict::approve,
                                              .groups = {"finance"},
                                              .nonce = view_.nonce,
                                              .expires = view_.expires};
  EXPECT_EQ(sent.commitment, statement.commitment);
  EXPECT_TRUE(
      key_->public_jwk().verify(as_bytes(approval::canonical_decision(statement)), sent.signature));
}

TEST_F(DecideCommandTest, P20_ACommitmentThatIsNotToWhatIsShownIsNotSigned) {
  view_.commitment[0] ^= 1;
  publish();
  EXPECT_EQ(run({"approve", id()}, {kPassphrase}), kFailed);
  EXPECT_THAT(err_, AllOf(HasSubstr("commitment"), HasSubstr("do not decide this")));
  EXPECT_THAT(person_.prompts, IsEmpty()) << "no passphrase is asked for";
  EXPECT_FALSE(decided());
}

TEST_F(DecideCommandTest, P20_AWrongPassphraseOrNoTerminalDecidesNothing) {
  EXPECT_EQ(run({"deny", id()}, {"another passphrase"}), kFailed);
  EXPECT_FALSE(decided());
  EXPECT_EQ(run({"deny", id()}), kFailed);
  EXPECT_FALSE(decided());
  EXPECT_EQ(run({"deny", id()}, {kPassphrase}), kOk);
  EXPECT_EQ(server_.last().json().at("decision"), Json("deny"));
}

TEST_F(DecideCommandTest, WhoIsInNoneOfTheGroupsIsToldSo) {
  view_.groups = {"controllers"};
  publish();
  EXPECT_EQ(run({"approve", id()}, {kPassphrase}), kFailed);
  EXPECT_THAT(err_, HasSubstr("controllers"));
  EXPECT_FALSE(decided());
}

}  // namespace
}  // namespace writ::cli
