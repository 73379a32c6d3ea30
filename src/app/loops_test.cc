// SPDX-License-Identifier: Apache-2.0
// A whole server with one loop (P48): no turn of it costs more than its budget, whatever documents
// and arguments were accepted, and it answers while a version is built.
#include <algorithm>
#include <atomic>
#include <future>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <pthread.h>

#include "app/notes_testing.h"
#include "async/turn.h"
#include "cedar/authorizer.h"
#include "tools/json_schema.h"

namespace writ::app {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr std::uint64_t kMostOfATurn =
    std::max(cedar::kDecisionSteps, tools::kValidationSteps) + kLightTurn;

// Steps that turns of the server's loop have cost since the last look.
struct Turns {
  std::atomic<std::uint64_t> most = 0;
  std::atomic<std::uint64_t> all = 0;

  void add(std::uint64_t steps) {
    all += steps;
    most = std::max(most.load(), steps);
  }
  void forget() { most = all = 0; }
};

class LoopsTest : public testing::NotesServer {
 protected:
  LoopsTest() : LoopsTest(std::make_shared<Turns>()) {}

  // The loops of a server have names of their own, and its builders have not.
  static bool on_no_loop() {
    std::array<char, 16> name{};
    pthread_getname_np(pthread_self(), name.data(), name.size());
    return !std::string_view(name.data()).starts_with("loop-");
  }
  workspace::Documents with_a_person_more() {
    auto documents = testing::note_documents(worker_key_->public_jwk());
    documents["workspace.toml"] += "\n[users.erin]\n";
    return documents;
  }
  // A dry run that is being built, and stays so until server_random_ goes on.
  std::future<Expected<protocol::ApplyAnswer>> begin_held() {
    server_random_.hold(on_no_loop);
    auto answer = std::async(std::launch::async, [this, client = api()]() mutable {
      return client.post<protocol::ApplyAnswer>("/v1/apply",
                                                dry_run(with_a_person_more()).to_json());
    });
    server_random_.wait_for_one();
    return answer;
  }
  std::string get(std::string_view target) {
    auto socket = net::testing::RawSocket::connect_to(server_->port());
    socket.send("GET " + std::string(target) +
                " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    return socket.read_all();
  }

  // Policies, patterns and forms, each as dear as it may be. Some sixty of the policies use up a
  // decision's budget, and the patterns take more to compile than a turn may cost; more of them
  // would only take the test longer.
  workspace::Documents worst_documents() {
    auto documents = testing::note_documents(worker_key_->public_jwk());
    constexpr int kPolicies = 2'000;
    for (int i = 0; i < kPolicies; ++i) {
      documents["policies/heavy-" + std::to_string(i / 500) + ".cedar"] +=
          "@id(\"h" + std::to_string(i) +
          "\")\nforbid (principal, action, resource) when { context.input has text && "
          "context.input.text like \"*x*y*z" +
          std::to_string(i) + "\" };\n";
    }
    auto& tools = documents["tools/notes.toml"];
    tools +=
        "\n[[operations]]\nname = \"notes.note.write\"\ntitle = \"Write a note\"\n"
        "method = \"POST\"\npath = \"/v1/notes\"\nbody = \"json\"\neffect = \"write\"\n"
        "compensable = false\n\n[operations.arguments]\n"
        "labels = { optional = true, type = \"object\", additionalProperties = true }\n"
        "text = { optional = true, type = \"string\", anyOf = [";
    for (int i = 0; i < 8; ++i)
      tools += "{ type = \"string\", pattern = \"^a*b" + std::to_string(i) + "$\" }, ";
    tools += "{ type = \"string\", minLength = 1 }] }\n";
    for (int i = 0; i < 4; ++i) {
      tools += "heavy" + std::to_string(i) + " = { optional = true, type = \"string\", anyOf = [";
      for (int each = 0; each < 240; ++each)
        tools +=
            "{ type = \"string\", pattern = \"^(a|b|c){" + std::to_string(700 + each) + "}$\" }, ";
      tools += "{ type = \"string\", minLength = 1 }] }\n";
    }
    for (auto* path : {"agents/worker.toml", "workflows/tidy.toml"}) {
      auto& text = documents[path];
      const std::string use = "use = [\"notes.note.delete\"";
      text.insert(text.find(use) + use.size(), ", \"notes.note.write\"");
    }
    return documents;
  }
  cli::HttpAnswer write_note(const JsonObject& body) {
    auto answer = worker_->call(
        tokens_.access_token,
        {.method = "POST", .target = "/tools/acme/notes/v1/notes", .body = write_json(body)});
    EXPECT_TRUE(answer) << answer.error().to_string();
    end_turns();
    return std::move(*answer);
  }
  // An answer leaves before its turn ends. The loop takes up another request after that.
  void end_turns() { EXPECT_THAT(get("/healthz"), StartsWith("HTTP/1.1 200")); }

  std::shared_ptr<Turns> turns;

 private:
  explicit LoopsTest(const std::shared_ptr<Turns>& its_turns)
      : NotesServer(1, [its_turns](std::uint64_t steps) { its_turns->add(steps); }),
        turns(its_turns) {}
};

TEST_F(LoopsTest, P48_NoTurnCostsMoreThanItsBudget) {
  found();
  const auto worst = worst_documents();
  FakeClock clock;
  FakeRandom random;
  // To build them is more than a turn may cost.
  const auto built =
      workspace::build_version(WorkspaceId::make(clock, random), 1, worst, {}, clock, random,
                               workspace::kCurrentRules, {.compilation_steps = kMostOfATurn});
  ASSERT_FALSE(built);
  ASSERT_EQ(built.error().front().code, Errc::too_large) << built.error().front().to_string();

  turns->forget();
  const auto applied = apply(worst);
  ASSERT_TRUE(applied) << applied.error().to_string();
  end_turns();
  EXPECT_LE(turns->all, kLightTurn) << "documents were checked on the loop";
  begin_run();

  // The dearest text: it fits after all patterns, and then no decision on it can be paid for.
  turns->forget();
  const auto denied = write_note({{"text", std::string(1'040'000, 'a')}});
  EXPECT_EQ(denied.status, 403) << denied.body;
  EXPECT_THAT(denied.body, HasSubstr("takes more than 4000000 steps"));
  EXPECT_LE(turns->most, kMostOfATurn);
  EXPECT_GT(turns->all, kMostOfATurn) << "not dear enough to show anything";

  // The longest name, with many values under it; and as many values as a body may have. Both are
  // decided on, and found too large to be asked about.
  JsonArray few;
  for (int i = 0; i < 20'000; ++i) few.emplace_back(i % 7);
  JsonArray many;
  for (int i = 0; i < 99'000; ++i) many.emplace_back(i % 7);
  turns->forget();
  const auto named =
      write_note({{"labels", JsonObject{{std::string(900'000, 'k'), std::move(few)}}}});
  EXPECT_THAT(named.body, HasSubstr("too large for a person"));
  const auto counted = write_note({{"labels", JsonObject{{"k", std::move(many)}}}});
  EXPECT_THAT(counted.body, HasSubstr("too large for a person"));
  EXPECT_LE(turns->most, kMostOfATurn);
  EXPECT_GT(turns->all, kMostOfATurn / 4) << "not dear enough to show anything";
}

TEST_F(LoopsTest, P48_HealthAndRevokingAreAnsweredWhileAVersionIsBuilt) {
  found();
  begin_run();
  const auto runs = api().get<protocol::RunList>("/v1/runs").value();
  ASSERT_EQ(runs.runs.size(), 1U);
  auto held = begin_held();
  EXPECT_THAT(get("/healthz"), StartsWith("HTTP/1.1 200"));
  EXPECT_THAT(get("/readyz"), StartsWith("HTTP/1.1 200"));
  const auto revoked = api().post<protocol::Revoked>(
      "/v1/runs/" + runs.runs.front().id.to_string() + "/revoke", {{"reason", "enough"}});
  EXPECT_TRUE(revoked) << revoked.error().to_string();
  EXPECT_EQ(delete_note().status, 403);
  server_random_.go_on();
  const auto answer = held.get();
  EXPECT_TRUE(answer) << answer.error().to_string();
}

// A job that is under way cannot be cut. Nobody waits for it: it has no say in anything any more.
TEST_F(LoopsTest, P48_AStopDoesNotWaitForABuild) {
  found();
  auto held = begin_held();
  auto stopped = std::async(std::launch::async, [this] { server_->stop(milliseconds(0)); });
  const bool in_time = stopped.wait_for(seconds(30)) == std::future_status::ready;
  EXPECT_TRUE(in_time);
  server_random_.go_on();
  stopped.get();
  EXPECT_FALSE(held.get());
  restart();
  EXPECT_EQ(api().get<protocol::WorkspaceView>("/v1/workspace")->version, 2U);
}

}  // namespace
}  // namespace writ::app
