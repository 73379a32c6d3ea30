// SPDX-License-Identifier: Apache-2.0
#include "approval/clock_statement.h"

#include "wire/canonical.h"
#include "wire/time_text.h"

namespace writ::approval {

std::string canonical_clock_statement(const ClockStatement& statement) {
  return canonical_json(JsonObject{{"tag", "writ-clock-v1"},
                                   {"server", statement.server},
                                   {"workspace", statement.workspace.to_string()},
                                   {"epoch", statement.epoch},
                                   {"latest", format_time(statement.latest)},
                                   {"time", format_time(statement.time)}});
}

}  // namespace writ::approval
