// SPDX-License-Identifier: Apache-2.0
#include "demo/billing_process.h"

#include <charconv>
#include <csignal>
#include <cstdio>

#include <unistd.h>

#include "app/process.h"
#include "crypto/random.h"
#include "demo/billing_api.h"
#include "observe/log.h"
#include "observe/metrics.h"

namespace writ::demo {
namespace {

constexpr std::size_t kMostKey = 4096;

Expected<std::unique_ptr<net::HttpServer>> listen(LoopPool& loops, std::uint16_t port,
                                                  net::Handler handler, observe::Log& log,
                                                  observe::Metrics& metrics) {
  return net::HttpServer::create(loops,
                                 {.address = asio::ip::make_address("127.0.0.1"), .port = port},
                                 std::move(handler), log, metrics);
}

Expected<void> serve(const BillingProcessOptions& options, const sigset_t& ends) {
  WRIT_TRY(auto key, read_billing_key(options.key_descriptor));
  const SystemClock clock;
  crypto::SystemRandom random;
  observe::NullLog log;
  observe::NullMetrics metrics;
  LoopPool loops(clock, 1);
  BillingApi api(std::move(key), clock, random);
  loops.start();
  WRIT_TRY(const auto server,
           listen(
               loops, options.port,
               [&api](net::ServerRequest& request, net::ServerResponse& response) {
                 return api.handle(request, response);
               },
               log, metrics));
  std::printf("billing API on %u\n", unsigned{server->port()});
  std::unique_ptr<net::HttpServer> control;
  if (options.control) {
    WRIT_TRY(control, listen(
                          loops, 0,
                          [&api](net::ServerRequest& request, net::ServerResponse& response) {
                            return api.handle_control(request, response);
                          },
                          log, metrics));
    std::printf("control on %u\n", unsigned{control->port()});
  }
  std::fflush(stdout);
  int signal = 0;
  ::sigwait(&ends, &signal);
  // The servers end before the loops do, as they must.
  server->stop(milliseconds(500));
  return {};
}

Expected<std::uint16_t> port_in(std::string_view line, std::string_view before) {
  std::uint16_t port = 0;
  if (!line.starts_with(before)) return fail(Errc::internal, "the billing API says something else");
  line.remove_prefix(before.size());
  const auto [end, error] = std::from_chars(line.data(), line.data() + line.size(), port);
  if (error != std::errc() || port == 0) return fail(Errc::internal, "no port");
  return port;
}

}  // namespace

Expected<SecretBytes> read_billing_key(int descriptor) {
  SecretBytes key(kMostKey);
  std::size_t size = 0;
  for (;;) {
    const auto room = key.writable().subspan(size);
    if (room.empty()) return fail(Errc::too_large, "the key has more than 4096 bytes");
    const auto got = ::read(descriptor, room.data(), room.size());
    if (got < 0) return fail(Errc::invalid_input, "the key's descriptor cannot be read");
    if (got == 0) break;
    size += static_cast<std::size_t>(got);
  }
  ::close(descriptor);
  if (size < 16) return fail(Errc::invalid_input, "the key has fewer than 16 bytes");
  key.truncate(size);
  return key;
}

int run_billing_process(const BillingProcessOptions& options) {
  // It holds the key as any upstream does, and leaves no trace of it on this machine.
  if (const auto hardened = app::harden_process(); !hardened) {
    std::fprintf(stderr, "writ: %s\n", hardened.error().to_string().c_str());
    return 1;
  }
  // Before any thread starts, so that all of them leave these signals to sigwait.
  sigset_t ends;
  sigemptyset(&ends);
  sigaddset(&ends, SIGINT);
  sigaddset(&ends, SIGTERM);
  ::pthread_sigmask(SIG_BLOCK, &ends, nullptr);
  if (const auto served = serve(options, ends); !served) {
    std::fprintf(stderr, "writ: %s\n", served.error().to_string().c_str());
    return 1;
  }
  return 0;
}

Expected<BillingProcess> start_billing_process(const SecretBytes& key, const std::string& log,
                                               bool control) {
  ChildOptions options{.arguments = {"demo", "--billing-api"}, .log = log, .secret = &key};
  options.output_to_log = false;
  if (control) options.arguments.emplace_back("--billing-control");
  WRIT_TRY(auto child, ChildProcess::start(options));
  BillingProcess started{.process = std::move(child)};
  WRIT_TRY(const auto line, started.process.read_line(seconds(20)));
  WRIT_TRY(started.port, port_in(line, "billing API on "));
  if (control) {
    WRIT_TRY(const auto second, started.process.read_line(seconds(20)));
    WRIT_TRY(started.control_port, port_in(second, "control on "));
  }
  return started;
}

}  // namespace writ::demo
