// SPDX-License-Identifier: Apache-2.0
#include "audit/note.h"
#include "cli/audit_commands.h"
#include "cli/command_line.h"
#include "cli/people_commands.h"
#include "cli/run_commands.h"

namespace writ::cli {
namespace {

// What several of these commands take.
struct Shared {
  std::string id;
  bool json = false;
};

// A key that is none is a slip of the caller's, and says nothing about the log.
std::string check_log_key(const std::string& text) {
  const auto key = audit::NoteVerifier::parse(text);
  return key ? "" : "no key of a log, NAME+ID+KEY: " + key.error().message;
}

}  // namespace

void add_run_commands(CLI::App& app, CommandLine& line) {
  const auto shared = std::make_shared<Shared>();
  using Show = Expected<int> (*)(Context&, const std::string&, bool);
  const auto show = [&](CLI::App& parent, const char* word, const char* what, const char* id,
                        Show run) {
    auto* app_of = line.session_command(parent, word, what, [shared, run](Context& context) {
      return run(context, shared->id, shared->json);
    });
    app_of->add_option(id, shared->id, "its id")->required();
    app_of->add_flag("--json", shared->json, "as JSON");
  };

  auto* run = CommandLine::group(app, "run", "list and show runs; a token to start one");
  const auto runs = std::make_shared<ListCommand>();
  auto* of_runs = line.session_command(
      *run, "list", "the runs that one may see: the living first, then the latest that ended",
      [runs](Context& context) { return run_list_runs(context, *runs); });
  of_runs->add_flag("--json", runs->json, "as JSON");
  of_runs->add_option("--state", runs->state, "living or ended alone")
      ->check(CLI::IsMember({"living", "ended"}));
  of_runs->add_option("--after", runs->after, "go on where a list was cut");
  show(*run, "show", "one run", "RUN", run_show_run);
  const auto token = std::make_shared<UserTokenCommand>();
  auto* of_token = line.session_command(
      *run, "token", "a token of oneself, with which one agent may start a run",
      [token](Context& context) { return run_user_token(context, *token); });
  of_token->add_option("--agent", token->agent, "the agent's name")->required();
  of_token->add_option("--out", token->out, "write it to this file, mode 0600");

  show(app, "trace", "a run, its actions and its subagents as a tree", "RUN", run_trace);
  show(app, "explain", "the seven questions about an action", "ACTION", run_explain);

  const auto waiting = std::make_shared<ListCommand>();
  auto* of_waiting = line.session_command(
      app, "approvals", "what waits for approval, proposals of an apply too",
      [waiting](Context& context) { return run_approvals(context, *waiting); });
  of_waiting->add_flag("--json", waiting->json, "as JSON");
  of_waiting->add_option("--after", waiting->after, "go on where a list was cut");
  const auto decision = std::make_shared<DecideCommand>();
  const auto decide = [&](const char* word, const char* what, approval::Verdict verdict) {
    auto* app_of = line.session_command(app, word, what, [decision, verdict](Context& context) {
      auto command = *decision;
      command.verdict = verdict;
      return run_decide(context, command);
    });
    app_of->add_option("APPROVAL", decision->approval, "its id, or a proposal's")->required();
    app_of->add_option("--group", decision->groups, "decide for this group alone")
        ->allow_extra_args(false);
    app_of->add_option("--note", decision->note, "a word for the record");
  };
  decide("approve", "see an action or an apply exactly, and approve it",
         approval::Verdict::approve);
  decide("deny", "see an action or an apply exactly, and deny it", approval::Verdict::deny);

  const auto reason = std::make_shared<std::string>();
  auto* revoke = line.session_command(
      app, "revoke", "end a run and everything below it, now",
      [shared, reason](Context& context) { return run_revoke(context, shared->id, *reason); });
  revoke->add_option("RUN", shared->id, "its id")->required();
  revoke->add_option("--reason", *reason, "for the record");

  auto* action = CommandLine::group(app, "action", "show an action, settle an unknown one");
  show(*action, "show", "how far it has come, and its result", "ACTION", run_show_action);
  struct Resolution {
    std::string outcome;
    std::string detail;
  };
  const auto resolution = std::make_shared<Resolution>();
  auto* resolve = line.session_command(
      *action, "resolve", "settle one whose outcome is unknown",
      [shared, resolution](Context& context) {
        return run_resolve_action(context, shared->id, resolution->outcome, resolution->detail);
      });
  resolve->add_option("ACTION", shared->id, "its id")->required();
  resolve->add_option("--outcome", resolution->outcome, "done or failed")
      ->required()
      ->check(CLI::IsMember({"done", "failed"}));
  resolve->add_option("--detail", resolution->detail, "how you know")->required();
}

void add_audit_commands(CLI::App& app, CommandLine& line) {
  auto* audit = CommandLine::group(app, "audit", "verify, prove and export the log");
  const auto options = std::make_shared<AuditCommand>();
  const auto id = std::make_shared<std::string>();
  const auto key = [options](CLI::App* app_of) {
    app_of->add_option("--key", options->key, "the log's key, known from elsewhere")
        ->check(check_log_key);
  };

  auto* verify = line.session_command(
      *audit, "verify", "recompute the log; say where it does not hold",
      [options](Context& context) { return run_audit_verify(context, *options); });
  verify->add_option("--dir", options->directory, "an exported log, instead of the server's");
  verify->add_option("--receipt", options->receipt, "a receipt, instead of a log");
  key(verify);
  verify->add_option("--checkpoint", options->checkpoints, "a checkpoint saved before, in a file")
      ->allow_extra_args(false);
  verify->add_flag("--json", options->json, "as JSON");

  auto* prove = line.session_command(
      *audit, "prove", "a receipt of an action, for anyone to check",
      [options, id](Context& context) { return run_audit_prove(context, *id, *options); });
  prove->add_option("ACTION", *id, "its id")->required();
  prove->add_option("--out", options->out, "write it to this file");
  key(prove);

  auto* checkpoint = line.session_command(
      *audit, "checkpoint", "the latest signed checkpoint, to keep elsewhere",
      [options](Context& context) { return run_audit_checkpoint(context, *options); });
  checkpoint->add_option("--out", options->out, "write it to this file");
  key(checkpoint);

  const auto directory = std::make_shared<std::string>();
  line.session_command(
          *audit, "export", "the whole log into a directory",
          [directory](Context& context) { return run_audit_export(context, *directory); })
      ->add_option("DIR", *directory, "a directory that is new or empty")
      ->required();
}

}  // namespace writ::cli
