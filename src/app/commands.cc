// SPDX-License-Identifier: Apache-2.0
#include "app/commands.h"

#include <cstdio>

#include <CLI/CLI.hpp>
#include <unistd.h>

#include "app/config.h"
#include "app/doctor.h"
#include "app/initialize.h"
#include "app/process.h"
#include "app/serve.h"
#include "cli/context.h"
#include "crypto/random.h"
#include "store/sqlite_backup.h"
#include "store/sqlite_schema.h"
#include "wire/time_text.h"

namespace writ::app {
namespace {

constexpr const char* kConfigHelp = "the server's configuration";

int failed(const Error& error) {
  std::fputs(cli::render_error(error, cli::style_of(STDERR_FILENO)).c_str(), stderr);
  return 1;
}

// What goes wrong with the store in passing, for the person at the terminal.
class TerminalLog final : public observe::Log {
 public:
  bool enabled(observe::Level level) const override { return level >= observe::Level::warning; }
  void write(observe::Level, std::string_view event,
             std::span<const observe::Field> fields) override {
    std::string line = "writ: " + std::string(event);
    for (const auto& field : fields)
      line += " " + std::string(field.key) + "=" + field.value.to_string();
    std::fputs((visible_text(line) + "\n").c_str(), stderr);
  }
};

// The one way out of the code: to who runs `init`, on standard output.
void print_code(const broker::IssuedCode& issued) {
  std::printf("Founding code: %.*s\n", static_cast<int>(issued.code.size()),
              issued.code.reveal_text().data());
  std::printf("It makes one workspace and its first admin, until %s.\n",
              format_time(issued.expires).c_str());
}

void print_next(const std::filesystem::path& config_file, const std::string& url) {
  std::printf(
      "\nNext:\n"
      "  writ serve --config %s\n"
      "and in another terminal, with a workspace's and your own name:\n"
      "  writ login --server %s --workspace NAME --user NAME --code\n",
      config_file.c_str(), url.c_str());
}

struct InitCommand {
  InitializeOptions options;
  bool new_code = false;
};

int run_init(const InitCommand& command) {
  if (auto hardened = harden_process(); !hardened) return failed(hardened.error());
  const SystemClock clock;
  crypto::SystemRandom random;
  TerminalLog log;
  const InitializeParts parts{.clock = clock, .random = random, .log = log};
  const auto config_file = command.options.folder / "writ.toml";
  auto code = command.new_code ? another_founding_code(config_file, parts)
                               : initialize(command.options, parts);
  if (!code) return failed(code.error());
  const auto config = read_config(config_file);
  if (!config) return failed(config.error());
  if (!command.new_code) {
    std::printf(
        "Made a server in %s:\n"
        "  writ.toml   its configuration\n"
        "  seal.key    opens what it keeps; a copy belongs elsewhere, and never with a backup\n"
        "  data/       its store\n"
        "  anchor/     checkpoints of its audit logs; better on another disk\n\n",
        command.options.folder.c_str());
  }
  print_code(*code);
  print_next(config_file, !config->public_url.empty()
                              ? config->public_url
                              : "http://" + listen_text(config->address, config->port));
  return 0;
}

struct RecoverCommand {
  std::filesystem::path config_file = "writ.toml";
  std::string workspace;
  std::string user;
};

int run_recover(const RecoverCommand& command) {
  if (auto hardened = harden_process(); !hardened) return failed(hardened.error());
  const SystemClock clock;
  crypto::SystemRandom random;
  TerminalLog log;
  const auto code = recover_admin(command.config_file, command.workspace, command.user,
                                  {.clock = clock, .random = random, .log = log});
  if (!code) return failed(code.error());
  std::printf("One-time code: %.*s\n", static_cast<int>(code->code.size()),
              code->code.reveal_text().data());
  std::printf(
      "It enrols a new key for %s in %s until %s; the key before ends with it. The audit log says "
      "so, and writ doctor does for 30 days.\n"
      "\nNext: start the server, then writ login with --code.\n",
      command.user.c_str(), command.workspace.c_str(), format_time(code->expires).c_str());
  return 0;
}

int run_backup(const std::filesystem::path& config_file, const std::filesystem::path& target) {
  ::umask(077);
  const auto config = read_config(config_file);
  if (!config) return failed(config.error());
  if (auto done = store::back_up(config->data / std::string(store::kDatabaseFile), {}, target);
      !done)
    return failed(done.error());
  std::printf(
      "Copied the store, as of one moment, to %s.\n"
      "The seal key is not in it: without %s the copy cannot be read. To restore it, put it in "
      "the place of %s while the server is stopped, and remove the files -wal and -shm beside "
      "it.\n",
      target.c_str(),
      config->seal_key_file ? config->seal_key_file->c_str() : "the service manager's seal-key",
      (config->data / std::string(store::kDatabaseFile)).c_str());
  return 0;
}

}  // namespace

void add_commands(CLI::App& app, cli::Program& program) {
  auto* init = app.add_subcommand("init", "make the folder of a new server");
  const auto made = std::make_shared<InitCommand>();
  init->add_option("--dir", made->options.folder, "where; it must not have one yet")
      ->capture_default_str();
  init->add_option("--listen", made->options.listen, "the address and port to listen on")
      ->capture_default_str();
  init->add_option("--public-url", made->options.public_url,
                   "by which URL others reach it, as https://writ.example");
  init->add_flag("--new-code", made->new_code,
                 "another founding code for the server in --dir, which must not be running");
  init->callback([made, &program] { program.status = run_init(*made); });

  auto* server = app.add_subcommand("serve", "run a server");
  const auto served = std::make_shared<ServeOptions>();
  server->add_option("--config", served->config_file, kConfigHelp)->capture_default_str();
  server->add_flag("--accept-anchor", served->server.accept_anchor,
                   "once, after the anchor was moved or lost on purpose: trust the store's latest "
                   "checkpoints");
  server->add_flag("--dev", served->server.dev, "for a trial: the seal key may lie with the data");
  server->callback([served, &program] { program.status = serve(*served); });

  auto* recover = app.add_subcommand(
      "recover",
      "a one-time code for an admin, or somebody of the group that decides applies, who lost the "
      "key; the server must not be running");
  const auto recovered = std::make_shared<RecoverCommand>();
  recover->add_option("--config", recovered->config_file, kConfigHelp)->capture_default_str();
  recover->add_option("WORKSPACE", recovered->workspace, "the workspace's name")->required();
  recover
      ->add_option(
          "USER", recovered->user,
          "whom its current version names admin, or puts into the group of [approvals] apply")
      ->required();
  recover->callback([recovered, &program] { program.status = run_recover(*recovered); });

  auto* backup = app.add_subcommand("backup", "copy the store of a server, running or not");
  struct Backup {
    std::filesystem::path config_file = "writ.toml";
    std::filesystem::path target;
  };
  const auto copied = std::make_shared<Backup>();
  backup->add_option("--config", copied->config_file, kConfigHelp)->capture_default_str();
  backup->add_option("DEST", copied->target, "the new file")->required();
  backup->callback(
      [copied, &program] { program.status = run_backup(copied->config_file, copied->target); });
}

cli::Extensions doctor_extensions() {
  const auto config_file = std::make_shared<std::filesystem::path>();
  return {
      .doctor_options =
          [config_file](CLI::App& doctor) {
            doctor.add_option("--config", *config_file, "also look at the server on this machine");
          },
      .local_findings = [config_file]() -> std::optional<Expected<std::vector<protocol::Finding>>> {
        if (config_file->empty()) return std::nullopt;
        const SystemClock clock;
        return examine_server(*config_file, clock);
      }};
}

}  // namespace writ::app
