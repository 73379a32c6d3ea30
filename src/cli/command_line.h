// SPDX-License-Identifier: Apache-2.0
// CommandLine: how this room's commands are tied to words and options. For commands*.cc alone.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include <CLI/CLI.hpp>

#include "cli/commands.h"
#include "cli/context.h"

namespace writ::cli {

// Shared by the callbacks of all commands.
class CommandLine : public std::enable_shared_from_this<CommandLine> {
 public:
  using Run = std::function<Expected<int>(Context&)>;

  CommandLine(Program& program, std::shared_ptr<const Environment> environment,
              Extensions extensions)
      : program_(program),
        environment_(std::move(environment)),
        extensions_(std::move(extensions)) {}

  // A word that other words follow.
  static CLI::App* group(CLI::App& parent, const std::string& name, const std::string& what);
  // A word that does something: `run` is called with the options read.
  CLI::App* command(CLI::App& parent, const std::string& name, const std::string& what, Run run);
  // The same, for one that speaks under a session: --server, --workspace, --user, --cacert.
  CLI::App* session_command(CLI::App& parent, const std::string& name, const std::string& what,
                            Run run);

  const Extensions& extensions() const { return extensions_; }

 private:
  void carry_out(const Run& run) const;

  Program& program_;
  std::shared_ptr<const Environment> environment_;
  Extensions extensions_;
  std::shared_ptr<CommonOptions> common_ = std::make_shared<CommonOptions>();
};

// Each adds the commands about its subject.
void add_people_commands(CLI::App& app, CommandLine& line);     // login, logout, user
void add_workspace_commands(CLI::App& app, CommandLine& line);  // apply, credential, doctor
void add_run_commands(CLI::App& app, CommandLine& line);  // run … action, approvals, approve, deny
void add_audit_commands(CLI::App& app, CommandLine& line);
void add_agent_commands(CLI::App& app, CommandLine& line);

// For Option::check(): "10m".
std::string check_duration(const std::string& text);

}  // namespace writ::cli
