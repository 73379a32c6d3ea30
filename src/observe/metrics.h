// SPDX-License-Identifier: Apache-2.0
// Metrics: counters, gauges and histograms behind handles. A handle is registered once, at wiring,
// with all of its labels; a call site cannot invent a label value, so their number is bounded by
// the code. Backends live in app/.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace writ::observe {

// Handles are thread-safe and live as long as the Metrics that made them.
class Counter {
 public:
  virtual ~Counter() = default;
  virtual void add(double by = 1) = 0;
};

class Gauge {
 public:
  virtual ~Gauge() = default;
  virtual void set(double to) = 0;
  virtual void add(double by) = 0;
};

// Observations in the unit of the name; seconds for durations.
class Histogram {
 public:
  virtual ~Histogram() = default;
  virtual void observe(double value) = 0;
};

using Labels = std::vector<std::pair<std::string, std::string>>;

// Names as Prometheus has them: "writ_calls_total". The same name with other labels is another
// handle of one family, the same name with the same labels is the same handle. Thread-safe.
class Metrics {
 public:
  virtual ~Metrics() = default;
  virtual Counter& counter(std::string_view name, std::string_view help, Labels labels = {}) = 0;
  virtual Gauge& gauge(std::string_view name, std::string_view help, Labels labels = {}) = 0;
  // `bounds` are the buckets' upper bounds, ascending.
  virtual Histogram& histogram(std::string_view name, std::string_view help,
                               std::span<const double> bounds, Labels labels = {}) = 0;
};

class NullMetrics final : public Metrics {
 public:
  Counter& counter(std::string_view, std::string_view, Labels) override { return counter_; }
  Gauge& gauge(std::string_view, std::string_view, Labels) override { return gauge_; }
  Histogram& histogram(std::string_view, std::string_view, std::span<const double>,
                       Labels) override {
    return histogram_;
  }

 private:
  struct NullCounter final : Counter {
    void add(double) override {}
  } counter_;
  struct NullGauge final : Gauge {
    void set(double) override {}
    void add(double) override {}
  } gauge_;
  struct NullHistogram final : Histogram {
    void observe(double) override {}
  } histogram_;
};

}  // namespace writ::observe
