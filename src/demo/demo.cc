// SPDX-License-Identifier: Apache-2.0
#include "demo/demo.h"

#include <algorithm>
#include <atomic>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <thread>

#include <CLI/CLI.hpp>
#include <sys/stat.h>
#include <unistd.h>

#include "app/process.h"
#include "base/encoding.h"
#include "cli/commands.h"
#include "cli/context.h"
#include "cli/http.h"
#include "crypto/random.h"
#include "demo/billing_process.h"
#include "demo/keepsakes.h"
#include "demo/stage.h"
#include "demo/story.h"

namespace writ::demo {
namespace {

struct Options {
  bool once = false;
  bool json = false;
  std::string directory;
  bool debug = false;
  // For tests.
  bool only_stage = false;
  bool billing_api = false;
  bool billing_control = false;
  int key_descriptor = -1;
  std::uint16_t port = 0;
};

// SIGINT, SIGTERM and SIGHUP, taken by a thread of its own, which ends the stage: whatever the
// story waits for then fails at once, and the story returns by itself.
class Interruption {
 public:
  // Before any other thread starts, so that all of them leave the signals to this one.
  Interruption() {
    sigemptyset(&signals_);
    for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGUSR1}) sigaddset(&signals_, signal);
    ::pthread_sigmask(SIG_BLOCK, &signals_, nullptr);
    ::signal(SIGPIPE, SIG_IGN);
    thread_ = std::thread([this] { wait(); });
  }
  ~Interruption() {
    done_ = true;
    ::pthread_kill(thread_.native_handle(), SIGUSR1);
    thread_.join();
  }
  Interruption(const Interruption&) = delete;
  Interruption& operator=(const Interruption&) = delete;

  bool came() const { return came_; }
  // What a signal ends from now on; null for nothing. The stage outlives its being set here.
  void ends(Stage* stage) {
    const std::lock_guard lock(mutex_);
    stage_ = stage;
    if (came_ && stage_ != nullptr) stage_->stop();
  }

 private:
  void wait() {
    for (;;) {
      int signal = 0;
      ::sigwait(&signals_, &signal);
      if (done_) return;
      if (signal == SIGUSR1) continue;
      came_ = true;
      const std::lock_guard lock(mutex_);
      if (stage_ != nullptr) stage_->stop();
    }
  }

  sigset_t signals_{};
  std::atomic<bool> came_ = false;
  std::atomic<bool> done_ = false;
  std::mutex mutex_;
  Stage* stage_ = nullptr;
  std::thread thread_;
};

// The directory of the demo: the one that was named, which must be empty or not there, or a new one
// that goes with this.
class Home {
 public:
  static Expected<Home> create(const std::string& named) {
    std::error_code error;
    if (!named.empty()) {
      const auto path = std::filesystem::absolute(named, error);
      std::filesystem::create_directories(path, error);
      if (error) return fail(Errc::unavailable, error.message(), named);
      if (!std::filesystem::is_empty(path, error) || error) {
        return fail(Errc::conflict, "the demo wants a fresh directory and this one is not empty",
                    named, "name one that does not exist yet");
      }
      return Home(path, false);
    }
    auto pattern = (std::filesystem::temp_directory_path(error) / "writ-demo-XXXXXX").string();
    if (error || ::mkdtemp(pattern.data()) == nullptr) {
      return fail(Errc::unavailable, "no temporary directory can be made", pattern);
    }
    return Home(pattern, true);
  }
  Home(Home&& other) noexcept
      : path_(std::move(other.path_)), temporary_(std::exchange(other.temporary_, false)) {}
  Home& operator=(Home&&) = delete;
  ~Home() {
    std::error_code ignored;
    if (temporary_) std::filesystem::remove_all(path_, ignored);
  }

  const std::filesystem::path& path() const { return path_; }

 private:
  Home(std::filesystem::path path, bool temporary)
      : path_(std::move(path)), temporary_(temporary) {}
  std::filesystem::path path_;
  bool temporary_;
};

int failed(const Error& error) {
  std::fputs(cli::render_error(error, cli::style_of(STDERR_FILENO)).c_str(), stderr);
  return 1;
}

SecretBytes fresh_secret(std::string_view prefix, std::size_t size, Random& random) {
  Bytes bytes(size);
  random.fill(bytes);
  return SecretBytes::copy_of(std::string(prefix) + base64url_encode(bytes));
}

// A billing key: the one that a test brought, else a fresh one.
Expected<SecretBytes> billing_key(const Options& options, Random& random) {
  if (options.key_descriptor >= 0) return read_billing_key(options.key_descriptor);
  return fresh_secret("bk_", 24, random);
}

// Every answer that the story gets, tokens and all, as it came: for whoever looks for what none of
// them may hold. Thread-safe, as calls are held on threads of their own.
class AnswerLog {
 public:
  static Expected<std::shared_ptr<AnswerLog>> create(const std::filesystem::path& file) {
    const auto mask = ::umask(077);
    auto log = std::make_shared<AnswerLog>();
    log->file_.open(file, std::ios::binary | std::ios::trunc);
    ::umask(mask);
    if (!log->file_) return fail(Errc::unavailable, "cannot be written", file.string());
    return log;
  }
  void write(const cli::HttpAnswer& answer) {
    const std::lock_guard lock(mutex_);
    file_ << answer.status << '\n';
    for (const auto& [name, value] : answer.fields) file_ << name << ": " << value << '\n';
    file_ << '\n' << answer.body << '\n' << std::flush;
  }

 private:
  std::mutex mutex_;
  std::ofstream file_;
};

// Until a signal comes or a process of the stage ends by itself.
void keep_serving(Stage& stage, const Interruption& interruption) {
  while (!interruption.came() && stage.stands()) std::this_thread::sleep_for(milliseconds(200));
}

Expected<int> play(const Options& options, Interruption& interruption) {
  const SystemClock clock;
  crypto::SystemRandom random;
  WRIT_TRY(const auto home, Home::create(options.directory));
  WRIT_TRY(const auto key, billing_key(options, random));
  cli::Http::Options client;
  if (options.debug) {
    std::error_code ignored;  // then the file cannot be written either
    std::filesystem::create_directories(home.path() / "logs", ignored);
    WRIT_TRY(auto answers, AnswerLog::create(home.path() / "logs/answers.log"));
    client.on_answer = [answers](const cli::HttpAnswer& answer) { answers->write(answer); };
  }
  WRIT_TRY(const auto http, cli::Http::create(clock, std::move(client)));
  WRIT_TRY(const auto stage, Stage::set({.directory = home.path(),
                                         .debug = options.debug,
                                         .billing_control = options.billing_control},
                                        key, *http));
  interruption.ends(stage.get());

  Narrator narrator(stdout, options.json);
  const auto passphrase = fresh_secret("", 15, random);
  WRIT_TRY(auto cast, Cast::create({.http = *http,
                                    .server = stage->server(),
                                    .workspace = "acme",
                                    .clock = clock,
                                    .random = random},
                                   passphrase));
  Story story({.cast = cast,
               .narrator = narrator,
               .billing_port = stage->billing_port(),
               .billing_key = key,
               .founding_code = stage->founding_code(),
               .interrupted = [&] { return interruption.came(); }});
  if (options.only_stage) {
    story.set_stage();
  } else {
    story.play();
  }
  const bool held = narrator.failed() == 0 && narrator.held() > 0 && !interruption.came();
  narrator.conclude();
  if (!options.once && !interruption.came()) {
    if (const auto kept = leave_keepsakes({.directory = home.path(),
                                           .stage = *stage,
                                           .cast = cast,
                                           .left = story.left(),
                                           .passphrase = passphrase},
                                          narrator);
        !kept) {
      interruption.ends(nullptr);
      return std::unexpected(kept.error());
    }
    keep_serving(*stage, interruption);
    if (!interruption.came()) {
      interruption.ends(nullptr);
      return fail(Errc::unavailable, "a process of the demo has ended by itself",
                  (home.path() / "logs").string());
    }
  }
  interruption.ends(nullptr);
  if (interruption.came()) return 130;
  return held ? 0 : 1;
}

Expected<int> parse(std::span<const std::string> arguments, Options& options) {
  CLI::App app(
      "Plays the refund story on this machine: a server, a billing API, people and agents.");
  app.name("writ demo");
  app.add_flag("--once", options.once, "End after the story; exit status 0 only if all of it held");
  app.add_flag("--json", options.json, "Print each step as a JSON line");
  app.add_option("--dir", options.directory,
                 "A fresh directory to work in, kept afterwards (default: a temporary one)");
  app.add_flag("--debug", options.debug,
               "Debug logs of the server, and every answer it gives, in DIR/logs");
  // Empty group: not shown.
  app.add_flag("--only-stage", options.only_stage)->group("");
  app.add_flag("--billing-api", options.billing_api)->group("");
  app.add_flag("--billing-control", options.billing_control)->group("");
  app.add_option("--key-fd", options.key_descriptor)->group("");
  app.add_option("--port", options.port)->group("");
  app.failure_message(cli::usage_error);
  std::vector<std::string> reversed(arguments.rbegin(), arguments.rend());
  try {
    app.parse(std::move(reversed));
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  return -1;
}

}  // namespace

int run(std::span<const std::string> arguments) {
  Options options;
  const auto parsed = parse(arguments, options);
  if (parsed && *parsed >= 0) return *parsed;
  if (options.billing_api) {
    return run_billing_process({.key_descriptor = options.key_descriptor < 0
                                                      ? ChildProcess::kSecretDescriptor
                                                      : options.key_descriptor,
                                .port = options.port,
                                .control = options.billing_control});
  }
  // Before the billing key is made.
  if (const auto hardened = app::harden_process(); !hardened) return failed(hardened.error());
  Interruption interruption;
  const auto played = play(options, interruption);
  if (interruption.came()) return 130;
  return played ? *played : failed(played.error());
}

}  // namespace writ::demo
