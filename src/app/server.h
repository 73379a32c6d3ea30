// SPDX-License-Identifier: Apache-2.0
// Server: everything that `writ serve` runs, wired in one place.
//
// start() listens first, so that health can be asked from the beginning and a port that is taken is
// the first thing said. Then, before anything but health is answered: the store is opened, keys are
// unsealed, what lives is loaded, each log is read again and held against its anchor, and what was
// under way when the last process ended becomes unknown.
//
//   auto server = Server::start(config, {.clock = clock, .random = random, .log = log,
//                                        .metrics = metrics});
//   if (!server) …
//   … server.value()->url() …
//   server.value()->stop(seconds(10));
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "app/config.h"
#include "app/prometheus_metrics.h"
#include "async/loop.h"
#include "base/clock.h"
#include "base/random.h"
#include "broker/steps.h"
#include "observe/log.h"

namespace writ::app {

// All of them outlive the server.
struct ServerParts {
  const Clock& clock;
  Random& random;
  observe::Log& log;
  PrometheusMetrics& metrics;
  broker::StepProbe* steps = nullptr;  // for fault tests
  TurnWatch turns{};                   // for tests of what a loop does
};

struct ServerOptions {
  bool dev = false;            // the seal key may lie in the data directory; warned of
  bool accept_anchor = false;  // broker/notary.h
};

// One thread makes, stops and destroys it; it is not a loop's.
class Server {
 public:
  // Errors name the next step: the port is taken, another server has the data, the seal key is not
  // where or as it should be, the clock is behind, a log cannot be vouched for.
  static Expected<std::unique_ptr<Server>> start(ServerConfig config, ServerParts parts,
                                                 ServerOptions options = {});
  // Stops at once.
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  std::uint16_t port() const;
  // The public URL: what tokens and proofs are checked against.
  const std::string& url() const;
  // Nothing while calls are served; else what is wrong, as /readyz says it.
  Expected<void> ready() const;

  // Reads again the files of [tls] and [certificates] as `config` names them. New connections are
  // answered with the new certificate, and whoever is not an authority any more vouches for no
  // upstream: connections made before end. An error of the listener's files leaves those before in
  // force; authorities that cannot be read are trusted no longer. The first error is returned.
  // unsupported for [tls] where the listener has none.
  Expected<void> reload(const ServerConfig& config);

  // Takes no more requests, lets what runs finish for `grace`, then signs what the logs still have
  // to be signed. Idempotent.
  void stop(milliseconds grace);

 private:
  class Wiring;
  explicit Server(std::unique_ptr<Wiring> wiring);

  std::unique_ptr<Wiring> wiring_;
};

}  // namespace writ::app
