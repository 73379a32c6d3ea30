// SPDX-License-Identifier: Apache-2.0
#include "cli/agent_commands.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/files.h"
#include "cli/testing_people.h"
#include "cli/testing_server.h"
#include "crypto/random.h"
#include "jose/dpop.h"
#include "wire/canonical.h"

namespace writ::cli {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::Reply;
using testing::ScriptedPerson;
using testing::Seen;
using testing::TempDirectory;
using testing::TestServer;

class AgentCommandsTest : public ::testing::Test {
 public:
  AgentCommandsTest() {
    server_.answer_with([this](const Seen& seen) -> Reply {
      if (seen.path() == "/.well-known/oauth-authorization-server") {
        return Reply::json({{"issuer", server_.origin()},
                            {"token_endpoint", server_.origin() + "/oauth/token"},
                            {"introspection_endpoint", server_.origin() + "/oauth/introspect"},
                            {"revocation_endpoint", server_.origin() + "/oauth/revoke"}});
      }
      return reply_;
    });
    key_ = std::make_shared<jose::Es256Signer>([&] {
      auto key = crypto::Es256PrivateKey::generate();
      EXPECT_TRUE(write_private_file(
          home_ / "planner.jwk",
          jose::write_private_jwk(key, jose::Jwk(key.public_key()).thumbprint()).reveal()));
      return key;
    }());
  }

  template <typename... Arguments>
  int run(Expected<int> (*command)(Context&, Arguments...),
          std::type_identity_t<Arguments>... arguments) {
    out_.clear();
    err_.clear();
    const Environment environment{
        .clock = clock_,
        .random = random_,
        .asker = person_,
        .out = [this](std::string_view text) { out_ += text; },
        .err = [this](std::string_view text) { err_ += text; },
        .input =
            [this](std::size_t) { return Expected<SecretBytes>(SecretBytes::copy_of(input_)); },
        .output_is_terminal = output_is_terminal_,
        .home = home_.path()};
    Context context(environment, {.server = server_.origin(), .workspace = "acme"});
    const auto status = command(context, arguments...);
    if (!status) err_ += status.error().to_string();
    return status ? *status : exit_status(status.error());
  }
  AgentIdentity planner() const { return {.name = "planner", .key_file = home_ / "planner.jwk"}; }
  std::string put(std::string_view name, std::string_view text) {
    EXPECT_TRUE(write_private_file(home_ / name, as_bytes(text)));
    return home_ / name;
  }

  SystemClock clock_;
  crypto::SystemRandom random_;
  ScriptedPerson person_;
  TempDirectory home_;
  Reply reply_ = Reply::json({{"access_token", "at-1"},
                              {"refresh_token", "rt-1"},
                              {"token_type", "DPoP"},
                              {"expires_in", 600},
                              {"run", "run_1"}});
  TestServer server_;
  std::shared_ptr<jose::Es256Signer> key_;
  std::string input_;
  bool output_is_terminal_ = false;
  std::string out_;
  std::string err_;
};

TEST_F(AgentCommandsTest, ARunIsStartedAndItsTokensServeTheNextCommands) {
  const auto tokens = (home_ / "tokens").string();
  EXPECT_EQ(run(run_agent_token,
                AgentTokenCommand{.agent = planner(),
                                  .kind = AgentTokenCommand::Kind::start,
                                  .token_file = put("subject", "user-token\n"),
                                  .run = {.workflow = "refund", .step = "plan", .name = "r"},
                                  .tools = {"billing", "v1"},
                                  .out = tokens}),
            kOk)
      << err_;
  EXPECT_THAT(out_, IsEmpty());
  auto form = server_.last().form();
  EXPECT_EQ(form.require("subject_token").value(), "user-token");
  EXPECT_EQ(form.require("subject_token_type").value(), kJwtTokenType);
  EXPECT_THAT(form.all("resource"),
              ElementsAre(server_.origin() + "/tools/acme/billing", server_.origin() + "/v1"));
  EXPECT_THAT(std::string(form.require("authorization_details").value()),
              HasSubstr(R"("workspace":"acme")"));

  EXPECT_EQ(run(run_agent_token, AgentTokenCommand{.agent = planner(),
                                                   .kind = AgentTokenCommand::Kind::refresh,
                                                   .token_file = tokens}),
            kOk);
  EXPECT_EQ(server_.last().form().require("refresh_token").value(), "rt-1");
  EXPECT_EQ(parse_json_object(out_)->at("access_token"), Json("at-1"));

  reply_ = {.status = 200, .body = "{\"id\":1}"};
  EXPECT_EQ(run(run_agent_call,
                AgentCallCommand{.agent = planner(),
                                 .token_file = tokens,
                                 .call = {.target = "/tools/acme/billing/v1/invoices/1"}}),
            kOk);
  EXPECT_EQ(out_, "{\"id\":1}");
  EXPECT_EQ(server_.last().field("authorization"), "DPoP at-1");
}

TEST_F(AgentCommandsTest, AnAnswerCannotDriveTheTerminalAndAPipeGetsItsVeryBytes) {
  const std::string body = "{\n\t\"note\": \"\x1b]0;x\x07\u009b2J\u202e é\xff\"\r\n}";
  for (const int status : {200, 502}) {
    reply_ = {.status = status, .body = body, .content_type = "text/plain"};
    const AgentCallCommand call{.agent = planner(),
                                .token_file = put("at", "at-1"),
                                .call = {.target = "/tools/acme/billing/v1/invoices/1"}};
    output_is_terminal_ = false;
    run(run_agent_call, call);
    EXPECT_EQ(out_, status == 200 ? body : body + "\n");
    output_is_terminal_ = true;
    run(run_agent_call, call);
    EXPECT_EQ(out_, "{\n\t\"note\": \"\\u001b]0;x\\u0007\\u009b2J\\u202e é\\xff\"\\u000d\n}\n");
  }
}

TEST_F(AgentCommandsTest, ARefusedCallShowsTheProblemAndFails) {
  input_ = "at-2\n";
  reply_ = Reply::json({{"status", 403},
                        {"type", "https://writ.dev/problems/approval-needed"},
                        {"detail", "a person must approve"},
                        {"hint", "ask bob"}},
                       403);
  EXPECT_EQ(run(run_agent_call,
                AgentCallCommand{
                    .agent = planner(),
                    .token_file = "-",
                    .call = {.method = "POST", .target = "/tools/acme/billing/x", .body = "{}"},
                    .show_head = true}),
            kFailed);
  EXPECT_EQ(server_.last().field("authorization"), "DPoP at-2");
  EXPECT_THAT(err_, AllOf(HasSubstr("HTTP 403"), HasSubstr("a person must approve"),
                          HasSubstr("next: ask bob")));
}

TEST_F(AgentCommandsTest, ADelegationIsHandedDownAndTakenOver) {
  EXPECT_EQ(
      run(run_agent_token, AgentTokenCommand{.agent = planner(),
                                             .kind = AgentTokenCommand::Kind::hand_down,
                                             .token_file = put("at", "at-1"),
                                             .delegation = {.agent = "support", .step = "triage"}}),
      kOk)
      << err_;
  EXPECT_THAT(std::string(server_.last().form().require("authorization_details").value()),
              HasSubstr(R"("agent":"support")"));
  EXPECT_EQ(run(run_agent_token, AgentTokenCommand{.agent = planner(),
                                                   .kind = AgentTokenCommand::Kind::take_over,
                                                   .token_file = put("dt", "dt-1"),
                                                   .tools = {"billing"}}),
            kOk);
  EXPECT_EQ(server_.last().form().require("subject_token").value(), "dt-1");
}

TEST_F(AgentCommandsTest, AProofIsForOneRequest) {
  EXPECT_EQ(run(run_agent_proof, AgentProofCommand{.agent = planner(),
                                                   .method = "POST",
                                                   .url = "https://writ.example/tools/a/b?c=1",
                                                   .token_file = put("at", "at-1")}),
            kOk)
      << err_;
  ASSERT_TRUE(out_.ends_with('\n'));
  out_.pop_back();
  const auto proof = jose::verify_dpop_proof(
      out_, {.method = "POST", .url = "https://writ.example/tools/a/b", .access_token = "at-1"},
      clock_.now());
  ASSERT_TRUE(proof) << proof.error().to_string();
  EXPECT_EQ(proof->thumbprint(), key_->public_jwk().thumbprint());
}

TEST_F(AgentCommandsTest, TokensAreLookedAtAndGivenBack) {
  reply_ = Reply::json({{"active", true}});
  EXPECT_EQ(run(run_agent_introspect, planner(), put("at", "at-1")), kOk);
  EXPECT_EQ(parse_json_object(out_)->at("active"), Json(true));
  EXPECT_EQ(run(run_agent_revoke, planner(), put("at", "at-1")), kOk);
  EXPECT_EQ(server_.last().path(), "/oauth/revoke");
}

TEST_F(AgentCommandsTest, ATokenFileThatOthersReadIsNotUsed) {
  const auto file = put("at", "at-1");
  std::filesystem::permissions(file, std::filesystem::perms(0644));
  EXPECT_EQ(run(run_agent_introspect, planner(), file), kFailed);
  EXPECT_THAT(err_, HasSubstr("chmod 600"));
  EXPECT_TRUE(server_.seen().empty());
}

}  // namespace
}  // namespace writ::cli
