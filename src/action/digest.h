// SPDX-License-Identifier: Apache-2.0
// The action digest (protocol.md P12): SHA-256 over the RFC 8785 form of an object tagged
// "writ-action-v1" with the workspace, run, agent, user, tool, definition digest, server, method,
// target, arguments, credential id and account generation, and idempotency key. What an approval
// binds, and what the claim compares. Pure functions, thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/id.h"
#include "wire/json.h"

namespace writ::action {

inline constexpr std::string_view kActionTag = "writ-action-v1";

// The fields by name; what is absent is null in the statement, so that absence is stated, not left
// open.
struct Statement {
  WorkspaceId workspace;
  RunId run;
  AgentId agent;
  std::optional<UserId> user;
  std::string_view tool;
  Digest definition{};
  ServerId server;
  std::string_view method;
  std::string_view target;
  const JsonObject* arguments = nullptr;  // never null
  std::optional<CredentialId> credential;
  std::uint64_t generation = 0;  // of the account; 0 where there is no credential
  std::optional<std::string_view> idempotency_key;
};

// {"agent":"agt_…","arguments":{…},"credential":"crd_…"|null,"definition":hex,"generation":n,
//  "idempotency_key":"…"|null,"method":"POST","run":"run_…","server":"srv_…",
//  "tag":"writ-action-v1","target":"/v1/refunds","tool":"billing.refund.execute",
//  "user":"usr_…"|null,"workspace":"wsp_…"}
// Texts are UTF-8, as everything that the parsers let through is.
std::string canonical_statement(const Statement& statement);
// Of the canonical statement's bytes.
// What canonical_statement() made, read back. Its arguments were within the limits of a request and
// stand one level deeper here, so the limits of requests would refuse some of our own.
Expected<JsonObject> parse_statement(std::string_view canonical_statement);

Digest action_digest(std::string_view canonical_statement);

// Equal for actions that ask the same of the same upstream, whoever asks and under whichever key:
// over workspace, server, tool, method, target and arguments. For telling an approver of identical
// actions (P14) and for the back-off after a denial; it binds nothing.
Digest likeness(const Statement& statement);

}  // namespace writ::action
