// SPDX-License-Identifier: Apache-2.0
// writ: server and command line in one program.
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <CLI/CLI.hpp>

#include "app/commands.h"
#include "cli/commands.h"
#include "demo/demo.h"

int main(int argc, char** argv) {
  // Its arguments are its own to read; the child that it starts has others.
  if (argc > 1 && std::string_view(argv[1]) == "demo") {
    const std::vector<std::string> rest(argv + 2, argv + argc);
    return writ::demo::run(rest);
  }
  CLI::App app("Writ lets AI agents act without borrowing a human's password.", "writ");
  app.set_version_flag("--version", "writ " WRIT_VERSION, "Print the version and exit");
  writ::cli::Program program;
  writ::app::add_commands(app, program);
  app.add_subcommand("demo", "play the refund story on this machine alone");
  writ::cli::add_commands(app, program, writ::app::doctor_extensions());
  return writ::cli::parse(app, program, argc, argv);
}
