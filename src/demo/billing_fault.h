// SPDX-License-Identifier: Apache-2.0
// BillingFaults: what tests ask the billing API to do wrong, and how often. Nothing unless asked.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "wire/json.h"

namespace writ::demo {

struct BillingFault {
  enum class Kind : std::uint8_t {
    hang,     // no answer, ever
    trickle,  // the answer, a byte at a time; what was asked is done
    cut,      // the answer's head and half of its body, and then the connection's end; it is done
    error,    // a status of the 5xx
  };
  std::string method;
  std::string path;  // exactly
  Kind kind = Kind::error;
  bool after = false;       // whether what was asked is done before it goes wrong
  int status = 503;         // of Kind::error
  milliseconds pause{100};  // of Kind::trickle, before each byte
  std::int64_t times = 1;

  // Whether what is asked is done.
  bool does_it() const { return after || kind == Kind::trickle || kind == Kind::cut; }

  // {"method", "path", "kind", "after"?, "status"?, "pause"?: "100ms", "times"?}
  static Expected<BillingFault> from_json(const JsonObject& json);
};

// Of one thread.
class BillingFaults {
 public:
  void add(BillingFault fault) { faults_.push_back(std::move(fault)); }
  void clear() { faults_.clear(); }
  // The fault for this request, which then has one time less.
  std::optional<BillingFault> take(std::string_view method, std::string_view path);

 private:
  std::vector<BillingFault> faults_;
};

}  // namespace writ::demo
