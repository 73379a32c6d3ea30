// SPDX-License-Identifier: Apache-2.0
#include "observe/capture.h"

#include <atomic>

namespace writ::observe {

void CapturingLog::write(Level level, std::string_view event, std::span<const Field> fields) {
  Event entry{.level = level, .name = std::string(event), .fields = {}};
  for (const auto& field : fields) {
    entry.fields.emplace(std::string(field.key), field.value.to_string());
  }
  const std::lock_guard lock(mutex_);
  events_.push_back(std::move(entry));
}

std::vector<CapturingLog::Event> CapturingLog::events() const {
  const std::lock_guard lock(mutex_);
  return events_;
}

std::optional<CapturingLog::Event> CapturingLog::find(std::string_view name) const {
  const std::lock_guard lock(mutex_);
  for (const auto& event : events_) {
    if (event.name == name) return event;
  }
  return std::nullopt;
}

bool CapturingLog::contains(std::string_view text) const {
  const std::lock_guard lock(mutex_);
  for (const auto& event : events_) {
    if (event.name.contains(text)) return true;
    for (const auto& [key, value] : event.fields) {
      if (key.contains(text) || value.contains(text)) return true;
    }
  }
  return false;
}

class CapturingMetrics::Cell final : public Counter, public Gauge, public Histogram {
 public:
  void add(double by) override { value_ += by; }
  void set(double to) override { value_ = to; }
  void observe(double) override { value_ += 1; }
  double value() const { return value_; }

 private:
  std::atomic<double> value_ = 0;
};

CapturingMetrics::Cell& CapturingMetrics::cell(std::string_view name, const Labels& labels) {
  std::string key(name);
  for (const auto& [label, value] : labels) {
    key += (key.size() == name.size() ? "{" : ",") + label + "=\"" + value + "\"";
  }
  if (!labels.empty()) key += "}";
  const std::lock_guard lock(mutex_);
  auto& slot = cells_[key];
  if (!slot) slot = std::make_shared<Cell>();
  return *slot;
}

Counter& CapturingMetrics::counter(std::string_view name, std::string_view, Labels labels) {
  return cell(name, labels);
}
Gauge& CapturingMetrics::gauge(std::string_view name, std::string_view, Labels labels) {
  return cell(name, labels);
}
Histogram& CapturingMetrics::histogram(std::string_view name, std::string_view,
                                       std::span<const double>, Labels labels) {
  return cell(name, labels);
}

double CapturingMetrics::value(std::string_view key) const {
  const std::lock_guard lock(mutex_);
  const auto found = cells_.find(key);
  return found == cells_.end() ? 0 : found->second->value();
}

}  // namespace writ::observe
