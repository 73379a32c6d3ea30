// SPDX-License-Identifier: Apache-2.0
// Actions, approvals and what was changed, as a person reads them. Pure; all text from the server
// is made visible.
#pragma once

#include <string>

#include "cli/output.h"
#include "protocol/actions.h"
#include "protocol/apply.h"
#include "protocol/approvals.h"
#include "protocol/workspace.h"

namespace writ::cli {

// The seven questions and their answers, in their order.
std::string render_explanation(const protocol::Explanation& explanation, const Style& style);
std::string render_action(const protocol::ActionView& action, const Style& style);

std::string render_approvals(const protocol::ApprovalList& list, const Style& style);

std::string render_findings(const std::vector<protocol::Finding>& findings, const Style& style);
std::string render_credentials(const std::vector<protocol::WorkspaceCredential>& credentials,
                               const Style& style);

}  // namespace writ::cli
