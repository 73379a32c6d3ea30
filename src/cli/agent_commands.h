// SPDX-License-Identifier: Apache-2.0
// agent key, token, call, proof, introspect, revoke: what a developer of an agent tries by hand.
// Each returns the exit status.
//
// Tokens come from files of mode 0600 or standard input ("-"), never from arguments, which every
// process on the machine can read.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "cli/agent_client.h"
#include "cli/context.h"

namespace writ::cli {

struct AgentKeyCommand {
  std::string name;
  std::string directory;  // of the workspace
  std::string out;        // empty: NAME.jwk
};
Expected<int> run_agent_key(Context& context, const AgentKeyCommand& command);

// Who the agent is. The workspace is --workspace, or that of the session.
struct AgentIdentity {
  std::string name;
  std::string key_file;
  bool bearer = false;
};

struct AgentTokenCommand {
  enum class Kind : std::uint8_t { start, hand_down, take_over, refresh };
  AgentIdentity agent{};
  Kind kind = Kind::start;
  std::string token_file{};  // start: the user's; empty: a run of the workspace
  std::string token_type{};  // start: "jwt", "id_token", "access_token"
  RunDetails run{};
  DelegationDetails delegation{};
  std::vector<std::string> tools{};  // tool servers, or "v1", for which the token is
  std::string out{};                 // a file of mode 0600 for the whole answer
};
// Prints the answer as JSON, tokens and all, or writes it to `out`.
Expected<int> run_agent_token(Context& context, const AgentTokenCommand& command);

struct AgentCallCommand {
  AgentIdentity agent{};
  std::string token_file{};
  ToolCall call{};
  bool show_head = false;
};
// The answer's body on standard output; kFailed where its status is not 2xx.
Expected<int> run_agent_call(Context& context, const AgentCallCommand& command);

struct AgentProofCommand {
  AgentIdentity agent{};
  std::string method{};
  std::string url{};
  std::string token_file{};  // empty: a proof without `ath`, as for the token endpoint
};
Expected<int> run_agent_proof(Context& context, const AgentProofCommand& command);

Expected<int> run_agent_introspect(Context& context, const AgentIdentity& agent,
                                   const std::string& token_file);
Expected<int> run_agent_revoke(Context& context, const AgentIdentity& agent,
                               const std::string& token_file);

}  // namespace writ::cli
