// SPDX-License-Identifier: Apache-2.0
// Readings: what lies sealed beside the log, an action's arguments and result and what an approval
// asks about, is shown to a person only after the log has an entry that tells of it (payload.read),
// durable. The proof of that is a type, and what shows a payload asks for one.
//
// One entry per session and approval: who looks again at the same question adds nothing.
#pragma once

#include <string>
#include <vector>

#include "broker/authority.h"

namespace writ::broker {

struct Reading {
  std::string about;  // an id: act_, apr_
  std::string what;   // "result", "arguments and result", "statement", "title"
};

// That readings are recorded. Made by record_readings() alone.
class RecordedReadings {
 private:
  friend Task<Expected<RecordedReadings>> record_readings(Authority by, Operation operation,
                                                          std::vector<Reading> readings,
                                                          const Clock& clock, Random& random);
  RecordedReadings() = default;
};

// Errors: those of the commit; nothing may be shown then. `operation` is the one that was decided.
Task<Expected<RecordedReadings>> record_readings(Authority by, Operation operation,
                                                 std::vector<Reading> readings, const Clock& clock,
                                                 Random& random);

// Told in place of a payload that was asked for and whose reading could not be recorded.
inline constexpr std::string_view kWithheld =
    "withheld: that it is read cannot be recorded at present";

}  // namespace writ::broker
