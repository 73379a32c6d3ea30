// SPDX-License-Identifier: Apache-2.0
// Proposals on the command line (protocol.md P40): writ apply leaves one, writ approvals
// lists them, writ approve and writ deny decide one. Each returns the exit status.
#pragma once

#include <string>

#include "cli/run_commands.h"
#include "protocol/proposals.h"

namespace writ::cli {

// Shows the difference as `writ apply` does, asks for the passphrase there, signs and sends.
// conflict where it has ended; with the difference shown where another version was published since.
Expected<int> decide_proposal(Context& context, const DecideCommand& command);

std::string render_proposals(const protocol::ProposalList& list, const Style& style);
// As the answer to an apply that was left as one.
std::string render_proposed(const protocol::ProposeAnswer& answer, const Style& style);

}  // namespace writ::cli
