// SPDX-License-Identifier: Apache-2.0
#include "demo/stage.h"

#include <algorithm>
#include <array>
#include <thread>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cli/files.h"
#include "crypto/random.h"

namespace writ::demo {
namespace {

constexpr seconds kUp{60};  // a first start under a sanitizer on a busy machine
constexpr seconds kDown{10};

// A port that was free a moment ago: the server's public URL must name one before it listens. Below
// those that Linux gives to outgoing connections, so that none of them takes it meanwhile.
Expected<std::uint16_t> free_port(Random& random) {
  constexpr std::uint16_t kLowest = 20'000;
  constexpr std::uint16_t kCount = 12'000;
  for (int attempt = 0; attempt < 100; ++attempt) {
    std::array<std::uint8_t, 2> drawn{};
    random.fill(drawn);
    const auto port = static_cast<std::uint16_t>(kLowest + ((drawn[0] << 8U) | drawn[1]) % kCount);
    const int probe = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (probe < 0) return fail(Errc::unavailable, "no more sockets");
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const bool bound =
        ::bind(probe, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
    ::close(probe);
    if (bound) return port;
  }
  return fail(Errc::unavailable, "no free port on 127.0.0.1");
}

// The founding code within a line of what `writ init` prints: 40 hexadecimal digits, where they
// stand. Empty where there is none.
std::string_view code_in(std::string_view line) {
  constexpr std::size_t kSize = 40;
  constexpr std::string_view kDigits = "0123456789abcdef";
  for (auto at = line.find_first_of(kDigits); at != std::string_view::npos;) {
    const auto end = std::min(line.find_first_not_of(kDigits, at), line.size());
    if (end - at == kSize) return line.substr(at, kSize);
    at = line.find_first_of(kDigits, end);
  }
  return {};
}

// In the configuration that `writ init` made.
Expected<void> turn_on_debug_logs(const std::filesystem::path& file) {
  constexpr std::string_view kLevel = "level = \"info\"";
  WRIT_TRY(auto text, cli::read_file(file, 65536));
  const auto at = text.find(kLevel);
  if (at == std::string::npos) return fail(Errc::internal, "no log level there", file.string());
  text.replace(at, kLevel.size(), "level = \"debug\"");
  return cli::write_private_file(file, as_bytes(text));
}

}  // namespace

Expected<std::unique_ptr<Stage>> Stage::set(const StageOptions& options,
                                            const SecretBytes& billing_key, cli::Http& http) {
  std::unique_ptr<Stage> stage(new Stage(options.directory));
  std::error_code error;
  std::filesystem::create_directories(options.directory / "logs", error);
  if (error) return fail(Errc::unavailable, error.message(), options.directory.string());
  WRIT_TRY(auto billing,
           start_billing_process(billing_key, (options.directory / "logs/billing.log").string(),
                                 options.billing_control));
  stage->billing_.emplace(std::move(billing));
  WRIT_TRY_VOID(stage->initialize(options));
  WRIT_TRY_VOID(stage->serve(http));
  return stage;
}

Expected<void> Stage::initialize(const StageOptions& options) {
  crypto::SystemRandom random;
  WRIT_TRY(const auto port, free_port(random));
  WRIT_TRY(server_url_, parse_url("http://127.0.0.1:" + std::to_string(port)));
  WRIT_TRY(auto init,
           ChildProcess::start({.arguments = {"init", "--dir", (directory_ / "server").string(),
                                              "--listen", server_url_.authority()},
                                .log = (directory_ / "logs/init.log").string(),
                                .output_to_log = false}));
  for (;;) {
    const auto line = init.read_line(seconds(30));
    if (!line) break;
    if (const auto code = code_in(*line); !code.empty()) {
      founding_code_ = SecretBytes::copy_of(code);
    }
  }
  if (init.stop(seconds(10)) != 0 || founding_code_.empty()) {
    return fail(Errc::unavailable, "the server's directory cannot be made",
                (directory_ / "logs/init.log").string());
  }
  if (options.debug) return turn_on_debug_logs(directory_ / "server/writ.toml");
  return {};
}

Expected<void> Stage::serve(cli::Http& http) {
  const auto log = (directory_ / "logs/server.log").string();
  WRIT_TRY(auto child,
           ChildProcess::start(
               {.arguments = {"serve", "--config", (directory_ / "server/writ.toml").string()},
                .log = log}));
  server_.emplace(std::move(child));
  const auto by = std::chrono::steady_clock::now() + kUp;
  for (;;) {
    const auto answer = http.send(server_url_, {.target = "/readyz"});
    if (answer && answer->status == 200) return {};
    if (!server_->is_running()) {
      return fail(Errc::unavailable, "the server ended before it was ready", log);
    }
    if (std::chrono::steady_clock::now() > by) {
      return fail(Errc::unavailable, "the server is not ready", log);
    }
    std::this_thread::sleep_for(milliseconds(50));
  }
}

bool Stage::stands() {
  const std::lock_guard lock(mutex_);
  return !stopped_ && server_->is_running() && billing_->process.is_running();
}

void Stage::stop() {
  const std::lock_guard lock(mutex_);
  if (stopped_) return;
  stopped_ = true;
  if (server_) (void)server_->stop(kDown);
  if (billing_) (void)billing_->process.stop(kDown);
}

}  // namespace writ::demo
