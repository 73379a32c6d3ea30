// SPDX-License-Identifier: Apache-2.0
// writ apply: shows the difference, has a person's key sign what widens, and applies exactly that
// (protocol.md P40). Returns the exit status.
#pragma once

#include <string>

#include "cli/context.h"
#include "protocol/apply.h"

namespace writ::cli {

struct ApplyCommand {
  std::string directory;
  bool dry_run = false;
  bool json = false;
};

// conflict, with the difference shown, where another version was published since the difference was
// made; unsupported where something widens and there is no terminal to ask for the passphrase on.
Expected<int> run_apply(Context& context, const ApplyCommand& command);

// The changes as lines, what widens marked and counted.
std::string render_difference(const std::vector<protocol::Change>& changes, const Style& style);

}  // namespace writ::cli
