// SPDX-License-Identifier: Apache-2.0
// The words of the command line. main() adds these commands beside its own to one CLI::App, so that
// one --help lists all of them.
//
//   CLI::App app("…", "writ");
//   cli::Program program;
//   cli::add_commands(app, program, {});
//   // the program's own: app.add_subcommand("serve", …)->callback([&] { program.status = …; });
//   return cli::parse(app, program, argc, argv);
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "protocol/workspace.h"

namespace CLI {
class App;
class Error;
}  // namespace CLI

namespace writ::cli {

struct Environment;

struct Program {
  int status = 0;  // what the chosen command left
};

// What only the server's side of the binary knows.
struct Extensions {
  // Adds options to `doctor`, such as --config; called once.
  std::function<void(CLI::App& doctor)> doctor_options{};
  // Called when doctor runs, after those options were read: findings about a server on this
  // machine; nothing where none was asked about.
  std::function<std::optional<Expected<std::vector<protocol::Finding>>>()> local_findings{};
};

// `program` outlives `app`. Each command runs within app.parse(), and its exit status is then in
// `program`. `environment` is for tests; by default it is the process's own.
void add_commands(CLI::App& app, Program& program, Extensions extensions = {},
                  std::shared_ptr<const Environment> environment = {});

// What is said of words that `app` does not take: the command that they reached, and the next step.
// As CLI::App::failure_message() wants it.
std::string usage_error(const CLI::App* app, const CLI::Error& error);

// Parses and runs: the chosen command's status, 0 after --help and --version, 2 for a usage error.
int parse(CLI::App& app, const Program& program, int argc, const char* const* argv);

}  // namespace writ::cli
