// SPDX-License-Identifier: Apache-2.0
// AllocatedStopFile: the file of stops (broker/stops.h) in the data directory. All of its space is
// written when it is made, so that replacing its text needs no room on the disk.
//
// Two halves of equal size, written in turn: a write that a crash cuts leaves the other half.
//
//   ┌────────────┬──────────┬────────┬──────────────────────────────────┬──────┐
//   │ "WRITSTOP" │ sequence │ length │ SHA-256 of sequence‖length‖text  │ text │
//   │ 8 bytes    │ 8 BE     │ 4 BE   │ 32 bytes                         │      │
//   └────────────┴──────────┴────────┴──────────────────────────────────┴──────┘
//
// A file system that never writes in place (btrfs, ZFS) needs room even so: then the broker is told
// that nothing was kept.
#pragma once

#include <memory>
#include <string>

#include "broker/stops.h"

namespace writ::store {

// Made where it is absent. Errors: unavailable where it can be neither opened nor made, as on a
// disk that is full already; invalid_input where it has another size.
Expected<std::unique_ptr<broker::StopFile>> open_stop_file(const std::string& path);

inline constexpr std::string_view kStopFile = "stops";  // in the data directory

}  // namespace writ::store
