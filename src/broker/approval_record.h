// SPDX-License-Identifier: Apache-2.0
// The stored form of an approval. It says what is asked for, arguments and all, so it lies sealed
// under the workspace's data key, as the arguments beside a log entry do (P21):
//
//   {"sealed":"base64url of the sealed Approval::to_json()","v":1}
#pragma once

#include <string>

#include "approval/approval.h"
#include "broker/live.h"

namespace writ::broker {

std::string to_record(const LiveWorkspace& workspace, Random& random,
                      const approval::Approval& approval);
// The same, where there is no LiveWorkspace yet.
std::string seal_approval_record(const vault::SealingKey& data_key, WorkspaceId workspace,
                                 Random& random, const approval::Approval& approval);
// What lies sealed in the record, whatever its version.
Expected<JsonObject> open_approval_record(const vault::SealingKey& data_key, WorkspaceId workspace,
                                          const Record& record);
// With the record's revision. invalid_input for one of another workspace, under another id, or
// changed.
Expected<approval::Approval> parse_approval_record(const LiveWorkspace& workspace,
                                                   const Record& record);

}  // namespace writ::broker
