// SPDX-License-Identifier: Apache-2.0
// Directory: an opened directory, read beneath. Each step opens one name without a slash and
// follows no link (O_NOFOLLOW); what is judged is the opened descriptor, and it is what is read. So
// whatever others do to the directory meanwhile, nothing from outside of it is read. For a name
// without a slash this is what openat2() with RESOLVE_BENEATH, RESOLVE_NO_SYMLINKS and
// RESOLVE_NO_MAGICLINKS guarantees, and it needs no kernel or sandbox that has that call.
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <vector>

#include "base/error.h"

namespace writ::cli {

class Directory {
 public:
  // A link is followed here alone: the caller named it. not_found, denied or unavailable, naming
  // it.
  static Expected<Directory> open(const std::filesystem::path& path);

  Directory(Directory&& other) noexcept;
  Directory& operator=(Directory&&) = delete;
  ~Directory();

  // For messages; it is not opened again.
  const std::filesystem::path& path() const { return path_; }

  // Names, sorted, without . and ..; too_large beyond `most`.
  Expected<std::vector<std::string>> names(std::size_t most) const;
  // invalid_input where `name` is a link or no directory.
  Expected<Directory> folder(const std::string& name) const;
  // invalid_input where `name` is a link or no regular file; too_large beyond `limit` bytes.
  Expected<std::string> read(const std::string& name, std::size_t limit) const;
  // Whether `name` is a directory now; a link is none.
  bool is_folder(const std::string& name) const;

 private:
  Directory(int descriptor, std::filesystem::path path)
      : descriptor_(descriptor), path_(std::move(path)) {}

  int descriptor_;
  std::filesystem::path path_;
};

}  // namespace writ::cli
