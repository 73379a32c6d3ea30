// SPDX-License-Identifier: Apache-2.0
#include "tools/outcome.h"

namespace writ::tools {

Outcome classify(const Operation& operation, const UpstreamReply& reply) {
  // A read changes nothing, so there is nothing about it that could be unknown.
  const Outcome cut = operation.effect == Effect::read ? Outcome::failed : Outcome::unknown;
  if (!reply.status || !reply.complete) return cut;
  const int status = *reply.status;
  for (const int key : {status, status / 100}) {
    const auto declared = operation.outcomes.find(key);
    if (declared != operation.outcomes.end()) return declared->second;
  }
  switch (status / 100) {
    case 2:
      return Outcome::done;
    case 3:
    case 4:
      return Outcome::failed;
    default:
      return cut;
  }
}

}  // namespace writ::tools
