// SPDX-License-Identifier: Apache-2.0
#include "app/serve.h"

#include <csignal>
#include <cstdio>
#include <thread>

#include <unistd.h>

#include "app/death.h"
#include "app/process.h"
#include "app/spdlog_log.h"
#include "crypto/random.h"

namespace writ::app {
namespace {

constexpr seconds kGrace{10};

int failed(const Error& error) {
  std::fputs(("writ serve: " + error.to_string() + "\n").c_str(), stderr);
  return 1;
}

sigset_t handled_signals() {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&set, signal);
  return set;
}

void reload(const std::filesystem::path& config_file, SpdlogLog& log, Server& server) {
  auto config = read_config(config_file);
  if (config) log.set_level(config->log.level);
  auto done = Expected<void>();
  if (!config) {
    done = std::unexpected(std::move(config).error());
  } else if (config->tls) {
    done = server.reload_tls(*config->tls);
  }
  if (done) {
    log.info("server.reloaded");
  } else {
    log.error("server.not_reloaded", {{"error", done.error().to_string()}});
  }
}

}  // namespace

int serve(const ServeOptions& options) {
  // Blocked in all threads, which inherit it; taken by sigwait() below alone.
  const auto signals = handled_signals();
  ::pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  if (auto hardened = harden_process(); !hardened) return failed(hardened.error());
  auto config = read_config(options.config_file);
  if (!config) return failed(config.error());

  const SystemClock clock;
  crypto::SystemRandom random;
  SpdlogLog log(clock, config->log);
  PrometheusMetrics metrics;
  std::unique_ptr<broker::StepProbe> steps;
#ifndef NDEBUG
  auto death = death_from_environment();
  if (!death) return failed(death.error());
  steps = std::move(*death);
#endif
  auto started = Server::start(
      std::move(*config),
      {.clock = clock, .random = random, .log = log, .metrics = metrics, .steps = steps.get()},
      options.server);
  if (!started) return failed(started.error());
  auto& server = **started;
  log.info("server.serving", {{"url", server.url()}, {"pid", static_cast<int>(::getpid())}});
  std::printf(
      "writ serves at %s. Sign in with: writ login --server %s --workspace NAME --user NAME, the "
      "first time with --code. Ctrl-C ends it.\n",
      server.url().c_str(), server.url().c_str());
  std::fflush(stdout);
  if (const auto ready = server.ready(); !ready)
    std::fputs(("writ serve: it is not ready: " + ready.error().to_string() + "\n").c_str(),
               stderr);

  int signal = 0;
  while (::sigwait(&signals, &signal) == 0 && signal == SIGHUP)
    reload(options.config_file, log, server);

  log.info("server.stopping", {{"signal", signal}, {"grace_seconds", kGrace.count()}});
  std::thread([signals] {
    int second = 0;
    do ::sigwait(&signals, &second);
    while (second == SIGHUP);
    std::_Exit(1);  // asked twice: whatever still runs is cut, and what it did recovery finds
  }).detach();
  server.stop(kGrace);
  started->reset();
  log.info("server.stopped");
  return 0;
}

}  // namespace writ::app
