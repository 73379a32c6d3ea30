// SPDX-License-Identifier: Apache-2.0
// The database's file: what is in it, how it comes to be and how an older one is brought up to
// date. What is not a database of Writ's, or of a newer Writ, is refused before SQLite opens it,
// and nothing of it changes.
#pragma once

#include <cstdint>
#include <functional>
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
//   1  release 0.1
//   2  release 0.2: rows carry MACs. A store of version 1 comes here by sqlite_upgrade.h alone, in
//      the transaction that makes them
std::span<const std::string_view> migrations();
inline constexpr std::int64_t kSealedVersion = 2;
// The release that writes stores of this version, as an older one is told it.
inline constexpr std::string_view kRelease = "0.2";

// The two parts of migration 2, between which the rows of `record_unsealed` and `log_unsealed` go
// to `record` and `log`.
std::string_view begin_sealing();
std::string_view end_sealing();

enum class StoreAge : std::uint8_t { absent, unsealed, current };
// What lies in the folder `data`. Nothing of it changes. Errors as open_database().
Expected<StoreAge> age_of_store(const std::string& data);

struct OpenDatabase {
  std::string vfs = {};
  std::span<const std::string_view> steps = migrations();
  bool create = true;       // else not_found where there is none
  std::int64_t oldest = 0;  // an older version is refused as unsupported
  std::function<Expected<void>(Connection&)> begin = {};  // fills a new one
};
// The connection that writes, to a file that is there and of the current version afterwards.
// Errors: invalid_input for what is no database of ours, unsupported for one of a newer version, by
// the name of the release that wrote it; not_found.
Expected<std::unique_ptr<Connection>> open_database(const DataDirectory& directory,
                                                    const OpenDatabase& how);

}  // namespace writ::store
