// SPDX-License-Identifier: Apache-2.0
// For tests: a log and metrics that remember. Thread-safe.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "observe/log.h"
#include "observe/metrics.h"

namespace writ::observe {

class CapturingLog final : public Log {
 public:
  struct Event {
    Level level;
    std::string name;
    std::map<std::string, std::string> fields;
  };

  bool enabled(Level) const override { return true; }
  void write(Level level, std::string_view event, std::span<const Field> fields) override;

  std::vector<Event> events() const;
  // The first event of that name.
  std::optional<Event> find(std::string_view name) const;
  // Whether the text occurs anywhere: for canaries.
  bool contains(std::string_view text) const;

 private:
  mutable std::mutex mutex_;
  std::vector<Event> events_;
};

class CapturingMetrics final : public Metrics {
 public:
  Counter& counter(std::string_view name, std::string_view help, Labels labels) override;
  Gauge& gauge(std::string_view name, std::string_view help, Labels labels) override;
  Histogram& histogram(std::string_view name, std::string_view help, std::span<const double> bounds,
                       Labels labels) override;

  // A counter's or gauge's value, a histogram's number of observations; 0 where absent. The key is
  // `name{key="value",…}`, without braces where there are no labels.
  double value(std::string_view key) const;

 private:
  class Cell;
  Cell& cell(std::string_view name, const Labels& labels);

  mutable std::mutex mutex_;
  std::map<std::string, std::shared_ptr<Cell>, std::less<>> cells_;
};

}  // namespace writ::observe
