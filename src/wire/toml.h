// SPDX-License-Identifier: Apache-2.0
// TOML 1.0, the language of a workspace's documents, read into the values that the API's JSON has,
// so that one schema serves both. Thread-safe; nothing throws.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "base/error.h"
#include "wire/json.h"

namespace writ {

struct TomlLimits {
  std::size_t bytes = std::size_t{1} << 20;
  std::size_t depth = 16;
  std::size_t values = 20'000;
  std::size_t key_bytes = 256;  // of one part of a key, unescaped
  // Of the JSON pointers of all keys and elements. Each repeats what it stands under, so without
  // this a document would take as much as its keys' bytes times its values.
  std::size_t pointer_bytes = std::size_t{4} << 20;
};

// TomlDocument: a document's value and the place of each key and element in its file.
class TomlDocument {
 public:
  const JsonObject& object() const { return value_.get_object(); }
  const Json& value() const { return value_; }
  const std::string& filename() const { return filename_; }

  // "tools/billing.toml:12:3" for a JSON pointer such as "/operations/0/name": where the key or
  // element stands, or else the nearest thing around it, or else the file alone.
  std::string place(std::string_view pointer) const;
  // An error about value() (an ObjectReader's, with a pointer in `where`) as one about the file.
  Error locate(Error error) const;

 private:
  friend class TomlReader;
  friend Expected<TomlDocument> parse_toml(std::string_view, std::string, const TomlLimits&);
  struct Position {
    std::uint32_t line;
    std::uint32_t column;
  };
  Json value_;
  std::string filename_;
  std::map<std::string, Position, std::less<>> positions_;
};

// Errors carry "filename:line:column" in `where`. Refuses, beyond what TOML refuses: integers
// beyond ±(2^53-1), infinities and NaN, dates and times (write them as strings). Numbers are read
// as parse_json() reads them: 1.0 is 1.
Expected<TomlDocument> parse_toml(std::string_view text, std::string filename,
                                  const TomlLimits& limits = {});

}  // namespace writ
