// SPDX-License-Identifier: Apache-2.0
// LiveRecords: how what a LiveWorkspace holds is stored, as canonical JSON: the values of its
// `workspace`, `user` and `data_key` records. (Runs: run_record.h; credentials and approvals know
// their own form.) Each to_record()'s text is read by the function below it; unknown members and
// versions are refused with their pointer, so that an older build never half-understands a newer
// one's record. Pure, thread-safe.
//
//   workspace   {"documents":{PATH:TEXT},"names":{"agent/billing":"agt_…"},"rules":2,"v":1}
//               its revision is the version's number; without "rules" it is of the first rules
//   user        {"disabled":false,"enrolled":ms,"key":JWK,"v":1}
//               "key" and when it was enrolled, only once one is. Without "enrolled" it signs in,
//               and decides nothing
//   data_key    {"v":1,"wrapped":"base64url of what SealKey wraps"}
#pragma once

#include <string>
#include <string_view>

#include "broker/live.h"
#include "workspace/version.h"

namespace writ::broker {

struct WorkspaceRecord {
  workspace::Documents documents;
  workspace::Names names;
  workspace::Rules rules = workspace::kCurrentRules;
};
std::string to_record(const WorkspaceRecord& workspace);
Expected<WorkspaceRecord> parse_workspace_record(std::string_view text);

// Without the revision, which is the record's.
std::string to_record(const Standing& standing);
Expected<Standing> parse_standing_record(const Record& record);

std::string to_data_key_record(BytesView wrapped);
Expected<Bytes> parse_data_key_record(std::string_view text);

}  // namespace writ::broker
