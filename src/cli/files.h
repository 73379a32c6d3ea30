// SPDX-License-Identifier: Apache-2.0
// The files of the command line: private ones are written whole or not at all, for their owner
// alone, and read only while nobody else can.
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>

#include "base/bytes.h"
#include "base/error.h"
#include "base/secret_bytes.h"

namespace writ::cli {

// $WRIT_HOME, else $XDG_CONFIG_HOME/writ, else ~/.config/writ; invalid_input where none is set or
// it is not an absolute path.
Expected<std::filesystem::path> config_directory();

// A regular file of at most `limit` bytes; a symbolic link is followed. not_found where there is
// none, too_large beyond `limit`, else unavailable; each names the file.
Expected<std::string> read_file(const std::filesystem::path& path, std::size_t limit);

// The same of a file that was opened already; it is closed. `path` is for messages.
Expected<std::string> read_descriptor(int descriptor, const std::filesystem::path& path,
                                      std::size_t limit);

// The same for a file that holds a secret: denied, with the command that mends it, where it belongs
// to another user or others may read or write it.
Expected<SecretBytes> read_private_file(const std::filesystem::path& path, std::size_t limit);

enum class Existing : std::uint8_t {
  replace,
  keep,  // conflict where the file exists
};
// With mode 0600, through a new file beside it: whoever reads `path`, and whatever fails, there are
// the old bytes or the new ones. Makes the directory, for its owner alone, where it does not exist.
Expected<void> write_private_file(const std::filesystem::path& path, BytesView bytes,
                                  Existing existing = Existing::replace);

// The same for a file that is nobody's secret: an existing one keeps its mode, a new one has 0644.
Expected<void> write_file(const std::filesystem::path& path, BytesView bytes,
                          Existing existing = Existing::replace);

// `from` takes the place of `to` in one step; what was there is then `kept`, whose own file, if
// any, is replaced. All three are in one directory. At no moment is there no `to`, if there was
// one.
Expected<void> replace_file(const std::filesystem::path& from, const std::filesystem::path& to,
                            const std::filesystem::path& kept);

// not_found is no error: it is gone.
Expected<void> remove_file(const std::filesystem::path& path);

}  // namespace writ::cli
