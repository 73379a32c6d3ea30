// SPDX-License-Identifier: Apache-2.0
#include "net/regular_file.h"

#include <cerrno>
#include <span>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace writ::net {
namespace {

std::unexpected<Error> failed(int error, const std::filesystem::path& file) {
  const auto code = error == ENOENT || error == ENOTDIR ? Errc::not_found
                    : error == EACCES || error == EPERM ? Errc::denied
                                                        : Errc::unavailable;
  return fail(code, "cannot be read: " + std::generic_category().message(error), file.string());
}

struct Descriptor {
  int number;
  ~Descriptor() {
    if (number >= 0) ::close(number);
  }
};

// Judged by its descriptor, so what is judged is what is read. `make(size)` gives the buffer; the
// result is how much of it was filled.
template <typename Make>
Expected<std::size_t> read_into(const std::filesystem::path& file, std::size_t limit,
                                const Make& make) {
  const Descriptor opened{::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)};
  if (opened.number < 0) return failed(errno, file);
  struct stat about{};
  if (::fstat(opened.number, &about) != 0) return failed(errno, file);
  if (!S_ISREG(about.st_mode))
    return fail(Errc::invalid_input, "is not a regular file", file.string());
  if (std::cmp_greater(about.st_size, limit))
    return fail(Errc::too_large, "is larger than " + std::to_string(limit) + " bytes",
                file.string());
  // One byte more than it has, to see that it does not grow meanwhile.
  const std::span<std::uint8_t> into = make(static_cast<std::size_t>(about.st_size) + 1);
  std::size_t size = 0;
  while (size < into.size()) {
    const auto got = ::read(opened.number, into.data() + size, into.size() - size);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return failed(errno, file);
    if (got == 0) return size;
    size += static_cast<std::size_t>(got);
  }
  return fail(Errc::unavailable, "grows while it is read", file.string());
}

}  // namespace

Expected<std::string> read_regular_file(const std::filesystem::path& file, std::size_t limit) {
  std::string text;
  WRIT_TRY(const auto size, read_into(file, limit, [&](std::size_t room) {
             text.resize(room);
             return std::span(reinterpret_cast<std::uint8_t*>(text.data()), room);
           }));
  text.resize(size);
  return text;
}

Expected<SecretBytes> read_secret_file(const std::filesystem::path& file, std::size_t limit) {
  SecretBytes bytes;
  WRIT_TRY(const auto size, read_into(file, limit, [&](std::size_t room) {
             bytes = SecretBytes(room);
             return bytes.writable();
           }));
  bytes.truncate(size);
  return bytes;
}

}  // namespace writ::net
