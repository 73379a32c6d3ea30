// SPDX-License-Identifier: Apache-2.0
#include "store/last_words.h"

#include <cstdlib>
#include <string>

#include <unistd.h>

namespace writ::store {

void end_for_failed_disk(observe::Log& log, std::string_view what) {
  log.error("store.disk_failed", {{"what", what}});
  // The log may be written by a thread that has no time left.
  const auto line = "writ: the disk failed, ending: " + std::string(what) + "\n";
  const auto written = ::write(STDERR_FILENO, line.data(), line.size());
  static_cast<void>(written);
  std::_Exit(kDiskFailedStatus);
}

}  // namespace writ::store
