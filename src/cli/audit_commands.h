// SPDX-License-Identifier: Apache-2.0
// audit verify, prove, checkpoint, export. Each returns the exit status: kNotVerified where the log
// or a receipt does not hold.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "cli/context.h"

namespace writ::cli {

struct AuditCommand {
  std::string directory{};                 // an export; empty: the server's log
  std::string receipt{};                   // a receipt to verify, instead of a log
  std::optional<std::string> key{};        // pinned
  std::vector<std::string> checkpoints{};  // files of saved checkpoints
  std::string out{};                       // prove, checkpoint: a file; empty: standard output
  bool json = false;
};

// Holds the log against --key or the key of the last look, --checkpoint and the checkpoint of the
// last look; what held is remembered for the next one. A log that does not hold is never
// remembered.
Expected<int> run_audit_verify(Context& context, const AuditCommand& command);
// The receipt of an action, verified before it is given out, and of the log that was known.
Expected<int> run_audit_prove(Context& context, const std::string& action,
                              const AuditCommand& command);
// The latest checkpoint, its signature verified, of the log that was known.
Expected<int> run_audit_checkpoint(Context& context, const AuditCommand& command);
// The whole log into a directory, for verifying elsewhere. It is verified here first, and is
// written all the same where it does not hold.
Expected<int> run_audit_export(Context& context, const std::string& directory);

}  // namespace writ::cli
