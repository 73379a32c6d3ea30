// SPDX-License-Identifier: Apache-2.0
// Run: one execution of a step by one agent, and Lineage: a run with its ancestors.
//
// A Run is immutable but for its ending: what may change (is it still alive?) is asked of the
// broker's live state by id, so that no cached copy can be stale. The JSON form is stored and
// lasts; `v` is its version.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/id.h"
#include "delegation/scope.h"
#include "wire/json.h"

namespace writ::delegation {

// The depth of a run without a parent is 1. Deeper chains are refused (failures.md 12).
inline constexpr int kMaxDepth = 5;

struct Run {
  RunId id;
  WorkspaceId workspace;
  std::string name;  // as the starter called it, for people; 1 to 64 characters
  std::string role;  // the agent's role, or the one given with a delegation
  AgentId agent;
  std::string agent_name;
  WorkflowId workflow;
  std::string workflow_name;
  Digest workflow_digest{};  // the version that is pinned
  std::string step;
  Scope scope;   // as granted; lies within the parent's delegate
  Scope pinned;  // the step's scope when the run began; ∩ the current one on every call (P5)
  std::optional<UserId> user;  // nothing: a run for the workspace
  std::string user_name;       // empty where there is no user
  std::optional<RunId> parent;
  int depth = 1;
  GrantId grant;  // the first grant, which created the run
  TimePoint started;
  TimePoint ends;              // absolute; at most the parent's (P9)
  std::string key_thumbprint;  // RFC 7638 of the key that tokens are bound to; empty only for a
                               // bearer agent
  std::string client_key;      // RFC 7638 of the agent's own key that began it; empty in the
                               // records of runs that began before it was kept
  std::optional<Digest> user_token;  // HMAC of the subject token that began it (P6)
  std::string trace_id;              // W3C trace id, 32 hexadecimal digits

  // Round-trip: from_json(to_json()) is the same run. Times are milliseconds, digests hexadecimal.
  // from_json gives invalid_input with the member's pointer; unknown members and versions are
  // refused, so that an older build never half-understands a newer one's record.
  Json to_json() const;
  static Expected<Run> from_json(const Json& value);

  friend bool operator==(const Run&, const Run&) = default;
};

// A run and its ancestors, nearest first: runs[0] is the run, runs.back() has no parent. Never
// empty. check_lineage() in authority.h says whether it holds together.
struct Lineage {
  std::vector<std::shared_ptr<const Run>> runs;

  const Run& run() const { return *runs.front(); }
  const Run& root() const { return *runs.back(); }
};

}  // namespace writ::delegation
