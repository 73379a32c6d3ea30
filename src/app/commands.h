// SPDX-License-Identifier: Apache-2.0
// The words of the command line that are about a server on this machine: serve, init, backup,
// recover; and what `doctor --config` finds out about one.
#pragma once

#include "cli/commands.h"

namespace writ::app {

// Beside cli::add_commands(), to the same app. Each command runs within app.parse(), and its exit
// status is then in `program`, which outlives `app`.
void add_commands(CLI::App& app, cli::Program& program);
cli::Extensions doctor_extensions();

}  // namespace writ::app
