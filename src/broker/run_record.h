// SPDX-License-Identifier: Apache-2.0
// RunRecord: a run as its record of kind `run` holds it: what it was begun with, and, in revision
// 2, how it ended: revoked, or by its time (housekeeping.h), `at` its end and `by` the server. A
// plain value. The stored form lasts:
//
//   {"run": Run::to_json(), "ended"?: {"at":ms, "by":"usr_…"|"agt_…"|"server", "by_name",
//   "reason"}}
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/clock.h"
#include "delegation/run.h"
#include "wire/json.h"

namespace writ::broker {

// Why a run was ended before its time, and by whom.
struct RevocationCause {
  std::string by;       // usr_…, agt_… or "server"
  std::string by_name;  // for people; may be empty
  std::string reason;   // for people, at most 1000 bytes; may be empty
  friend bool operator==(const RevocationCause&, const RevocationCause&) = default;
};

struct RunEnding {
  TimePoint at;
  RevocationCause cause;
  friend bool operator==(const RunEnding&, const RunEnding&) = default;
};

struct RunRecord {
  delegation::Run run;
  std::optional<RunEnding> ended;

  // "running", "ended" when its time was over, "revoked" when it was ended before.
  std::string_view state_at(TimePoint now) const;

  // Round-trip. from_json gives invalid_input with the member's pointer, and refuses unknown
  // members.
  Json to_json() const;
  static Expected<RunRecord> from_json(const Json& value);
};

// How many of its agent's living runs one counts for, by the size of its record: what is kept of it
// in memory grows with its scope.
constexpr std::uint64_t places_of_run(std::size_t record_bytes) {
  return 1 + record_bytes / (std::size_t{16} << 10);
}

}  // namespace writ::broker
