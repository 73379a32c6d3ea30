// SPDX-License-Identifier: Apache-2.0
#include "app/seal_key_file.h"

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <string>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "app/files.h"

namespace writ::app {
namespace {

constexpr std::size_t kMaxBytes = 256;

// The service manager's folder: it alone says who may read there, by a list that the mode bits do
// not show.
std::optional<std::filesystem::path> credentials_directory() {
  const char* folder = std::getenv("CREDENTIALS_DIRECTORY");
  if (folder == nullptr || *folder == '\0') return std::nullopt;
  return std::filesystem::path(folder);
}

Expected<void> check_open(const FileDescriptor& file, const std::filesystem::path& path) {
  struct stat found{};
  if (::fstat(file.get(), &found) != 0 || !S_ISREG(found.st_mode))
    return fail(Errc::invalid_input, "the seal key is not a file", path.string());
  const auto managed = credentials_directory();
  if (managed && path.parent_path() == *managed) return {};
  if (found.st_uid != ::geteuid() && found.st_uid != 0)
    return fail(Errc::denied, "the seal key belongs to another user", path.string(),
                "make it the server's own: chown");
  if ((found.st_mode & 077) != 0)
    return fail(Errc::denied, "others may read the seal key", path.string(),
                "take that away: chmod 600 " + path.string());
  return {};
}

// Another name of this very file in the data directory: a copy of the data would hold the key.
Expected<void> check_no_hard_link(const FileDescriptor& file, const std::filesystem::path& path,
                                  const std::filesystem::path& data) {
  struct stat key{};
  if (::fstat(file.get(), &key) != 0 || key.st_nlink < 2) return {};
  std::error_code failed;
  const auto options = std::filesystem::directory_options::skip_permission_denied;
  for (std::filesystem::recursive_directory_iterator at(data, options, failed), end;
       !failed && at != end; at.increment(failed)) {
    struct stat found{};
    if (::lstat(at->path().c_str(), &found) != 0) continue;
    if (found.st_dev == key.st_dev && found.st_ino == key.st_ino) {
      return fail(Errc::denied,
                  "the seal key lies in the data directory under another name (a hard link): a "
                  "copy of the data would be a copy of its key",
                  path.string(), "remove " + at->path().string());
    }
  }
  return {};
}

Expected<FileDescriptor> open_checked(const std::filesystem::path& file,
                                      const std::filesystem::path& data, bool in_data) {
  // Whatever it is: a pipe is not waited for.
  FileDescriptor opened(::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (!opened) {
    const auto code = errno == ENOENT ? Errc::not_found : Errc::denied;
    return fail(code, std::string("the seal key cannot be read: ") + std::strerror(errno),
                file.string(),
                "writ init makes one; data that exists needs the one that it was made with");
  }
  std::error_code failed;
  const auto real_file = std::filesystem::canonical(file, failed);
  const auto real_data = std::filesystem::weakly_canonical(data, failed);
  const auto relative = real_file.lexically_relative(real_data);
  if (!in_data && (failed || relative.empty() || *relative.begin() != "..")) {
    return fail(Errc::denied,
                "the seal key lies in the data directory: a copy of the data would be a copy of "
                "its key",
                file.string(), "move it out of " + data.string() + " and set seal_key_file");
  }
  WRIT_TRY_VOID(check_open(opened, file));
  if (!in_data) {
    WRIT_TRY_VOID(check_no_hard_link(opened, file, data));
  }
  return opened;
}

}  // namespace

Expected<std::filesystem::path> find_seal_key(const std::optional<std::filesystem::path>& named) {
  if (named) return *named;
  if (const auto managed = credentials_directory()) return *managed / "seal-key";
  return fail(Errc::invalid_input, "nothing says where the seal key is", "seal_key_file",
              "set seal_key_file, or LoadCredential=seal-key:PATH of the service");
}

Expected<void> check_seal_key(const std::filesystem::path& file, const std::filesystem::path& data,
                              bool in_data) {
  WRIT_TRY_VOID(open_checked(file, data, in_data));
  return {};
}

Expected<vault::SealKey> load_seal_key(const std::filesystem::path& file,
                                       const std::filesystem::path& data, bool in_data) {
  WRIT_TRY(const auto opened, open_checked(file, data, in_data));
  SecretBytes text(kMaxBytes);
  std::size_t size = 0;
  while (size < kMaxBytes) {
    const auto got = ::read(opened.get(), text.writable().data() + size, kMaxBytes - size);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0)
      return fail(Errc::unavailable,
                  std::string("the seal key cannot be read: ") + std::strerror(errno),
                  file.string());
    if (got == 0) break;
    size += static_cast<std::size_t>(got);
  }
  text.truncate(size);
  auto key = vault::SealKey::from_text(text);
  if (!key) {
    auto error = std::move(key).error();
    error.where = file.string();
    return std::unexpected(std::move(error));
  }
  return key;
}

Expected<void> make_seal_key(const std::filesystem::path& file, Random& random) {
  return write_new_file(file, vault::SealKey::generate_text(random).reveal());
}

}  // namespace writ::app
