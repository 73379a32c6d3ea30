// SPDX-License-Identifier: Apache-2.0
// History: what has happened, read from the records and the log: runs that live and runs that have
// ended, what was done in them, and the tree below one. Bounded: a tree that is too large to show
// is refused with the next step, never cut without saying so.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "audit/entry.h"
#include "broker/approvals.h"
#include "broker/run_record.h"

namespace writ::broker {

struct HistoryLimits {
  std::size_t runs = 1000;    // of a list, the latest ones; of a tree
  std::size_t rows = 20'000;  // of the log, for one answer
};

struct KnownRun {
  std::shared_ptr<const delegation::Run> run;
  std::optional<RunEnding> ended;
};

// A run that lives, or its record; where the record is gone, what the log says of its start.
Task<Expected<std::optional<KnownRun>>> find_run(LiveWorkspace& workspace, RunId id);

// The latest for which `test` holds, oldest first. `test` outlives the call.
Task<Expected<std::vector<KnownRun>>> list_runs(
    LiveWorkspace& workspace, const std::function<bool(const delegation::Run&)>& test,
    HistoryLimits limits = {});

// An approval, open or long over; nullptr where there is none.
Task<Expected<Approvals::Shared>> find_approval(LiveWorkspace& workspace,
                                                const Approvals& approvals, ApprovalId id);

// One row of the log, parsed.
struct LogEntry {
  LogRow row;
  audit::Entry entry;
  JsonObject json;
};
// All entries about a subject (act_…, run_…, apr_…), oldest first. too_large beyond `limit`.
Task<Expected<std::vector<LogEntry>>> entries_about(LiveWorkspace& workspace, std::string subject,
                                                    std::size_t limit);

// A call as its entries tell it.
struct PastAction {
  ActionId id;
  RunId run;
  std::string tool;
  std::string effect;
  std::string phase;  // "intent", "done", "failed", "unknown", "refused"
  TimePoint at;       // of its first entry
  std::optional<std::int64_t> status;
  std::optional<ApprovalId> approval;
  std::string detail;
  bool resolved = false;
};
// From the entries of one action; nothing where none of them begins it.
std::optional<PastAction> past_action(const std::vector<LogEntry>& entries);
Task<Expected<std::optional<PastAction>>> find_action(LiveWorkspace& workspace, ActionId id);

struct RunTrace {
  KnownRun run;
  std::vector<PastAction> actions;           // in the order of their first entries
  std::vector<Approvals::Shared> approvals;  // likewise
  std::vector<RunTrace> children;            // in the order of their starts
};
// not_found where there is no such run.
Task<Expected<RunTrace>> trace(LiveWorkspace& workspace, const Approvals& approvals, RunId root,
                               HistoryLimits limits = {});

// A member of an entry that is text, or a whole number; nothing otherwise.
std::optional<std::string> text_member(const JsonObject& entry, std::string_view name);
std::optional<std::int64_t> number_member(const JsonObject& entry, std::string_view name);

}  // namespace writ::broker
