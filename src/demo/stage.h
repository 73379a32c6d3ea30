// SPDX-License-Identifier: Apache-2.0
// Stage: the processes of the demo, in a fresh directory: a Writ server with an embedded store and
// the billing API. They end when the stage goes, and with this process in any case.
//
//   DIR/server/   what `writ init` makes: writ.toml, seal.key, data/, anchor/
//   DIR/logs/     server.log, billing.log; with debug logs also answers.log
#pragma once

#include <cstdint>
#include <filesystem>
#include <mutex>
#include <optional>
#include <string>

#include "base/error.h"
#include "base/secret_bytes.h"
#include "cli/http.h"
#include "demo/billing_process.h"
#include "demo/child_process.h"
#include "wire/url.h"

namespace writ::demo {

struct StageOptions {
  std::filesystem::path directory;
  bool debug = false;            // debug logs of the server
  bool billing_control = false;  // see billing_api.h
};

// Set and ended by the main thread; stop() is for any thread.
class Stage {
 public:
  // Returns when the server is ready. The error says which process did not come up, and where its
  // log is.
  static Expected<std::unique_ptr<Stage>> set(const StageOptions& options,
                                              const SecretBytes& billing_key, cli::Http& http);
  ~Stage() { stop(); }
  Stage(const Stage&) = delete;
  Stage& operator=(const Stage&) = delete;

  const Url& server() const { return server_url_; }
  const SecretBytes& founding_code() const { return founding_code_; }
  std::uint16_t billing_port() const { return billing_->port; }
  std::uint16_t billing_control_port() const { return billing_->control_port; }
  pid_t server_pid() const { return server_->pid(); }
  pid_t billing_pid() const { return billing_->process.pid(); }

  // Whether both still run.
  bool stands();
  // Ends both and waits for that. Idempotent.
  void stop();

 private:
  explicit Stage(std::filesystem::path directory) : directory_(std::move(directory)) {}
  Expected<void> initialize(const StageOptions& options);
  Expected<void> serve(cli::Http& http);

  std::filesystem::path directory_;
  Url server_url_;
  SecretBytes founding_code_;
  std::mutex mutex_;  // of what follows, once the stage is set
  bool stopped_ = false;
  std::optional<BillingProcess> billing_;
  std::optional<ChildProcess> server_;
};

}  // namespace writ::demo
