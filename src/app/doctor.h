// SPDX-License-Identifier: Apache-2.0
// Doctor: what should be mended about a server on this machine, from its configuration and the
// system alone: the server may be running or not.
#pragma once

#include <filesystem>
#include <vector>

#include "base/clock.h"
#include "protocol/workspace.h"

namespace writ::app {

// Each finding's kind begins with "server.": seal_key, data, anchor, memory_lock, core_files,
// listener, disk, clock. None where all is well. Errors: those of the configuration.
Expected<std::vector<protocol::Finding>> examine_server(const std::filesystem::path& config_file,
                                                        const Clock& clock);

}  // namespace writ::app
