// SPDX-License-Identifier: Apache-2.0
// Runs as a person reads them. Pure; all text from the server is made visible.
#pragma once

#include <string>

#include "cli/output.h"
#include "protocol/runs.h"

namespace writ::cli {

std::string render_runs(const protocol::RunList& list, const Style& style);
std::string render_run(const protocol::RunView& run, const Style& style);

// The tree: for each run its name, role, agent, scope, parent, allowed tools and approval state,
// then its actions with their outcomes and its approvals in the order of time, then its children.
std::string render_trace(const protocol::Trace& trace, const Style& style);

// "billing.refund.execute (amount 1 to 50000), billing.invoice.read"; "nothing" for an empty list.
std::string tools_text(const JsonArray& tools);

}  // namespace writ::cli
