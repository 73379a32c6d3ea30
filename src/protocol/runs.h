// SPDX-License-Identifier: Apache-2.0
// Runs: GET /v1/runs, /v1/runs/{id}, /v1/runs/{id}/trace, POST /v1/runs/{id}/revoke.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/id.h"
#include "protocol/fields.h"

namespace writ::protocol {

// Of a run that did not come to its end by itself.
struct RunEnding {
  TimePoint at;
  std::string by;       // "usr_…", "agt_…" or "server"
  std::string by_name;  // for people; may be empty
  std::string reason;   // may be empty

  JsonObject to_json() const;
  static Expected<RunEnding> from_json(const Json& value, std::string pointer = {});
  friend bool operator==(const RunEnding&, const RunEnding&) = default;
};

struct RunView {
  RunId id;
  std::string name;
  std::string role;
  std::string agent;  // its name
  std::string workflow;
  std::string step;
  std::optional<std::string> user;  // its name; nothing for a run of the workspace
  std::optional<RunId> parent;
  // As granted: lists of tool names, or of {"tool","where"}.
  JsonArray use;
  JsonArray delegate;
  // The names that the run may use now: its scope ∩ what ceiling and step allow today.
  std::vector<std::string> allowed_tools;
  std::string approval_state = "none";  // "none", "pending", "approved"
  TimePoint started;
  TimePoint ends;                 // absolute
  std::string state = "running";  // "running", "ended", "revoked"
  std::optional<RunEnding> ending;

  JsonObject to_json() const;
  static Expected<RunView> from_json(const Json& value, std::string pointer = {});
  friend bool operator==(const RunView&, const RunView&) = default;
};

struct RunList {
  std::vector<RunView> runs;
  std::optional<std::string> cursor{};  // of the next page; nothing: this is the last

  JsonObject to_json() const;
  static Expected<RunList> from_json(const Json& value, std::string pointer = {});
  friend bool operator==(const RunList&, const RunList&) = default;
};

// A call, in the order of the log.
struct TracedAction {
  ActionId id;
  std::string tool;
  std::string effect;                  // "read", "write", "money"; may be empty
  std::string phase;                   // "intent", "done", "failed", "unknown", "refused"
  TimePoint at;                        // of its first entry
  std::optional<std::int64_t> status;  // the upstream's
  std::optional<ApprovalId> approval;  // the one that it consumed
  std::string detail;                  // the operand that refused, what went wrong; may be empty
  bool resolved = false;               // an operator settled an unknown

  JsonObject to_json() const;
  static Expected<TracedAction> from_json(const Json& value, std::string pointer = {});
  friend bool operator==(const TracedAction&, const TracedAction&) = default;
};

struct TracedApproval {
  ApprovalId id;
  std::string tool;
  std::string title;
  std::string state;  // approval/approval.h
  std::vector<std::string> groups;
  std::vector<std::string> decided_by;  // "bob approved", in their order
  TimePoint at;                         // when it was asked

  JsonObject to_json() const;
  static Expected<TracedApproval> from_json(const Json& value, std::string pointer = {});
  friend bool operator==(const TracedApproval&, const TracedApproval&) = default;
};

// The members of RunView, and what happened in it and below it.
struct Trace {
  RunView run;
  std::vector<TracedAction> actions;
  std::vector<TracedApproval> approvals;
  std::vector<Trace> children;
  // Where the trace of this run goes on; nothing: it is whole.
  std::optional<std::string> cursor{};

  JsonObject to_json() const;
  static Expected<Trace> from_json(const Json& value, std::string pointer = {});
  friend bool operator==(const Trace&, const Trace&) = default;
};

struct RevokeRequest {
  std::string reason;  // may be empty

  JsonObject to_json() const;
  static Expected<RevokeRequest> from_json(const Json& value, std::string pointer = {});
  friend bool operator==(const RevokeRequest&, const RevokeRequest&) = default;
};

struct Revoked {
  std::vector<RunId> revoked;  // the run and its living descendants

  JsonObject to_json() const;
  static Expected<Revoked> from_json(const Json& value, std::string pointer = {});
  friend bool operator==(const Revoked&, const Revoked&) = default;
};

// POST /v1/users/{name}/disable and /enable.
struct RevokedRuns {
  std::vector<RunId> revoked_runs;

  JsonObject to_json() const;
  static Expected<RevokedRuns> from_json(const Json& value, std::string pointer = {});
  friend bool operator==(const RevokedRuns&, const RevokedRuns&) = default;
};

}  // namespace writ::protocol
