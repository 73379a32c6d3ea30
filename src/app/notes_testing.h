// SPDX-License-Identifier: Apache-2.0
// NotesServer: for tests, a whole server as people and agents see it, on data that outlives it: one
// founder, one agent that deletes notes, and one group that is asked first.
#pragma once

#include <array>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include <gtest/gtest.h>

#include "app/initialize.h"
#include "app/testing.h"
#include "approval/statements.h"
#include "base/fake_clock.h"
#include "base/fake_random.h"
#include "base/held_random.h"
#include "cli/agent_client.h"
#include "cli/agent_key.h"
#include "cli/api_client.h"
#include "cli/login.h"
#include "protocol/apply.h"
#include "protocol/approvals.h"
#include "protocol/log.h"
#include "protocol/runs.h"
#include "protocol/sessions.h"
#include "protocol/workspace.h"

namespace writ::app::testing {

// One agent that deletes notes, and one group that is asked first.
inline workspace::Documents note_documents(const jose::Jwk& agent_key) {
  return {{"workspace.toml", R"(name = "acme"

[groups]
ops = "Approve what deletes"

[users.ada]
roles = ["admin", "operator"]

[users.bob]
groups = ["ops"]
)"},
          {"agents/worker.toml", R"(role = "Keeps notes"
owner = "ada"
sender = "dpop"

[ceiling]
use = ["notes.note.delete"]
)" + cli::keys_block(agent_key)},
          {"tools/notes.toml", R"(kind = "http"
url = "http://127.0.0.1:9"
allow_addresses = ["127.0.0.1/32"]

[[operations]]
name = "notes.note.delete"
title = "Delete note {note}"
method = "DELETE"
path = "/v1/notes/{note}"
effect = "write"
compensable = false

[operations.arguments]
note = { type = "string", pattern = "^n[0-9]{1,9}$" }
)"},
          {"workflows/tidy.toml", R"(description = "Tidy up"

[[steps]]
name = "delete"
agent = "worker"
starts = true
life = "1h"
use = ["notes.note.delete"]
)"},
          {"policies/notes.cedar", R"(@id("ada-may")
permit (principal == Writ::User::"ada", action, resource);
@id("users-may-use-notes")
permit (principal is Writ::User, action, resource == Writ::ToolServer::"notes");
@id("worker-deletes")
permit (principal in Writ::Agent::"worker", action, resource == Writ::ToolServer::"notes");
@id("ops-are-asked")
@needs_approval("ops")
forbid (principal is Writ::Run, action, resource);
)"}};
}

// Of those who ask: somewhat ahead of the server's, as clocks are. A proof made in the very second
// in which the server began would be taken for one from before.
class AheadClock final : public Clock {
 public:
  TimePoint now() const override { return clock_.now() + seconds(2); }
  SteadyPoint steady_now() const override { return clock_.steady_now(); }

 private:
  SystemClock clock_;
};

// A server of the configuration that `writ init` writes. Its bytes are drawn from server_random_,
// which may hold a thread of it up; everybody else's from random_.
class NotesServer : public ::testing::Test {
 protected:
  // `loops` and `turns` as in app/config.h and app/server.h.
  explicit NotesServer(std::size_t loops = 0, TurnWatch turns = {}) : turns_(std::move(turns)) {
    auto code = initialize({.folder = folder_ / "srv", .listen = "127.0.0.1:0", .public_url = {}},
                           {.clock = clock_, .random = random_, .log = log_});
    EXPECT_TRUE(code) << code.error().to_string();
    code_ = std::move(code->code);
    config_ = read_config(folder_ / "srv/writ.toml").value();
    config_.loops = loops;
    // The same address again after a restart, as tokens and proofs name it: below the ports that
    // Linux gives to outgoing connections, so that none of them takes it meanwhile.
    for (int attempt = 0; attempt < 100 && server_ == nullptr; ++attempt) {
      std::array<std::uint8_t, 2> drawn{};
      random_.fill(drawn);
      config_.port = static_cast<std::uint16_t>(20'000 + ((drawn[0] << 8U) | drawn[1]) % 12'000);
      auto started = server_with(clock_);
      if (started) server_ = std::move(*started);
    }
    EXPECT_NE(server_, nullptr);
    http_ = cli::Http::create(ahead_, {}).value();
    url_ = parse_url(server_->url()).value();
  }

  Expected<std::unique_ptr<Server>> server_with(const Clock& clock) {
    return Server::start(config_, {.clock = clock,
                                   .random = server_random_,
                                   .log = log_,
                                   .metrics = metrics_,
                                   .turns = turns_});
  }
  void start() {
    auto started = server_with(clock_);
    ASSERT_TRUE(started) << started.error().to_string();
    server_ = std::move(*started);
    ASSERT_TRUE(server_->ready()) << server_->ready().error().to_string();
  }
  void restart() {
    server_.reset();
    start();
  }

  void found() {
    founder_.emplace(crypto::Es256PrivateKey::generate());
    auto session =
        cli::open_session(*http_, {.server = url_.origin(), .workspace = "acme", .user = "ada"},
                          *founder_, std::move(code_), ahead_, random_);
    ASSERT_TRUE(session) << session.error().to_string();
    session_ = std::move(*session);
    const auto applied = apply(note_documents(worker_key_->public_jwk()));
    ASSERT_TRUE(applied) << applied.error().to_string();
    ASSERT_TRUE(applied->changed);
  }
  static protocol::ApplyRequest dry_run(workspace::Documents documents) {
    return {.documents = std::move(documents), .dry_run = true, .base = {}, .signed_by_admin = {}};
  }
  // As the command line does it: looked at, and signed.
  Expected<protocol::ApplyAnswer> apply(workspace::Documents documents) {
    auto request = dry_run(std::move(documents));
    WRIT_TRY(const auto shown, api().post<protocol::ApplyAnswer>("/v1/apply", request.to_json()));
    approval::ApplyStatement statement{
        .workspace = api().get<protocol::WhoAmI>("/v1/session")->workspace_id,
        .base_version = shown.base.version,
        .base = shown.base.digest,
        .digest = shown.digest,
        .difference = approval::difference_digest(protocol::write_messages(shown.changes)),
        .fresh = {.nonce = Bytes(approval::kStatementNonce),
                  .expires = clock_.now() + approval::kStatementLife}};
    random_.fill(statement.fresh.nonce);
    request.dry_run = false;
    request.base = shown.base;
    request.signed_by_admin = protocol::ApplySignature{
        .difference = statement.difference,
        .nonce = statement.fresh.nonce,
        .expiry = statement.fresh.expires,
        .signature = founder_->sign(as_bytes(approval::canonical_apply(statement)))};
    return api().post<protocol::ApplyAnswer>("/v1/apply", request.to_json());
  }
  cli::ApiClient api() { return cli::ApiClient::create(*http_, session_, ahead_, random_).value(); }

  void begin_run() {
    const auto token = api().post<protocol::UserToken>("/v1/user-tokens", {{"agent", "worker"}});
    ASSERT_TRUE(token) << token.error().to_string();
    worker_.emplace(
        cli::AgentClient::discover(*http_, url_, "acme/worker", worker_key_, ahead_, random_)
            .value());
    auto tokens = worker_->start(
        token->token, cli::kJwtTokenType,
        {.workspace = "acme", .workflow = "tidy", .step = "delete", .name = "tidy-1"},
        {url_.origin() + "/tools/acme/notes"});
    ASSERT_TRUE(tokens) << tokens.error().to_string();
    tokens_ = std::move(*tokens);
  }
  cli::HttpAnswer delete_note() {
    auto answer = worker_->call(
        tokens_.access_token,
        {.method = "DELETE", .target = "/tools/acme/notes/v1/notes/n1", .idempotency_key = "k1"});
    EXPECT_TRUE(answer) << answer.error().to_string();
    return std::move(*answer);
  }
  // The open question about that.
  protocol::ApprovalView question() {
    const auto all = api().get<protocol::ApprovalList>("/v1/approvals");
    EXPECT_TRUE(all) << all.error().to_string();
    EXPECT_EQ(all->approvals.size(), 1U);
    const auto one =
        api().get<protocol::ApprovalView>("/v1/approvals/" + all->approvals.at(0).id.to_string());
    EXPECT_TRUE(one) << one.error().to_string();
    return one.value_or(protocol::ApprovalView{});
  }
  protocol::LogView log_head() {
    const auto log = api().get<protocol::LogView>("/v1/log");
    EXPECT_TRUE(log) << log.error().to_string();
    return log.value_or(protocol::LogView{});
  }

  TurnWatch turns_;
  SystemClock clock_;
  AheadClock ahead_;
  crypto::SystemRandom random_;
  HeldRandom server_random_{random_};
  observe::CapturingLog log_;
  PrometheusMetrics metrics_;
  TemporaryFolder folder_;
  ServerConfig config_;
  SecretBytes code_;
  std::unique_ptr<Server> server_;
  Url url_;
  std::unique_ptr<cli::Http> http_;
  cli::Session session_;
  std::optional<jose::Es256Signer> founder_;
  std::shared_ptr<jose::Es256Signer> worker_key_ =
      std::make_shared<jose::Es256Signer>(crypto::Es256PrivateKey::generate());
  std::optional<cli::AgentClient> worker_;
  cli::Tokens tokens_;
};

}  // namespace writ::app::testing
