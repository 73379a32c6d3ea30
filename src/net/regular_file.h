// SPDX-License-Identifier: Apache-2.0
// Small files of the server's operator: certificates, keys, the table of hosts. Reading blocks, so
// none of it is for a loop's thread.
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>

#include "base/error.h"
#include "base/secret_bytes.h"

namespace writ::net {

// The whole of a regular file. Never waits for whoever has the other end of a pipe or a device:
// these are refused with invalid_input, as is a folder. not_found, denied or unavailable where it
// cannot be opened or read, too_large beyond `limit` bytes. Errors name the file.
Expected<std::string> read_regular_file(const std::filesystem::path& file, std::size_t limit);
// The same, into memory that is wiped.
Expected<SecretBytes> read_secret_file(const std::filesystem::path& file, std::size_t limit);

}  // namespace writ::net
