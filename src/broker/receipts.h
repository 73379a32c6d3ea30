// SPDX-License-Identifier: Apache-2.0
// Receipts: of an action, and the tiles of the log as they are served: from the store what is full,
// from what the notary signed last what is at the edge.
#pragma once

#include <optional>

#include "audit/receipt.h"
#include "audit/tile.h"
#include "broker/history.h"
#include "broker/notary.h"

namespace writ::broker {

// Which of an action's entries: that it was allowed and recorded, or how it ended.
enum class Receipted { intent, outcome };

// Errors: not_found where the log has no such entry; unavailable where the last checkpoint does not
// cover it yet. It says what was done, where that was not erased: whoever is given it has read the
// arguments.
Task<Expected<audit::Receipt>> receipt(LiveWorkspace& workspace, const SignedHead& head,
                                       ActionId action, Receipted which);

// The bytes of a tile in the tree that `head` signs, in exactly the width asked for; nothing where
// that tree has no such tile.
Task<Expected<std::optional<Bytes>>> read_tile(LiveWorkspace& workspace, const SignedHead& head,
                                               audit::TileId id);

}  // namespace writ::broker
