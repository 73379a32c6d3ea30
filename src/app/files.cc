// SPDX-License-Identifier: Apache-2.0
#include "app/files.h"

#include <cerrno>
#include <cstring>
#include <string>

#include <fcntl.h>
#include <sys/stat.h>

namespace writ::app {
namespace {

std::unexpected<Error> failed(std::string_view what, const std::filesystem::path& path) {
  const int cause = errno;
  return fail(cause == EEXIST ? Errc::conflict : Errc::unavailable,
              std::string(what) + ": " + std::strerror(cause), path.string());
}

Expected<void> sync_folder_of(const std::filesystem::path& path) {
  const auto folder = path.has_parent_path() ? path.parent_path() : std::filesystem::path(".");
  const FileDescriptor opened(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!opened || ::fsync(opened.get()) != 0) return failed("a name cannot be made durable", folder);
  return {};
}

Expected<void> write_all(const FileDescriptor& file, BytesView bytes,
                         const std::filesystem::path& path) {
  while (!bytes.empty()) {
    const auto written = ::write(file.get(), bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return failed("the file cannot be written", path);
    bytes = bytes.subspan(static_cast<std::size_t>(written));
  }
  if (::fsync(file.get()) != 0) return failed("the file cannot be made durable", path);
  return {};
}

}  // namespace

Expected<void> write_new_file(const std::filesystem::path& file, BytesView bytes) {
  const FileDescriptor opened(
      ::open(file.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!opened) return failed("the file cannot be made", file);
  auto written = write_all(opened, bytes, file);
  if (written) written = sync_folder_of(file);
  if (!written) ::unlink(file.c_str());
  return written;
}

Expected<void> replace_file(const std::filesystem::path& file, BytesView bytes) {
  auto next = file;
  next += ".next";
  // Left behind by a process that ended between the two steps below.
  ::unlink(next.c_str());
  WRIT_TRY_VOID(write_new_file(next, bytes));
  if (::rename(next.c_str(), file.c_str()) != 0) {
    auto error = failed("the file cannot be put in its place", file);
    ::unlink(next.c_str());
    return error;
  }
  return sync_folder_of(file);
}

Expected<void> make_private_folder(const std::filesystem::path& folder) {
  if (::mkdir(folder.c_str(), 0700) != 0) {
    if (errno == EEXIST && std::filesystem::is_directory(folder)) return {};
    return failed("the folder cannot be made", folder);
  }
  return sync_folder_of(folder);
}

}  // namespace writ::app
