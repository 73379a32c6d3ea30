// SPDX-License-Identifier: Apache-2.0
// How an action ended, from what the upstream answered (P16).
#pragma once

#include <optional>

#include "tools/operation.h"

namespace writ::tools {

// What came back after the request's first byte was sent. A request of which no byte was sent has
// no outcome to classify: it was not delivered.
struct UpstreamReply {
  std::optional<int> status;  // of the final response; none: timeout or cut before its head
  bool complete = false;      // whether the response arrived to its end
};

// A write's or money's cut reply is unknown whatever its status says, for a status alone is no
// promise that the upstream finished; so is any 5xx unless the operation declares what it means. A
// read is done or failed.
Outcome classify(const Operation& operation, const UpstreamReply& reply);

}  // namespace writ::tools
