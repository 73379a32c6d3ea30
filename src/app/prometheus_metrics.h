// SPDX-License-Identifier: Apache-2.0
// PrometheusMetrics: the metrics of production, and their text for /metrics.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "observe/metrics.h"

namespace prometheus {
class Registry;
}

namespace writ::app {

// Thread-safe. Handles live as long as this does.
class PrometheusMetrics final : public observe::Metrics {
 public:
  PrometheusMetrics();
  ~PrometheusMetrics() override;

  observe::Counter& counter(std::string_view name, std::string_view help,
                            observe::Labels labels) override;
  observe::Gauge& gauge(std::string_view name, std::string_view help,
                        observe::Labels labels) override;
  observe::Histogram& histogram(std::string_view name, std::string_view help,
                                std::span<const double> bounds, observe::Labels labels) override;

  // The text exposition format, version 0.0.4.
  std::string text() const;
  static constexpr std::string_view kContentType = "text/plain; version=0.0.4; charset=utf-8";

 private:
  const std::unique_ptr<prometheus::Registry> registry_;
  std::mutex mutex_;
  // By name and labels.
  std::map<std::string, std::unique_ptr<observe::Counter>> counters_;
  std::map<std::string, std::unique_ptr<observe::Gauge>> gauges_;
  std::map<std::string, std::unique_ptr<observe::Histogram>> histograms_;
};

}  // namespace writ::app
