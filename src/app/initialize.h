// SPDX-License-Identifier: Apache-2.0
// Initialize: `writ init`: the folder of a new server, and the code with which its first admin
// makes a workspace.
//
//   DIR/writ.toml    the configuration
//   DIR/seal.key     beside the data and not in it (P22); a copy belongs in a safe place
//   DIR/data/        the store
//   DIR/anchor/      checkpoints; better on another disk or machine (P21)
#pragma once

#include <filesystem>
#include <string>

#include "base/clock.h"
#include "base/random.h"
#include "broker/enrolments.h"
#include "observe/log.h"

namespace writ::app {

struct InitializeOptions {
  std::filesystem::path folder = "writ-server";
  std::string listen = "127.0.0.1:8700";
  std::string public_url;  // empty: where it listens
};

struct InitializeParts {
  const Clock& clock;
  Random& random;
  observe::Log& log;
};

// conflict where there is a server already, or a part of one: nothing of it is touched. The
// configuration is written last, so what was cut off in between is no server yet.
Expected<broker::IssuedCode> initialize(const InitializeOptions& options, InitializeParts parts);

// Another founding code for a server that is not running: the first was lost, or its time is over.
Expected<broker::IssuedCode> another_founding_code(const std::filesystem::path& config_file,
                                                   InitializeParts parts);

// A one-time code for an admin of a workspace who has lost the key (broker/recover.h), by a server
// that is not running. not_found where it has no such workspace.
Expected<broker::IssuedCode> recover_admin(const std::filesystem::path& config_file,
                                           const std::string& workspace, const std::string& user,
                                           InitializeParts parts);

}  // namespace writ::app
