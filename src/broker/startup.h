// SPDX-License-Identifier: Apache-2.0
// Startup: from the store to what is resident. Versions are built again from their documents by the
// code that accepted them, data keys unwrapped, and what is not over is loaded: runs, approvals,
// the standings of users, credentials.
#pragma once

#include <vector>

#include "broker/approvals.h"
#include "broker/live.h"
#include "observe/log.h"
#include "vault/keys.h"

namespace writ::broker {

struct StartupParts {
  Store& store;
  const vault::SealKey& seal_key;
  Live& live;
  Approvals& approvals;
  Shares& shares;
  const Clock& clock;
  Random& random;
  observe::Log& log;
};

// A workspace that the store has and that could not be loaded, and why. It is not served, and the
// server is not ready; the others are not in its way.
struct Unloaded {
  WorkspaceId id;
  Error error;
};

// Into parts.live and parts.approvals, before anybody is answered. A workspace without its record,
// or with one that this server did not write, is not loaded. Errors: those of the store that
// concern all; denied where the seal key opens no data key.
Task<Expected<std::vector<Unloaded>>> load_live(StartupParts parts);

}  // namespace writ::broker
