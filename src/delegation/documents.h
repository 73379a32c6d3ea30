// SPDX-License-Identifier: Apache-2.0
// The documents that declare authority: workflows/NAME.toml and the ceiling in agents/NAME.toml, or
// the same as JSON. Pure functions. Errors are invalid_input or too_large with the JSON pointer in
// `where`, which TomlDocument::locate() turns into file, line and column.
//
// workflows/NAME.toml
//   description          optional, for people
//   [[steps]]            in the order in which people think of them
//     name               unique within the workflow
//     agent              an agent's name: the one that runs this step (P2)
//     life               "15m": the most that a run lives, up to 30 days
//     starts             true where a run may begin here (optional, so not)
//     for                "user", "workspace" or "either": whom its runs are for (optional: user)
//     use, delegate      TOOLS: what a run may call, and what it may hand down
//     delegates_to       the steps that it may hand down to
//
// agents/NAME.toml
//   [ceiling]            use, delegate: TOOLS, the most that the agent may ever do
//
// TOOLS is a list of tool names in full, or { tool = "billing.refund.execute", where = { amount = {
// max = 50000 }, currency = { one_of = ["EUR"] } } }. What is left out holds nothing.
#pragma once

#include <functional>
#include <optional>
#include <string_view>

#include "delegation/workflow.h"
#include "wire/json.h"

namespace writ::delegation {

struct WorkflowLimits {
  std::size_t steps = 64;
  seconds longest_life = std::chrono::hours(24 * 30);
};

// What a document may refer to.
struct Declared {
  // The agent of this name, nothing where there is none.
  std::function<std::optional<AgentId>(std::string_view)> agent;
  // Whether some tool server has this operation: a name that nothing has is a mistake, or an old
  // name, never a permission for later.
  std::function<bool(std::string_view)> has_tool;
  // Of a step that does not say whom its runs are for.
  RunsFor runs_for = RunsFor::user;
};

// `where` is the JSON pointer of `value`. delegates_to is checked by parse_workflow(), which knows
// the other steps.
Expected<Step> parse_step(const Json& value, const std::string& where, const Declared& declared,
                          const WorkflowLimits& limits = {});

Expected<Workflow> parse_workflow(const Json& document, WorkflowId id, std::string_view name,
                                  const Declared& declared, const WorkflowLimits& limits = {});

// Of an agent's document, `ceiling` alone; identity::parse_agent() reads the rest.
Expected<Scope> parse_ceiling(const Json& agent_document, const Declared& declared);

}  // namespace writ::delegation
