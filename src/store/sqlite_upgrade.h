// SPDX-License-Identifier: Apache-2.0
// The SQLite store of release 0.1, opened to be upgraded (broker/upgrade.h).
#pragma once

#include <memory>
#include <string>

#include "broker/upgrade.h"
#include "vault/row_keys.h"

namespace writ::store {

// Where age_of_store() says unsealed. Nobody else has the folder for as long as the object lives;
// open_sqlite() afterwards. Errors as open_sqlite()'s.
Expected<std::unique_ptr<broker::OldStore>> open_unsealed(const std::string& data,
                                                          vault::RowKeys keys);

}  // namespace writ::store
