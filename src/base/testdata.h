// SPDX-License-Identifier: Apache-2.0
// For tests: the shared test data, from WRIT_TESTDATA or from "shared" beside the checkout.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <optional>
#include <string>

namespace writ {

// The path of a file or folder in the test data, or nothing where it is absent: then a test skips
// and says so.
inline std::optional<std::filesystem::path> testing_data(const std::string& relative) {
  const char* root = std::getenv("WRIT_TESTDATA");
  std::filesystem::path path =
      (root != nullptr ? std::filesystem::path(root)
                       : std::filesystem::path(WRIT_SOURCE_DIR) / ".." / "shared") /
      relative;
  if (!std::filesystem::exists(path)) return std::nullopt;
  return path;
}

}  // namespace writ
