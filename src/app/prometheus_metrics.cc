// SPDX-License-Identifier: Apache-2.0
#include "app/prometheus_metrics.h"

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

namespace writ::app {
namespace {

std::map<std::string, std::string> as_map(const observe::Labels& labels) {
  return {labels.begin(), labels.end()};
}

std::string key_of(std::string_view name, const observe::Labels& labels) {
  std::string key(name);
  for (const auto& [label, value] : as_map(labels)) key += '\0' + label + '\0' + value;
  return key;
}

class RegisteredCounter final : public observe::Counter {
 public:
  explicit RegisteredCounter(prometheus::Counter& counter) : counter_(counter) {}
  void add(double by) override { counter_.Increment(by); }

 private:
  prometheus::Counter& counter_;
};

class RegisteredGauge final : public observe::Gauge {
 public:
  explicit RegisteredGauge(prometheus::Gauge& gauge) : gauge_(gauge) {}
  void set(double to) override { gauge_.Set(to); }
  void add(double by) override { gauge_.Increment(by); }

 private:
  prometheus::Gauge& gauge_;
};

class RegisteredHistogram final : public observe::Histogram {
 public:
  explicit RegisteredHistogram(prometheus::Histogram& histogram) : histogram_(histogram) {}
  void observe(double value) override { histogram_.Observe(value); }

 private:
  prometheus::Histogram& histogram_;
};

}  // namespace

PrometheusMetrics::PrometheusMetrics() : registry_(std::make_unique<prometheus::Registry>()) {}
PrometheusMetrics::~PrometheusMetrics() = default;

observe::Counter& PrometheusMetrics::counter(std::string_view name, std::string_view help,
                                             observe::Labels labels) {
  const std::lock_guard lock(mutex_);
  auto& handle = counters_[key_of(name, labels)];
  if (handle == nullptr) {
    auto& family = prometheus::BuildCounter()
                       .Name(std::string(name))
                       .Help(std::string(help))
                       .Register(*registry_);
    handle = std::make_unique<RegisteredCounter>(family.Add(as_map(labels)));
  }
  return *handle;
}

observe::Gauge& PrometheusMetrics::gauge(std::string_view name, std::string_view help,
                                         observe::Labels labels) {
  const std::lock_guard lock(mutex_);
  auto& handle = gauges_[key_of(name, labels)];
  if (handle == nullptr) {
    auto& family = prometheus::BuildGauge()
                       .Name(std::string(name))
                       .Help(std::string(help))
                       .Register(*registry_);
    handle = std::make_unique<RegisteredGauge>(family.Add(as_map(labels)));
  }
  return *handle;
}

observe::Histogram& PrometheusMetrics::histogram(std::string_view name, std::string_view help,
                                                 std::span<const double> bounds,
                                                 observe::Labels labels) {
  const std::lock_guard lock(mutex_);
  auto& handle = histograms_[key_of(name, labels)];
  if (handle == nullptr) {
    auto& family = prometheus::BuildHistogram()
                       .Name(std::string(name))
                       .Help(std::string(help))
                       .Register(*registry_);
    handle = std::make_unique<RegisteredHistogram>(
        family.Add(as_map(labels), std::vector<double>(bounds.begin(), bounds.end())));
  }
  return *handle;
}

std::string PrometheusMetrics::text() const {
  return prometheus::TextSerializer().Serialize(registry_->Collect());
}

}  // namespace writ::app
