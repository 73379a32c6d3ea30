// SPDX-License-Identifier: Apache-2.0
// A copy of a database in use, as of one moment: a file that can stand in the place of writ.db in a
// data directory. It has what the database has, sealed values included, and is as private: mode
// 0600. It is there whole and durable, or not at all.
#pragma once

#include <string>

#include "base/error.h"

namespace writ::store {

// Blocks for as long as the copy takes; commits go on meanwhile. conflict where something stands at
// `target`.
Expected<void> back_up(const std::string& database, const std::string& vfs,
                       const std::string& target);

}  // namespace writ::store
