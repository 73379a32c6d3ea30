// SPDX-License-Identifier: Apache-2.0
#include "cli/agent_commands.h"
#include "cli/command_line.h"
#include "cli/files.h"
#include "wire/time_text.h"

namespace writ::cli {
namespace {

constexpr std::size_t kMaxData = std::size_t{8} << 20;

// A tool's name, or an object with bounds as protocol.md writes it.
Expected<JsonArray> tool_list(const std::vector<std::string>& texts) {
  JsonArray out;
  for (const auto& text : texts) {
    if (!text.starts_with('{')) {
      out.emplace_back(text);
      continue;
    }
    auto object = parse_json_object(text);
    if (!object) {
      return fail(Errc::invalid_input, "not a tool: " + object.error().message, text,
                  R"(write a name, or {"tool":"…","where":{…}})");
    }
    out.emplace_back(std::move(*object));
  }
  return out;
}

std::string check_tool(const std::string& text) {
  const auto list = tool_list({text});
  return list ? "" : list.error().message;
}

void add_agent_options(CLI::App* app, AgentIdentity& agent) {
  app->add_option("--agent", agent.name, "the agent's name")->required();
  app->add_option("--key", agent.key_file, "its private key (writ agent key)")->required();
  app->add_flag("--bearer", agent.bearer, "it is declared with sender = \"bearer\"");
}

struct TokenOptions {
  AgentTokenCommand command;
  std::vector<std::string> use;
  std::vector<std::string> delegate;
};

void add_token_commands(CLI::App& agent, CommandLine& line) {
  auto* token = CommandLine::group(agent, "token", "start a run, hand it down, take over, go on");
  const auto options = std::make_shared<TokenOptions>();
  const auto add = [&](const char* word, const char* what, AgentTokenCommand::Kind kind) {
    auto* app = line.session_command(*token, word, what,
                                     [options, kind](Context& context) -> Expected<int> {
                                       auto command = options->command;
                                       command.kind = kind;
                                       if (!options->use.empty()) {
                                         WRIT_TRY(auto list, tool_list(options->use));
                                         command.run.use = list;
                                         command.delegation.use = std::move(list);
                                       }
                                       if (!options->delegate.empty()) {
                                         WRIT_TRY(auto list, tool_list(options->delegate));
                                         command.run.delegate = list;
                                         command.delegation.delegate = std::move(list);
                                       }
                                       return run_agent_token(context, command);
                                     });
    add_agent_options(app, options->command.agent);
    app->add_option("--out", options->command.out, "write the answer to this file, mode 0600");
    return app;
  };
  auto& command = options->command;
  const auto for_tools = [&](CLI::App* app) {
    app->add_option("--for", command.tools, "a tool server that the token is for, or v1")
        ->allow_extra_args(false);
  };
  const auto scope = [&](CLI::App* app) {
    app->add_option("--use", options->use, "a tool to use; absent: what the step allows")
        ->allow_extra_args(false)
        ->check(check_tool);
    app->add_option("--delegate", options->delegate, "a tool to hand down; absent: likewise")
        ->allow_extra_args(false)
        ->check(check_tool);
  };

  auto* start = add("start", "start a run", AgentTokenCommand::Kind::start);
  start->add_option("--subject-token", command.token_file,
                    "a file with the user's token, or -; absent: a run of the workspace");
  start
      ->add_option("--subject-type", command.token_type,
                   "jwt (as writ makes), id_token, access_token")
      ->check(CLI::IsMember({"jwt", "id_token", "access_token"}));
  start->add_option("--workflow", command.run.workflow, "the workflow's name")->required();
  start->add_option("--step", command.run.step, "the step's name")->required();
  start->add_option("--name", command.run.name, "what to call the run");
  scope(start);
  for_tools(start);

  auto* down =
      add("hand-down", "a delegation token for another agent", AgentTokenCommand::Kind::hand_down);
  down->add_option("--token", command.token_file, "a file with this run's access token, or -")
      ->required();
  down->add_option("--to", command.delegation.agent, "the other agent's name")->required();
  down->add_option("--role", command.delegation.role, "what it is to do, for people");
  down->add_option("--step", command.delegation.step, "the step that it is to run")->required();
  down->add_option("--name", command.delegation.name, "what to call its run");
  scope(down);

  auto* take = add("take-over", "redeem a delegation token", AgentTokenCommand::Kind::take_over);
  take->add_option("--token", command.token_file, "a file with the delegation token, or -")
      ->required();
  for_tools(take);

  auto* refresh = add("refresh", "new tokens for the same run", AgentTokenCommand::Kind::refresh);
  refresh->add_option("--token", command.token_file, "a file with the refresh token, or -")
      ->required();
  for_tools(refresh);
}

void add_call_command(CLI::App& agent, CommandLine& line) {
  struct Call {
    AgentCallCommand command;
    std::string data;
    std::string wait;
  };
  const auto call = std::make_shared<Call>();
  auto* calling = line.session_command(agent, "call", "call a tool with a token and a fresh proof",
                                       [call](Context& context) -> Expected<int> {
                                         auto command = call->command;
                                         if (call->data.starts_with('@')) {
                                           WRIT_TRY(command.call.body,
                                                    read_file(call->data.substr(1), kMaxData));
                                         } else {
                                           command.call.body = call->data;
                                         }
                                         if (!call->wait.empty()) {
                                           WRIT_TRY(const auto span, parse_duration(call->wait));
                                           command.call.wait = std::chrono::ceil<seconds>(span);
                                         }
                                         return run_agent_call(context, command);
                                       });
  add_agent_options(calling, call->command.agent);
  calling->add_option("METHOD", call->command.call.method, "GET, POST, …")->required();
  calling->add_option("PATH", call->command.call.target, "/tools/WORKSPACE/SERVER/…")->required();
  calling->add_option("--token", call->command.token_file, "a file with the access token, or -")
      ->required();
  calling->add_option("--data", call->data, "the body, or @FILE");
  calling->add_option("--content-type", call->command.call.content_type, "of the body");
  calling->add_option("--idempotency-key", call->command.call.idempotency_key,
                      "the same key is the same action; money needs one");
  calling->add_option("--wait", call->wait, "wait so long for an approval: 60s")
      ->check(check_duration);
  calling->add_flag("-i,--include", call->command.show_head, "show status and fields as well");
}

}  // namespace

void add_agent_commands(CLI::App& app, CommandLine& line) {
  auto* agent = CommandLine::group(app, "agent", "make an agent's key; try what an agent does");
  const auto key = std::make_shared<AgentKeyCommand>();
  key->directory = ".";
  auto* making = line.command(*agent, "key", "make a key and declare it in agents/NAME.toml",
                              [key](Context& context) { return run_agent_key(context, *key); });
  making->add_option("NAME", key->name, "the agent's name")->required();
  making->add_option("--dir", key->directory, "the workspace's directory; this one by default");
  making->add_option("--out", key->out, "the private key's file; NAME.jwk by default");

  add_token_commands(*agent, line);
  add_call_command(*agent, line);

  const auto proof = std::make_shared<AgentProofCommand>();
  auto* proving =
      line.session_command(*agent, "proof", "a DPoP proof for a request of one's own",
                           [proof](Context& context) { return run_agent_proof(context, *proof); });
  proving->add_option("METHOD", proof->method, "GET, POST, …")->required();
  proving->add_option("URL", proof->url, "the request's whole URL")->required();
  proving->add_option("--key", proof->agent.key_file, "the agent's private key")->required();
  proving->add_option("--token", proof->token_file, "a file with the access token, or -");

  struct Token {
    AgentIdentity agent;
    std::string file;
  };
  const auto token = std::make_shared<Token>();
  const auto of_token =
      [&](const char* word, const char* what,
          Expected<int> (*run)(Context&, const AgentIdentity&, const std::string&)) {
        auto* app_of = line.session_command(*agent, word, what, [token, run](Context& context) {
          return run(context, token->agent, token->file);
        });
        add_agent_options(app_of, token->agent);
        app_of->add_option("--token", token->file, "a file with the token, or -")->required();
      };
  of_token("introspect", "what the server says about a token", run_agent_introspect);
  of_token("revoke", "give a token back", run_agent_revoke);
}

}  // namespace writ::cli
