// SPDX-License-Identifier: Apache-2.0
// Workflow: a named, versioned definition of what runs may do, step by step. Immutable once
// published; documents.h reads one.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/id.h"
#include "delegation/scope.h"

namespace writ::delegation {

// Whom the runs of a step are for (P39): a user, or the workspace itself. `either` leaves it to the
// agent that starts one.
enum class RunsFor : std::uint8_t { user, workspace, either };

std::string_view name(RunsFor runs_for);  // as documents have it

// One step names one agent (P2), the most that a run in it may use and hand down, its life, and the
// steps that a run in it may delegate to.
struct Step {
  std::string name;
  AgentId agent;
  Scope scope;
  seconds life{0};                        // the most that a run in this step lives; positive
  std::vector<std::string> delegates_to;  // step names of the same workflow; empty: to none
  bool starts = false;                    // whether a run may start here
  RunsFor runs_for = RunsFor::user;

  // Whether a run for a user, or else one for the workspace, may be in this step.
  bool admits(bool for_user) const {
    return runs_for == RunsFor::either || (runs_for == RunsFor::user) == for_user;
  }
};

struct Workflow {
  WorkflowId id;
  std::string name;
  std::string description;  // for people; not part of the digest
  Digest digest{};  // of the definition's canonical form: what "version" means in the log and in
                    // explain
  std::vector<Step> steps;

  const Step* step(std::string_view step_name) const;
};

// SHA-256 over the RFC 8785 form of {"tag":"writ-workflow-v1","name",…,"steps":[{"name","agent":
// "agt_…","use","delegate","life":seconds,"delegates_to","starts","for"}…]}: equal for definitions
// that mean the same, however they were written down. A step for either has no "for": this is what
// every step was for before steps said so, and those digests stay as they are.
Digest workflow_digest(const Workflow& workflow);

}  // namespace writ::delegation
