// SPDX-License-Identifier: Apache-2.0
// DataDirectory: the folder that belongs to one server. Mode 0700 and ours, files 0600, and locked
// for as long as the object lives, so that no two servers write to it. A lock of the kernel's: it
// ends with the process, however that ends.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "base/error.h"

namespace writ::store {

class DataDirectory {
 public:
  // Creates the folder where it is absent; its parent exists. Errors: denied where others may read
  // it, conflict where another server has it, unavailable where it cannot be made or opened.
  static Expected<std::unique_ptr<DataDirectory>> open(const std::string& path);
  ~DataDirectory();
  DataDirectory(const DataDirectory&) = delete;
  DataDirectory& operator=(const DataDirectory&) = delete;

  std::string file(const std::string& name) const { return path_ + "/" + name; }
  // Makes names that were made, moved or removed here durable.
  Expected<void> sync() const;

 private:
  DataDirectory(std::string path, int lock) : path_(std::move(path)), lock_(lock) {}

  std::string path_;
  int lock_;
};

// Makes the names in the folder of `path` durable.
Expected<void> sync_parent(const std::string& path);
// An empty file of mode 0600 that was not there before, else conflict.
Expected<void> create_private_file(const std::string& path);
Expected<void> sync_file(const std::string& path);

// Which file stands at a path: so that it can be told when it was deleted or replaced.
struct FileIdentity {
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  friend bool operator==(const FileIdentity&, const FileIdentity&) = default;
};
std::optional<FileIdentity> identify(const std::string& path);  // nullopt where there is none

}  // namespace writ::store
