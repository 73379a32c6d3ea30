// SPDX-License-Identifier: Apache-2.0
// A whole server, stopped and started again on the same data, as people and agents see it.
#include <array>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "app/notes_testing.h"
#include "audit/entry.h"
#include "base/fake_clock.h"
#include "store/sqlite_store.h"

namespace writ::app {
namespace {

using ::testing::HasSubstr;

class RestartTest : public testing::NotesServer {};

// failures.md: restart during a pending approval survives with the same commitment and expiry.
TEST_F(RestartTest, I3_EverythingIsThereAgain) {
  found();
  begin_run();
  const auto asked = delete_note();
  EXPECT_THAT(asked.body, HasSubstr("approval")) << asked.status;
  const auto before = question();
  const auto runs_before = api().get<protocol::RunList>("/v1/runs").value();
  const auto keys_before = http_->send(url_, {.target = "/oauth/jwks"})->body;
  server_->stop(seconds(1));  // signs what is not signed yet

  restart();

  const auto after = question();
  EXPECT_EQ(after.id, before.id);
  EXPECT_EQ(after.state, "pending");
  EXPECT_EQ(after.commitment, before.commitment);
  EXPECT_EQ(after.salt, before.salt);
  EXPECT_EQ(after.expires, before.expires);
  EXPECT_EQ(after.nonce, before.nonce);
  EXPECT_EQ(api().get<protocol::RunList>("/v1/runs").value(), runs_before);
  EXPECT_EQ(http_->send(url_, {.target = "/oauth/jwks"})->body, keys_before);
  // The token from before still holds, and the same request is the same question.
  const auto again = delete_note();
  EXPECT_EQ(again.status, asked.status) << again.body;
  EXPECT_EQ(question().id, before.id);
}

TEST_F(RestartTest, I3_TheLogGoesOnWhereItWas) {
  found();
  begin_run();
  delete_note();
  server_->stop(seconds(1));
  restart();
  const auto first = log_head();
  ASSERT_GT(first.size, 0U);
  delete_note();
  server_->stop(seconds(1));
  restart();
  const auto second = log_head();
  EXPECT_EQ(second.key, first.key);
  EXPECT_EQ(second.origin, first.origin);
  EXPECT_GE(second.size, first.size);
}

// The log cannot be vouched for when the server starts, and can a little later.
TEST_F(RestartTest, I6_AnIntentBecomesUnknownAlsoWhereTheAnchorComesBackLater) {
  found();
  server_->stop(seconds(1));
  server_.reset();
  WorkspaceId id;
  // Calls `with` for the workspace's store.
  const auto in_store = [&](auto with) {
    const auto store =
        store::open_sqlite(
            {.directory = config_.data.string()},
            load_seal_key(folder_ / "srv/seal.key", config_.data, false).value().row_keys(), clock_,
            log_)
            .value();
    Loop loop(clock_);
    loop.start("test");
    id = run_on(loop, store->workspaces()).value().front();
    with(loop, *store->workspace(id));
    loop.stop();
  };
  const auto action = ActionId::make(clock_, random_);
  in_store([&](Loop& loop, broker::WorkspaceStore& store) {
    const auto entry = audit::EntryBuilder(audit::Kind::action_intent, clock_.now(), id)
                           .action(action)
                           .run(RunId::make(clock_, random_))
                           .build()
                           .value();
    broker::Unit unit;
    unit.appends.push_back({.entry = std::string(entry.text()),
                            .sealed = {},
                            .subjects = {action.to_string()},
                            .proof = std::nullopt});
    ASSERT_TRUE(run_on(loop, store.commit(std::move(unit))));
  });
  const auto note = config_.anchor / (id.to_string() + ".checkpoint");
  std::filesystem::rename(note, folder_ / "note");
  std::filesystem::create_directory(note);

  server_ = server_with(clock_).value();
  EXPECT_FALSE(server_->ready());
  std::filesystem::remove(note);
  std::filesystem::rename(folder_ / "note", note);
  while (!server_->ready()) std::this_thread::yield();
  server_.reset();

  in_store([&](Loop& loop, broker::WorkspaceStore& store) {
    const auto rows = run_on(loop, store.find_log(action.to_string(), 0, 10)).value();
    ASSERT_EQ(rows.size(), 2U);
    EXPECT_THAT(rows.at(1).entry, HasSubstr("recovery.unknown"));
  });
}

// failures.md: database restored from an older backup.
TEST_F(RestartTest, P21_AnOlderCopyOfTheDataIsSeenAndNothingBegins) {
  found();
  server_->stop(seconds(1));
  server_.reset();
  const auto data = config_.data;
  const auto older = folder_ / "older";
  std::filesystem::copy(data, older, std::filesystem::copy_options::recursive);
  start();
  begin_run();
  server_->stop(seconds(1));
  server_.reset();
  std::filesystem::remove_all(data);
  std::filesystem::rename(older, data);
  auto started = server_with(clock_);
  ASSERT_TRUE(started) << started.error().to_string();
  server_ = std::move(*started);
  ASSERT_FALSE(server_->ready());
  EXPECT_THAT(server_->ready().error().to_string(), HasSubstr("restored from an older backup"));
  const auto ready = http_->send(url_, {.target = "/readyz"});
  EXPECT_EQ(ready->status, 503);
  EXPECT_THAT(ready->body, HasSubstr("restored from an older backup"));
  // People still see what there is; nothing new begins.
  EXPECT_TRUE(api().get<protocol::RunList>("/v1/runs"));
  const auto token = api().post<protocol::UserToken>("/v1/user-tokens", {{"agent", "worker"}});
  ASSERT_TRUE(token || token.error().code == Errc::unavailable) << token.error().to_string();
  if (!token) return;
  const auto tokens =
      worker_->start(token->token, cli::kJwtTokenType,
                     {.workspace = "acme", .workflow = "tidy", .step = "delete", .name = "tidy-2"},
                     {url_.origin() + "/tools/acme/notes"});
  ASSERT_FALSE(tokens);
  EXPECT_THAT(tokens.error().to_string(), HasSubstr("audit log takes nothing new"));
}

TEST_F(RestartTest, P21_AnOlderCopyIsTakenUpOnPurposeAlone) {
  found();
  server_.reset();
  const auto older = folder_ / "older";
  std::filesystem::copy(config_.data, older, std::filesystem::copy_options::recursive);
  start();
  begin_run();
  server_.reset();
  std::filesystem::remove_all(config_.data);
  std::filesystem::rename(older, config_.data);
  const auto accepting = [&] {
    server_.reset();
    auto started = Server::start(
        config_, {.clock = clock_, .random = random_, .log = log_, .metrics = metrics_},
        {.accept_anchor = true});
    ASSERT_TRUE(started) << started.error().to_string();
    server_ = std::move(*started);
  };
  // The anchor knows of more than there is: to accept it is not enough.
  accepting();
  ASSERT_FALSE(server_->ready());
  EXPECT_THAT(server_->ready().error().to_string(), HasSubstr("--accept-anchor"));
  for (const auto& file : std::filesystem::directory_iterator(config_.anchor)) {
    if (file.path().extension() == ".checkpoint") std::filesystem::remove(file.path());
  }
  accepting();
  ASSERT_TRUE(server_->ready()) << server_->ready().error().to_string();
  EXPECT_TRUE(api().get<protocol::RunList>("/v1/runs"));
  server_.reset();
  start();
}

// failures.md: clock ± 1 h: not ready, no grants, no calls, until it has caught up.
TEST_F(RestartTest, P24_AClockThatWentBackIsNotReadyAndComesBackByItself) {
  found();
  server_->stop(seconds(1));
  server_.reset();
  FakeClock behind(clock_.now() - std::chrono::hours(1));
  auto started = server_with(behind);
  ASSERT_TRUE(started) << started.error().to_string();
  ASSERT_FALSE((*started)->ready());
  EXPECT_THAT((*started)->ready().error().to_string(), HasSubstr("clock"));
  EXPECT_THAT(http_->send(url_, {.target = "/readyz"})->body, HasSubstr("clock"));
  behind.advance(std::chrono::hours(1));
  // A commit under way has waited for an hour then, as far as the clock knows, and ends now.
  auto ready = (*started)->ready();
  const auto limit = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (!ready && std::chrono::steady_clock::now() < limit) {
    std::this_thread::yield();
    ready = (*started)->ready();
  }
  EXPECT_TRUE(ready) << ready.error().to_string();
}

// P23, failures.md 8: revoke, and a restart brings nothing back.
TEST_F(RestartTest, ARevokedRunStaysRevoked) {
  found();
  begin_run();
  const auto run = api().get<protocol::RunList>("/v1/runs")->runs.at(0).id.to_string();
  const auto revoked = api().send_json("POST", "/v1/runs/" + run + "/revoke", {{"reason", "test"}});
  ASSERT_TRUE(revoked) << revoked.error().to_string();
  restart();
  const auto refused = delete_note();
  EXPECT_GE(refused.status, 400);
  EXPECT_FALSE(worker_->refresh(*tokens_.refresh_token, {url_.origin() + "/tools/acme/notes"}));
}

TEST_F(RestartTest, TheFoundingCodeIsSpentForEver) {
  auto code = code_.clone();
  found();
  restart();
  const auto again = cli::open_session(
      *http_, {.server = url_.origin(), .workspace = "other", .user = "eve"},
      jose::Es256Signer(crypto::Es256PrivateKey::generate()), std::move(code), ahead_, random_);
  EXPECT_FALSE(again);
}

}  // namespace
}  // namespace writ::app
