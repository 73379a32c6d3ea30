// SPDX-License-Identifier: Apache-2.0
// Health: /healthz (the process answers), /readyz (it would serve a call now, and if not, why not)
// and /metrics.
//
// To this machine /readyz says why; to others only which part is not ready. /metrics answers this
// machine and the addresses that the configuration allows, and to others it is not there. What
// comes through a proxy comes from elsewhere, wherever the proxy stands.
#pragma once

#include <atomic>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "app/prometheus_metrics.h"
#include "net/egress.h"
#include "net/http_server.h"

namespace writ::app {

struct HealthOptions {
  std::vector<net::Cidr> metrics_allow;
  std::vector<net::Cidr> proxies;
};

// add() before started(); the rest is thread-safe. The metrics outlive it.
class Health {
 public:
  using Check = std::function<Expected<void>()>;

  Health(const PrometheusMetrics& metrics, HealthOptions options)
      : metrics_(metrics), options_(std::move(options)) {}

  // `check` is asked from any loop's thread, and does not block.
  void add(std::string name, Check check);
  // From now on the checks say whether the server is ready; before, it is starting.
  void started() { started_.store(true, std::memory_order_release); }
  void stopping() { stopping_.store(true, std::memory_order_relaxed); }

  // What is not ready, by name; empty where all is.
  struct Trouble {
    std::string name;
    Error error;
  };
  std::vector<Trouble> troubles() const;

  static bool owns(std::string_view target);
  Task<void> handle(net::ServerRequest& request, net::ServerResponse& response);

 private:
  bool is_local(const net::ServerRequest& request) const;
  bool may_read_metrics(const net::ServerRequest& request) const;

  const PrometheusMetrics& metrics_;
  const HealthOptions options_;
  std::vector<std::pair<std::string, Check>> checks_;
  std::atomic<bool> started_ = false;
  std::atomic<bool> stopping_ = false;
};

}  // namespace writ::app
