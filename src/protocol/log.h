// SPDX-License-Identifier: Apache-2.0
// The audit log: GET /v1/log, /v1/log/leaves. Tiles (/v1/log/tiles/…) are octets and checkpoints
// (/v1/log/checkpoints/…) signed notes; neither has a form of its own here.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "protocol/fields.h"

namespace writ::protocol {

struct LogView {
  std::string origin;
  std::string key;  // the note verifier key, "name+hex id+base64"
  std::uint64_t size = 0;
  std::string checkpoint;  // the latest signed note; empty before the first

  JsonObject to_json() const;
  static Expected<LogView> from_json(const Json& value, std::string pointer = {});
  friend bool operator==(const LogView&, const LogView&) = default;
};

// GET /v1/log/leaves?from=&count=: fewer than `count` only at the end of the log.
inline constexpr std::size_t kMaxLeaves = 256;
struct LogLeaf {
  std::uint64_t index = 0;
  std::string entry;  // the exact bytes that the leaf commits to
  Digest leaf{};      // as stored

  JsonObject to_json() const;
  static Expected<LogLeaf> from_json(const Json& value, std::string pointer = {});
  friend bool operator==(const LogLeaf&, const LogLeaf&) = default;
};
struct LogLeaves {
  std::vector<LogLeaf> leaves;

  JsonObject to_json() const;
  static Expected<LogLeaves> from_json(const Json& value, std::string pointer = {});
  friend bool operator==(const LogLeaves&, const LogLeaves&) = default;
};

}  // namespace writ::protocol
