// SPDX-License-Identifier: Apache-2.0
// LogMemory: what an auditor's side keeps of a log between two looks at it: the key, believed at
// the first look, and the last checkpoint that held (protocol.md P21). With it a log that was cut
// or written anew is found out, however well it is signed.
//
//   logs/WORKSPACE@HOST.json
//   {"checkpoint":"<signed note>","key":"<note verifier key>","server":"https://…",
//    "type":"writ-log-memory","v":1,"workspace":"acme"}
//
// Not a secret, but whoever can change it decides what is believed: 0600, and read only so.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "audit/note.h"
#include "base/error.h"

namespace writ::cli {

struct RememberedLog {
  std::string server;  // its origin
  std::string workspace;
  std::string key;         // audit::NoteVerifier's text
  std::string checkpoint;  // empty before the first

  static Expected<RememberedLog> parse(std::string_view text);
  std::string to_text() const;
  friend bool operator==(const RememberedLog&, const RememberedLog&) = default;
};

class LogMemory {
 public:
  explicit LogMemory(std::filesystem::path home) : home_(std::move(home)) {}

  // Nothing where none is remembered. A file that cannot be read is an error, never an absence:
  // else damaging it would bring back the first look.
  Expected<std::optional<RememberedLog>> find(const std::string& server,
                                              const std::string& workspace) const;
  // By the log's own name, for an export that lies somewhere.
  Expected<std::optional<RememberedLog>> find_origin(std::string_view origin) const;
  // A checkpoint that is remembered under the same key is never replaced by one of fewer leaves,
  // whoever looked meanwhile: then what is there stays.
  Expected<void> save(const RememberedLog& log) const;
  std::filesystem::path path(const std::string& server, const std::string& workspace) const;

 private:
  std::filesystem::path home_;
};

}  // namespace writ::cli
