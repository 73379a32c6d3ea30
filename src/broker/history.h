// SPDX-License-Identifier: Apache-2.0
// History: what has happened, read from the records and the log: runs that live and runs that have
// ended, what was done in them, and the tree below one. Bounded: what is cut says so and where it
// goes on (P34).
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

struct KnownRun {
  std::shared_ptr<const delegation::Run> run;
  std::optional<RunEnding> ended;
};

// A run that lives, or its record; where the record is gone, what the log says of its start.
Task<Expected<std::optional<KnownRun>>> find_run(LiveWorkspace& workspace, RunId id);

// A record of kind `run`.
Expected<KnownRun> parse_run_record(const Record& record);

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

struct TraceLimits {
  std::size_t runs = 100;   // of a tree
  std::size_t rows = 2000;  // of the log, for one answer; a question counts for kRowsOfApproval
};
inline constexpr std::size_t kRowsOfApproval = 20;

struct RunTrace {
  KnownRun run;
  std::vector<PastAction> actions;  // in the order of their first entries
  // Likewise; without their statements, and with their titles cut to what a list shows.
  std::vector<Approvals::Shared> approvals;
  std::vector<RunTrace> children;     // in the order of their starts
  std::optional<std::uint64_t> next;  // where this run's own entries go on; nothing: here are all
};
// From the entries of `root` from number `from` on, and all of those of the runs below that began
// in them, within the limits: a run that is cut, or was not come to, says where it goes on.
// not_found where there is no such run.
Task<Expected<RunTrace>> trace(LiveWorkspace& workspace, const Approvals& approvals, RunId root,
                               std::uint64_t from = 0, TraceLimits limits = {});

// A member of an entry that is text, or a whole number; nothing otherwise.
std::optional<std::string> text_member(const JsonObject& entry, std::string_view name);
std::optional<std::int64_t> number_member(const JsonObject& entry, std::string_view name);

}  // namespace writ::broker
