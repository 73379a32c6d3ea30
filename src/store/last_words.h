// SPDX-License-Identifier: Apache-2.0
// The end of the process where the disk has failed: what is durable is then unknown, and after a
// failed fsync the kernel may report the next one as done although the data is gone, so a retry
// would lie. Whoever restarts the server reads what the disk really has.
#pragma once

#include <string_view>

#include "observe/log.h"

namespace writ::store {

// EX_IOERR of sysexits.h.
inline constexpr int kDiskFailedStatus = 74;

// Says it in the log and on stderr, and exits at once. _Exit and not abort: no core file with
// secrets in it, no handler that would wait for the disk; a supervisor restarts after either.
[[noreturn]] void end_for_failed_disk(observe::Log& log, std::string_view what);

}  // namespace writ::store
