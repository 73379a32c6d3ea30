// SPDX-License-Identifier: Apache-2.0
// SealKeyFile: where the seal key comes from, and where it may not lie (P22): never in the data
// directory, since whoever takes a copy of that would have both lock and key; never readable by
// others.
#pragma once

#include <filesystem>
#include <optional>

#include "base/error.h"
#include "base/random.h"
#include "vault/keys.h"

namespace writ::app {

// The file that is named, else the credential "seal-key" of the service manager
// ($CREDENTIALS_DIRECTORY). invalid_input where there is neither.
Expected<std::filesystem::path> find_seal_key(const std::optional<std::filesystem::path>& named);

// denied where the file lies in `data`, by whatever name, link or hard link, or others may read it
// or it is another user's; not_found where it is absent. `in_data` allows the first, for a trial.
Expected<void> check_seal_key(const std::filesystem::path& file, const std::filesystem::path& data,
                              bool in_data);
// After check_seal_key(): the same, and its content. Wiped with the key.
Expected<vault::SealKey> load_seal_key(const std::filesystem::path& file,
                                       const std::filesystem::path& data, bool in_data);

// A new one of mode 0600, durable. conflict where something stands there.
Expected<void> make_seal_key(const std::filesystem::path& file, Random& random);

}  // namespace writ::app
