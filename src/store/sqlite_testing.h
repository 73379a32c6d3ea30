// SPDX-License-Identifier: Apache-2.0
// For tests: a folder that is gone afterwards, and a SQLite store in it.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>
#include <utility>

#include "base/check.h"
#include "base/fake_random.h"
#include "observe/capture.h"
#include "store/sqlite_store.h"
#include "store/store_testing.h"
#include "vault/keys.h"

namespace writ::store {

class TemporaryDirectory {
 public:
  TemporaryDirectory() {
    std::string pattern = std::filesystem::temp_directory_path() / "writ-store-XXXXXX";
    WRIT_CHECK(::mkdtemp(pattern.data()) != nullptr);
    path_ = pattern;
  }
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
  ~TemporaryDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }

  const std::string& path() const { return path_; }
  std::string file(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

// The same one in all tests.
inline vault::SealKey seal_key() {
  FakeRandom random;
  return vault::SealKey::from_text(vault::SealKey::generate_text(random)).value();
}

class SqliteHome final : public StoreHome {
 public:
  // What `options` says of the directory is replaced.
  explicit SqliteHome(SqliteOptions options = {}) : options_(std::move(options)) {
    options_.directory = directory_.file("data");
  }

  std::unique_ptr<Store> open(const Clock& clock) override {
    auto store = try_open(clock);
    WRIT_CHECK(store.has_value());
    return *std::move(store);
  }
  Expected<std::unique_ptr<Store>> try_open(const Clock& clock) {
    return open_sqlite(options_, seal_key().row_keys(), clock, log_);
  }
  bool durable() const override { return true; }

  const std::string& directory() const { return options_.directory; }
  std::string file(const std::string& name) const { return options_.directory + "/" + name; }
  std::string database() const { return file("writ.db"); }
  observe::CapturingLog& log() { return log_; }

 private:
  TemporaryDirectory directory_;
  SqliteOptions options_;
  observe::CapturingLog log_;
};

}  // namespace writ::store
