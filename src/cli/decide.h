// SPDX-License-Identifier: Apache-2.0
// Deciding an approval (protocol.md P20): the person sees the exact action, rendered from the bytes
// whose digest and commitment are computed here; the server's own account of it is believed in
// nothing that is signed.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "approval/decision.h"
#include "base/error.h"
#include "cli/signing_page.h"
#include "jose/signer.h"
#include "protocol/approvals.h"
#include "protocol/sessions.h"

namespace writ::cli {

// Ready to be signed once it has been shown.
struct PreparedDecision {
  approval::DecisionStatement statement;
  approval::Shown shown;
};

// Errors: denied where the server's commitment, run, tool or workspace is not that of the statement
// (it shows one thing and would have another signed) and where the person is in none of the groups;
// conflict where nothing is left to decide; invalid_input for a statement that has two readings.
// `only` narrows the groups for which the person decides.
Expected<PreparedDecision> prepare_decision(const protocol::ApprovalView& approval,
                                            approval::Verdict verdict,
                                            const protocol::WhoAmI& person,
                                            const std::vector<std::string>& only = {});

// What the person must see: who says what, the statement line by line, its digest, who decided
// already, and identical actions; the title, the amount, agent and user once more, last.
SigningPage decision_page(const protocol::ApprovalView& approval, const PreparedDecision& prepared);

// Signed by the person's own key.
protocol::DecisionRequest sign_decision(const PreparedDecision& prepared, const jose::Signer& key,
                                        std::optional<std::string> note);

}  // namespace writ::cli
