// SPDX-License-Identifier: Apache-2.0
#include "cli/files.h"

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <span>
#include <utility>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "wire/json.h"

namespace writ::cli {
namespace {

class Descriptor {
 public:
  explicit Descriptor(int descriptor) : descriptor_(descriptor) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }
  int get() const { return descriptor_; }
  bool ok() const { return descriptor_ >= 0; }

 private:
  int descriptor_;
};

std::string reason(int error) { return std::generic_category().message(error); }

std::unexpected<Error> failed(std::string_view what, const std::filesystem::path& path, int error) {
  const auto code = error == ENOENT || error == ENOTDIR ? Errc::not_found
                    : error == EEXIST                   ? Errc::conflict
                    : error == EACCES || error == EPERM ? Errc::denied
                                                        : Errc::unavailable;
  return fail(code, std::string(what) + ": " + reason(error), path.string());
}

enum class Owner : std::uint8_t { anyone, us_alone };

// Judged by its descriptor, so what is judged is what is read.
Expected<SecretBytes> read_opened(const Descriptor& file, const std::filesystem::path& path,
                                  std::size_t limit, Owner owner) {
  struct stat about{};
  if (::fstat(file.get(), &about) != 0) return failed("cannot read the file", path, errno);
  if (!S_ISREG(about.st_mode))
    return fail(Errc::invalid_input, "not a regular file", path.string());
  if (owner == Owner::us_alone) {
    if (about.st_uid != ::geteuid())
      return fail(Errc::denied, "this file holds a secret and belongs to another user",
                  path.string());
    if ((about.st_mode & 077) != 0)
      return fail(Errc::denied, "this file holds a secret and others may read it", path.string(),
                  "chmod 600 " + visible_text(path.string()));
  }
  if (std::cmp_greater(about.st_size, limit))
    return fail(Errc::too_large, "larger than " + std::to_string(limit) + " bytes", path.string());
  // One byte more than it has, to see that it does not grow beyond the limit meanwhile.
  SecretBytes bytes(static_cast<std::size_t>(about.st_size) + 1);
  std::size_t size = 0;
  while (size < bytes.size()) {
    const auto rest = bytes.writable().subspan(size);
    const auto got = ::read(file.get(), rest.data(), rest.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return failed("cannot read the file", path, errno);
    if (got == 0) break;
    size += static_cast<std::size_t>(got);
  }
  if (size == bytes.size())
    return fail(Errc::unavailable, "the file grows while it is read", path.string());
  bytes.truncate(size);
  return bytes;
}

Expected<SecretBytes> read_bytes(const std::filesystem::path& path, std::size_t limit,
                                 Owner owner) {
  // Without O_NONBLOCK a fifo would hang us before it can be refused.
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (!file.ok()) return failed("cannot read the file", path, errno);
  return read_opened(file, path, limit, owner);
}

Expected<void> write_all(int descriptor, BytesView bytes, const std::filesystem::path& path) {
  while (!bytes.empty()) {
    const auto wrote = ::write(descriptor, bytes.data(), bytes.size());
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote < 0) return failed("cannot write the file", path, errno);
    bytes = bytes.subspan(static_cast<std::size_t>(wrote));
  }
  return {};
}

void sync_directory(const std::filesystem::path& directory) {
  const Descriptor opened(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (opened.ok()) ::fsync(opened.get());
}

Expected<void> write_whole(const std::filesystem::path& path, BytesView bytes, mode_t mode,
                           Existing existing) {
  const auto directory = path.has_parent_path() ? path.parent_path() : ".";
  std::string beside = path.string() + ".XXXXXX";
  const Descriptor file(::mkostemp(beside.data(), O_CLOEXEC));  // 0600, new, of this name alone
  if (!file.ok()) return failed("cannot write the file", path, errno);
  const auto written = [&]() -> Expected<void> {
    WRIT_TRY_VOID(write_all(file.get(), bytes, path));
    if (::fchmod(file.get(), mode) != 0 || ::fsync(file.get()) != 0)
      return failed("cannot write the file", path, errno);
    // link() refuses where rename() would replace.
    const int moved = existing == Existing::replace ? ::rename(beside.c_str(), path.c_str())
                                                    : ::link(beside.c_str(), path.c_str());
    if (moved != 0) return failed("cannot write the file", path, errno);
    return {};
  }();
  if (!written || existing == Existing::keep) ::unlink(beside.c_str());
  if (!written) return written;
  sync_directory(directory);
  return {};
}

Expected<void> make_private_directory(const std::filesystem::path& directory) {
  if (directory.empty()) return {};
  struct stat about{};
  if (::stat(directory.c_str(), &about) == 0) return {};
  WRIT_TRY_VOID(make_private_directory(directory.parent_path()));
  if (::mkdir(directory.c_str(), 0700) != 0 && errno != EEXIST)
    return failed("cannot make the directory", directory, errno);
  return {};
}

}  // namespace

Expected<std::filesystem::path> config_directory() {
  const auto from = [](const char* name, const char* below) -> std::filesystem::path {
    // NOLINTNEXTLINE(concurrency-mt-unsafe): the command line sets no variables
    const char* value = std::getenv(name);
    if (value == nullptr || *value == '\0') return {};
    return std::filesystem::path(value) / below;
  };
  auto path = from("WRIT_HOME", "");
  if (path.empty()) path = from("XDG_CONFIG_HOME", "writ");
  if (path.empty()) path = from("HOME", ".config/writ");
  if (path.empty()) {
    return fail(Errc::invalid_input, "no place for sessions and keys", {},
                "set HOME, or WRIT_HOME to a directory");
  }
  if (!path.is_absolute()) {
    return fail(Errc::invalid_input, "the directory of sessions and keys is no absolute path",
                path.string());
  }
  return path;
}

Expected<std::string> read_file(const std::filesystem::path& path, std::size_t limit) {
  WRIT_TRY(const auto bytes, read_bytes(path, limit, Owner::anyone));
  return std::string(bytes.reveal_text());
}

Expected<std::string> read_descriptor(int descriptor, const std::filesystem::path& path,
                                      std::size_t limit) {
  const Descriptor file(descriptor);
  WRIT_TRY(const auto bytes, read_opened(file, path, limit, Owner::anyone));
  return std::string(bytes.reveal_text());
}

Expected<SecretBytes> read_private_file(const std::filesystem::path& path, std::size_t limit) {
  return read_bytes(path, limit, Owner::us_alone);
}

Expected<void> write_private_file(const std::filesystem::path& path, BytesView bytes,
                                  Existing existing) {
  WRIT_TRY_VOID(make_private_directory(path.parent_path()));
  return write_whole(path, bytes, 0600, existing);
}

Expected<void> write_file(const std::filesystem::path& path, BytesView bytes, Existing existing) {
  struct stat about{};
  const bool exists = ::stat(path.c_str(), &about) == 0;
  return write_whole(path, bytes, exists ? about.st_mode & 0777 : 0644, existing);
}

Expected<void> replace_file(const std::filesystem::path& from, const std::filesystem::path& to,
                            const std::filesystem::path& kept) {
  const auto second_name = kept.string() + ".tmp";
  ::unlink(second_name.c_str());  // of a try that was cut short
  if (::link(to.c_str(), second_name.c_str()) == 0) {
    if (::rename(second_name.c_str(), kept.c_str()) != 0)
      return failed("cannot keep the older file", kept, errno);
  } else if (errno != ENOENT) {
    return failed("cannot keep the older file", to, errno);
  }
  if (::rename(from.c_str(), to.c_str()) != 0) return failed("cannot move the file", from, errno);
  sync_directory(to.parent_path());
  return {};
}

Expected<void> remove_file(const std::filesystem::path& path) {
  if (::unlink(path.c_str()) == 0) {
    sync_directory(path.parent_path());
    return {};
  }
  if (errno == ENOENT) return {};
  return failed("cannot remove the file", path, errno);
}

}  // namespace writ::cli
