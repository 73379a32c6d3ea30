// SPDX-License-Identifier: Apache-2.0
// The action digest (protocol.md P12): SHA-256 over the RFC 8785 form of an object tagged
// "writ-action-v1" with the workspace, run, agent, user, tool, definition digest, server, method,
// target, arguments, credential id and account generation, and idempotency key. What an approval
// binds, and what the claim compares.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/id.h"
#include "wire/json.h"

namespace writ::action {

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
  const JsonObject* arguments = nullptr;
  std::optional<CredentialId> credential;
  std::uint64_t generation = 0;
  std::optional<std::string_view> idempotency_key;
};

std::string canonical_statement(const Statement& statement);
// Of the canonical statement's bytes.
Digest action_digest(std::string_view canonical_statement);

}  // namespace writ::action
