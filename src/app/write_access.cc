// SPDX-License-Identifier: Apache-2.0
#include "app/write_access.h"

#include <sys/stat.h>
#include <unistd.h>

namespace writ::app {
namespace {

void examine(const std::filesystem::path& path, bool above, std::vector<WriteAccess>& out) {
  struct stat found{};
  if (::stat(path.c_str(), &found) != 0) return;
  const bool sticky = above && S_ISDIR(found.st_mode) && (found.st_mode & S_ISVTX) != 0;
  if ((found.st_mode & 022) != 0 && !sticky)
    out.push_back({path, "others may write it: chmod go-w " + path.string()});
  if (found.st_uid != ::geteuid() && found.st_uid != 0)
    out.push_back({path, "belongs to another user, who may change it: chown " + path.string()});
}

}  // namespace

std::vector<WriteAccess> write_access(const std::filesystem::path& path) {
  std::vector<WriteAccess> out;
  examine(path, false, out);
  return out;
}

std::vector<WriteAccess> write_access_with_parents(const std::filesystem::path& path) {
  std::error_code failed;
  auto real = std::filesystem::weakly_canonical(path, failed);
  if (failed) real = path;
  std::vector<WriteAccess> out;
  examine(real, false, out);
  for (auto at = real; at.has_relative_path();) {
    at = at.parent_path();
    examine(at, true, out);
  }
  return out;
}

}  // namespace writ::app
