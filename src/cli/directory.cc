// SPDX-License-Identifier: Apache-2.0
#include "cli/directory.h"

#include <algorithm>
#include <cerrno>
#include <memory>
#include <system_error>
#include <utility>

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/check.h"
#include "cli/files.h"

namespace writ::cli {
namespace {

std::unexpected<Error> failed(std::string_view what, const std::filesystem::path& path, int error) {
  if (error == ELOOP) {
    return fail(Errc::invalid_input, "a symbolic link, which could lead out of the directory",
                path.string(), "put what it points to in its place");
  }
  const auto code = error == ENOENT                     ? Errc::not_found
                    : error == ENOTDIR                  ? Errc::invalid_input
                    : error == EACCES || error == EPERM ? Errc::denied
                                                        : Errc::unavailable;
  return fail(code, std::string(what) + ": " + std::generic_category().message(error),
              path.string());
}

// A step that cannot leave the directory.
int open_step(int directory, const std::string& name, int flags) {
  WRIT_CHECK(!name.contains('/') && name != "." && name != "..");
  return ::openat(directory, name.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY | flags);
}

bool is_link(int directory, const std::string& name) {
  struct stat about{};
  return ::fstatat(directory, name.c_str(), &about, AT_SYMLINK_NOFOLLOW) == 0 &&
         S_ISLNK(about.st_mode);
}

}  // namespace

Directory::Directory(Directory&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)), path_(std::move(other.path_)) {}

Directory::~Directory() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

Expected<Directory> Directory::open(const std::filesystem::path& path) {
  const int opened = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (opened < 0) return failed("cannot read the directory", path, errno);
  return Directory(opened, path);
}

Expected<std::vector<std::string>> Directory::names(std::size_t most) const {
  // A descriptor of its own: closedir() closes it, and its place in the list is not shared.
  const int own = ::openat(descriptor_, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (own < 0) return failed("cannot read the directory", path_, errno);
  const std::unique_ptr<DIR, int (*)(DIR*)> list(::fdopendir(own), ::closedir);
  if (!list) {
    const int error = errno;
    ::close(own);
    return failed("cannot read the directory", path_, error);
  }
  std::vector<std::string> out;
  for (;;) {
    errno = 0;
    // NOLINTNEXTLINE(concurrency-mt-unsafe): the list is this function's own
    const auto* entry = ::readdir(list.get());
    if (entry == nullptr && errno != 0) return failed("cannot read the directory", path_, errno);
    if (entry == nullptr) break;
    std::string name = entry->d_name;
    if (name == "." || name == "..") continue;
    if (out.size() == most)
      return fail(Errc::too_large, "too many files in one directory", path_.string());
    out.push_back(std::move(name));
  }
  std::ranges::sort(out);
  return out;
}

Expected<Directory> Directory::folder(const std::string& name) const {
  const int opened = open_step(descriptor_, name, O_DIRECTORY);
  if (opened < 0) {
    // A link is no directory either, and the kernel says only that.
    const int error = errno == ENOTDIR && is_link(descriptor_, name) ? ELOOP : errno;
    return failed("cannot read the directory", path_ / name, error);
  }
  return Directory(opened, path_ / name);
}

Expected<std::string> Directory::read(const std::string& name, std::size_t limit) const {
  // Without O_NONBLOCK a fifo would hang us before it can be refused.
  const int opened = open_step(descriptor_, name, O_NONBLOCK);
  if (opened < 0) return failed("cannot read the file", path_ / name, errno);
  return read_descriptor(opened, path_ / name, limit);
}

bool Directory::is_folder(const std::string& name) const {
  struct stat about{};
  return ::fstatat(descriptor_, name.c_str(), &about, AT_SYMLINK_NOFOLLOW) == 0 &&
         S_ISDIR(about.st_mode);
}

}  // namespace writ::cli
