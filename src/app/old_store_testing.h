// SPDX-License-Identifier: Apache-2.0
// For tests: the server of release 0.1 in tests/fixtures/store-0.1, unpacked into a folder of its
// own, at the time when it was stopped; and its people, who sign in.
#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include <gtest/gtest.h>
#include <spawn.h>
#include <sys/wait.h>

#include "app/testing.h"
#include "base/fake_clock.h"
#include "cli/agent_key.h"
#include "cli/api_client.h"
#include "cli/login.h"
#include "wire/json.h"

namespace writ::app::testing {

class OldServer {
 public:
  OldServer() {
    const auto archive =
        std::filesystem::path(WRIT_SOURCE_DIR) / "tests/fixtures/store-0.1/store-0.1.tar.gz";
    const auto target = folder_.path().string();
    const auto file = archive.string();
    const char* arguments[] = {"tar", "xzf", file.c_str(), "-C", target.c_str(), nullptr};
    pid_t child = 0;
    int status = 1;
    WRIT_CHECK(::posix_spawnp(&child, "tar", nullptr, nullptr, const_cast<char* const*>(arguments),
                              environ) == 0);
    WRIT_CHECK(::waitpid(child, &status, 0) == child && status == 0);
    about_ = parse_json_object(read_text(folder_ / "about.json")).value();
    clock_.set_wall(from_unix_millis(about_.at("made").as_int64()) + std::chrono::minutes(1));
    http_ = cli::Http::create(clock_, {}).value();
  }

  ServerConfig config() const {
    ServerConfig out;
    out.port = 0;
    out.data = folder_ / "data";
    out.seal_key_file = folder_ / "seal.key";
    out.anchor = folder_ / "anchor";
    out.loops = 1;
    return out;
  }
  Expected<void> start(ServerOptions options = {}) {
    server_.reset();
    auto started = Server::start(
        config(), {.clock = clock_, .random = random_, .log = log_, .metrics = *fresh_metrics()},
        options);
    if (!started) return std::unexpected(std::move(started).error());
    server_ = std::move(*started);
    // A proof that was made in the second in which the server began is refused.
    clock_.advance(seconds(2));
    return {};
  }
  // As an operator would, with what is not signed yet signed.
  void stop() {
    if (server_) server_->stop(milliseconds(0));
    server_.reset();
  }
  // Whether it serves with nothing to object to.
  Expected<void> start_ready(ServerOptions options = {}) {
    WRIT_TRY_VOID(start(options));
    return server_->ready();
  }

  Expected<cli::ApiClient> sign_in(const std::string& user) {
    WRIT_TRY(const auto url, parse_url(server_->url()));
    WRIT_TRY(const auto key, cli::load_agent_key(folder_ / (user + ".jwk")));
    WRIT_TRY(session_,
             cli::open_session(*http_, {.server = url.origin(), .workspace = "acme", .user = user},
                               key, std::nullopt, clock_, random_));
    return cli::ApiClient::create(*http_, session_, clock_, random_);
  }

  std::string about(std::string_view name) const {
    return std::string(std::string_view(about_.at(name).as_string()));
  }
  vault::SealKey seal_key() const {
    return load_seal_key(folder_ / "seal.key", folder_ / "data", false).value();
  }
  const TemporaryFolder& folder() const { return folder_; }
  Server& server() { return *server_; }
  FakeClock& clock() { return clock_; }
  Random& random() { return random_; }
  cli::Http& http() { return *http_; }
  observe::CapturingLog& log() { return log_; }

 private:
  // A registry takes a name once.
  PrometheusMetrics* fresh_metrics() {
    metrics_ = std::make_unique<PrometheusMetrics>();
    return metrics_.get();
  }

  FakeClock clock_;
  crypto::SystemRandom random_;
  observe::CapturingLog log_;
  TemporaryFolder folder_;
  JsonObject about_;
  std::unique_ptr<PrometheusMetrics> metrics_;
  std::unique_ptr<cli::Http> http_;
  cli::Session session_;
  std::unique_ptr<Server> server_;
};

}  // namespace writ::app::testing
