// SPDX-License-Identifier: Apache-2.0
#include "demo/billing_fault.h"

#include <algorithm>

namespace writ::demo {
namespace {

BillingFault::Kind kind_named(std::string_view name) {
  if (name == "hang") return BillingFault::Kind::hang;
  if (name == "trickle") return BillingFault::Kind::trickle;
  if (name == "cut") return BillingFault::Kind::cut;
  return BillingFault::Kind::error;
}

}  // namespace

Expected<BillingFault> BillingFault::from_json(const JsonObject& json) {
  ObjectReader r(json);
  BillingFault fault{.method = r.string("method", {.max = 16}), .path = r.string("path")};
  fault.kind = kind_named(r.choice("kind", {"hang", "trickle", "cut", "error"}));
  fault.after = r.optional_boolean("after").value_or(false);
  fault.status =
      static_cast<int>(r.optional_integer("status", {.min = 500, .max = 599}).value_or(503));
  fault.pause = r.optional_duration("pause", {.min = milliseconds(1), .max = seconds(60)})
                    .value_or(milliseconds(100));
  fault.times = r.optional_integer("times", {.min = 1, .max = 1'000'000}).value_or(1);
  WRIT_TRY_VOID(r.finish());
  return fault;
}

std::optional<BillingFault> BillingFaults::take(std::string_view method, std::string_view path) {
  const auto found = std::ranges::find_if(faults_, [&](const BillingFault& fault) {
    return fault.method == method && fault.path == path;
  });
  if (found == faults_.end()) return std::nullopt;
  auto fault = *found;
  if (--found->times == 0) faults_.erase(found);
  return fault;
}

}  // namespace writ::demo
