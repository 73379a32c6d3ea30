// SPDX-License-Identifier: Apache-2.0
#include "cli/commands.h"

#include <array>
#include <cerrno>
#include <cstdio>

#include <unistd.h>

#include "cli/command_line.h"
#include "cli/files.h"
#include "cli/run_commands.h"
#include "cli/workspace_commands.h"
#include "crypto/random.h"
#include "wire/time_text.h"

namespace writ::cli {
namespace {

void write_to(int descriptor, std::string_view text) {
  while (!text.empty()) {
    const auto wrote = ::write(descriptor, text.data(), text.size());
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote <= 0) return;  // whoever read it has gone
    text.remove_prefix(static_cast<std::size_t>(wrote));
  }
}

Expected<SecretBytes> read_input(std::size_t limit) {
  SecretBytes bytes(limit + 1);
  std::size_t size = 0;
  while (size < bytes.size()) {
    const auto rest = bytes.writable().subspan(size);
    const auto got = ::read(STDIN_FILENO, rest.data(), rest.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return fail(Errc::unavailable, "standard input cannot be read");
    if (got == 0) {
      bytes.truncate(size);
      return bytes;
    }
    size += static_cast<std::size_t>(got);
  }
  return fail(Errc::too_large, "more than " + std::to_string(limit) + " bytes on standard input");
}

// The process's own environment and what it refers to.
struct Process {
  SystemClock clock;
  crypto::SystemRandom random;
  Terminal terminal;
  Environment environment{
      .clock = clock,
      .random = random,
      .asker = terminal,
      .out = [](std::string_view text) { write_to(STDOUT_FILENO, text); },
      .err = [](std::string_view text) { write_to(STDERR_FILENO, text); },
      .style = style_of(STDOUT_FILENO),
      .err_style = style_of(STDERR_FILENO),
      .input = read_input,
      .input_is_terminal = ::isatty(STDIN_FILENO) != 0,
      .output_is_terminal = ::isatty(STDOUT_FILENO) != 0,
      // Empty where there is none, which a command says when it runs.
      .home = config_directory().value_or(std::filesystem::path()),
  };
};

std::shared_ptr<const Environment> process_environment() {
  auto process = std::make_shared<Process>();
  return {process, &process->environment};
}

}  // namespace

CLI::App* CommandLine::group(CLI::App& parent, const std::string& name, const std::string& what) {
  auto* app = parent.add_subcommand(name, what);
  app->require_subcommand(1);
  return app;
}

CLI::App* CommandLine::command(CLI::App& parent, const std::string& name, const std::string& what,
                               Run run) {
  auto* app = parent.add_subcommand(name, what);
  app->callback([self = shared_from_this(), run = std::move(run)] { self->carry_out(run); });
  return app;
}

CLI::App* CommandLine::session_command(CLI::App& parent, const std::string& name,
                                       const std::string& what, Run run) {
  auto* app = command(parent, name, what, std::move(run));
  const std::string heading = "Which server, workspace and user";
  app->add_option("--server", common_->server, "the server, as https://writ.example")
      ->group(heading);
  app->add_option("--workspace", common_->workspace, "the workspace's name")->group(heading);
  app->add_option("--user", common_->user, "the user's name")->group(heading);
  app->add_option("--cacert", common_->ca_file, "trust these certificates alone (PEM)")
      ->group(heading);
  return app;
}

void CommandLine::carry_out(const Run& run) const {
  const auto result = [&]() -> Expected<int> {
    if (environment_->home.empty()) {
      WRIT_TRY_VOID(config_directory());
    }
    Context context(*environment_, *common_);
    return run(context);
  }();
  if (!result) environment_->err(render_error(result.error(), environment_->err_style));
  program_.status = result ? *result : exit_status(result.error());
}

std::string check_duration(const std::string& text) {
  const auto span = parse_duration(text);
  return span ? "" : span.error().message + "; write it as 10m or 1h30m";
}

void add_commands(CLI::App& app, Program& program, Extensions extensions,
                  std::shared_ptr<const Environment> environment) {
  if (!environment) environment = process_environment();
  const auto line =
      std::make_shared<CommandLine>(program, std::move(environment), std::move(extensions));
  add_people_commands(app, *line);
  add_workspace_commands(app, *line);
  add_agent_commands(app, *line);
  add_run_commands(app, *line);
  add_audit_commands(app, *line);
}

std::string usage_error(const CLI::App* app, const CLI::Error& error) {
  std::string name = app->get_name();
  while (!app->get_subcommands().empty()) {
    app = app->get_subcommands().front();
    name += ' ' + app->get_name();
  }
  Error out{.code = Errc::invalid_input,
            .message = error.what(),
            .where = name,
            .hint = "see " + name + " --help"};
  if (app->get_require_subcommand_min() > 0) {
    const auto unknown = app->remaining();
    out.message = unknown.empty()
                      ? "a command has to follow"
                      : "there is no " +
                            std::string(unknown.front().starts_with('-') ? "option " : "command ") +
                            unknown.front();
    out.hint = name + " --help lists what there is";
  }
  return render_error(out, {});
}

int parse(CLI::App& app, const Program& program, int argc, const char* const* argv) {
  app.require_subcommand(1);
  app.failure_message(usage_error);
  // CLI11 speaks by exceptions; here they end.
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? kOk : kUsage;
  }
  return program.status;
}

}  // namespace writ::cli
