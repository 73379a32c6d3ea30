// SPDX-License-Identifier: Apache-2.0
#include "app/serve.h"

#include <condition_variable>
#include <csignal>
#include <cstdio>
#include <deque>
#include <mutex>
#include <thread>

#include <unistd.h>

#include "app/death.h"
#include "app/process.h"
#include "app/spdlog_log.h"
#include "app/stop_limit.h"
#include "cli/context.h"
#include "crypto/random.h"

namespace writ::app {
namespace {

constexpr seconds kGrace{10};
// For the log's last signatures and the store, once no request runs any more.
constexpr seconds kStopReserve{6};

int failed(const Error& error) {
  std::fputs(cli::render_error(error, cli::style_of(STDERR_FILENO)).c_str(), stderr);
  return 1;
}

// The signals of this process, taken by one thread, so that none is lost and none interrupts
// anything. Made before any other thread, which then all have them blocked.
class Signals {
 public:
  Signals() {
    sigset_t set;
    sigemptyset(&set);
    for (const int signal : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&set, signal);
    ::pthread_sigmask(SIG_BLOCK, &set, nullptr);
    // It lives until the process ends.
    std::thread([set, state = state_] { take(set, *state); }).detach();
  }

  // Until it is called, a signal to end ends the process at once: nothing is under way.
  void running() {
    const std::lock_guard lock(state_->mutex);
    state_->phase = Phase::running;
  }
  // The next signal. After SIGTERM or SIGINT another one ends the process at once: whatever still
  // runs is cut, and recovery will find it.
  int next() {
    std::unique_lock lock(state_->mutex);
    state_->arrived.wait(lock, [this] { return !state_->waiting.empty(); });
    const int signal = state_->waiting.front();
    state_->waiting.pop_front();
    return signal;
  }

 private:
  enum class Phase : std::uint8_t { starting, running, stopping };
  struct State {
    std::mutex mutex;
    std::condition_variable arrived;
    Phase phase = Phase::starting;
    std::deque<int> waiting;
  };

  static void take(sigset_t set, State& state) {
    int signal = 0;
    while (::sigwait(&set, &signal) == 0) {
      const std::lock_guard lock(state.mutex);
      if (signal != SIGHUP) {
        if (state.phase != Phase::running) std::_Exit(128 + signal);
        state.phase = Phase::stopping;
      } else if (state.phase != Phase::running) {
        continue;
      }
      state.waiting.push_back(signal);
      state.arrived.notify_one();
    }
  }

  std::shared_ptr<State> state_ = std::make_shared<State>();
};

void reload(const std::filesystem::path& config_file, SpdlogLog& log, Server& server) {
  const auto config = read_config(config_file);
  if (config) log.set_level(config->log.level);
  const auto done = config ? server.reload(*config) : std::unexpected(config.error());
  if (done) {
    log.info("server.reloaded");
  } else {
    log.error("server.not_reloaded", {{"error", done.error().to_string()}});
  }
}

}  // namespace

int serve(const ServeOptions& options) {
  Signals signals;
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
  signals.running();
  log.info("server.serving", {{"url", server.url()}, {"pid", static_cast<int>(::getpid())}});
  std::printf(
      "writ serves at %s. Sign in with: writ login --server %s --workspace NAME --user NAME, the "
      "first time with --code. Ctrl-C ends it.\n",
      server.url().c_str(), server.url().c_str());
  std::fflush(stdout);
  if (const auto ready = server.ready(); !ready) {
    auto error = ready.error();
    error.message = "it is not ready: " + error.message;
    (void)failed(error);
  }

  int signal = signals.next();
  for (; signal == SIGHUP; signal = signals.next()) reload(options.config_file, log, server);

  log.info("server.stopping", {{"signal", signal}, {"grace_seconds", kGrace.count()}});
  {
    const StopLimit limit(kGrace + net::HttpServer::kLastWords + kStopReserve, [&log] {
      log.error("server.stop_cut", {{"next", "what still ran is looked for at the next start"}});
      std::_Exit(1);
    });
    server.stop(kGrace);
    started->reset();
  }
  log.info("server.stopped");
  return 0;
}

}  // namespace writ::app
