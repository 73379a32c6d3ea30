// SPDX-License-Identifier: Apache-2.0
// Process: what makes this process a fit place for secrets (P22), and what the system must allow.
#pragma once

#include <cstddef>

#include "base/error.h"

namespace writ::app {

// Before any secret is read: no core files, no memory that another process of the same user may
// read (failures.md 11), files for nobody else, as many descriptors as are allowed, a write to a
// closed pipe as an error and not a signal. denied where the system refuses one of the first.
Expected<void> harden_process();

// Whether secret memory can be locked, so that it never reaches a swap device. unavailable, with
// what to raise, where it cannot.
Expected<void> check_memory_lock();

struct CoreState {
  bool core_files = false;  // RLIMIT_CORE would let one be written
  bool dumpable = false;    // and other processes of the user may read this one's memory
};
CoreState core_state();

}  // namespace writ::app
