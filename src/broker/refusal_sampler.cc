// SPDX-License-Identifier: Apache-2.0
#include "broker/refusal_sampler.h"

namespace writ::broker {

RefusalSampler::RefusalSampler(std::string surface, observe::Log& log, observe::Metrics& metrics,
                               const Clock& clock)
    : surface_(std::move(surface)),
      log_(log),
      count_(metrics.counter("writ_unauthenticated_refusals_total",
                             "Requests refused before their sender had proved who it is",
                             {{"surface", surface_}})),
      clock_(clock) {}

void RefusalSampler::refused(const Error& error) {
  count_.add();
  std::uint64_t left_out = 0;
  {
    const std::lock_guard lock(mutex_);
    const auto now = clock_.steady_now();
    if (last_ && now - *last_ < kInterval) {
      ++left_out_;
      return;
    }
    last_ = now;
    left_out = std::exchange(left_out_, 0);
  }
  log_.warning("caller.refused", {{"surface", surface_},
                                  {"code", name(error.code)},
                                  {"message", error.message},
                                  {"left_out", left_out}});
}

}  // namespace writ::broker
