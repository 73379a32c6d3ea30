// SPDX-License-Identifier: Apache-2.0
// GET /v1/workspace: what the workspace consists of now, and what `doctor` finds in it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/id.h"
#include "protocol/fields.h"

namespace writ::protocol {

struct WorkspaceUser {
  std::string name;
  std::vector<std::string> roles;
  std::vector<std::string> groups;
  bool enrolled = false;  // has a key
  bool disabled = false;

  JsonObject to_json() const;
  static Expected<WorkspaceUser> from_json(const Json& value, std::string pointer = {});
  friend bool operator==(const WorkspaceUser&, const WorkspaceUser&) = default;
};

struct WorkspaceAgent {
  std::string name;
  std::string role;
  std::string owner;   // a user's name
  std::string sender;  // "dpop" or "bearer" (P8)
  std::uint64_t keys = 0;

  JsonObject to_json() const;
  static Expected<WorkspaceAgent> from_json(const Json& value, std::string pointer = {});
  friend bool operator==(const WorkspaceAgent&, const WorkspaceAgent&) = default;
};

struct WorkspaceServer {
  std::string name;
  std::string url;
  std::string credential;  // its name; empty where the server needs none
  std::uint64_t operations = 0;

  JsonObject to_json() const;
  static Expected<WorkspaceServer> from_json(const Json& value, std::string pointer = {});
  friend bool operator==(const WorkspaceServer&, const WorkspaceServer&) = default;
};

struct WorkspaceCredential {
  std::string name;
  std::string origin;
  std::uint64_t version = 0;
  std::uint64_t generation = 0;

  JsonObject to_json() const;
  static Expected<WorkspaceCredential> from_json(const Json& value, std::string pointer = {});
  friend bool operator==(const WorkspaceCredential&, const WorkspaceCredential&) = default;
};

// What is not as it should be: "bearer-agent", "agent-without-key", "user-without-key",
// "missing-credential", "memory-not-locked", …
struct Finding {
  std::string kind;
  std::string subject;  // "agent billing"
  std::string message;  // what it means and what to do

  JsonObject to_json() const;
  static Expected<Finding> from_json(const Json& value, std::string pointer = {});
  friend bool operator==(const Finding&, const Finding&) = default;
};

struct WorkspaceView {
  std::string name;
  WorkspaceId id;
  std::uint64_t version = 0;
  Digest digest{};
  std::vector<WorkspaceUser> users;
  std::vector<WorkspaceAgent> agents;
  std::vector<WorkspaceServer> servers;
  std::vector<std::string> workflows;
  std::vector<WorkspaceCredential> credentials;
  std::vector<Finding> findings;

  JsonObject to_json() const;
  static Expected<WorkspaceView> from_json(const Json& value, std::string pointer = {});
  friend bool operator==(const WorkspaceView&, const WorkspaceView&) = default;
};

}  // namespace writ::protocol
