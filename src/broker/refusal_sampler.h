// SPDX-License-Identifier: Apache-2.0
// RefusalSampler: refusals of callers who have not proved who they are, counted all and logged as a
// sample (P25): whoever can reach a port could else fill a disk. One for each surface. What is
// refused to a caller who is known goes to the audit log instead, each one.
#pragma once

#include <cstdint>
#include <mutex>
#include <string>

#include "base/clock.h"
#include "base/error.h"
#include "observe/log.h"
#include "observe/metrics.h"

namespace writ::broker {

// Thread-safe. What the constructor takes outlives it.
class RefusalSampler {
 public:
  // `surface` names it in the metric writ_unauthenticated_refusals_total and in the log: "gateway".
  RefusalSampler(std::string surface, observe::Log& log, observe::Metrics& metrics,
                 const Clock& clock);

  // Counts; logs "caller.refused" at most once in kInterval, with how many were left out since. The
  // error's message alone is written, never what the caller sent.
  void refused(const Error& error);

  static constexpr seconds kInterval{10};

 private:
  const std::string surface_;
  observe::Log& log_;
  observe::Counter& count_;
  const Clock& clock_;
  std::mutex mutex_;
  std::optional<SteadyPoint> last_;
  std::uint64_t left_out_ = 0;
};

}  // namespace writ::broker
