// SPDX-License-Identifier: Apache-2.0
// The database's file: what is in it, how it comes to be and how an older one is brought up to
// date. What is not a database of Writ's, or of a newer Writ, is refused before SQLite opens it,
// and nothing of it changes.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/error.h"
#include "store/data_directory.h"
#include "store/sqlite_connection.h"

namespace writ::store {

inline constexpr std::string_view kDatabaseFile = "writ.db";
inline constexpr std::int64_t kApplicationId = 0x57524954;  // "WRIT", in the file's header

// What brings version N to N + 1, each for good: what was released is never edited.
std::span<const std::string_view> migrations();

// The connection that writes, to a file that is there and of the current version afterwards.
// Errors: invalid_input for what is no database of ours, unsupported for one of a newer version.
Expected<std::unique_ptr<Connection>> open_database(const DataDirectory& directory,
                                                    const std::string& vfs,
                                                    std::span<const std::string_view> steps);

}  // namespace writ::store
