// SPDX-License-Identifier: Apache-2.0
#include "cli/workspace_commands.h"

#include <sys/stat.h>

#include "cli/render_actions.h"
#include "cli/signing.h"
#include "identity/principal.h"
#include "protocol/credentials.h"
#include "wire/time_text.h"

namespace writ::cli {
namespace {

// P18: shorter ones could not be masked without masking ordinary text.
constexpr std::size_t kMinCredentialBytes = 16;

Expected<void> check_name(const std::string& name, std::string_view what) {
  if (identity::is_name(name)) return {};
  return fail(Errc::invalid_input, quoted_extract(name) + " is no name of " + std::string(what), {},
              "a name is a lower-case letter, then such letters, digits, - and _");
}

Expected<SecretBytes> credential_value(const Context& context, const std::string& name) {
  const auto& environment = context.environment();
  const auto read = [&]() -> Expected<SecretBytes> {
    if (environment.input_is_terminal) {
      WRIT_TRY_VOID(context.asker().show(
          "The value is not shown while you type it. From a file: … < FILE\n"));
      return context.asker().secret("Value of " + name + ": ");
    }
    return environment.input(protocol::kMaxCredentialBytes + 1);
  };
  WRIT_TRY(auto value, read());
  if (value.reveal_text().ends_with('\n')) {
    value.truncate(value.size() - 1);
    context.note("The newline at its end is not a part of it.");
  }
  if (value.size() < kMinCredentialBytes) {
    return fail(Errc::invalid_input,
                "a credential has at least " + std::to_string(kMinCredentialBytes) +
                    " bytes, and this has " + std::to_string(value.size()),
                {}, "a shorter one could not be masked where a server echoes it");
  }
  if (value.size() > protocol::kMaxCredentialBytes) {
    return fail(Errc::too_large, "a credential has at most " +
                                     std::to_string(protocol::kMaxCredentialBytes) + " bytes");
  }
  return value;
}

// The one tool server whose document names this credential; where several do, none is guessed.
Expected<std::string> server_that_needs(Context& context, const std::string& credential) {
  WRIT_TRY(auto api, context.api());
  WRIT_TRY(const auto workspace, api.get<protocol::WorkspaceView>("/v1/workspace"));
  std::vector<std::string> found;
  for (const auto& server : workspace.servers) {
    if (server.credential == credential) found.push_back(server.name);
  }
  if (found.size() == 1) return found.front();
  return fail(found.empty() ? Errc::not_found : Errc::invalid_input,
              (found.empty() ? "no tool server" : "more than one tool server") +
                  std::string(" of this workspace needs the credential ") + credential,
              {}, "name one with --tool-server NAME");
}

Expected<int> store_credential(Context& context, const std::string& target,
                               const std::string& name) {
  WRIT_TRY(auto api, context.api());  // before anyone types a value in vain
  WRIT_TRY(const auto value, credential_value(context, name));
  WRIT_TRY(const auto signature, sign_request(context, api, "POST", target, value.reveal(),
                                              "a new value of the credential " + name));
  WRIT_TRY(const auto body, api.send_secret("POST", target, value, signature));
  WRIT_TRY(const auto stored, ApiClient::read<protocol::CredentialStored>(body));
  context.print("Credential " + visible_text(stored.name) + ", version " +
                std::to_string(stored.version) + ", is sent to " + visible_text(stored.origin) +
                " and nowhere else.\n");
  if (!stored.superseded_approvals.empty()) {
    context.print(
        "It is another account: these approvals no longer count and must be asked for "
        "again:\n");
    for (const auto& id : stored.superseded_approvals) context.print("  " + id.to_string() + '\n');
  }
  return kOk;
}

void add_loose_files(const std::filesystem::path& directory,
                     std::vector<protocol::Finding>& findings) {
  std::error_code failed;
  for (std::filesystem::directory_iterator at(directory, failed), end; !failed && at != end;
       at.increment(failed)) {
    struct stat about{};
    if (::stat(at->path().c_str(), &about) != 0 || (about.st_mode & 077) == 0) continue;
    findings.push_back(
        {.kind = "readable-secret",
         .subject = at->path().string(),
         .message = "others may read this file; run: chmod 600 " + at->path().string()});
  }
}

}  // namespace

Expected<int> run_credential_add(Context& context, const CredentialCommand& command) {
  WRIT_TRY_VOID(check_name(command.name, "a credential"));
  auto server = command.tool_server;
  if (server.empty()) {
    WRIT_TRY(server, server_that_needs(context, command.name));
  }
  WRIT_TRY_VOID(check_name(server, "a tool server"));
  return store_credential(context, "/v1/credentials/" + command.name + "?server=" + server,
                          command.name);
}

Expected<int> run_credential_rotate(Context& context, const CredentialCommand& command) {
  WRIT_TRY_VOID(check_name(command.name, "a credential"));
  std::string target = "/v1/credentials/" + command.name +
                       "/rotate?account=" + (command.other_account ? "other" : "same");
  if (command.grace) target += "&grace=" + std::to_string(command.grace->count());
  return store_credential(context, target, command.name);
}

Expected<int> run_credential_list(Context& context, bool json) {
  WRIT_TRY(auto api, context.api());
  WRIT_TRY(const auto workspace, api.get<protocol::WorkspaceView>("/v1/workspace"));
  if (json) {
    context.print_json(
        JsonObject{{"credentials", protocol::write_messages(workspace.credentials)}});
  } else {
    context.print(render_credentials(workspace.credentials, context.style()));
  }
  return kOk;
}

std::vector<protocol::Finding> findings_at_home(const std::filesystem::path& home, TimePoint now) {
  std::vector<protocol::Finding> out;
  for (const auto* folder : {"keys", "sessions", "logs"}) add_loose_files(home / folder, out);
  for (const auto& session : Sessions(home).all()) {
    if (session.expires > now) continue;
    out.push_back(
        {.kind = "expired-session",
         .subject = "session of " + session.identity.user + " at " + session.identity.server,
         .message =
             "it expired at " + format_time(session.expires) + "; sign in again: writ login"});
  }
  return out;
}

Expected<int> run_doctor(Context& context, const DoctorCommand& command) {
  auto findings = findings_at_home(context.home(), context.clock().now());
  if (command.local) {
    WRIT_TRY(auto local, command.local());
    findings.insert(findings.begin(), local.begin(), local.end());
  }
  const auto session = context.session();
  const bool signed_in = session.has_value();
  if (signed_in) {
    WRIT_TRY(auto api, context.api());
    WRIT_TRY(const auto workspace, api.get<protocol::WorkspaceView>("/v1/workspace"));
    findings.insert(findings.end(), workspace.findings.begin(), workspace.findings.end());
  } else if (!command.local) {
    return std::unexpected(session.error());
  }
  if (command.json) {
    context.print_json(JsonObject{{"findings", protocol::write_messages(findings)}});
  } else {
    context.print(render_findings(findings, context.style()));
    context.print(findings.empty() ? "Nothing to mend.\n"
                                   : counted(findings.size(), "finding") + ".\n");
  }
  return findings.empty() ? kOk : kFailed;
}

}  // namespace writ::cli
