// SPDX-License-Identifier: Apache-2.0
// run, trace, explain, approvals, approve, deny, revoke, action. Each returns the exit status.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "approval/decision.h"
#include "base/error.h"
#include "cli/context.h"

namespace writ::cli {

// The most that one list command shows; what is left is said, with the words that show it.
inline constexpr std::size_t kMostListed = 1000;

struct ListCommand {
  bool json = false;
  std::string state;  // of runs: "living", "ended"; empty for both
  std::string after;  // the cursor to go on from; empty for the beginning
};
Expected<int> run_list_runs(Context& context, const ListCommand& command);
Expected<int> run_show_run(Context& context, const std::string& run, bool json);
Expected<int> run_trace(Context& context, const std::string& run, bool json);
Expected<int> run_revoke(Context& context, const std::string& run, const std::string& reason);

Expected<int> run_explain(Context& context, const std::string& action, bool json);
Expected<int> run_show_action(Context& context, const std::string& action, bool json);
Expected<int> run_resolve_action(Context& context, const std::string& action,
                                 const std::string& outcome, const std::string& detail);

Expected<int> run_approvals(Context& context, const ListCommand& command);

struct DecideCommand {
  approval::Verdict verdict = approval::Verdict::deny;
  std::string approval;
  std::vector<std::string> groups;  // to decide for these alone; empty: all that one is in
  std::optional<std::string> note;
};
// Shows the exact action on the terminal, asks for the passphrase there, signs and sends.
Expected<int> run_decide(Context& context, const DecideCommand& command);

}  // namespace writ::cli
