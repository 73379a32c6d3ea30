// SPDX-License-Identifier: Apache-2.0
// A workspace's directory as the documents of an apply (P5): all of it, or an error. What is known
// to belong to it is read, what is known not to (README.md, .git) is passed over, and what might be
// a misspelled part of it is refused: a policy that is silently left out would allow more.
#pragma once

#include <filesystem>

#include "base/error.h"
#include "protocol/apply.h"

namespace writ::cli {

// invalid_input for a directory without workspace.toml, a symbolic link in it, an unknown file or
// directory; too_large beyond `limits`; each names the file. Nothing from outside the directory is
// read, whoever changes it meanwhile (directory.h).
Expected<protocol::ApplyRequest> read_workspace(const std::filesystem::path& directory,
                                                const protocol::ApplyLimits& limits = {});

}  // namespace writ::cli
