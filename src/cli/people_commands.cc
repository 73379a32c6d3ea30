// SPDX-License-Identifier: Apache-2.0
#include "cli/people_commands.h"

#include <algorithm>

#include "approval/clock_statement.h"
#include "cli/agent_key.h"
#include "cli/files.h"
#include "cli/login.h"
#include "cli/signing.h"
#include "cli/user_key.h"
#include "identity/principal.h"
#include "jose/private_jwk.h"
#include "protocol/clock.h"
#include "protocol/runs.h"
#include "protocol/sessions.h"
#include "wire/time_text.h"

namespace writ::cli {
namespace {

Expected<void> check_name(const std::string& name, std::string_view what) {
  if (identity::is_name(name)) return {};
  return fail(Errc::invalid_input, quoted_extract(name) + " is no name of " + std::string(what), {},
              "a name is a lower-case letter, then such letters, digits, - and _");
}

// What is not said is taken from the session of before, so that signing in again is short.
Expected<Identity> whom_to_sign_in(const Context& context) {
  const auto& common = context.common();
  if (common.server && common.workspace && common.user) {
    WRIT_TRY(const auto server, parse_server_url(*common.server));
    return make_identity(server, *common.workspace, *common.user);
  }
  SessionChoice choice{.workspace = common.workspace, .user = common.user};
  if (common.server) {
    WRIT_TRY(const auto url, parse_server_url(*common.server));
    choice.server = url.origin();
  }
  // Expired ones count: that is when people sign in again.
  const auto before = Sessions(context.home()).find(choice, TimePoint());
  if (!before) {
    return fail(Errc::invalid_input, "say where and as whom to sign in", {},
                "writ login --server URL --workspace NAME --user NAME");
  }
  return before->identity;
}

// Signed with the person's own key: `what` says on the terminal what it does.
template <typename Answer>
Expected<Answer> post_signed(Context& context, ApiClient& api, const std::string& target,
                             std::string_view what) {
  WRIT_TRY(const auto signature, sign_request(context, api, "POST", target, as_bytes("{}"), what));
  WRIT_TRY(const auto body, api.send_signed("POST", target, {}, signature));
  return ApiClient::read<Answer>(body);
}

Expected<int> change_user(Context& context, const std::string& name, std::string_view change) {
  WRIT_TRY_VOID(check_name(name, "a user"));
  WRIT_TRY(auto api, context.api());
  const auto target = "/v1/users/" + name + "/" + std::string(change);
  WRIT_TRY(const auto answer,
           change == "disable" ? api.post<protocol::RevokedRuns>(target, {})
                               : post_signed<protocol::RevokedRuns>(
                                     context, api, target,
                                     "User " + name + " may sign in, approve and have runs again"));
  context.print("User " + name + " is " + (change == "disable" ? "disabled" : "enabled") + ".\n");
  if (!answer.revoked_runs.empty()) {
    context.print(counted(answer.revoked_runs.size(), "run") + " revoked:\n");
    for (const auto& run : answer.revoked_runs) context.print("  " + run.to_string() + '\n');
  }
  return kOk;
}

// RFC 7515 section 7.1: three parts in base64url, with dots between.
bool is_of_jwt(char c) {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '_' || c == '.';
}

// A new key only where one is enrolled, and never in the place of another: it is written before it
// is sent, so a lost answer loses none.
Expected<jose::Es256Signer> machine_key(const std::string& file, bool enrols) {
  auto key = load_agent_key(file);
  if (key || key.error().code != Errc::not_found || !enrols) return key;
  const auto made = crypto::Es256PrivateKey::generate();
  const auto text = jose::write_private_jwk(made, jose::Jwk(made.public_key()).thumbprint());
  WRIT_TRY_VOID(write_private_file(file, text.reveal(), Existing::keep));
  return load_agent_key(file);
}

Expected<Session> login_machine(Context& context, Http& http, const LoginCommand& command,
                                const LoginOptions& options) {
  WRIT_TRY(const auto key, machine_key(command.machine_key, options.code.has_value()));
  WRIT_TRY(auto session, open_session(http, options.identity, key, options.code, context.clock(),
                                      context.random()));
  session.ca_file = options.ca_file;
  WRIT_TRY_VOID(Sessions(context.home()).save(session));
  return session;
}

}  // namespace

Expected<int> run_login(Context& context, const LoginCommand& command) {
  if (command.code_as_argument) {
    return fail(Errc::invalid_input,
                "a one-time code is not an argument: every process on this machine can read those",
                {},
                "writ login … --code asks for it, --code-file FILE reads it, - is standard input; "
                "this code may have been seen, so ask for a new one");
  }
  WRIT_TRY(const auto identity, whom_to_sign_in(context));
  LoginOptions options{.identity = identity, .cost = context.environment().cost};
  if (!context.common().ca_file.empty()) {
    std::error_code failed;
    options.ca_file = std::filesystem::absolute(context.common().ca_file, failed).string();
  }
  const bool enrols = command.with_code || !command.code_file.empty();
  if (!command.code_file.empty()) {
    WRIT_TRY(options.code, context.secret_from(command.code_file, "One-time code: "));
  } else if (command.with_code) {
    WRIT_TRY(options.code, context.asker().secret("One-time code: "));
  }
  WRIT_TRY(auto* http, context.http());
  const bool machine = !command.machine_key.empty();
  WRIT_TRY(const auto session, machine ? login_machine(context, *http, command, options)
                                       : login(*http, context.home(), context.asker(), options,
                                               context.clock(), context.random()));
  context.print("Signed in to " + identity.workspace + " at " + identity.server + " as " +
                identity.user + ", until " + format_time(session.expires) + ".\n");
  if (enrols && machine) {
    context.print("Its key is in " + visible_text(command.machine_key) +
                  ", without a passphrase: whoever reads that file is " + identity.user + ".\n");
  } else if (enrols) {
    context.print("Your key is in " +
                  visible_text(user_key_path(context.home(), identity).string()) +
                  "; its passphrase is nowhere: remember it.\n");
  }
  return kOk;
}

Expected<int> run_logout(Context& context) {
  WRIT_TRY(const auto session, context.session());
  WRIT_TRY(auto* http, context.http());
  WRIT_TRY_VOID(logout(*http, context.home(), session, context.clock(), context.random()));
  context.print("Signed out of " + session.identity.workspace + " at " + session.identity.server +
                ".\n");
  return kOk;
}

Expected<int> run_user_invite(Context& context, const std::string& name) {
  WRIT_TRY_VOID(check_name(name, "a user"));
  WRIT_TRY(auto api, context.api());
  WRIT_TRY(const auto invitation,
           post_signed<protocol::Invitation>(
               context, api, "/v1/users/" + name + "/invitations",
               "A one-time code for user " + name +
                   ": who has it enrols a key that signs in and approves as " + name +
                   ", in place of any key before"));
  const auto& identity = api.identity();
  context.note("This code enrols one key for " + name + ", once, until " +
               format_time(invitation.expires) + ".");
  context.note("Give it to " + name + " in person; they run");
  context.note("  writ login --server " + identity.server + " --workspace " + identity.workspace +
               " --user " + name + " --code");
  context.note("and type it when asked:");
  context.print(visible_text(invitation.code.reveal_text()) + "\n");
  return kOk;
}

Expected<int> run_user_disable(Context& context, const std::string& name) {
  return change_user(context, name, "disable");
}

Expected<int> run_user_enable(Context& context, const std::string& name) {
  return change_user(context, name, "enable");
}

Expected<int> run_clock_reset(Context& context) {
  WRIT_TRY(auto api, context.api());
  WRIT_TRY(const auto file, load_user_key(context.home(), api.identity()));
  WRIT_TRY(const auto person, api.get<protocol::WhoAmI>("/v1/session"));
  WRIT_TRY(const auto clock, api.get<protocol::ClockView>("/v1/clock"));
  if (!clock.behind) {
    return fail(Errc::conflict, "the server's clock is not behind: there is nothing to reset");
  }
  const approval::ClockStatement statement{.server = clock.server,
                                           .workspace = person.workspace_id,
                                           .epoch = clock.epoch,
                                           .latest = clock.latest,
                                           .time = context.clock().now()};
  WRIT_TRY_VOID(context.asker().show(
      "The clock of " + visible_text(clock.server) + "\n" + "it says now      " +
      format_time(clock.now) + "\nyours says       " + format_time(statement.time) +
      "\nit has seen      " + format_time(clock.latest) +
      "\nIf that last time was wrong, it can be taken back. What was made before is then refused:\n"
      "one-time codes, refresh tokens and open approvals, in every workspace of this server. For\n"
      "a minute nothing is granted.\n"));
  WRIT_TRY(const auto passphrase, context.asker().secret("Passphrase of " + api.identity().user +
                                                         " to reset it (Ctrl-C to leave it): "));
  WRIT_TRY(const auto key, file.open(passphrase));
  const auto bytes = approval::canonical_clock_statement(statement);
  WRIT_TRY(
      const auto answer,
      api.post<protocol::ClockResetAnswer>(
          "/v1/clock/reset", protocol::ClockResetRequest{.epoch = statement.epoch,
                                                         .latest = statement.latest,
                                                         .time = statement.time,
                                                         .signature = key.sign(as_bytes(bytes))}
                                 .to_json()));
  context.print("The clock is reset. Runs and calls are possible again from " +
                format_time(answer.since) + ".\n");
  return kOk;
}

Expected<int> run_user_token(Context& context, const UserTokenCommand& command) {
  WRIT_TRY_VOID(check_name(command.agent, "an agent"));
  WRIT_TRY(auto api, context.api());
  WRIT_TRY(const auto token,
           api.post<protocol::UserToken>(
               "/v1/user-tokens", protocol::UserTokenRequest{.agent = command.agent}.to_json()));
  // It is for a terminal, or for a command line that a shell reads: nothing else may be in it.
  if (!std::ranges::all_of(token.token.reveal_text(), is_of_jwt)) {
    return fail(Errc::internal, "the server's answer was not understood: that is no token", {},
                "is the server of the same release as this command line?");
  }
  context.note("A token of " + api.identity().user + " for the agent " + command.agent +
               " alone, good for " + counted(static_cast<std::size_t>(token.expires_in), "second") +
               ".");
  if (command.out.empty()) {
    context.print(std::string(token.token.reveal_text()) + "\n");
    return kOk;
  }
  WRIT_TRY_VOID(write_private_file(command.out, token.token.reveal()));
  return kOk;
}

}  // namespace writ::cli
