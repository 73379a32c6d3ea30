// SPDX-License-Identifier: Apache-2.0
// Who else may change a server's files: whoever can write writ.toml, or replace it through a folder
// above it, chooses the server's keys, its data and whom it trusts.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace writ::app {

struct WriteAccess {
  std::filesystem::path path;
  std::string what;  // "others may write it: chmod go-w …"
};

// Of a file or folder itself: that others than its owner may write it, or that its owner is neither
// this user nor root. Nothing where it is absent.
std::vector<WriteAccess> write_access(const std::filesystem::path& path);
// The same of it and of each folder above it. A folder with the sticky bit, as /tmp, lets nobody
// replace what is another's, and passes as one above.
std::vector<WriteAccess> write_access_with_parents(const std::filesystem::path& path);

}  // namespace writ::app
