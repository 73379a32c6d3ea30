// SPDX-License-Identifier: Apache-2.0
// Files that must be there after a power cut: written, synced, and their names synced too.
#pragma once

#include <filesystem>
#include <utility>

#include <unistd.h>

#include "base/bytes.h"
#include "base/error.h"

namespace writ::app {

// Closes it when it goes. Movable.
class FileDescriptor {
 public:
  explicit FileDescriptor(int descriptor = -1) : descriptor_(descriptor) {}
  FileDescriptor(FileDescriptor&& other) noexcept
      : descriptor_(std::exchange(other.descriptor_, -1)) {}
  FileDescriptor& operator=(FileDescriptor&& other) noexcept {
    std::swap(descriptor_, other.descriptor_);
    return *this;
  }
  ~FileDescriptor() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }

  explicit operator bool() const { return descriptor_ >= 0; }
  int get() const { return descriptor_; }

 private:
  int descriptor_;
};

// A new file of mode 0600 with these bytes, durable with its name. conflict where something stands
// there; then, and on any other error, nothing of it is left.
Expected<void> write_new_file(const std::filesystem::path& file, BytesView bytes);
// In the place of what stands there, if anything: a reader sees the old bytes or the new ones.
Expected<void> replace_file(const std::filesystem::path& file, BytesView bytes);
// A folder of mode 0700, durable with its name; one that is there already is left as it is.
Expected<void> make_private_folder(const std::filesystem::path& folder);

}  // namespace writ::app
