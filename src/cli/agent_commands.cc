// SPDX-License-Identifier: Apache-2.0
#include "cli/agent_commands.h"

#include <algorithm>

#include "cli/agent_key.h"
#include "cli/files.h"
#include "identity/principal.h"
#include "jose/dpop.h"
#include "wire/canonical.h"

namespace writ::cli {
namespace {

// A token file holds the token alone, or the whole JSON answer that `agent token --out` wrote.
enum class Which : std::uint8_t { access, refresh };
Expected<SecretBytes> token_from(const Context& context, const std::string& file, Which which) {
  WRIT_TRY(auto text, context.secret_from(file));
  if (!text.reveal_text().starts_with('{')) return text;
  const auto object = parse_json_object(text.reveal_text(), {.bytes = text.size()});
  if (!object) return fail(Errc::invalid_input, "neither a token nor JSON", file);
  ObjectReader r(*object);
  r.allow_unknown();
  const auto token = r.string(which == Which::refresh ? "refresh_token" : "access_token",
                              {.max = std::size_t{64} << 10});
  const auto read = r.finish();
  if (!read) return fail(Errc::invalid_input, read.error().message, file);
  return SecretBytes::copy_of(token);
}

Expected<std::string> workspace_of(const Context& context) {
  if (context.common().workspace) return *context.common().workspace;
  const auto session = context.session();
  if (session) return session->identity.workspace;
  return fail(Errc::invalid_input, "no workspace is named", {}, "add --workspace NAME");
}

Expected<std::string> client_id_of(const Context& context, const AgentIdentity& agent) {
  if (!identity::is_name(agent.name)) {
    return fail(Errc::invalid_input, quoted_extract(agent.name) + " is no name of an agent");
  }
  WRIT_TRY(const auto workspace, workspace_of(context));
  return workspace + "/" + agent.name;
}

Expected<AgentClient> client_for(Context& context, const AgentIdentity& agent) {
  WRIT_TRY(auto client_id, client_id_of(context, agent));
  WRIT_TRY(auto key, load_agent_key(agent.key_file));
  WRIT_TRY(const auto server, context.server());
  WRIT_TRY(auto* http, context.http());
  return AgentClient::discover(
      *http, server, std::move(client_id), std::make_shared<jose::Es256Signer>(std::move(key)),
      context.clock(), context.random(),
      agent.bearer ? AgentClient::Sender::bearer : AgentClient::Sender::dpop);
}

Expected<Resources> resources_of(const Context& context, const AgentClient& client,
                                 const std::vector<std::string>& tools) {
  WRIT_TRY(const auto workspace, workspace_of(context));
  Resources out;
  for (const auto& tool : tools) {
    const auto& origin = client.server().origin();
    out.push_back(tool == "v1" ? origin + "/v1" : origin + "/tools/" + workspace + "/" + tool);
  }
  return out;
}

JsonObject answer_json(const Tokens& tokens) {
  auto out = tokens.members;
  out["access_token"] = tokens.access_token.reveal_text();
  if (tokens.refresh_token) out["refresh_token"] = tokens.refresh_token->reveal_text();
  return out;
}

std::string type_urn(const std::string& type) {
  if (type == "id_token") return std::string(kIdTokenType);
  if (type == "access_token") return std::string(kAccessTokenType);
  return std::string(kJwtTokenType);
}

// A body on a terminal: in its own lines and tabs, and none of it obeyed.
std::string visible_body(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const auto end = std::min(text.find('\t'), text.size());
    out += visible_lines(text.substr(0, end));
    if (end < text.size()) out += '\t';
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return out;
}

}  // namespace

Expected<int> run_agent_key(Context& context, const AgentKeyCommand& command) {
  const auto out = command.out.empty() ? command.name + ".jwk" : command.out;
  WRIT_TRY(const auto made, make_agent_key(command.name, command.directory, out));
  context.print("The private key is in " + visible_text(made.key_file.string()) +
                ": for the agent alone, and not for git.\n");
  context.print("Its public half is in " + visible_text(made.document.string()) + " now, as " +
                made.kid + ".\n");
  context.print("To put it in force: writ apply " + visible_text(command.directory) + "\n");
  return kOk;
}

Expected<int> run_agent_token(Context& context, const AgentTokenCommand& command) {
  WRIT_TRY(auto client, client_for(context, command.agent));
  WRIT_TRY(const auto resources, resources_of(context, client, command.tools));
  const auto ask = [&]() -> Expected<Tokens> {
    using Kind = AgentTokenCommand::Kind;
    auto run = command.run;
    WRIT_TRY(run.workspace, workspace_of(context));
    if (command.kind == Kind::start && command.token_file.empty())
      return client.start_for_workspace(run, resources);
    WRIT_TRY(const auto token,
             token_from(context, command.token_file,
                        command.kind == Kind::refresh ? Which::refresh : Which::access));
    switch (command.kind) {
      case Kind::start:
        return client.start(token, type_urn(command.token_type), run, resources);
      case Kind::hand_down:
        return client.delegate(token, command.delegation);
      case Kind::take_over:
        return client.redeem(token, resources);
      case Kind::refresh:
        break;
    }
    return client.refresh(token, resources);
  };
  WRIT_TRY(const auto tokens, ask());
  const auto json = answer_json(tokens);
  if (command.out.empty()) {
    context.print_json(json);
    return kOk;
  }
  WRIT_TRY_VOID(write_private_file(command.out, as_bytes(canonical_json(json) + '\n')));
  context.note("Written to " + visible_text(command.out) + ".");
  return kOk;
}

Expected<int> run_agent_call(Context& context, const AgentCallCommand& command) {
  WRIT_TRY(const auto token, token_from(context, command.token_file, Which::access));
  WRIT_TRY(auto client, client_for(context, command.agent));
  WRIT_TRY(const auto answer, client.call(token, command.call));
  if (command.show_head) {
    std::string head = "HTTP " + std::to_string(answer.status) + "\n";
    for (const auto& field : answer.fields) {
      head += std::string(field.name) + ": " + std::string(field.value) + '\n';
    }
    context.note(head);
  }
  const bool on_terminal = context.environment().output_is_terminal;
  context.print(on_terminal ? visible_body(answer.body) : answer.body);
  // For a person what follows begins a line of its own; a program gets the very bytes.
  const bool for_person = on_terminal || !answer.ok();
  if (for_person && !answer.body.empty() && !answer.body.ends_with('\n')) context.print("\n");
  if (answer.ok()) return kOk;
  context.environment().err(render_error(error_of_answer(answer), context.environment().err_style));
  return answer.status == 401 ? kUnreachable : kFailed;
}

Expected<int> run_agent_proof(Context& context, const AgentProofCommand& command) {
  WRIT_TRY(const auto key, load_agent_key(command.agent.key_file));
  // A proof is for a request without its query (RFC 9449 section 4.2).
  WRIT_TRY(const auto url, parse_url(command.url));
  std::optional<SecretBytes> token;
  if (!command.token_file.empty()) {
    WRIT_TRY(token, token_from(context, command.token_file, Which::access));
  }
  context.print(jose::make_dpop_proof(key, command.method, url.origin() + url.path,
                                      token ? std::optional(token->reveal_text()) : std::nullopt,
                                      context.clock(), context.random()) +
                "\n");
  return kOk;
}

Expected<int> run_agent_introspect(Context& context, const AgentIdentity& agent,
                                   const std::string& token_file) {
  WRIT_TRY(const auto token, token_from(context, token_file, Which::access));
  WRIT_TRY(auto client, client_for(context, agent));
  WRIT_TRY(const auto answer, client.introspect(token));
  context.print_json(answer);
  return kOk;
}

Expected<int> run_agent_revoke(Context& context, const AgentIdentity& agent,
                               const std::string& token_file) {
  WRIT_TRY(const auto token, token_from(context, token_file, Which::access));
  WRIT_TRY(auto client, client_for(context, agent));
  WRIT_TRY_VOID(client.revoke(token));
  context.print("Revoked.\n");
  return kOk;
}

}  // namespace writ::cli
