// SPDX-License-Identifier: Apache-2.0
// Applies are checked off the loops (P48). The server of these tests has one loop: whatever holds
// it up, holds up everybody.
#include <latch>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "api/testing.h"

namespace writ::api {
namespace {

using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

class BuildsTest : public testing::Test, public ApiServer {
 protected:
  // A dry run with a person more, whose id is drawn while the version is built.
  std::string dry_run(const std::string& person) {
    auto documents = acme.documents();
    documents["workspace.toml"] += "\n[users." + person + "]\n";
    return write_json(protocol::ApplyRequest{
        .documents = std::move(documents), .dry_run = true, .base = {}, .signed_by_admin = {}}
                          .to_json());
  }
  net::testing::RawSocket begin(const std::string& name, std::string_view body) {
    auto socket = connect();
    WRIT_CHECK(socket.send("POST /v1/apply HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n" +
                           fields_of(session_of(name), "POST", "/v1/apply") +
                           "Content-Type: application/json\r\nContent-Length: " +
                           std::to_string(body.size()) + "\r\n\r\n" + std::string(body)));
    return socket;
  }
  // A dry run by the admin that is being checked, and stays so until build_random goes on.
  net::testing::RawSocket begin_held() {
    (void)session_of("admin");
    build_random.hold();
    auto socket = begin("admin", dry_run("erin"));
    build_random.wait_for_one();
    return socket;
  }
  broker::Share::Held held_by(const std::string& name) {
    return builds.held({.workspace = acme.workspace().id(), .member = acme.user_id(name).raw()});
  }
};

TEST_F(BuildsTest, P48_WhileAWorkspaceIsCheckedEverybodyElseIsAnswered) {
  const auto run = acme.refund_chain();
  (void)stranger();
  (void)session_of("opal");
  auto held = begin_held();
  auto next = begin("admin", dry_run("fred"));

  EXPECT_EQ(as("opal", "GET", "/v1/session").status, 200);
  const auto revoked =
      as("opal", "POST", "/v1/runs/" + run->id.to_string() + "/revoke", R"({"reason":"enough"})");
  EXPECT_EQ(revoked.status, 200) << revoked.body;
  EXPECT_FALSE(acme.workspace().runs().alive(run->id, acme.clock().now()));
  // Another workspace has its turn, however long this one takes.
  const auto other = as(
      stranger(), "POST", "/v1/apply",
      write_json(protocol::ApplyRequest{
          .documents = {{"workspace.toml", "name = \"beta\"\n[users.ada]\nroles = [\"admin\"]\n"}},
          .dry_run = true,
          .base = {},
          .signed_by_admin = {}}
                     .to_json()));
  EXPECT_EQ(other.status, 200) << other.body;
  EXPECT_TRUE(held.is_silent());
  EXPECT_TRUE(next.is_silent());

  build_random.go_on();
  EXPECT_THAT(held.read_all(), StartsWith("HTTP/1.1 200"));
  EXPECT_THAT(next.read_all(), StartsWith("HTTP/1.1 200"));
}

TEST_F(BuildsTest, P48_WhoeverChecksTooMuchAtOnceIsToldWhichBoundItIs) {
  auto held = begin_held();
  auto next = begin("admin", dry_run("fred"));
  while (held_by("admin").member < 2) std::this_thread::yield();
  const auto refused = as("admin", "POST", "/v1/apply", dry_run("greta"));
  EXPECT_EQ(refused.status, 429) << refused.body;
  EXPECT_EQ(refused.text("type"), "https://writ.dev/problems/rate-limited");
  EXPECT_EQ(refused.text("limit"), "builds_per_user");
  EXPECT_THAT(refused.head, HasSubstr("Retry-After: 1\r\n"));
  build_random.go_on();
  EXPECT_THAT(held.read_all(), StartsWith("HTTP/1.1 200"));
  EXPECT_THAT(next.read_all(), StartsWith("HTTP/1.1 200"));
  EXPECT_EQ(held_by("admin").server, 0U);
}

// Between the last byte and the answer there is time now, in which somebody may be stopped.
TEST_F(BuildsTest, P35_WhoIsStoppedWhileDocumentsAreCheckedIsShownNothing) {
  add_person("eve", R"(roles = ["admin"])");
  (void)session_of("eve");
  (void)session_of("opal");
  build_random.hold();
  auto held = begin("eve", dry_run("erin"));
  build_random.wait_for_one();
  EXPECT_EQ(as("opal", "POST", "/v1/users/eve/disable", "{}").status, 200);
  // Though the job is still under way, and keeps its place.
  const auto answer = held.read_all();
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 401"));
  EXPECT_THAT(answer, Not(HasSubstr("erin")));
  EXPECT_EQ(held_by("eve").member, 1U);
  build_random.go_on();
  while (held_by("eve").member > 0) std::this_thread::yield();
}

TEST_F(BuildsTest, P35_WhatWasCheckedIsNotShownToWhoeverWasStoppedSince) {
  add_person("eve", R"(roles = ["admin"])");
  (void)session_of("eve");
  (void)session_of("opal");
  build_random.hold();
  auto asked = begin("eve", dry_run("erin"));
  build_random.wait_for_one();
  // Something else of the workspace comes between the check and what is written of it.
  std::latch begun(1);
  std::latch go_on(1);
  const auto place =
      builds.enter({.workspace = acme.workspace().id(), .member = acme.user_id("admin").raw()});
  spawn(acme.loop(),
        [](broker::Builds& to, broker::Builds::SharedPlace at, std::latch& here,
           std::latch& until) -> Task<void> {
          (void)co_await to.run(std::move(at), [&here, &until] {
            here.count_down();
            until.wait();
            return true;
          });
        }(builds, *place, begun, go_on));
  acme.run([]() -> Task<void> { co_return; }());
  build_random.go_on();
  begun.wait();
  EXPECT_EQ(as("opal", "POST", "/v1/users/eve/disable", "{}").status, 200);
  go_on.count_down();
  const auto answer = asked.read_all();
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 401"));
  EXPECT_THAT(answer, Not(HasSubstr("erin")));
}

TEST_F(BuildsTest, P48_AStopAnswersWhoeverWaitsForACheck) {
  auto held = begin_held();
  builds.stop();
  const auto answer = held.read_all();
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 503"));
  EXPECT_THAT(answer, HasSubstr("the server is stopping; nothing was changed"));
  build_random.go_on();
}

}  // namespace
}  // namespace writ::api
