// SPDX-License-Identifier: Apache-2.0
#include "cli/apply.h"
#include "cli/command_line.h"
#include "cli/people_commands.h"
#include "cli/workspace_commands.h"
#include "wire/time_text.h"

namespace writ::cli {

void add_people_commands(CLI::App& app, CommandLine& line) {
  struct Login {
    LoginCommand command;
    std::string argument;
    CLI::Option* code = nullptr;
  };
  const auto login = std::make_shared<Login>();
  auto* sign_in = line.session_command(
      app, "login", "sign in; with a one-time code, enrol a key first", [login](Context& context) {
        auto command = login->command;
        command.with_code = login->code->count() > 0;
        command.code_as_argument = !login->argument.empty();
        return run_login(context, command);
      });
  // Takes a value only to say what to do instead.
  login->code = sign_in->add_option("--code", login->argument, "ask for a one-time code")
                    ->expected(0, 1)
                    ->type_name("");
  sign_in
      ->add_option("--code-file", login->command.code_file,
                   "a file with a one-time code, or - for standard input")
      ->excludes(login->code);
  sign_in->add_option("--machine-key", login->command.machine_key,
                      "a key without a passphrase in this file, for a pipeline; with a code it is "
                      "made where there is none");
  line.session_command(app, "logout", "sign out", run_logout);

  auto* user = CommandLine::group(app, "user", "invite, disable and enable people");
  const auto name = std::make_shared<std::string>();
  const auto of_user = [&](const char* word, const char* what,
                           Expected<int> (*run)(Context&, const std::string&)) {
    line.session_command(*user, word, what,
                         [name, run](Context& context) { return run(context, *name); })
        ->add_option("NAME", *name, "the user's name")
        ->required();
  };
  of_user("invite", "a one-time code with which they enrol a key", run_user_invite);
  of_user("disable", "refuse them, and revoke the runs made for them", run_user_disable);
  of_user("enable", "take that back", run_user_enable);

  auto* clock = CommandLine::group(app, "clock", "the server's clock");
  line.session_command(*clock, "reset",
                       "sign that the server's clock is right, after it was too far ahead",
                       run_clock_reset);
}

void add_workspace_commands(CLI::App& app, CommandLine& line) {
  const auto apply = std::make_shared<ApplyCommand>();
  auto* applying =
      line.session_command(app, "apply", "make a workspace as its directory says",
                           [apply](Context& context) { return run_apply(context, *apply); });
  applying->add_option("DIR", apply->directory, "the directory that holds workspace.toml")
      ->required();
  auto* const dry_run =
      applying->add_flag("--dry-run", apply->dry_run, "only show what would change");
  applying
      ->add_flag("--propose", apply->propose,
                 "leave it for an admin, or the group that decides, to read and sign: for who "
                 "cannot, as a pipeline")
      ->excludes(dry_run);
  applying->add_flag("--json", apply->json, "the answer as JSON");

  auto* credential =
      CommandLine::group(app, "credential", "add and rotate what tools are used with");
  struct Credential {
    CredentialCommand command;
    std::string grace;
    std::string account = "same";
    bool json = false;
  };
  const auto secret = std::make_shared<Credential>();
  auto* add = line.session_command(
      *credential, "add", "add one; its value comes on standard input",
      [secret](Context& context) { return run_credential_add(context, secret->command); });
  add->add_option("NAME", secret->command.name, "the credential's name")->required();
  add->add_option("--tool-server", secret->command.tool_server,
                  "the only one it is sent to; the one that names it by default");
  auto* rotate =
      line.session_command(*credential, "rotate", "a new value; the old one lives on for --grace",
                           [secret](Context& context) -> Expected<int> {
                             auto command = secret->command;
                             command.other_account = secret->account == "other";
                             if (!secret->grace.empty()) {
                               WRIT_TRY(const auto span, parse_duration(secret->grace));
                               command.grace = std::chrono::ceil<seconds>(span);
                             }
                             return run_credential_rotate(context, command);
                           });
  rotate->add_option("NAME", secret->command.name, "the credential's name")->required();
  rotate->add_option("--grace", secret->grace, "how long calls in flight may use the old one: 5m")
      ->check(check_duration);
  rotate
      ->add_option("--account", secret->account,
                   "same, or other: then pending approvals are asked for again")
      ->check(CLI::IsMember({"same", "other"}));
  line.session_command(
          *credential, "list", "their names and versions, never their values",
          [secret](Context& context) { return run_credential_list(context, secret->json); })
      ->add_flag("--json", secret->json, "as JSON");

  const auto json = std::make_shared<bool>(false);
  const auto& extensions = line.extensions();
  auto* doctor =
      line.session_command(app, "doctor", "look for what should be mended",
                           [json, local = extensions.local_findings](Context& context) {
                             DoctorCommand command{.json = *json};
                             if (local) {
                               if (auto findings = local())
                                 command.local = [found = std::move(*findings)] { return found; };
                             }
                             return run_doctor(context, command);
                           });
  doctor->add_flag("--json", *json, "as JSON");
  if (extensions.doctor_options) extensions.doctor_options(*doctor);
}

}  // namespace writ::cli
