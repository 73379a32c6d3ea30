// SPDX-License-Identifier: Apache-2.0
#include "app/death.h"

#ifndef NDEBUG
#include <algorithm>
#include <array>
#include <atomic>
#include <charconv>
#include <csignal>
#include <cstdlib>
#include <string>

namespace writ::app {
namespace {

constexpr std::array<std::string_view, 7> kSteps{"dial",      "claim",   "intent", "first-byte",
                                                 "last-byte", "outcome", "reply"};

class Death final : public broker::StepProbe {
 public:
  Death(std::string_view step, int count) : step_(step), left_(count) {}

  void reached(std::string_view step) override {
    // SIGKILL: nothing is flushed, closed or unwound.
    if (step == step_ && --left_ == 0) std::raise(SIGKILL);
  }

 private:
  const std::string step_;
  std::atomic<int> left_;
};

}  // namespace

Expected<std::unique_ptr<broker::StepProbe>> death_from_environment() {
  const char* wanted = std::getenv("WRIT_DIE_AT");
  if (wanted == nullptr || *wanted == '\0') return nullptr;
  std::string_view step(wanted);
  int count = 1;
  if (const auto colon = step.find(':'); colon != std::string_view::npos) {
    const auto digits = step.substr(colon + 1);
    const auto [end, failed] = std::from_chars(digits.data(), digits.data() + digits.size(), count);
    if (failed != std::errc() || end != digits.data() + digits.size() || count < 1)
      return fail(Errc::invalid_input, "not a number of times", "WRIT_DIE_AT");
    step = step.substr(0, colon);
  }
  if (std::ranges::find(kSteps, step) == kSteps.end())
    return fail(Errc::invalid_input, "not a step of a call", "WRIT_DIE_AT",
                "one of dial, claim, intent, first-byte, last-byte, outcome, reply");
  return std::make_unique<Death>(step, count);
}

}  // namespace writ::app
#endif
