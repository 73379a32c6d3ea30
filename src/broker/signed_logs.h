// SPDX-License-Identifier: Apache-2.0
// SignedLogs: the server's own record of how far each workspace's log is signed (P36). It names
// every workspace whose log ever was, so that one that is missing from the store is missed, and it
// is durable before a checkpoint goes to the anchor. Being in the store, a backup carries its own.
//
//   record setting "signed-logs" of the nil workspace
//     {"logs":[{"root":"hex","size":N,"workspace":"wsp_…"},…],"v":1}
#pragma once

#include <cstdint>
#include <map>

#include "broker/store.h"

namespace writ::broker {

struct SignedLog {
  std::uint64_t size = 0;
  Digest root{};
};

struct SignedLogs {
  std::map<WorkspaceId, SignedLog> logs;
  std::uint64_t revision = 0;
};

// `server` is the store's handle of the nil workspace. Empty where nothing was ever signed.
Task<Expected<SignedLogs>> read_signed_logs(WorkspaceStore& server);
Put to_put(const SignedLogs& signed_logs);

}  // namespace writ::broker
