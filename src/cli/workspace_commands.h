// SPDX-License-Identifier: Apache-2.0
// credential, doctor. Each returns the exit status.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "cli/context.h"
#include "protocol/workspace.h"

namespace writ::cli {

struct CredentialCommand {
  std::string name;
  std::string tool_server;         // of an addition; empty: the one that names the credential
  std::optional<seconds> grace{};  // of a rotation
  bool other_account = false;      // of a rotation: supersedes pending approvals (P12)
};
// The value from standard input, or typed unseen where that is a terminal; exactly one newline at
// its end is not a part of it.
Expected<int> run_credential_add(Context& context, const CredentialCommand& command);
Expected<int> run_credential_rotate(Context& context, const CredentialCommand& command);
Expected<int> run_credential_list(Context& context, bool json);

struct DoctorCommand {
  bool json = false;
  // Findings about a server on this machine; absent where none was asked about.
  std::function<Expected<std::vector<protocol::Finding>>()> local{};
};
// Of the local server where asked, of the files of the command line, and of the workspace where
// signed in. kFailed where there is a finding.
Expected<int> run_doctor(Context& context, const DoctorCommand& command);

// What is wrong with the files under the configuration directory.
std::vector<protocol::Finding> findings_at_home(const std::filesystem::path& home, TimePoint now);

}  // namespace writ::cli
