// SPDX-License-Identifier: Apache-2.0
#include "store/data_directory.h"

#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

namespace writ::store {
namespace {

std::unexpected<Error> system_failure(const std::string& what, const std::string& path) {
  const int number = errno;
  return fail(number == EEXIST ? Errc::conflict : Errc::unavailable,
              what + ": " + std::strerror(number), path);  // NOLINT(concurrency-mt-unsafe)
}

Expected<void> sync_opened(const std::string& path, int flags) {
  const int file = ::open(path.c_str(), flags | O_CLOEXEC);
  if (file < 0) return system_failure("cannot be opened", path);
  const bool synced = ::fsync(file) == 0;
  if (!synced) {
    auto error = system_failure("cannot be made durable", path);
    ::close(file);
    return error;
  }
  ::close(file);
  return {};
}

Expected<void> check_private(const std::string& path) {
  struct stat status{};
  if (::stat(path.c_str(), &status) != 0) return system_failure("cannot be looked at", path);
  if (!S_ISDIR(status.st_mode)) return fail(Errc::conflict, "is not a folder", path);
  if (status.st_uid != ::geteuid())
    return fail(Errc::denied, "the data directory belongs to another user", path,
                "run the server as its owner");
  if ((status.st_mode & 077U) != 0)
    return fail(Errc::denied, "the data directory is open to other users", path,
                "chmod 700 " + path);
  return {};
}

}  // namespace

Expected<std::unique_ptr<DataDirectory>> DataDirectory::open(const std::string& path) {
  if (::mkdir(path.c_str(), 0700) == 0) {
    WRIT_TRY_VOID(sync_parent(path));
  } else if (errno != EEXIST) {
    return system_failure("the data directory cannot be created", path);
  }
  WRIT_TRY_VOID(check_private(path));

  const auto lock_path = path + "/lock";
  const int lock = ::open(lock_path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (lock < 0) return system_failure("the lock cannot be opened", lock_path);
  std::unique_ptr<DataDirectory> directory(new DataDirectory(path, lock));
  if (::flock(lock, LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return system_failure("the lock cannot be taken", lock_path);
    return fail(Errc::conflict, "another server is using this data directory", path,
                "stop it first, or give this one a directory of its own");
  }
  return directory;
}

DataDirectory::~DataDirectory() { ::close(lock_); }

Expected<void> DataDirectory::sync() const { return sync_opened(path_, O_RDONLY | O_DIRECTORY); }

Expected<void> sync_parent(const std::string& path) {
  const auto slash = path.find_last_of('/');
  const auto parent = slash == std::string::npos ? "." : slash == 0 ? "/" : path.substr(0, slash);
  return sync_opened(parent, O_RDONLY | O_DIRECTORY);
}

Expected<void> create_private_file(const std::string& path) {
  const int file = ::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (file < 0) return system_failure("cannot be created", path);
  ::close(file);
  return {};
}

Expected<void> sync_file(const std::string& path) { return sync_opened(path, O_RDWR); }

std::optional<FileIdentity> identify(const std::string& path) {
  struct stat status{};
  if (::lstat(path.c_str(), &status) != 0) return std::nullopt;
  return FileIdentity{.device = status.st_dev, .inode = status.st_ino};
}

}  // namespace writ::store
